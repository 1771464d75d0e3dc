#include <stdarg.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli.h"

enum { BAR_MAX = 40, WRAP_COLUMN = 96, TEXT_COLUMN = 20 };

struct show {
    const struct cli *cli;
    int64_t answered_ms; /* 0: not yet */
    char said[512];      /* the caller's last true words */
};

static const char DIM[] = "\033[2m", BOLD[] = "\033[1m", GREEN[] = "\033[32m", CYAN[] = "\033[36m",
                  YELLOW[] = "\033[33m", RED[] = "\033[31m", PLAIN[] = "\033[0m";

struct show *show_create(const struct cli *cli)
{
    struct show *s = MEM_NEW(struct show);

    s->cli = cli;
    return s;
}

struct show *show_destroy(struct show *s)
{
    mem_free(s);
    return NULL;
}

static const char *ink(const struct show *s, const char *colour)
{
    return s->cli->colour ? colour : "";
}

static void time_and_who(struct show *s, const char *colour, const char *who)
{
    int64_t now = clock_mono_ms(&s->cli->clock);

    if (s->answered_ms)
        printf("%s%6.1f s%s  ", ink(s, DIM), (double)(now - s->answered_ms) / 1000, ink(s, PLAIN));
    else
        printf("%10s", "");
    printf("%s%-8s%s  ", ink(s, colour), who, ink(s, PLAIN));
}

/* Words wrapped under one another. */
static void words(struct str text)
{
    size_t column = TEXT_COLUMN;
    struct str word, rest = text;

    while (rest.n) {
        str_cut(rest, ' ', &word, &rest);
        if (column + word.n > WRAP_COLUMN) {
            printf("\n%*s", TEXT_COLUMN, "");
            column = TEXT_COLUMN;
        }
        printf(STR_FMT " ", STR_ARG(word));
        column += word.n + 1;
    }
    printf("\n");
}

static void show_turn(struct show *s, const struct jval *data)
{
    struct str text = json_str(json_get(data, "text"));
    bool agent = str_eq_c(json_str(json_get(data, "role")), "agent");

    if (agent) {
        time_and_who(s, CYAN, "agent");
        words(text);
        if (json_bool_or(json_get(data, "interrupted"), false))
            printf("%*s%s(interrupted)%s\n", TEXT_COLUMN, "", ink(s, YELLOW), ink(s, PLAIN));
    } else if (!str_ieq_c(text, s->said)) {
        printf("%*s%sheard: " STR_FMT "%s\n", TEXT_COLUMN, "", ink(s, DIM), STR_ARG(text),
               ink(s, PLAIN));
    }
}

static void show_tool(struct show *s, const struct jval *data)
{
    time_and_who(s, YELLOW, "tool");
    printf(STR_FMT " " STR_FMT " %lld ms\n", STR_ARG(json_str(json_get(data, "name"))),
           STR_ARG(json_str(json_get(data, "status"))),
           (long long)json_i64_or(json_get(data, "latencyMs"), 0));
}

static void show_event(struct show *s, const struct jval *event)
{
    struct str type = json_str(json_get(event, "type"));
    const struct jval *data = json_get(event, "data");

    if (str_eq_c(type, "call.turn"))
        show_turn(s, data);
    else if (str_eq_c(type, "call.tool"))
        show_tool(s, data);
}

void show_happening(struct show *s, const struct jval *line)
{
    struct str kind = json_str(json_get(line, "kind"));
    struct str detail = json_str(json_get(line, "detail"));

    if (str_eq_c(kind, "event")) {
        show_event(s, json_get(line, "event"));
    } else if (str_eq_c(kind, "says")) {
        time_and_who(s, GREEN,
                     json_bool_or(json_get(line, "interrupting"), false) ? "caller ⚡" : "caller");
        words(json_str(json_get(line, "text")));
        (void)str_copy(s->said, sizeof(s->said), json_str(json_get(line, "text"))); /* shown only */
    } else {
        if (str_eq_c(kind, "answered"))
            s->answered_ms = clock_mono_ms(&s->cli->clock);
        if (!detail.n)
            detail = json_str(json_get(line, "callSid"));
        time_and_who(s, DIM, "phone");
        printf("%s" STR_FMT " " STR_FMT "%s\n", ink(s, DIM), STR_ARG(kind), STR_ARG(detail),
               ink(s, PLAIN));
    }
}

/* ---- the record ---- */

static void field(struct show *s, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void field(struct show *s, const char *name, const char *fmt, ...)
{
    va_list ap;

    printf("  %s%-16s%s ", ink(s, DIM), name, ink(s, PLAIN));
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

static void bar(struct show *s, const char *name, double ms, double max_ms)
{
    int n = max_ms > 0 ? (int)(ms / max_ms * BAR_MAX + 0.5) : 0, i;

    printf("  %s%-16s%s ", ink(s, DIM), name, ink(s, PLAIN));
    for (i = 0; i < n; i++)
        printf("▇");
    printf(" %.0f ms\n", ms);
}

static void latencies(struct show *s, const struct jval *call)
{
    static const struct {
        const char *name, *path;
    } rows[] = {
        { "first word", "firstWordMs" },
        { "answers, median", "responseMs.p50" },
        { "answers, p95", "responseMs.p95" },
        { "barge-in stop", "bargeInStopMs.p50" },
    };
    const struct jval *latency = json_get(call, "latency");
    double max = 0;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        max = MAX(max, json_num_or(json_path(latency, rows[i].path), 0));
    if (max <= 0)
        return;
    printf("\n");
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (json_is_num(json_path(latency, rows[i].path)))
            bar(s, rows[i].name, json_num_or(json_path(latency, rows[i].path), 0), max);
    }
    printf("\n");
}

static void list(struct show *s, const char *name, const struct jval *items,
                 const char *const *keys)
{
    struct json_iter it = json_iter(items);
    const struct jval *item;
    struct str key;
    size_t i;

    while (json_next(&it, &key, &item)) {
        printf("  %s%-16s%s", ink(s, DIM), name, ink(s, PLAIN));
        for (i = 0; keys[i]; i++)
            printf(" " STR_FMT, STR_ARG(json_str(json_get(item, keys[i]))));
        printf("\n");
    }
}

void show_record(struct show *s, const struct jval *line)
{
    static const char *const booking[] = { "service", "start", "calendar", "name", NULL };
    static const char *const lead[] = { "need", "name", NULL };
    static const char *const callback[] = { "reason", "window", NULL };
    const struct jval *record = json_get(line, "record"), *call = json_get(record, "call"),
                      *finding;
    bool passed = json_bool_or(json_get(line, "passed"), false);
    struct json_iter it = json_iter(json_get(line, "findings"));
    struct str key;

    printf("\n%srecord%s\n", ink(s, BOLD), ink(s, PLAIN));
    field(s, "call", STR_FMT, STR_ARG(json_str(json_get(call, "callSid"))));
    field(s, "outcome", "%s" STR_FMT "%s", ink(s, BOLD),
          STR_ARG(json_str(json_get(call, "outcome"))), ink(s, PLAIN));
    field(s, "end", STR_FMT, STR_ARG(json_str(json_get(call, "endReason"))));
    list(s, "booking", json_get(record, "bookings"), booking);
    list(s, "lead", json_get(record, "leads"), lead);
    list(s, "callback", json_get(record, "callbacks"), callback);
    field(s, "duration", "%.1f s", json_num_or(json_get(call, "durationMs"), 0) / 1000);
    field(s, "cost", "%.4f USD", json_num_or(json_path(call, "costMicroUsd.total"), 0) / 1e6);
    field(s, "recording", STR_FMT, STR_ARG(json_str(json_path(call, "recording.object"))));
    field(s, "transcript", STR_FMT, STR_ARG(json_str(json_path(call, "transcript.object"))));
    latencies(s, call);
    printf("  %s%s%s\n", ink(s, passed ? GREEN : RED),
           passed ? "as its scenario says" : "not as its scenario says:", ink(s, PLAIN));
    while (json_next(&it, &key, &finding))
        printf("    %s" STR_FMT "%s\n", ink(s, RED), STR_ARG(json_str(finding)), ink(s, PLAIN));
}
