/* Figures of a run: a table beside its goals, a JSON file, a plot. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "turns/report.h"

enum {
    JSON_MAX = 4 * 1024 * 1024,
    LATE_PERCENT = 1, /* real time, more or less */
};

#define KIND(k) (1u << OVERLAP_##k)
#define ASIDES (KIND(BACKCHANNEL) | KIND(COUGH) | KIND(SIDE))
#define INTERRUPTIONS (KIND(SHORT) | KIND(LONG))

/* False: this overlap says nothing about it. */
typedef bool (*sample_fn)(const struct overlap *o, const struct outcome *r, double *ret);

static bool is_ignored(const struct outcome *r)
{
    return !r->cut && !r->answered && r->gap_ms < TURNS_GAP_MAX_MS;
}

static bool is_yielded(const struct overlap *o, const struct outcome *r)
{
    int limit =
        o->kind == OVERLAP_SHORT ? TURNS_YIELD_SHORT_MS + (int)o->over.n / 8 : TURNS_YIELD_LONG_MS;

    return r->cut && r->answered && r->final_ms <= limit;
}

static bool ignored(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = is_ignored(r) ? 100 : 0;
    return true;
}

static bool yielded(const struct overlap *o, const struct outcome *r, double *ret)
{
    *ret = is_yielded(o, r) ? 100 : 0;
    return true;
}

static bool stop(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = r->stop_ms;
    return true;
}

static bool final_stop(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = r->final_ms;
    return true;
}

static bool gap(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = r->gap_ms;
    return !r->cut && r->gap_ms > 0;
}

static bool paused(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = r->cut || r->gap_ms > 0 ? 100 : 0;
    return true;
}

static bool cut_off(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = r->cut_off || !r->answered ? 100 : 0;
    return true;
}

static bool question_wait(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = r->question_wait_ms;
    return r->question_wait_ms >= 0;
}

/* What was lost or heard twice of an answer that went on after a pause. */
static bool mended(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = abs(r->heard_ms - TURNS_ANSWER_MS);
    return !r->answered && r->gap_ms > 0;
}

/* What the engine believes was heard, less what was. */
static bool truncated(const struct overlap *o, const struct outcome *r, double *ret)
{
    (void)o;
    *ret = abs(r->kept_ms - r->heard_ms);
    return r->cut && r->kept_ms >= 0;
}

enum how { MEAN, MEDIAN, P95, LARGEST };

static const struct row {
    const char *name, *key;
    unsigned kinds;
    enum how how;
    sample_fn sample;
    const char *unit;
    double goal; /* 0: none */
    bool at_least;
} rows[] = {
    { "backchannels ignored", "backchannelsIgnored", KIND(BACKCHANNEL), MEAN, ignored, "%", 90,
      true },
    { "side speech ignored", "sideSpeechIgnored", KIND(SIDE), MEAN, ignored, "%", 70, true },
    { "coughs, doors, clicks ignored", "coughsIgnored", KIND(COUGH), MEAN, ignored, "%", 0, true },
    { "  of these: paused for", "pausedFor", ASIDES, MEAN, paused, "%", 0, false },
    { "resume gap, median", "resumeGapMedianMs", ASIDES, MEDIAN, gap, "ms", 0, false },
    { "resume gap, longest", "resumeGapMaxMs", ASIDES, LARGEST, gap, "ms", 600, false },
    { "  lost or heard twice, p95", "resumeErrorP95Ms", ASIDES, P95, mended, "ms", 0, false },
    { "  most", "resumeErrorMaxMs", ASIDES, LARGEST, mended, "ms", 0, false },
    { "interruptions yielded to", "yielded", INTERRUPTIONS, MEAN, yielded, "%", 99, true },
    { "  a word or two", "yieldedShort", KIND(SHORT), MEAN, yielded, "%", 0, true },
    { "  a sentence", "yieldedLong", KIND(LONG), MEAN, yielded, "%", 0, true },
    { "first silence, median", "stopMedianMs", INTERRUPTIONS, MEDIAN, stop, "ms", 400, false },
    { "first silence, p95", "stopP95Ms", INTERRUPTIONS, P95, stop, "ms", 600, false },
    { "silence for good, median", "finalMedianMs", INTERRUPTIONS, MEDIAN, final_stop, "ms", 0,
      false },
    { "silence for good, p95", "finalP95Ms", INTERRUPTIONS, P95, final_stop, "ms", 0, false },
    { "truncated beside the heard, p95", "truncationErrorP95Ms", INTERRUPTIONS, P95, truncated,
      "ms", 0, false },
    { "false cut-offs", "falseCutOffs", KIND(THINKING), MEAN, cut_off, "%", 3, false },
    { "answer after a pause, median", "thinkingWaitMedianMs", KIND(THINKING), MEDIAN, question_wait,
      "ms", 0, false },
    { "answer to a question, median", "questionWaitMedianMs", ASIDES | INTERRUPTIONS, MEDIAN,
      question_wait, "ms", 0, false },
};

enum line { LINE_ANY, LINE_CLEAN, LINE_NOISY };

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static double summary(double *v, size_t n, enum how how)
{
    double sum = 0;
    size_t i;

    if (n == 0)
        return -1;
    qsort(v, n, sizeof(*v), by_value);
    switch (how) {
    case MEDIAN:
        return v[(n - 1) / 2];
    case P95:
        return v[(n - 1) * 95 / 100];
    case LARGEST:
        return v[n - 1];
    case MEAN:
        break;
    }
    for (i = 0; i < n; i++)
        sum += v[i];
    return sum / (double)n;
}

static size_t samples(const struct bench *b, const struct row *row, enum turns_mode mode,
                      enum line line, double *out)
{
    size_t i, n = 0;

    for (i = 0; i < b->scenes.n; i++) {
        const struct overlap *o = &b->scenes.list[i];
        const struct outcome *r = &b->outcomes[mode][i];
        bool on_line = line == LINE_ANY || (line == LINE_NOISY) == o->noisy;

        if (r->played && on_line && row->kinds >> o->kind & 1 && row->sample(o, r, &out[n]))
            n++;
    }
    return n;
}

/* -1: there is none. */
static double figure(const struct bench *b, const struct row *row, enum turns_mode mode,
                     enum line line)
{
    double *v = mem_calloc(b->scenes.n + 1, sizeof(*v));
    double ret = summary(v, samples(b, row, mode, line, v), row->how);

    mem_free(v);
    return ret;
}

static bool reached(const struct row *row, double value)
{
    return row->at_least ? value >= row->goal : value <= row->goal;
}

static void print_value(double value, const char *unit)
{
    if (value < 0)
        printf(" %8s", "-");
    else
        printf(" %6.*f %-2s", unit[0] == '%' ? 1 : 0, value, unit);
}

static void print_row(const struct bench *b, const struct row *row)
{
    double value = figure(b, row, TURNS_BRIDGE, LINE_ANY);

    if (value < 0 && figure(b, row, TURNS_BARE, LINE_ANY) < 0)
        return;
    printf("%-32s", row->name);
    if (row->goal > 0 && value >= 0)
        printf(" %s %4.0f %-2s %s", row->at_least ? "\u2265" : "\u2264", row->goal, row->unit,
               reached(row, value) ? "\u2713" : "\u2717");
    else
        printf(" %11s", "");
    print_value(value, row->unit);
    print_value(figure(b, row, TURNS_BRIDGE, LINE_CLEAN), row->unit);
    print_value(figure(b, row, TURNS_BRIDGE, LINE_NOISY), row->unit);
    print_value(figure(b, row, TURNS_BARE, LINE_ANY), row->unit);
    printf("\n");
}

static size_t played(const struct bench *b, enum turns_mode mode)
{
    size_t i, n = 0;

    for (i = 0; i < b->scenes.n; i++)
        n += b->outcomes[mode][i].played;
    return n;
}

void report_print(const struct bench *b)
{
    size_t i;
    double late = 100.0 * (double)b->frames_late / (double)MAX(b->frames, 1);

    printf("callers' frames more than 20 ms late: %.2f %%, the latest by %lld ms%s\n", late,
           (long long)b->latest_us / 1000,
           late > LATE_PERCENT ? ": THE MACHINE WAS TOO BUSY, these are not the bridge's figures"
                               : "");
    printf("%zu overlaps, seed %lld; the agent was speaking in %zu of them (engine alone: %zu)\n",
           b->scenes.n, (long long)b->set.seed, played(b, TURNS_BRIDGE), played(b, TURNS_BARE));
    printf("bridge: all of them, those on a clean line, those with noise 15 dB below the voice; "
           "engine: the same engine left to itself\n");
    printf("%-32s %11s %9s %9s %9s %9s\n", "", "goal", "bridge", "clean", "15 dB", "engine");
    for (i = 0; i < ARRAY_LEN(rows); i++)
        print_row(b, &rows[i]);
}

static const char *verdict(const struct overlap *o, const struct outcome *r)
{
    if (!r->played)
        return "not played";
    if (o->kind == OVERLAP_THINKING)
        return r->cut_off ? "cut off" : r->answered ? NULL : "no answer";
    if (KIND(BACKCHANNEL) >> o->kind & 1 || (ASIDES >> o->kind & 1))
        return is_ignored(r) ? NULL : r->answered ? "answered" : r->cut ? "cut" : "long pause";
    if (!is_yielded(o, r))
        return !r->cut ? "not yielded" : !r->answered ? "not answered" : "late";
    return r->stop_ms > 600 ? "slow" : NULL;
}

void report_names(const struct bench *b)
{
    size_t i;

    for (i = 0; i < b->scenes.n; i++) {
        const struct overlap *o = &b->scenes.list[i];
        const struct outcome *r = &b->outcomes[TURNS_BRIDGE][i];
        const char *what = verdict(o, r);

        if (what)
            printf(
                "%-12s %-32s stop %5d ms, for good %5d ms, gap %4d ms  \"%s\" (%zu ms, at %d ms)\n",
                what, o->name, r->stop_ms, r->final_ms, r->gap_ms, o->over.words, o->over.n / 8,
                o->at_ms);
    }
}

/* ---- files ---- */

static void write_figures(const struct bench *b, struct jw *w)
{
    static const char *const modes[] = { "bridge", "engine" };
    static const char *const lines[] = { "", "Clean", "Noisy" };
    size_t i;
    int mode, line;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        jw_obj(w, rows[i].key);
        if (rows[i].goal > 0)
            jw_num(w, rows[i].at_least ? "goalAtLeast" : "goalAtMost", rows[i].goal);
        for (mode = 0; mode < TURNS_MODES; mode++) {
            for (line = LINE_ANY; line <= LINE_NOISY; line++) {
                char key[24];
                double v = figure(b, &rows[i], (enum turns_mode)mode, (enum line)line);

                (void)snprintf(key, sizeof(key), "%s%s", modes[mode], lines[line]);
                if (v < 0)
                    jw_null(w, key);
                else
                    jw_num(w, key, v);
            }
        }
        jw_end(w);
    }
}

static void write_outcome(struct jw *w, const char *key, const struct outcome *r)
{
    jw_obj(w, key);
    jw_bool(w, "played", r->played);
    jw_bool(w, "cut", r->cut);
    jw_bool(w, "answered", r->answered);
    jw_bool(w, "cutOff", r->cut_off);
    jw_i64(w, "stopMs", r->stop_ms);
    jw_i64(w, "finalMs", r->final_ms);
    jw_i64(w, "gapMs", r->gap_ms);
    jw_i64(w, "heardMs", r->heard_ms);
    jw_i64(w, "truncatedAtMs", r->kept_ms);
    jw_i64(w, "questionWaitMs", r->question_wait_ms);
    jw_end(w);
}

static void write_json(const struct bench *b, struct buf *out)
{
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "seed", b->set.seed);
    jw_i64(&w, "networkMs", b->set.net_ms);
    jw_i64(&w, "lineMs", b->set.line_ms);
    jw_i64(&w, "thinkMs", b->set.think_ms);
    jw_i64(&w, "frames", b->frames);
    jw_i64(&w, "framesLate", b->frames_late);
    jw_i64(&w, "latestFrameMs", b->latest_us / 1000);
    jw_obj(&w, "figures");
    write_figures(b, &w);
    jw_end(&w);
    jw_arr(&w, "overlaps");
    for (i = 0; i < b->scenes.n; i++) {
        jw_obj(&w, NULL);
        jw_cstr(&w, "name", b->scenes.list[i].name);
        jw_i64(&w, "lengthMs", (int64_t)b->scenes.list[i].over.n / 8);
        write_outcome(&w, "bridge", &b->outcomes[TURNS_BRIDGE][i]);
        write_outcome(&w, "engine", &b->outcomes[TURNS_BARE][i]);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    jw_text(&w, out);
    buf_add_char(out, '\n');
    jw_release(&w);
}

double report_rate(const struct bench *b, const char *key, enum turns_mode mode, double *goal)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq_c(str_c(rows[i].key), key)) {
            *goal = rows[i].goal;
            return figure(b, &rows[i], mode, LINE_ANY);
        }
    }
    return -1;
}

size_t report_stops(const struct bench *b, enum turns_mode mode, double *out)
{
    static const struct row any = { .kinds = INTERRUPTIONS, .sample = stop };
    size_t n = samples(b, &any, mode, LINE_ANY, out);

    qsort(out, n, sizeof(*out), by_value);
    return n;
}

bool report_write(const struct bench *b, const char *json_path, const char *svg_path)
{
    struct buf text = BUF_INIT(JSON_MAX);
    struct err err = ERR_INIT;
    bool ok;

    write_json(b, &text);
    ok = file_write(json_path, buf_str(&text), &err) == ERR_OK;
    buf_reset(&text);
    plot_draw(b, &text);
    ok = ok && file_write(svg_path, buf_str(&text), &err) == ERR_OK;
    if (!ok)
        fprintf(stderr, "turns_bench: %s\n", err.text);
    buf_release(&text);
    return ok;
}
