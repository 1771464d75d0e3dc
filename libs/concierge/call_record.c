#include "concierge/call_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "concierge/cost.h"
#include "concierge/end_reason.h"

enum { SINGLES_MAX = 12, TOOL_NAMES_MAX = 64 };

/* --- what is kept ------------------------------------------------------------------------------ */

/* Of each of these the latest event counts: greatest sequence, then time, then id. */
static const struct single {
    enum event_type type;
    const char *name; /* under parts */
    const char *keep; /* members of data */
} singles[] = {
    { EVENT_CALL_RINGING, "ringing", "from|to|direction|promptHash" },
    { EVENT_CALL_STATUS, "status", "status|sequence|durationS" },
    { EVENT_CALL_HANDOFF, "handoff", "kind|reason|number" },
    { EVENT_RECORDING_STORED, "stored",
      "status|recordingSid|startTime|bucket|object|bytes|durationMs|channels|crc32c" },
    { EVENT_TRANSCRIPT_READY, "transcript",
      "recordingSid|bucket|object|segments|model|costMicroUsd" },
    { EVENT_SUMMARY_READY, "summary", "summary|model|costMicroUsd" },
    { EVENT_CALLBACK_REQUESTED, "callback",
      "callbackId|reason|number|window|summary|recordingSid" },
    { EVENT_CALLBACK_DONE, "callbackDone", "callbackId" },
    { EVENT_BOOKING_CHANGED, "booking", "bookingId|change|calendar|start|end|service" },
    { EVENT_LEAD_CAPTURED, "lead", "leadId|qualified|review" },
};
_Static_assert(ARRAY_LEN(singles) <= SINGLES_MAX, "room for each");

static const char started_keep[] = "streamSid|model|voice|promptHash|engineConnectMs";
static const char ended_keep[] =
    "reason|outcome|summary|startedAt|endedAt|durationMs|usage|costMicroUsd|"
    "latency|counters";

const char *const call_record_times[] = { "startedAt", "endedAt", "firstEventAt", "lastEventAt" };
const size_t call_record_n_times = ARRAY_LEN(call_record_times);

struct tool_count {
    struct str name;
    int64_t n;
};

struct sorted_ms {
    int64_t *items;
    size_t n;
};

struct attempt {
    int number;
    const struct jval *started, *ended; /* {at,id,rank,data} */
    struct usage usage;
    int64_t cost, unpriced, turns, first_word_ms; /* first_word_ms -1: none */
    struct sorted_ms response, stop, tool;
    struct tool_count *tools;
    size_t n_tools;
};

struct record {
    struct str call_sid;
    const struct jval *single[SINGLES_MAX];
    struct attempt *attempts; /* by number */
    size_t n_attempts;
    int64_t n, first_us, last_us;
    int64_t dialed_min; /* started minutes of the legs to people */
};

/* --- reading and writing parts -------------------------------------------------------------------- */

static int ms_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static struct sorted_ms read_ms(struct arena *a, const struct jval *v)
{
    struct json_iter it = json_iter(v);
    struct sorted_ms s = { ARENA_ARRAY(a, int64_t, json_len(v) + 1), 0 };
    const struct jval *x;

    while (json_next(&it, NULL, &x) && s.n < CALL_LATENCIES_MAX)
        s.items[s.n++] = json_i64_or(x, 0);
    qsort(s.items, s.n, sizeof(*s.items), ms_order);
    return s;
}

static void write_ms(struct jw *w, const char *key, const struct sorted_ms *s)
{
    size_t i;

    jw_arr(w, key);
    for (i = 0; i < s->n; i++)
        jw_i64(w, NULL, s->items[i]);
    jw_end(w);
}

/* The smallest stay when there are too many: which ones must not depend on their order. */
static void add_ms(struct sorted_ms *s, int64_t ms)
{
    if (s->n == CALL_LATENCIES_MAX) {
        if (ms < s->items[s->n - 1])
            s->items[s->n - 1] = ms;
    } else {
        s->items[s->n++] = ms;
    }
    qsort(s->items, s->n, sizeof(*s->items), ms_order);
}

static void read_attempt(struct arena *a, struct attempt *t, const struct jval *v)
{
    const struct jval *tools = json_get(v, "tools"), *n;
    struct json_iter it = json_iter(tools);
    struct str name;

    t->number = (int)json_i64_or(json_get(v, "attempt"), 0);
    t->started = json_get(v, "started");
    t->ended = json_get(v, "ended");
    t->usage = usage_read(json_get(v, "usage"));
    t->cost = json_i64_or(json_get(v, "cost"), 0);
    t->unpriced = json_i64_or(json_get(v, "unpriced"), 0);
    t->turns = json_i64_or(json_get(v, "turns"), 0);
    t->first_word_ms = json_i64_or(json_get(v, "firstWordMs"), -1);
    t->response = read_ms(a, json_get(v, "responseMs"));
    t->stop = read_ms(a, json_get(v, "bargeInStopMs"));
    t->tool = read_ms(a, json_get(v, "toolMs"));
    t->tools = ARENA_ARRAY(a, struct tool_count, TOOL_NAMES_MAX);
    while (t->n_tools < TOOL_NAMES_MAX && json_next(&it, &name, &n))
        t->tools[t->n_tools++] = (struct tool_count){ name, json_i64_or(n, 0) };
}

static void write_attempt(struct jw *w, struct arena *a, const struct attempt *t)
{
    size_t i;

    jw_obj(w, NULL);
    jw_i64(w, "attempt", t->number);
    if (t->started)
        jw_val(w, "started", t->started);
    if (t->ended)
        jw_val(w, "ended", t->ended);
    usage_write(w, "usage", &t->usage);
    jw_i64(w, "cost", t->cost);
    jw_i64(w, "unpriced", t->unpriced);
    jw_i64(w, "turns", t->turns);
    jw_i64(w, "firstWordMs", t->first_word_ms);
    write_ms(w, "responseMs", &t->response);
    write_ms(w, "bargeInStopMs", &t->stop);
    write_ms(w, "toolMs", &t->tool);
    jw_obj(w, "tools");
    for (i = 0; i < t->n_tools; i++)
        jw_i64(w, arena_cstr(a, t->tools[i].name), t->tools[i].n);
    jw_end(w);
    jw_end(w);
}

static struct record read_record(struct arena *a, const struct jval *parts)
{
    struct record r = {
        .call_sid = json_str(json_get(parts, "callSid")),
        .n = json_i64_or(json_get(parts, "n"), 0),
        .first_us = json_i64_or(json_get(parts, "first"), INT64_MAX),
        .last_us = json_i64_or(json_get(parts, "last"), 0),
        .dialed_min = json_i64_or(json_get(parts, "dialedMin"), 0),
        .attempts = ARENA_ARRAY(a, struct attempt, CALL_ATTEMPTS_MAX),
    };
    struct json_iter it = json_iter(json_get(parts, "attempts"));
    const struct jval *v;
    size_t i;

    for (i = 0; i < ARRAY_LEN(singles); i++)
        r.single[i] = json_get(json_get(parts, "latest"), singles[i].name);
    while (r.n_attempts < CALL_ATTEMPTS_MAX && json_next(&it, NULL, &v))
        read_attempt(a, &r.attempts[r.n_attempts++], v);
    return r;
}

static void write_parts(struct jw *w, struct arena *a, const char *key, const struct record *r)
{
    size_t i;

    jw_obj(w, key);
    jw_str(w, "callSid", r->call_sid);
    jw_i64(w, "n", r->n);
    jw_i64(w, "first", r->first_us);
    jw_i64(w, "last", r->last_us);
    jw_i64(w, "dialedMin", r->dialed_min);
    jw_obj(w, "latest");
    for (i = 0; i < ARRAY_LEN(singles); i++) {
        if (r->single[i])
            jw_val(w, singles[i].name, r->single[i]);
    }
    jw_end(w);
    jw_arr(w, "attempts");
    for (i = 0; i < r->n_attempts; i++)
        write_attempt(w, a, &r->attempts[i]);
    jw_end(w);
    jw_end(w);
}

/* --- fold ----------------------------------------------------------------------------------------- */

static void keep_members(struct jw *w, struct arena *a, const struct jval *data, const char *keep)
{
    struct str rest = str_c(keep), name;

    jw_obj(w, "data");
    while (rest.n) {
        const struct jval *v;
        const char *key;

        (void)str_cut(rest, '|', &name, &rest); /* the last name stands before no bar */
        key = arena_cstr(a, name);
        v = json_get(data, key);
        if (!json_is_null(v))
            jw_val(w, key, v);
    }
    /* The ordered transcript lies beside the record, not in it. */
    if (json_is_arr(json_get(data, "turns")))
        jw_i64(w, "turnCount", (int64_t)json_len(json_get(data, "turns")));
    jw_end(w);
}

static const struct jval *stamped(struct arena *a, const struct event *e, const char *keep)
{
    const struct jval *ret = NULL;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "rank", json_i64_or(json_get(e->data, "sequence"), 0));
    jw_i64(&w, "at", e->time_us);
    jw_str(&w, "id", e->id);
    keep_members(&w, a, e->data, keep);
    jw_end(&w);
    /* Our own text parses. */
    return json_parse_arena(&ret, a, jw_finish(&w, a), NULL) ? NULL : ret;
}

static int64_t number(const struct jval *v, const char *key)
{
    return json_i64_or(json_get(v, key), 0);
}

static bool later(const struct jval *a, const struct jval *b)
{
    int64_t rank = number(a, "rank") - number(b, "rank"), at = number(a, "at") - number(b, "at");

    if (rank)
        return rank > 0;
    return at ? at > 0 : str_cmp(json_str(json_get(a, "id")), json_str(json_get(b, "id"))) > 0;
}

static void take_latest(struct arena *a, const struct jval **slot, const struct event *e,
                        const char *keep)
{
    const struct jval *v = stamped(a, e, keep);

    if (v && (!*slot || later(v, *slot)))
        *slot = v;
}

/* "bridge-2" is attempt 2; events of others that belong to an attempt say so. */
static int attempt_of(const struct event *e)
{
    int64_t n = 0;

    if (!str_starts(e->source, STR("bridge-")) || str_to_i64(str_from(e->source, 7), 0, 1000, &n))
        n = json_i64_or(json_get(e->data, "attempt"), 0);
    return (int)MAX(MIN(n, 1000), 0);
}

/* Attempts beyond the limit are counted with the highest number there is room for. */
static struct attempt *find_attempt(struct arena *a, struct record *r, int wanted)
{
    size_t i, at;
    int n = MIN(wanted, CALL_ATTEMPTS_MAX - 1);

    for (at = 0; at < r->n_attempts && r->attempts[at].number < n; at++)
        ;
    if (at < r->n_attempts && r->attempts[at].number == n)
        return &r->attempts[at];
    for (i = r->n_attempts++; i > at; i--)
        r->attempts[i] = r->attempts[i - 1];
    memset(&r->attempts[at], 0, sizeof(r->attempts[at]));
    read_attempt(a, &r->attempts[at], NULL);
    r->attempts[at].number = n;
    return &r->attempts[at];
}

/* By name; beyond the limit a name is not counted (there are not so many tools). */
static void count_tool(struct arena *a, struct attempt *t, struct str name)
{
    size_t i, at;

    for (at = 0; at < t->n_tools && str_cmp(t->tools[at].name, name) < 0; at++)
        ;
    if (at < t->n_tools && str_eq(t->tools[at].name, name)) {
        t->tools[at].n++;
        return;
    }
    if (!name.n || t->n_tools == TOOL_NAMES_MAX)
        return;
    for (i = t->n_tools++; i > at; i--)
        t->tools[i] = t->tools[i - 1];
    t->tools[at] = (struct tool_count){ arena_str(a, str_slice(name, 0, 64)), 1 };
}

static void fold_tool(struct arena *a, struct attempt *t, const struct jval *data)
{
    count_tool(a, t, json_str(json_get(data, "name")));
    if (json_is_num(json_get(data, "latencyMs")))
        add_ms(&t->tool, number(data, "latencyMs"));
}

static bool priced(const struct jval *data)
{
    return json_is_num(json_get(data, "costMicroUsd"));
}

static void fold_usage(struct attempt *t, const struct jval *data)
{
    const struct jval *counts = json_get(data, "usage");
    struct usage u = usage_read(counts ? counts : data);

    usage_add(&t->usage, &u);
    if (priced(data))
        t->cost += number(data, "costMicroUsd");
    else
        t->unpriced++;
}

static void fold_latency(struct attempt *t, const struct jval *data)
{
    struct str kind = json_str(json_get(data, "kind"));
    int64_t ms = number(data, "ms");

    if (str_eq_c(kind, "first_word"))
        t->first_word_ms = t->first_word_ms < 0 ? ms : MIN(t->first_word_ms, ms);
    else if (str_eq_c(kind, "response"))
        add_ms(&t->response, ms);
    else if (str_eq_c(kind, "barge_in_stop"))
        add_ms(&t->stop, ms);
}

static bool is_of_attempt(enum event_type t)
{
    return t == EVENT_CALL_STARTED || t == EVENT_CALL_TURN || t == EVENT_CALL_TOOL ||
           t == EVENT_CALL_LATENCY || t == EVENT_CALL_USAGE || t == EVENT_CALL_ENDED;
}

static void fold_attempt(struct arena *a, struct record *r, const struct event *e)
{
    struct attempt *t = find_attempt(a, r, attempt_of(e));

    if (e->type == EVENT_CALL_STARTED)
        take_latest(a, &t->started, e, started_keep);
    else if (e->type == EVENT_CALL_ENDED)
        take_latest(a, &t->ended, e, ended_keep);
    else if (e->type == EVENT_CALL_TURN)
        t->turns++;
    else if (e->type == EVENT_CALL_TOOL)
        fold_tool(a, t, e->data);
    else if (e->type == EVENT_CALL_USAGE)
        fold_usage(t, e->data);
    else if (e->type == EVENT_CALL_LATENCY)
        fold_latency(t, e->data);
}

struct str call_record_fold(struct arena *a, const struct jval *parts, const struct event *e)
{
    struct record r = read_record(a, parts);
    struct jw w;
    size_t i;

    r.call_sid = e->subject;
    r.n++;
    r.first_us = MIN(r.first_us, e->time_us);
    r.last_us = MAX(r.last_us, e->time_us);
    for (i = 0; i < ARRAY_LEN(singles) && singles[i].type != e->type; i++)
        ;
    if (i < ARRAY_LEN(singles))
        take_latest(a, &r.single[i], e, singles[i].keep);
    else if (e->type == EVENT_CALL_DIALED)
        r.dialed_min += started_minutes(number(e->data, "durationS") * 1000);
    else if (is_of_attempt(e->type))
        fold_attempt(a, &r, e);
    jw_init(&w);
    write_parts(&w, a, NULL, &r);
    return jw_finish(&w, a);
}

/* --- show ------------------------------------------------------------------------------------------- */

static const struct jval *data_of(const struct jval *part)
{
    return json_get(part, "data");
}

static const struct jval *single(const struct record *r, enum event_type type)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(singles); i++) {
        if (singles[i].type == type)
            return data_of(r->single[i]);
    }
    return NULL;
}

static const struct jval *single_part(const struct record *r, enum event_type type)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(singles); i++) {
        if (singles[i].type == type)
            return r->single[i];
    }
    return NULL;
}

static struct str text(const struct jval *v, const char *key)
{
    return json_str(json_get(v, key));
}

static void show_text(struct jw *w, const char *key, struct str v)
{
    if (v.n)
        jw_str(w, key, v);
}

static void show_time(struct jw *w, const char *key, int64_t us)
{
    char out[TIME_TEXT_MAX];

    time_rfc3339(out, us);
    jw_cstr(w, key, out);
}

/* The last one that has ended, with its end. */
static const struct attempt *last_end(const struct record *r)
{
    size_t i;

    for (i = r->n_attempts; i-- > 0;) {
        if (r->attempts[i].ended)
            return &r->attempts[i];
    }
    return NULL;
}

static enum end_reason end_reason_of(const struct attempt *t)
{
    return t ? end_reason_find(text(data_of(t->ended), "reason")) : END_REASONS;
}

static bool twilio_over(const struct record *r)
{
    static const char *const over[] = { "completed", "busy", "failed", "no-answer", "canceled" };
    struct str status = text(single(r, EVENT_CALL_STATUS), "status");
    size_t i;

    for (i = 0; i < ARRAY_LEN(over); i++) {
        if (str_eq_c(status, over[i]))
            return true;
    }
    return false;
}

static const char *status_of(const struct record *r)
{
    const struct attempt *last = r->n_attempts ? &r->attempts[r->n_attempts - 1] : NULL;
    enum end_reason reason = last && last->ended ? end_reason_of(last) : END_REASONS;

    if (twilio_over(r) ||
        (last && last->ended && !(reason < END_REASONS && end_reason_info(reason)->resumes)))
        return "ended";
    return last ? "live" : "ringing";
}

static bool is_transferred(const struct call_outcome *o)
{
    return str_eq_c(str_c(o->name), "transferred");
}

/* The last word counts. A stream after a transfer means that nobody took the call. */
static const struct call_outcome *claimed_outcome(const struct record *r)
{
    size_t i;

    for (i = r->n_attempts; i-- > 0;) {
        const struct call_outcome *o =
            call_outcome_find(text(data_of(r->attempts[i].ended), "outcome"));

        if (o && o->by_model && o != call_outcome_find(STR("silent")) &&
            !(is_transferred(o) && i + 1 < r->n_attempts))
            return o;
    }
    return NULL;
}

static const struct call_outcome *seen_outcome(const struct record *r)
{
    const struct call_outcome *best = NULL, *o;
    size_t i;

    for (i = 0; i < r->n_attempts; i++) {
        o = call_outcome_find(text(data_of(r->attempts[i].ended), "outcome"));
        if (o && !is_transferred(o) && (!best || o->rank > best->rank))
            best = o;
    }
    return best;
}

/* What the agent said came out; else what stands on record; else what the bridge saw. */
static struct str outcome_of(const struct record *r)
{
    const struct call_outcome *claimed = claimed_outcome(r), *seen = seen_outcome(r);

    if (claimed)
        return str_c(claimed->name);
    if (str_eq_c(text(single(r, EVENT_BOOKING_CHANGED), "change"), "booked"))
        return STR("booked");
    if (r->n_attempts && end_reason_of(&r->attempts[r->n_attempts - 1]) == END_TRANSFERRED)
        return STR("transferred");
    if (single(r, EVENT_LEAD_CAPTURED))
        return STR("lead");
    if (single(r, EVENT_CALLBACK_REQUESTED))
        return text(single(r, EVENT_CALLBACK_REQUESTED), "recordingSid").n ? STR("voicemail")
                                                                           : STR("callback");
    return seen ? str_c(seen->name) : STR_EMPTY;
}

static int64_t started_us(const struct record *r)
{
    int64_t us = INT64_MAX;
    size_t i;

    if (single_part(r, EVENT_CALL_RINGING))
        us = number(single_part(r, EVENT_CALL_RINGING), "at");
    for (i = 0; i < r->n_attempts; i++) {
        if (r->attempts[i].started)
            us = MIN(us, number(r->attempts[i].started, "at"));
    }
    return us == INT64_MAX ? r->first_us : us;
}

static int64_t ended_us(const struct record *r)
{
    int64_t us = 0, said;
    size_t i;

    for (i = 0; i < r->n_attempts; i++) {
        const struct jval *e = r->attempts[i].ended;

        if (!e)
            continue;
        if (time_parse_rfc3339(text(data_of(e), "endedAt"), &said))
            said = number(e, "at");
        us = MAX(us, said);
    }
    if (twilio_over(r))
        us = MAX(us, us ? us : number(single_part(r, EVENT_CALL_STATUS), "at"));
    return us;
}

struct totals {
    struct usage usage;
    int64_t cost, unpriced, turns, tool_calls, first_word_ms;
    struct sorted_ms response, stop, tool;
};

static void add_all(struct sorted_ms *to, const struct sorted_ms *from)
{
    size_t i;

    for (i = 0; i < from->n; i++)
        to->items[to->n++] = from->items[i];
}

/* Its end states an attempt's totals; until then (or when it was lost) the single events make them. */
static void add_attempt(struct totals *s, struct arena *a, const struct attempt *t)
{
    const struct jval *end = data_of(t->ended), *latency = json_get(end, "latency");
    struct usage u = json_get(end, "usage") ? usage_read(json_get(end, "usage")) : t->usage;
    struct sorted_ms response =
        latency ? read_ms(a, json_get(latency, "response_ms")) : t->response;
    struct sorted_ms stop = latency ? read_ms(a, json_get(latency, "barge_in_stop_ms")) : t->stop;
    int64_t first = json_i64_or(json_get(latency, "first_word_ms"), t->first_word_ms);
    size_t i;

    usage_add(&s->usage, &u);
    s->cost += json_i64_or(json_get(end, "costMicroUsd"), t->cost);
    s->unpriced += t->unpriced || (json_len(json_get(end, "usage")) && !priced(end));
    /* The end leaves out what would make it too long; a turn's own event may be lost. */
    s->turns += MAX(number(end, "turnCount"), t->turns);
    for (i = 0; i < t->n_tools; i++)
        s->tool_calls += t->tools[i].n;
    if (first >= 0 && s->first_word_ms < 0)
        s->first_word_ms = first; /* the caller's first wait is the first attempt's */
    add_all(&s->response, &response);
    add_all(&s->stop, &stop);
    add_all(&s->tool, &t->tool);
}

static struct totals total(const struct record *r, struct arena *a)
{
    size_t max = r->n_attempts * CALL_LATENCIES_MAX + 1, i;
    struct totals s = { .first_word_ms = -1 };

    s.response.items = ARENA_ARRAY(a, int64_t, max);
    s.stop.items = ARENA_ARRAY(a, int64_t, max);
    s.tool.items = ARENA_ARRAY(a, int64_t, max);
    for (i = 0; i < r->n_attempts; i++)
        add_attempt(&s, a, &r->attempts[i]);
    qsort(s.response.items, s.response.n, sizeof(int64_t), ms_order);
    qsort(s.stop.items, s.stop.n, sizeof(int64_t), ms_order);
    qsort(s.tool.items, s.tool.n, sizeof(int64_t), ms_order);
    return s;
}

static void show_spread(struct jw *w, const char *key, const struct sorted_ms *s)
{
    if (!s->n)
        return;
    jw_obj(w, key);
    jw_i64(w, "p50", s->items[(s->n - 1) / 2]);
    jw_i64(w, "p95", s->items[(s->n * 95 + 99) / 100 - 1]);
    jw_i64(w, "max", s->items[s->n - 1]);
    jw_i64(w, "n", (int64_t)s->n);
    jw_end(w);
}

static void show_tools(struct jw *w, struct arena *a, const struct record *r)
{
    struct attempt all = { .tools = ARENA_ARRAY(a, struct tool_count, TOOL_NAMES_MAX) };
    size_t i, j;
    int64_t k;

    for (i = 0; i < r->n_attempts; i++) {
        for (j = 0; j < r->attempts[i].n_tools; j++) {
            for (k = 0; k < r->attempts[i].tools[j].n; k++)
                count_tool(a, &all, r->attempts[i].tools[j].name);
        }
    }
    jw_obj(w, "tools");
    for (i = 0; i < all.n_tools; i++)
        jw_i64(w, arena_cstr(a, all.tools[i].name), all.tools[i].n);
    jw_end(w);
}

/* How long Twilio was used, in its own count as soon as that is known. */
static int64_t call_ms(const struct record *r)
{
    const struct jval *said = json_get(single(r, EVENT_CALL_STATUS), "durationS");

    if (json_is_int(said))
        return json_i64_or(said, 0) * 1000;
    return MAX((ended_us(r) - started_us(r)) / 1000, 0);
}

static struct telephony_minutes telephony_of(const struct record *r)
{
    const struct jval *stored = single(r, EVENT_RECORDING_STORED);
    int64_t whole_ms = call_ms(r);
    struct telephony_minutes m = { .inbound = started_minutes(whole_ms),
                                   .outbound = r->dialed_min };
    size_t i;

    for (i = 0; i < r->n_attempts; i++) {
        const struct jval *end = data_of(r->attempts[i].ended);

        /* A stream whose end is not on record cannot have been longer than the call. */
        m.media_stream += started_minutes(json_i64_or(json_get(end, "durationMs"), whole_ms));
    }
    if (text(stored, "object").n)
        m.recording = started_minutes(number(stored, "durationMs"));
    return m;
}

static bool is_over(const struct record *r)
{
    return str_eq_c(str_c(status_of(r)), "ended");
}

static void show_cost(struct jw *w, const struct record *r, const struct totals *s,
                      const struct prices *prices)
{
    int64_t transcription = number(single(r, EVENT_TRANSCRIPT_READY), "costMicroUsd");
    int64_t summary = number(single(r, EVENT_SUMMARY_READY), "costMicroUsd");
    struct telephony_minutes minutes = telephony_of(r);
    int64_t telephony = is_over(r) ? cost_of_telephony(prices, &minutes) : 0;

    jw_obj(w, "costMicroUsd");
    jw_i64(w, "engine", s->cost);
    jw_i64(w, "transcription", transcription);
    jw_i64(w, "summary", summary);
    if (is_over(r))
        jw_i64(w, "telephony", telephony);
    jw_i64(w, "total", s->cost + transcription + summary + telephony);
    jw_end(w);
}

static void show_numbers(struct jw *w, struct arena *a, const struct record *r,
                         const struct prices *prices)
{
    struct totals s = total(r, a);

    show_cost(w, r, &s, prices);
    usage_write(w, "usage", &s.usage);
    jw_obj(w, "latency");
    if (s.first_word_ms >= 0)
        jw_i64(w, "firstWordMs", s.first_word_ms);
    if (r->n_attempts && json_is_num(json_get(data_of(r->attempts[0].started), "engineConnectMs")))
        jw_i64(w, "engineConnectMs", number(data_of(r->attempts[0].started), "engineConnectMs"));
    show_spread(w, "responseMs", &s.response);
    show_spread(w, "bargeInStopMs", &s.stop);
    show_spread(w, "toolMs", &s.tool);
    jw_end(w);
    jw_i64(w, "turns", s.turns);
    jw_i64(w, "toolCalls", s.tool_calls);
    show_tools(w, a, r);
}

/* Something was used that has no price. */
static bool is_unpriced(const struct record *r, const struct totals *s)
{
    const struct jval *transcript = single(r, EVENT_TRANSCRIPT_READY);
    const struct jval *summary = single(r, EVENT_SUMMARY_READY);

    return s->unpriced || (transcript && !priced(transcript)) || (summary && !priced(summary));
}

static void show_flags(struct jw *w, struct arena *a, const struct record *r)
{
    enum end_reason reason = end_reason_of(last_end(r));
    struct totals s = total(r, a);

    jw_arr(w, "flags");
    if (reason < END_REASONS && end_reason_info(reason)->failed)
        jw_cstr(w, NULL, "failed");
    if (json_bool_or(json_get(single(r, EVENT_LEAD_CAPTURED), "review"), false))
        jw_cstr(w, NULL, "lead_review");
    if (r->n_attempts > 1)
        jw_cstr(w, NULL, "resumed");
    if (is_unpriced(r, &s))
        jw_cstr(w, NULL, "unpriced");
    jw_end(w);
}

static void show_who(struct jw *w, const struct record *r)
{
    const struct jval *ringing = single(r, EVENT_CALL_RINGING);
    const struct jval *started = NULL;
    size_t i;

    for (i = 0; i < r->n_attempts; i++) {
        if (r->attempts[i].started)
            started = data_of(r->attempts[i].started);
    }
    show_text(w, "from", text(ringing, "from"));
    show_text(w, "to", text(ringing, "to"));
    show_text(w, "direction", text(ringing, "direction"));
    show_text(w, "model", text(started, "model"));
    show_text(w, "voice", text(started, "voice"));
    show_text(w, "promptHash",
              text(started, "promptHash").n ? text(started, "promptHash")
                                            : text(ringing, "promptHash"));
}

static void show_end(struct jw *w, const struct record *r)
{
    const struct attempt *last = last_end(r);
    const struct jval *end = last ? data_of(last->ended) : NULL;
    int64_t from = started_us(r), to = ended_us(r);

    jw_cstr(w, "status", status_of(r));
    show_time(w, "startedAt", from);
    if (to) {
        show_time(w, "endedAt", to);
        jw_i64(w, "durationMs", MAX((to - from) / 1000, 0));
    }
    show_text(w, "outcome", outcome_of(r));
    show_text(w, "endReason", text(end, "reason"));
    show_text(w, "summary",
              text(single(r, EVENT_SUMMARY_READY), "summary").n
                  ? text(single(r, EVENT_SUMMARY_READY), "summary")
                  : text(end, "summary"));
    jw_i64(w, "attempts", (int64_t)r->n_attempts);
    show_text(w, "twilioStatus", text(single(r, EVENT_CALL_STATUS), "status"));
    if (json_is_int(json_get(single(r, EVENT_CALL_STATUS), "durationS")))
        jw_i64(w, "callSeconds", number(single(r, EVENT_CALL_STATUS), "durationS"));
}

static void show_recording(struct jw *w, const struct jval *stored)
{
    struct json_iter it = json_iter(stored);
    const struct jval *v;
    struct str name;

    if (!stored)
        return;
    jw_obj(w, "recording");
    while (json_next(&it, &name, &v))
        jw_key_val(w, str_eq_c(name, "startTime") ? STR("startedAt") : name, v);
    jw_end(w);
}

static void show_after(struct jw *w, const struct record *r)
{
    if (single(r, EVENT_CALL_HANDOFF))
        jw_val(w, "handoff", single(r, EVENT_CALL_HANDOFF));
    show_recording(w, single(r, EVENT_RECORDING_STORED));
    if (single(r, EVENT_TRANSCRIPT_READY))
        jw_val(w, "transcript", single(r, EVENT_TRANSCRIPT_READY));
    if (single(r, EVENT_CALLBACK_REQUESTED)) {
        show_text(w, "callbackId", text(single(r, EVENT_CALLBACK_REQUESTED), "callbackId"));
        jw_bool(w, "callbackDone", single(r, EVENT_CALLBACK_DONE) != NULL);
    }
    show_text(w, "bookingId", text(single(r, EVENT_BOOKING_CHANGED), "bookingId"));
    if (single(r, EVENT_BOOKING_CHANGED))
        jw_val(w, "booking", single(r, EVENT_BOOKING_CHANGED));
    show_text(w, "leadId", text(single(r, EVENT_LEAD_CAPTURED), "leadId"));
}

struct str call_record_show(struct arena *a, const struct jval *parts, const struct prices *prices)
{
    struct record r = read_record(a, parts);
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "callSid", r.call_sid);
    show_who(&w, &r);
    show_end(&w, &r);
    show_numbers(&w, a, &r, prices);
    show_after(&w, &r);
    show_flags(&w, a, &r);
    show_time(&w, "firstEventAt", r.first_us);
    show_time(&w, "lastEventAt", r.last_us);
    jw_i64(&w, "events", r.n);
    write_parts(&w, a, "parts", &r);
    jw_end(&w);
    return jw_finish(&w, a);
}
