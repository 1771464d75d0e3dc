#include "dashboard/transcript.h"

#include "base/macros.h"
#include "google/storage.h"

/* Twilio begins to record before the stream is open, by less than this; more is a mistake in
 * matching. */
enum { LEAD_MAX_MS = 15000, CLOCK_STEP_MS = 1000, WORDS_SLACK_MS = 500 };

static struct transcript_segment read_segment(const struct jval *v)
{
    struct str speaker = json_str(json_get(v, "speaker"));
    struct transcript_segment s = {
        .speaker = str_eq_c(speaker, "agent")    ? SPEAKER_AGENT
                   : str_eq_c(speaker, "caller") ? SPEAKER_CALLER
                                                 : SPEAKER_UNKNOWN,
        .text = json_str(json_get(v, "text")),
        .start_ms = MAX(json_i64_or(json_get(v, "startMs"), 0), 0),
        .end_ms = MAX(json_i64_or(json_get(v, "endMs"), 0), 0),
    };

    return s;
}

enum errc transcript_read(struct google *g, struct ctx *ctx, const struct stored_object *o,
                          struct transcript *ret, struct err *err)
{
    struct transcript_segment *segments;
    const struct jval *doc, *list, *v;
    struct transcript t = { 0 };
    struct json_iter it;
    struct str text;
    enum errc rc;

    rc = storage_get(g, ctx, o->bucket, o->name, TRANSCRIPT_BYTES_MAX, &text, err);
    if (!rc)
        rc = json_parse_arena(&doc, ctx->arena, text, err);
    if (rc)
        return err_wrap(err, rc, "transcript");
    list = json_get(doc, "segments");
    if (!json_is_arr(list))
        return err_set(err, ERR_INVALID, "transcript: no segments");
    segments = ARENA_ARRAY(ctx->arena, struct transcript_segment,
                           MIN(json_len(list), (size_t)TRANSCRIPT_SEGMENTS_MAX) + 1);
    it = json_iter(list);
    while (t.n < TRANSCRIPT_SEGMENTS_MAX && json_next(&it, NULL, &v))
        segments[t.n++] = read_segment(v);
    t.segments = segments;
    t.recording_ms = json_i64_or(json_path(doc, "recording.durationMs"), -1);
    t.model = json_str(json_get(doc, "model"));
    *ret = t;
    return ERR_OK;
}

/* By the agent's first words. -1: they are not in both. */
static int64_t lead_by_words(const struct transcript *t, const struct call_detail *d)
{
    size_t turn, segment;
    int64_t lead;

    if (!t)
        return -1;
    for (turn = 0; turn < d->n_turns && !d->turns[turn].agent; turn++)
        ;
    for (segment = 0; segment < t->n && t->segments[segment].speaker != SPEAKER_AGENT; segment++)
        ;
    if (turn == d->n_turns || segment == t->n)
        return -1;
    lead = t->segments[segment].start_ms - d->turns[turn].start_ms;
    return lead >= 0 && lead < LEAD_MAX_MS ? lead : -1;
}

/* -1: not on record, or clocks that do not agree. Too long by up to a second, which is not told. */
static int64_t lead_by_clocks(const struct call_detail *d)
{
    int64_t lead;

    if (!d->call.recording_started_us || !d->first_stream_us)
        return -1;
    lead = (d->first_stream_us - d->call.recording_started_us) / 1000;
    return lead >= 0 && lead < LEAD_MAX_MS ? lead : -1;
}

int64_t transcript_lead_ms(const struct transcript *t, const struct call_detail *d)
{
    int64_t clocks = lead_by_clocks(d), words = lead_by_words(t, d);

    if (clocks < 0)
        return MAX(words, (int64_t)0);
    if (words >= clocks - CLOCK_STEP_MS - WORDS_SLACK_MS && words <= clocks + WORDS_SLACK_MS &&
        words >= 0)
        return words;
    return clocks;
}
