#include "dashboard/conversation.h"

#include "dashboard/words.h"
#include "google/firestore.h"

/* --- a line's time ------------------------------------------------------ */

/* A link into the recording at this position of it (RFC: W3C Media Fragments), or only the time. */
static void write_time(struct page *p, const struct call *c, int64_t shown_ms, int64_t recording_ms)
{
    struct str text = words_position(p->a, shown_ms);

    if (!c->recording.name.n) {
        html_leaf(p->h, "span", "at", text);
        return;
    }
    html_begin(p->h, "a");
    html_attr_c(p->h, "class", "at");
    html_url(p->h, "href",
             arena_printf(p->a, "/calls/" STR_FMT "/recording#t=%lld.%03d", STR_ARG(c->sid),
                          (long long)(recording_ms / 1000), (int)(recording_ms % 1000)));
    html_attrf(p->h, "data-recording-ms", "%lld", (long long)recording_ms);
    html_attrf(p->h, "aria-label", "Listen from %s", text.p);
    html_text(p->h, text);
    html_end(p->h);
}

/* --- as the agent took it ----------------------------------------------- */

static void write_turn(struct page *p, const struct conversation *c, const struct call_turn *t)
{
    html_begin(p->h, "li");
    html_attrf(p->h, "class", "turn %s%s", t->agent ? "agent" : "caller",
               t->interrupted ? " cut" : "");
    html_attrf(p->h, "data-from-ms", "%lld", (long long)t->start_ms);
    html_attrf(p->h, "data-to-ms", "%lld", (long long)t->end_ms);
    write_time(p, &c->detail->call, t->start_ms, t->start_ms + c->lead_ms);
    html_leaf(p->h, "span", "who", t->agent ? STR("Agent") : STR("Caller"));
    html_begin(p->h, "p");
    html_text(p->h, t->text.n ? t->text : STR("(not understood)"));
    if (t->interrupted)
        html_leaf(p->h, "span", "cut-here",
                  t->agent ? STR(" \xe2\x80\x94 interrupted here; this much was heard")
                           : STR(" \xe2\x80\x94 interrupted"));
    html_end(p->h);
    html_end(p->h);
}

static void write_value(struct page *p, const char *name, const struct jval *value)
{
    struct jw w;

    jw_init(&w);
    fs_val_json(&w, NULL, value);
    html_leaf(p->h, "h4", NULL, str_c(name));
    html_leaf(p->h, "pre", NULL, words_json(p->a, jw_finish(&w, p->a)));
}

static void write_tool(struct page *p, const struct conversation *c, const struct call_tool *t)
{
    bool ok = str_eq_c(t->status, "ok");

    html_begin(p->h, "li");
    html_attr_c(p->h, "class", "use");
    write_time(p, &c->detail->call, t->at_ms, t->at_ms + c->lead_ms);
    html_leaf(p->h, "span", "who", STR("Tool"));
    html_begin(p->h, "details");
    html_begin(p->h, "summary");
    html_leaf(p->h, "b", NULL, words_of_name(p->a, t->name));
    html_leaf(p->h, "span", ok ? "status" : "status bad", t->status);
    html_leaf(p->h, "span", "note", words_ms(p->a, t->latency_ms));
    if (t->replayed)
        html_leaf(p->h, "span", "note", STR("answered from the ledger"));
    html_end(p->h);
    write_value(p, "Arguments", t->arguments);
    write_value(p, "Result", t->output);
    html_end(p->h);
    html_end(p->h);
}

static void write_resumed(struct page *p, int64_t at_ms)
{
    html_begin(p->h, "li");
    html_attr_c(p->h, "class", "resumed");
    html_textf(p->h, "The connection was lost; the call was resumed at %s.",
               words_position(p->a, at_ms).p);
    html_end(p->h);
}

/* Turns, tools and resumptions, merged by time. At the same time a resumption comes first, then
 * speech. */
static void write_lines(struct page *p, const struct conversation *c)
{
    const struct call_detail *d = c->detail;
    size_t turn = 0, tool = 0, stream = 1;

    while (turn < d->n_turns || tool < d->n_tools) {
        int64_t turn_ms = turn < d->n_turns ? d->turns[turn].start_ms : INT64_MAX;
        int64_t tool_ms = tool < d->n_tools ? d->tools[tool].at_ms : INT64_MAX;

        if (stream < d->n_streams && d->streams_ms[stream] <= MIN(turn_ms, tool_ms))
            write_resumed(p, d->streams_ms[stream++]);
        else if (turn_ms <= tool_ms)
            write_turn(p, c, &d->turns[turn++]);
        else
            write_tool(p, c, &d->tools[tool++]);
    }
}

static void write_talk(struct page *p, const struct conversation *c)
{
    html_begin(p->h, "section");
    html_attr_c(p->h, "aria-labelledby", "talk");
    html_begin(p->h, "h2");
    html_attr_c(p->h, "id", "talk");
    html_text_c(p->h, "Conversation");
    html_end(p->h);
    html_leaf(p->h, "p", "note", STR("As the agent took it while it was on the phone."));
    if (c->detail->n_turns || c->detail->n_tools) {
        html_begin(p->h, "ol");
        html_attr_c(p->h, "class", "talk");
        write_lines(p, c);
        html_end(p->h);
    } else {
        html_leaf(p->h, "p", "nothing",
                  call_is_over(&c->detail->call) ? STR("Nothing was said, or it is no longer kept.")
                                                 : STR("Nothing has been said yet."));
    }
    html_end(p->h);
}

/* --- as it is on the recording ------------------------------------------ */

static void write_segments(struct page *p, const struct conversation *c)
{
    static const char *const names[] = {
        [SPEAKER_CALLER] = "Caller", [SPEAKER_AGENT] = "Agent", [SPEAKER_UNKNOWN] = "Speaker"
    };
    static const char *const classes[] = {
        [SPEAKER_CALLER] = "turn caller", [SPEAKER_AGENT] = "turn agent", [SPEAKER_UNKNOWN] = "turn"
    };
    size_t i;

    html_begin(p->h, "ol");
    html_attr_c(p->h, "class", "talk");
    for (i = 0; i < c->transcript->n; i++) {
        const struct transcript_segment *s = &c->transcript->segments[i];

        html_begin(p->h, "li");
        html_attr_c(p->h, "class", classes[s->speaker]);
        html_attrf(p->h, "data-from-ms", "%lld", (long long)(s->start_ms - c->lead_ms));
        html_attrf(p->h, "data-to-ms", "%lld", (long long)(s->end_ms - c->lead_ms));
        write_time(p, &c->detail->call, MAX(s->start_ms - c->lead_ms, (int64_t)0), s->start_ms);
        html_leaf(p->h, "span", "who", str_c(names[s->speaker]));
        html_leaf(p->h, "p", NULL, s->text);
        html_end(p->h);
    }
    html_end(p->h);
}

static void write_transcript(struct page *p, const struct conversation *c)
{
    html_begin(p->h, "section");
    html_attr_c(p->h, "aria-labelledby", "transcript");
    html_begin(p->h, "h2");
    html_attr_c(p->h, "id", "transcript");
    html_text_c(p->h, "Transcript of the recording");
    html_end(p->h);
    html_begin(p->h, "p");
    html_attr_c(p->h, "class", "note");
    if (c->transcript && c->transcript->model.n)
        html_textf(p->h, "Made after the call by " STR_FMT ".", STR_ARG(c->transcript->model));
    else
        html_text_c(p->h, "Made after the call.");
    html_end(p->h);
    if (c->transcript && c->transcript->n)
        write_segments(p, c);
    else
        html_leaf(p->h, "p", "nothing",
                  c->transcript ? STR("No speech was found on the recording.") : c->no_transcript);
    html_end(p->h);
}

void conversation_write(struct page *p, const struct conversation *c)
{
    html_begin(p->h, "div");
    html_attr_c(p->h, "class", "beside");
    write_talk(p, c);
    write_transcript(p, c);
    html_end(p->h);
}
