#include "dashboard/call_page.h"

#include "concierge/end_reason.h"
#include "concierge/profile.h"
#include "dashboard/calls.h"
#include "dashboard/conversation.h"
#include "dashboard/list_page.h"
#include "dashboard/page.h"
#include "dashboard/plots.h"
#include "dashboard/timeline.h"
#include "dashboard/transcript.h"
#include "dashboard/words.h"
#include "google/firestore.h"

/* After a call has ended, its recording and transcript are waited for this long. */
enum { AFTER_CALL_S = 180, PROMPT_HASH_SHOWN = 12 };

/* --- head --------------------------------------------------------------- */

static void write_flags(struct page *p, const struct call *c)
{
    struct json_iter it = json_iter(c->flags);
    const struct jval *flag;

    while (json_next(&it, NULL, &flag))
        html_leaf(p->h, "span", "flag", words_of_name(p->a, fs_val_str(flag)));
}

static void write_head(struct page *p, const struct call *c)
{
    html_begin(p->h, "nav");
    html_attr_c(p->h, "aria-label", "Back");
    page_link(p, STR("/"), NULL, "\xe2\x86\x90 All calls");
    html_end(p->h);
    html_begin(p->h, "h1");
    html_begin(p->h, "span");
    html_attrf(p->h, "class", "outcome %s", call_outcome_class(c));
    html_text(p->h, call_outcome_words(p->a, c));
    html_end(p->h);
    html_end(p->h);
    html_begin(p->h, "p");
    html_attr_c(p->h, "class", "lead");
    html_textf(p->h, STR_FMT ", %s", STR_ARG(c->from.n ? c->from : STR("Number withheld")),
               words_date_time(p->a, p->d->profile->zone, c->started_us).p);
    if (c->duration_ms >= 0)
        html_textf(p->h, ", %s", words_duration(p->a, c->duration_ms).p);
    html_text_c(p->h, " ");
    write_flags(p, c);
    html_end(p->h);
    if (c->summary.n)
        html_leaf(p->h, "p", "summary", c->summary);
}

/* --- facts -------------------------------------------------------------- */

static void write_fact(struct page *p, const char *name, struct str value)
{
    if (!value.n)
        return;
    html_begin(p->h, "div");
    html_leaf(p->h, "dt", NULL, str_c(name));
    html_leaf(p->h, "dd", NULL, value);
    html_end(p->h);
}

static struct str end_words(struct arena *a, const struct call *c)
{
    enum end_reason reason = end_reason_find(c->end_reason);

    if (!c->end_reason.n)
        return STR_EMPTY;
    if (reason == END_REASONS)
        return words_of_name(a, c->end_reason);
    return words_sentence(a, str_c(end_reason_info(reason)->text));
}

static struct str booking_words(struct page *p, const struct call *c)
{
    const struct zone *zone = p->d->profile->zone;
    const struct profile_service *service =
        profile_service_find(p->d->profile, fs_str(c->booking, "service"));
    const struct profile_staff *staff =
        profile_staff_of_calendar(p->d->profile, fs_str(c->booking, "calendar"));
    struct str what = service ? service->name : fs_str(c->booking, "service");
    struct str who = staff ? staff->name : fs_str(c->booking, "calendar");
    int64_t start_us = call_time_of(c->booking, "start");

    if (!c->booking)
        return c->booking_id;
    return arena_printf(p->a, STR_FMT "%s%s%s" STR_FMT, STR_ARG(what), start_us ? ", " : "",
                        start_us ? words_date_time(p->a, zone, start_us).p : "",
                        who.n ? ", with " : "", STR_ARG(who));
}

static struct str handoff_words(struct page *p, const struct call *c)
{
    struct str number = fs_str(c->handoff, "number"), reason = fs_str(c->handoff, "reason");

    if (!c->handoff)
        return STR_EMPTY;
    return arena_printf(p->a, "%s" STR_FMT "%s" STR_FMT, number.n ? "to " : "", STR_ARG(number),
                        number.n && reason.n ? ": " : "", STR_ARG(reason));
}

static struct str engine_words(struct page *p, const struct call *c)
{
    if (!c->model.n)
        return STR_EMPTY;
    return arena_printf(p->a, STR_FMT "%s" STR_FMT, STR_ARG(c->model), c->voice.n ? ", voice " : "",
                        STR_ARG(c->voice));
}

static void write_facts(struct page *p, const struct call *c)
{
    struct str ended = c->ended_us ? words_time(p->a, p->d->profile->zone, c->ended_us) : STR_EMPTY;
    struct str why = end_words(p->a, c);

    html_begin(p->h, "section");
    html_attr_c(p->h, "aria-labelledby", "facts");
    html_begin(p->h, "h2");
    html_attr_c(p->h, "id", "facts");
    html_text_c(p->h, "On record");
    html_end(p->h);
    html_begin(p->h, "dl");
    html_attr_c(p->h, "class", "facts");
    write_fact(p, "Caller", c->from);
    write_fact(p, "Called", c->to);
    write_fact(p, "Ended",
               arena_printf(p->a, STR_FMT "%s" STR_FMT, STR_ARG(ended),
                            ended.n && why.n ? ": " : "", STR_ARG(why)));
    write_fact(p, "Booking", booking_words(p, c));
    write_fact(p, "Booking number", c->booking ? c->booking_id : STR_EMPTY);
    write_fact(p, "Lead", c->lead_id);
    write_fact(p, "Call back",
               c->callback_id.n ? c->callback_done ? STR("Done") : STR("To be done") : STR_EMPTY);
    write_fact(p, "Callback number", c->callback_id);
    write_fact(p, "Handed over", handoff_words(p, c));
    write_fact(p, "Turns",
               c->turns >= 0 ? arena_printf(p->a, "%lld", (long long)c->turns) : STR_EMPTY);
    write_fact(p, "Voice engine", engine_words(p, c));
    write_fact(p, "Prompt", str_slice(c->prompt_hash, 0, PROMPT_HASH_SHOWN));
    write_fact(p, "Call SID", c->sid);
    html_end(p->h);
    html_end(p->h);
}

/* --- cost --------------------------------------------------------------- */

static void write_cost_row(struct page *p, const char *name, int64_t micro_usd, const char *unknown)
{
    if (micro_usd < 0 && !unknown)
        return;
    html_begin(p->h, "div");
    html_leaf(p->h, "dt", NULL, str_c(name));
    html_begin(p->h, "dd");
    if (micro_usd >= 0)
        page_money(p, micro_usd);
    else
        html_leaf(p->h, "span", "note", str_c(unknown));
    html_end(p->h);
    html_end(p->h);
}

static void write_cost(struct page *p, const struct call *c)
{
    html_begin(p->h, "section");
    html_attr_c(p->h, "aria-labelledby", "cost");
    html_begin(p->h, "h2");
    html_attr_c(p->h, "id", "cost");
    html_text_c(p->h, "Cost");
    html_end(p->h);
    html_begin(p->h, "dl");
    html_attr_c(p->h, "class", "facts cost");
    write_cost_row(p, "Voice engine", c->cost.engine, "not known yet");
    write_cost_row(p, "Transcription", c->transcript.name.n ? c->cost.transcription : -1,
                   "none yet");
    write_cost_row(p, "Summary", c->cost.summary > 0 ? c->cost.summary : -1, NULL);
    write_cost_row(p, "Telephony", c->cost.telephony,
                   call_is_over(c) ? "not on record" : "counted when the call has ended");
    write_cost_row(p, "Total", c->cost.total, "not known yet");
    html_end(p->h);
    if (call_has_flag(c, "unpriced"))
        html_leaf(p->h, "p", "note",
                  STR("A model of this call has no price in the table: what it cost is missing "
                      "here."));
    html_end(p->h);
}

/* --- listen ------------------------------------------------------------- */

/* Something will still be added to this record soon. */
static bool is_recent(const struct page *p, const struct call *c)
{
    return p->now_us - MAX(c->ended_us, c->started_us) < AFTER_CALL_S * 1000000LL;
}

static const char *no_recording(const struct page *p, const struct call *c)
{
    if (p->d->profile->recording.consent == CONSENT_OFF)
        return "Calls of this business are not recorded.";
    if (!call_is_over(c))
        return "The recording will be here when the call has ended.";
    if (str_eq_c(c->recording_status, "failed"))
        return "Recording this call failed.";
    if (str_eq_c(c->recording_status, "deleted"))
        return "The recording was deleted before it could be stored.";
    if (call_recording_is_lost(c))
        return "There is no recording of this call.";
    return is_recent(p, c) ? "The recording is on its way." : "There is no recording of this call.";
}

static void write_player(struct page *p, const struct call *c, int64_t lead_ms)
{
    if (!c->recording.name.n) {
        html_leaf(p->h, "p", "nothing", str_c(no_recording(p, c)));
        return;
    }
    html_begin(p->h, "audio");
    html_attr_c(p->h, "id", "player");
    html_flag(p->h, "controls");
    html_attr_c(p->h, "preload", "metadata");
    html_attr_c(p->h, "aria-label", "Recording of the call");
    html_attrf(p->h, "data-lead-ms", "%lld", (long long)lead_ms);
    html_url(p->h, "src", arena_printf(p->a, "/calls/" STR_FMT "/recording", STR_ARG(c->sid)));
    html_end(p->h);
}

static void write_listen(struct page *p, const struct call_detail *d, int64_t lead_ms)
{
    html_begin(p->h, "section");
    html_attr_c(p->h, "class", "listen");
    html_attr_c(p->h, "aria-labelledby", "listen");
    html_begin(p->h, "h2");
    html_attr_c(p->h, "id", "listen");
    html_text_c(p->h, "The call");
    html_end(p->h);
    write_player(p, &d->call, lead_ms);
    timeline_write(p, d, lead_ms);
    html_end(p->h);
}

/* --- the page ----------------------------------------------------------- */

/* NULL, and *why, when there is none to show. A transcript that cannot be read does not take the
 * page down. */
static const struct transcript *find_transcript(struct page *p, const struct call *c,
                                                struct transcript *ret, struct str *why)
{
    struct err err = ERR_INIT;

    if (!c->transcript.name.n) {
        *why = call_recording_is_lost(c) || (call_is_over(c) && !is_recent(p, c))
                   ? STR("There is no transcript of this call.")
                   : STR("The transcript is made when the call has ended.");
        return NULL;
    }
    if (transcript_read(p->d->google, p->req->ctx, &c->transcript, ret, &err) == ERR_OK)
        return ret;
    log_warn(&p->req->ctx->log, "transcript cannot be shown kind=%s error=\"%s\"",
             errc_name(err.code), err.text);
    *why = err.code == ERR_NOT_FOUND ? STR("The transcript is no longer kept.")
                                     : STR("The transcript cannot be read just now.");
    return NULL;
}

static void show_call(struct dashboard *d, struct http_req *r, const struct call_detail *detail)
{
    const struct call *c = &detail->call;
    struct page_head head = { .title = call_outcome_words(r->ctx->arena, c) };
    struct page probe = { .d = d, .req = r, .now_us = clock_wall_us(d->clock) };
    struct conversation talk = { .detail = detail };
    struct transcript transcript;
    struct page p;

    talk.transcript = find_transcript(&probe, c, &transcript, &talk.no_transcript);
    talk.lead_ms = transcript_lead_ms(talk.transcript, detail);
    head.refresh = is_recent(&probe, c) && (!call_is_over(c) || !c->transcript.name.n) &&
                   !call_recording_is_lost(c);
    p = page_begin(d, r, &head);
    write_head(&p, c);
    write_listen(&p, detail, talk.lead_ms);
    plots_write(&p, detail);
    html_begin(p.h, "div");
    html_attr_c(p.h, "class", "beside");
    write_facts(&p, c);
    write_cost(&p, c);
    html_end(p.h);
    conversation_write(&p, &talk);
    page_send(&p, 200);
}

void on_call(void *app, struct http_req *r)
{
    struct dashboard *d = app;
    struct str sid = http_req_param(r, "sid");
    struct call_detail detail = { 0 };
    struct err err = ERR_INIT;
    enum errc rc = err_set(&err, ERR_NOT_FOUND, "not a call SID");

    if (call_sid_valid(sid))
        rc = calls_read(d->google, r->ctx, sid, &detail, &err);
    if (rc)
        page_failed(d, r, &err);
    else
        show_call(d, r, &detail);
}
