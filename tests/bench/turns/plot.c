#include "base/mem.h"
#include "turns/report.h"

enum {
    WIDTH = 900,
    HEIGHT = 380,
    TOP = 60,
    BASE = 320, /* of both axes */
    BARS_X = 60,
    BARS_WIDTH = 400,
    CURVE_X = 520,
    CURVE_WIDTH = 340,
    CURVE_MS = 2000,
    BAR = 22,
};

static const char *const colours[TURNS_MODES] = { "#1f6feb", "#b0b7c3" };

static const struct bar {
    const char *label, *key;
} bars[] = {
    { "backchannels", "backchannelsIgnored" },
    { "side speech", "sideSpeechIgnored" },
    { "coughs", "coughsIgnored" },
    { "yielded", "yielded" },
    { "cut off", "falseCutOffs" },
};

static double y_of(double percent)
{
    return BASE - (BASE - TOP) * percent / 100;
}

static void axis(struct buf *out, double x, double width)
{
    int percent;

    for (percent = 0; percent <= 100; percent += 25)
        buf_addf(out,
                 "<line x1='%.0f' x2='%.0f' y1='%.1f' y2='%.1f' stroke='#d8dde4'/>"
                 "<text x='%.0f' y='%.1f' text-anchor='end' fill='#57606a'>%d %%</text>\n",
                 x, x + width, y_of(percent), y_of(percent), x - 6, y_of(percent) + 4, percent);
}

static void draw_bar(const struct bench *b, struct buf *out, size_t i)
{
    const size_t each = (BARS_WIDTH - 12) / ARRAY_LEN(bars);
    double x = BARS_X + 12 + (double)(i * each), goal = 0;
    int mode;

    for (mode = 0; mode < TURNS_MODES; mode++) {
        double v = report_rate(b, bars[i].key, (enum turns_mode)mode, &goal);

        if (v >= 0)
            buf_addf(out, "<rect x='%.1f' y='%.1f' width='%d' height='%.1f' fill='%s'/>\n",
                     x + mode * (BAR + 2), y_of(v), BAR, BASE - y_of(v), colours[mode]);
    }
    if (goal > 0)
        buf_addf(
            out,
            "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#cf222e' stroke-width='2'/>\n",
            x - 4, x + 2 * BAR + 6, y_of(goal), y_of(goal));
    buf_addf(out,
             "<text x='%.1f' y='%d' text-anchor='middle' font-size='11' fill='#24292f'>%s</text>\n",
             x + BAR, BASE + 18, bars[i].label);
}

static void draw_curve(const struct bench *b, struct buf *out, enum turns_mode mode)
{
    double *v = mem_calloc(b->scenes.n + 1, sizeof(*v));
    size_t n = report_stops(b, mode, v), i;

    buf_addf(out, "<polyline fill='none' stroke='%s' stroke-width='2.5' points='%d,%d",
             colours[mode], CURVE_X, BASE);
    for (i = 0; i < n; i++) {
        double x = CURVE_X + CURVE_WIDTH * MIN(v[i], (double)CURVE_MS) / CURVE_MS;

        buf_addf(out, " %.1f,%.1f %.1f,%.1f", x, y_of(100.0 * (double)i / (double)n), x,
                 y_of(100.0 * (double)(i + 1) / (double)n));
    }
    buf_add_c(out, "'/>\n");
    mem_free(v);
}

static void draw_curves(const struct bench *b, struct buf *out)
{
    int ms, mode;

    for (ms = 0; ms <= CURVE_MS; ms += 400)
        buf_addf(out, "<text x='%d' y='%d' text-anchor='middle' fill='#24292f'>%d ms</text>\n",
                 CURVE_X + CURVE_WIDTH * ms / CURVE_MS, BASE + 18, ms);
    for (mode = TURNS_MODES - 1; mode >= 0; mode--)
        draw_curve(b, out, (enum turns_mode)mode);
}

void plot_draw(const struct bench *b, struct buf *out)
{
    size_t i;

    buf_addf(out,
             "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' "
             "font-size='12'>\n<rect width='%d' height='%d' fill='#ffffff'/>\n",
             WIDTH, HEIGHT, WIDTH, HEIGHT);
    buf_addf(out,
             "<text x='%d' y='24' font-size='15' fill='#24292f'>Ignored, yielded to, cut off</text>"
             "<text x='%d' y='24' font-size='15' fill='#24292f'>Onset of an interruption to "
             "silence at the ear</text>\n",
             BARS_X, CURVE_X);
    buf_addf(
        out,
        "<rect x='%d' y='352' width='12' height='12' fill='%s'/><text x='%d' y='363'>bridge</text>"
        "<rect x='%d' y='352' width='12' height='12' fill='%s'/><text x='%d' y='363'>the same "
        "engine by itself</text>"
        "<line x1='%d' x2='%d' y1='358' y2='358' stroke='#cf222e' stroke-width='2'/><text x='%d' "
        "y='363'>goal</text>\n",
        BARS_X, colours[0], BARS_X + 18, BARS_X + 80, colours[1], BARS_X + 98, BARS_X + 260,
        BARS_X + 276, BARS_X + 282);
    axis(out, BARS_X, BARS_WIDTH);
    for (i = 0; i < ARRAY_LEN(bars); i++)
        draw_bar(b, out, i);
    axis(out, CURVE_X, CURVE_WIDTH);
    draw_curves(b, out);
    buf_add_c(out, "</svg>\n");
}
