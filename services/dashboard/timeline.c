#include "dashboard/timeline.h"

#include "dashboard/words.h"

enum {
    AGENT_Y = 4,
    SPEECH_HEIGHT = 26,
    CALLER_Y = 36,
    TOOL_Y = 68,
    TOOL_HEIGHT = 16,
    LANES_END = 90,
    AXIS_TEXT_Y = 106,
    HEIGHT = 112,
    TICKS_MAX = 6,
    TITLE_TEXT_MAX = 160,
};
#define BAR_WIDTH_MIN 0.004 /* of the whole, so that what is short can be seen */

int64_t timeline_length_ms(const struct call_detail *d, int64_t lead_ms)
{
    int64_t ms = MAX(d->call.recording_ms - lead_ms, (int64_t)0);
    size_t i;

    for (i = 0; i < d->n_turns; i++)
        ms = MAX(ms, d->turns[i].end_ms);
    for (i = 0; i < d->n_tools; i++)
        ms = MAX(ms, d->tools[i].at_ms + d->tools[i].latency_ms);
    return ms;
}

void svg_bar_write(struct page *p, const struct svg_bar *b, double whole)
{
    double width = MAX(b->to - b->from, whole * BAR_WIDTH_MIN);

    html_begin(p->h, "rect");
    html_attr(p->h, "x", words_percent(p->a, MIN(b->from, whole - width), whole));
    html_attr(p->h, "width", words_percent(p->a, width, whole));
    html_attrf(p->h, "y", "%d", b->y);
    html_attrf(p->h, "height", "%d", b->height);
    html_attr_c(p->h, "rx", "2");
    html_attr_c(p->h, "class", b->class_name);
    html_leaf(p->h, "title", NULL, b->title);
    html_end(p->h);
}

static struct str turn_title(struct arena *a, const struct call_turn *t)
{
    struct str text = t->text;
    size_t n = 0, step;

    while (n < text.n && n < TITLE_TEXT_MAX && (step = str_utf8_next(str_from(text, n))) > 0)
        n += step;
    return arena_printf(a, "%s %s: " STR_FMT "%s", words_position(a, t->start_ms).p,
                        t->agent ? "agent" : "caller", STR_ARG(str_slice(text, 0, n)),
                        n < text.n ? "\xe2\x80\xa6" : "");
}

static void write_turns(struct page *p, const struct call_detail *d, double whole)
{
    size_t i;

    for (i = 0; i < d->n_turns; i++) {
        const struct call_turn *t = &d->turns[i];
        const struct svg_bar bar = { (double)t->start_ms,           (double)t->end_ms,
                                     t->agent ? AGENT_Y : CALLER_Y, SPEECH_HEIGHT,
                                     t->agent ? "agent" : "caller", turn_title(p->a, t) };

        svg_bar_write(p, &bar, whole);
    }
}

static void write_tools(struct page *p, const struct call_detail *d, double whole)
{
    size_t i;

    for (i = 0; i < d->n_tools; i++) {
        const struct call_tool *t = &d->tools[i];
        struct str name = words_of_name(p->a, t->name);
        const struct svg_bar bar = { (double)t->at_ms,
                                     (double)(t->at_ms + t->latency_ms),
                                     TOOL_Y,
                                     TOOL_HEIGHT,
                                     "tool",
                                     arena_printf(p->a, "%s " STR_FMT ", %s",
                                                  words_position(p->a, t->at_ms).p, STR_ARG(name),
                                                  words_ms(p->a, t->latency_ms).p) };

        svg_bar_write(p, &bar, whole);
    }
}

/* A line across the lanes. */
static void write_mark(struct page *p, double at, double whole, const char *class_name,
                       struct str title)
{
    struct str x = words_percent(p->a, at, whole);

    html_begin(p->h, "line");
    html_attr(p->h, "x1", x);
    html_attr(p->h, "x2", x);
    html_attr_c(p->h, "y1", "0");
    html_attrf(p->h, "y2", "%d", LANES_END);
    html_attr_c(p->h, "class", class_name);
    html_leaf(p->h, "title", NULL, title);
    html_end(p->h);
}

static void write_marks(struct page *p, const struct call_detail *d, double whole)
{
    size_t i;

    for (i = 0; i < d->n_turns; i++) {
        if (d->turns[i].interrupted)
            write_mark(p, (double)d->turns[i].end_ms, whole, "cut",
                       arena_printf(p->a, "%s the agent was interrupted",
                                    words_position(p->a, d->turns[i].end_ms).p));
    }
    for (i = 1; i < d->n_streams; i++)
        write_mark(p, (double)d->streams_ms[i], whole, "resumed",
                   arena_printf(p->a, "%s the call was resumed",
                                words_position(p->a, d->streams_ms[i]).p));
}

static int64_t tick_ms(int64_t whole_ms)
{
    static const int64_t steps_s[] = { 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800 };
    size_t i;

    for (i = 0; i < ARRAY_LEN(steps_s); i++) {
        if (whole_ms / (steps_s[i] * 1000) <= TICKS_MAX)
            return steps_s[i] * 1000;
    }
    return (whole_ms / TICKS_MAX / 3600000 + 1) * 3600000;
}

static void write_axis(struct page *p, int64_t whole_ms)
{
    int64_t step = tick_ms(whole_ms), at;

    for (at = 0; at <= whole_ms; at += step) {
        struct str x = words_percent(p->a, (double)at, (double)whole_ms);
        bool last = whole_ms - at < whole_ms / 20;

        html_begin(p->h, "line");
        html_attr(p->h, "x1", x);
        html_attr(p->h, "x2", x);
        html_attr_c(p->h, "y1", "0");
        html_attrf(p->h, "y2", "%d", LANES_END);
        html_attr_c(p->h, "class", "grid");
        html_end(p->h);
        html_begin(p->h, "text");
        html_attr(p->h, "x", x);
        html_attrf(p->h, "y", "%d", AXIS_TEXT_Y);
        html_attr_c(p->h, "text-anchor", at == 0 ? "start" : last ? "end" : "middle");
        html_text(p->h, words_position(p->a, at));
        html_end(p->h);
    }
}

static struct str in_words(struct arena *a, const struct call_detail *d)
{
    size_t i, cuts = 0, agent = 0;

    for (i = 0; i < d->n_turns; i++) {
        cuts += d->turns[i].interrupted;
        agent += d->turns[i].agent;
    }
    return arena_printf(
        a,
        "Timeline of the call: the agent speaks %zu times, the caller %zu times; %zu uses of "
        "tools; %zu interruptions. The conversation below has the same as text.",
        agent, d->n_turns - agent, d->n_tools, cuts);
}

static void write_lanes(struct page *p)
{
    static const char *const lanes[] = { "Agent", "Caller", "Tools" };
    size_t i;

    html_begin(p->h, "div");
    html_attr_c(p->h, "class", "lanes");
    html_attr_c(p->h, "aria-hidden", "true");
    for (i = 0; i < ARRAY_LEN(lanes); i++)
        html_leaf(p->h, "span", NULL, str_c(lanes[i]));
    html_end(p->h);
}

static void write_position(struct page *p)
{
    html_begin(p->h, "line");
    html_attr_c(p->h, "id", "position");
    html_attr_c(p->h, "class", "position");
    html_attr_c(p->h, "y1", "0");
    html_attrf(p->h, "y2", "%d", LANES_END);
    html_attr_c(p->h, "visibility", "hidden");
    html_end(p->h);
}

void timeline_write(struct page *p, const struct call_detail *d, int64_t lead_ms)
{
    int64_t whole_ms = timeline_length_ms(d, lead_ms);

    if (whole_ms <= 0)
        return;
    html_begin(p->h, "div");
    html_attr_c(p->h, "class", "timeline");
    write_lanes(p);
    html_begin(p->h, "svg");
    html_attr_c(p->h, "id", "timeline");
    html_attr_c(p->h, "width", "100%");
    html_attrf(p->h, "height", "%d", HEIGHT);
    html_attr_c(p->h, "role", "img");
    html_attr(p->h, "aria-label", in_words(p->a, d));
    html_attrf(p->h, "data-length-ms", "%lld", (long long)whole_ms);
    write_axis(p, whole_ms);
    write_turns(p, d, (double)whole_ms);
    write_tools(p, d, (double)whole_ms);
    write_marks(p, d, (double)whole_ms);
    write_position(p);
    html_end(p->h);
    html_end(p->h);
}
