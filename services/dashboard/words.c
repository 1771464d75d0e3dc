#include "dashboard/words.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/macros.h"

enum { MICRO = 1000000, CENT = 10000, JSON_TEXT_MAX = 256 * 1024, JSON_INDENT = 2 };

struct str words_money(struct arena *a, int64_t micro_usd)
{
    int64_t cents = (llabs(micro_usd) + CENT / 2) / CENT;
    const char *sign = micro_usd < 0 ? "-" : "";

    if (micro_usd > 0 && micro_usd < CENT)
        return STR("under $0.01");
    return arena_printf(a, "%s$%lld.%02d", sign, (long long)(cents / 100), (int)(cents % 100));
}

struct str words_money_exact(struct arena *a, int64_t micro_usd)
{
    return arena_printf(a, "%s$%lld.%06d", micro_usd < 0 ? "-" : "", llabs(micro_usd) / MICRO,
                        (int)(llabs(micro_usd) % MICRO));
}

struct str words_duration(struct arena *a, int64_t ms)
{
    long long s = (MAX(ms, 0) + 500) / 1000;

    if (s < 60)
        return arena_printf(a, "%lld s", s);
    if (s < 3600)
        return arena_printf(a, "%lld min %02d s", s / 60, (int)(s % 60));
    return arena_printf(a, "%lld h %02d min", s / 3600, (int)(s % 3600 / 60));
}

struct str words_position(struct arena *a, int64_t ms)
{
    long long s = MAX(ms, 0) / 1000;

    if (s < 3600)
        return arena_printf(a, "%lld:%02d", s / 60, (int)(s % 60));
    return arena_printf(a, "%lld:%02d:%02d", s / 3600, (int)(s % 3600 / 60), (int)(s % 60));
}

struct str words_ms(struct arena *a, int64_t ms)
{
    long long tenths = (ms + 50) / 100;

    if (ms < 1000)
        return arena_printf(a, "%lld ms", (long long)ms);
    return arena_printf(a, "%lld.%d s", tenths / 10, (int)(tenths % 10));
}

struct str words_percent(struct arena *a, double part, double whole)
{
    double percent = whole > 0 ? part * 100 / whole : 0;

    return arena_printf(a, "%.3f%%", MIN(MAX(percent, 0.0), 100.0));
}

/* --- dates -------------------------------------------------------------- */

static const char *const weekdays[WEEK_DAYS] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
                                                 "Friday", "Saturday", "Sunday" };
static const char *const months[] = { "January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December" };

static struct local_time local(const struct zone *z, int64_t us)
{
    return zone_local(z, us / MICRO - (us % MICRO < 0));
}

struct str words_time(struct arena *a, const struct zone *z, int64_t us)
{
    struct local_time t = local(z, us);

    return arena_printf(a, "%02d:%02d", t.minute / 60, t.minute % 60);
}

struct str words_date_time(struct arena *a, const struct zone *z, int64_t us)
{
    struct local_time t = local(z, us);

    return arena_printf(a, "%.3s %d %.3s %d, %02d:%02d", weekdays[t.weekday], t.date.day,
                        months[t.date.month - 1], t.date.year, t.minute / 60, t.minute % 60);
}

struct str words_day(struct arena *a, const struct zone *z, int64_t us, int64_t now_us)
{
    struct local_time t = local(z, us);
    int64_t ago = date_days(local(z, now_us).date) - date_days(t.date);

    if (ago == 0)
        return STR("Today");
    if (ago == 1)
        return STR("Yesterday");
    return arena_printf(a, "%s %d %s %d", weekdays[t.weekday], t.date.day, months[t.date.month - 1],
                        t.date.year);
}

/* --- names -------------------------------------------------------------- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

struct str words_sentence(struct arena *a, struct str text)
{
    char *copy;

    if (!text.n || !is_lower(text.p[0]))
        return text;
    copy = arena_dup(a, text.p, text.n);
    copy[0] = (char)(copy[0] - 'a' + 'A');
    return str_n(copy, text.n);
}

struct str words_of_name(struct arena *a, struct str name)
{
    char *out = arena_alloc(a, name.n * 2 + 1);
    size_t i, n = 0;

    for (i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (c == '_' || c == '-') {
            out[n++] = ' ';
        } else if (is_upper(c) && i && is_lower(name.p[i - 1])) {
            out[n++] = ' ';
            out[n++] = (char)(c - 'A' + 'a');
        } else {
            out[n++] = c;
        }
    }
    return words_sentence(a, str_n(out, n));
}

/* --- JSON --------------------------------------------------------------- */

static void new_line(struct buf *out, int depth)
{
    buf_addf(out, "\n%*s", depth * JSON_INDENT, "");
}

/* One character that is not inside a string. */
static void add_structure(struct buf *out, struct str text, size_t i, int *depth)
{
    char c = text.p[i];
    bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
    bool empty = opens && i + 1 < text.n && (text.p[i + 1] == '}' || text.p[i + 1] == ']');
    bool was_empty = closes && i && (text.p[i - 1] == '{' || text.p[i - 1] == '[');

    *depth += opens - closes;
    if (closes && !was_empty)
        new_line(out, *depth);
    buf_add_char(out, c);
    if (c == ':')
        buf_add_char(out, ' ');
    else if (c == ',' || (opens && !empty))
        new_line(out, *depth);
}

struct str words_json(struct arena *a, struct str compact)
{
    struct buf out = BUF_INIT(JSON_TEXT_MAX);
    bool quoted = false;
    struct str text;
    int depth = 0;
    size_t i;

    for (i = 0; i < compact.n; i++) {
        char c = compact.p[i];

        if (quoted && c == '\\' && i + 1 < compact.n) {
            buf_add(&out, &compact.p[i++], 2);
            continue;
        }
        if (c == '"')
            quoted = !quoted;
        if (quoted || c == '"')
            buf_add_char(&out, c);
        else
            add_structure(&out, compact, i, &depth);
    }
    text = buf_status(&out) ? compact : arena_str(a, buf_str(&out));
    buf_release(&out);
    return text;
}
