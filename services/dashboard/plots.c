#include "dashboard/plots.h"

#include <stdlib.h>

#include "dashboard/timeline.h"
#include "dashboard/words.h"

enum { PLOT_HEIGHT = 64, ROW_HEIGHT = 18, SPOKEN_MAX = 40 /* values read out one by one */ };

struct measured {
    const int64_t *ms;
    const struct str *labels; /* one for each */
    size_t n;
};

static int64_t greatest(const struct measured *m)
{
    int64_t max = 1;
    size_t i;

    for (i = 0; i < m->n; i++)
        max = MAX(max, m->ms[i]);
    return max;
}

/* --- frame -------------------------------------------------------------- */

static void begin_plot(struct page *p, const char *title, struct str figure, struct str note)
{
    html_begin(p->h, "figure");
    html_attr_c(p->h, "class", "plot");
    html_begin(p->h, "figcaption");
    html_leaf(p->h, "h3", NULL, str_c(title));
    html_leaf(p->h, "strong", NULL, figure);
    html_leaf(p->h, "span", "note", note);
    html_end(p->h);
}

static struct str read_out(struct arena *a, const struct measured *m)
{
    struct buf text = BUF_INIT(8192);
    struct str ret;
    size_t i;

    for (i = 0; i < m->n && i < SPOKEN_MAX; i++)
        buf_addf(&text, "%s%.80s %s", i ? ", " : "", arena_cstr(a, m->labels[i]),
                 words_ms(a, m->ms[i]).p);
    if (m->n > SPOKEN_MAX)
        buf_addf(&text, ", and %zu more", m->n - SPOKEN_MAX);
    ret = arena_str(a, buf_str(&text));
    buf_release(&text);
    return ret;
}

static void begin_svg(struct page *p, int height, const struct measured *m)
{
    html_begin(p->h, "svg");
    html_attr_c(p->h, "width", "100%");
    html_attrf(p->h, "height", "%d", height);
    html_attr_c(p->h, "role", "img");
    html_attr(p->h, "aria-label", read_out(p->a, m));
}

/* --- columns: one after the other --------------------------------------- */

static void write_column(struct page *p, const struct measured *m, size_t i, int64_t top_ms)
{
    double slot = 1.0 / (double)MAX(m->n, (size_t)8); /* few columns are not made fat */
    int height = (int)MAX(m->ms[i] * (PLOT_HEIGHT - 2) / top_ms, 2);
    const struct svg_bar bar = { ((double)i + 0.12) * slot,
                                 ((double)i + 0.88) * slot,
                                 PLOT_HEIGHT - height,
                                 height,
                                 "wait",
                                 arena_printf(p->a, STR_FMT ": " STR_FMT, STR_ARG(m->labels[i]),
                                              STR_ARG(words_ms(p->a, m->ms[i]))) };

    svg_bar_write(p, &bar, 1.0);
}

static void write_level(struct page *p, int64_t ms, int64_t top_ms)
{
    html_begin(p->h, "line");
    html_attr_c(p->h, "x1", "0");
    html_attr_c(p->h, "x2", "100%");
    html_attrf(p->h, "y1", "%d", PLOT_HEIGHT - (int)(ms * (PLOT_HEIGHT - 2) / top_ms));
    html_attrf(p->h, "y2", "%d", PLOT_HEIGHT - (int)(ms * (PLOT_HEIGHT - 2) / top_ms));
    html_attr_c(p->h, "class", "level");
    html_end(p->h);
}

static void write_columns(struct page *p, const char *title, const struct measured *m,
                          const struct spread *s)
{
    int64_t top = MAX(greatest(m), s->max);
    size_t i;

    if (!m->n && !s->n)
        return;
    begin_plot(p, title, words_ms(p->a, s->p50),
               s->n > 1 ? arena_printf(p->a, "middle of %lld; slowest %s", (long long)s->n,
                                       words_ms(p->a, s->max).p)
                        : STR("once"));
    if (m->n) {
        begin_svg(p, PLOT_HEIGHT, m);
        if (s->n > 1)
            write_level(p, s->p50, MAX(top, (int64_t)1));
        for (i = 0; i < m->n; i++)
            write_column(p, m, i, top);
        html_end(p->h);
    }
    html_end(p->h);
}

/* --- rows: one under the other ------------------------------------------ */

static void write_first_word(struct page *p, int64_t ms)
{
    const struct str label = STR("first word after");
    const struct measured m = { &ms, &label, 1 };
    int64_t top = MAX(ms * 11 / 10, (int64_t)PLOT_FIRST_WORD_GOAL_MS * 5 / 4);
    const struct svg_bar bar = { 0,
                                 (double)ms,
                                 10,
                                 22,
                                 ms <= PLOT_FIRST_WORD_GOAL_MS ? "wait" : "wait late",
                                 words_ms(p->a, ms) };
    struct str goal = words_percent(p->a, PLOT_FIRST_WORD_GOAL_MS, (double)top);

    begin_plot(p, "First word", words_ms(p->a, ms),
               ms <= PLOT_FIRST_WORD_GOAL_MS ? STR("promised within 2 s")
                                             : STR("later than the promised 2 s"));
    begin_svg(p, PLOT_HEIGHT, &m);
    svg_bar_write(p, &bar, (double)top);
    html_begin(p->h, "line");
    html_attr(p->h, "x1", goal);
    html_attr(p->h, "x2", goal);
    html_attr_c(p->h, "y1", "4");
    html_attr_c(p->h, "y2", "38");
    html_attr_c(p->h, "class", "level");
    html_end(p->h);
    html_begin(p->h, "text");
    html_attr(p->h, "x", goal);
    html_attr_c(p->h, "y", "54");
    html_attr_c(p->h, "text-anchor", "middle");
    html_text_c(p->h, "2 s");
    html_end(p->h);
    html_end(p->h);
    html_end(p->h);
}

static void write_tool_row(struct page *p, const struct measured *m, size_t i)
{
    const struct svg_bar bar = {
        0,      (double)m->ms[i] * 0.5,  (int)i * ROW_HEIGHT + 4, ROW_HEIGHT - 8,
        "tool", words_ms(p->a, m->ms[i])
    };

    html_begin(p->h, "g");
    html_begin(p->h, "text");
    html_attr_c(p->h, "x", "0");
    html_attrf(p->h, "y", "%d", (int)i * ROW_HEIGHT + 13);
    html_text(p->h, m->labels[i]);
    html_end(p->h);
    html_begin(p->h, "svg"); /* the bars' half */
    html_attr_c(p->h, "x", "50%");
    html_attr_c(p->h, "width", "50%");
    html_attr_c(p->h, "overflow", "visible");
    svg_bar_write(p, &bar, (double)greatest(m) * 0.5);
    html_end(p->h);
    html_end(p->h);
}

static void write_tools(struct page *p, const struct measured *m, const struct spread *s)
{
    size_t i;

    if (!m->n)
        return;
    begin_plot(p, "Tools", words_ms(p->a, s->p50),
               m->n > 1
                   ? arena_printf(p->a, "middle of %zu; slowest %s", m->n, words_ms(p->a, s->max).p)
                   : STR("once"));
    begin_svg(p, (int)m->n * ROW_HEIGHT + 4, m);
    for (i = 0; i < m->n; i++)
        write_tool_row(p, m, i);
    html_end(p->h);
    html_end(p->h);
}

/* --- what was measured -------------------------------------------------- */

static struct measured waits_of(struct arena *a, const struct call_detail *d, int kind)
{
    int64_t *ms = ARENA_ARRAY(a, int64_t, d->n_waits + 1);
    struct str *labels = ARENA_ARRAY(a, struct str, d->n_waits + 1);
    size_t i, n = 0;

    for (i = 0; i < d->n_waits; i++) {
        if ((int)d->waits[i].kind != kind)
            continue;
        ms[n] = d->waits[i].ms;
        labels[n] = arena_printf(a, "No. %zu", n + 1);
        n++;
    }
    return (struct measured){ ms, labels, n };
}

static struct measured tools_of(struct arena *a, const struct call_detail *d)
{
    int64_t *ms = ARENA_ARRAY(a, int64_t, d->n_tools + 1);
    struct str *labels = ARENA_ARRAY(a, struct str, d->n_tools + 1);
    size_t i;

    for (i = 0; i < d->n_tools; i++) {
        ms[i] = MAX(d->tools[i].latency_ms, (int64_t)0);
        labels[i] = words_of_name(a, d->tools[i].name);
    }
    return (struct measured){ ms, labels, d->n_tools };
}

static int by_ms(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

    return (a > b) - (a < b);
}

/* As the record counts: concierge/call_record.h. */
static struct spread spread_of(struct arena *a, const struct measured *m)
{
    int64_t *ms;

    if (!m->n)
        return (struct spread){ 0 };
    ms = arena_dup(a, m->ms, m->n * sizeof(*ms));
    qsort(ms, m->n, sizeof(*ms), by_ms);
    return (struct spread){ ms[(m->n - 1) / 2], ms[(m->n * 95 + 99) / 100 - 1], ms[m->n - 1],
                            (int64_t)m->n };
}

void plots_write(struct page *p, const struct call_detail *d)
{
    struct measured responses = waits_of(p->a, d, WAIT_RESPONSE);
    struct measured stops = waits_of(p->a, d, WAIT_BARGE_IN_STOP);
    struct measured tools = tools_of(p->a, d);
    struct spread tool_spread = spread_of(p->a, &tools);

    if (d->call.latency.first_word_ms < 0 && !d->call.latency.response.n && !tools.n &&
        !d->call.latency.barge_in_stop.n)
        return;
    html_begin(p->h, "section");
    html_attr_c(p->h, "aria-labelledby", "waits");
    html_begin(p->h, "h2");
    html_attr_c(p->h, "id", "waits");
    html_text_c(p->h, "How long it took");
    html_end(p->h);
    html_begin(p->h, "div");
    html_attr_c(p->h, "class", "plots");
    if (d->call.latency.first_word_ms >= 0)
        write_first_word(p, d->call.latency.first_word_ms);
    write_columns(p, "Answers", &responses, &d->call.latency.response);
    write_tools(p, &tools, &tool_spread);
    write_columns(p, "Silent when interrupted", &stops, &d->call.latency.barge_in_stop);
    html_end(p->h);
    html_end(p->h);
}
