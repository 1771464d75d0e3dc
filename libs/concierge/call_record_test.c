#include "concierge/call_record.h"

#include <string.h>

#include "concierge/cost.h"
#include "test.h"

static const struct prices *list_prices(struct arena *a)
{
    const struct prices *p = NULL;

    CHECK_OK(prices_load(&p, a, NULL, NULL));
    return p;
}

enum { EVENTS = 24, ROUNDS = 400 };

/* Events with every awkwardness: the same moment, several attempts, ends before beginnings, odd data. */
static struct event an_event(struct arena *a, uint64_t *seed, int i)
{
    static const enum event_type types[] = {
        EVENT_CALL_RINGING,     EVENT_CALL_STARTED,        EVENT_CALL_TURN,
        EVENT_CALL_TOOL,        EVENT_CALL_LATENCY,        EVENT_CALL_USAGE,
        EVENT_CALL_ENDED,       EVENT_CALL_STATUS,         EVENT_CALL_HANDOFF,
        EVENT_RECORDING_STORED, EVENT_BOOKING_CHANGED,     EVENT_CALLBACK_REQUESTED,
        EVENT_CALL_DIALED,      EVENT_RECORDING_AVAILABLE, EVENT_TRANSCRIPT_READY,
    };
    static const char *const data[] = {
        "{\"from\":\"+49*\",\"promptHash\":\"h\"}",
        "{\"model\":\"m\",\"attempt\":1}",
        "{\"index\":3,\"text\":\"hello\"}",
        "{\"name\":\"holdSlot\"}",
        "{\"kind\":\"response\",\"ms\":%d}",
        "{\"audioIn\":%d,\"costMicroUsd\":7}",
        "{\"reason\":\"completed\",\"outcome\":\"booked\",\"durationMs\":%d,\"turns\":[1,2]}",
        "{\"status\":\"completed\",\"sequence\":%d,\"durationS\":70}",
        "{\"kind\":\"transfer\",\"number\":\"n%d\"}",
        "{\"object\":\"o%d\",\"status\":\"stored\",\"durationMs\":61000}",
        "{}",
        "{\"callbackId\":null}",
        "{\"durationS\":%d}",
        "{\"status\":\"completed\"}",
        "{\"segments\":%d}",
    };
    size_t t;
    struct event e = { .subject = STR("CA1") };
    struct str text;

    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    t = (size_t)(*seed >> 40) % ARRAY_LEN(types);
    e.type = types[t];
    e.source = arena_printf(a, "bridge-%d", (int)(*seed >> 35) % 3);
    e.id = arena_printf(a, "CA1/" STR_FMT "/%d", STR_ARG(e.source), i);
    e.time_us = 1795510800000000 + (int64_t)(*seed >> 50) % 4 * 1000000;
    text = str_c(data[t]);
    if (str_contains(text, STR("%"))) { /* one number, written in */
        struct str head, tail;

        (void)str_cut(text, '%', &head, &tail);
        text = arena_printf(a, STR_FMT "%d" STR_FMT, STR_ARG(head), 10 + i,
                            STR_ARG(str_from(tail, 1)));
    }
    CHECK_OK(json_parse_arena(&e.data, a, text, NULL));
    return e;
}

static struct str folded(struct arena *a, const struct event *events, const size_t *order)
{
    const struct jval *parts = NULL;
    size_t i;

    for (i = 0; i < EVENTS; i++)
        CHECK_OK(json_parse_arena(&parts, a, call_record_fold(a, parts, &events[order[i]]), NULL));
    return call_record_show(a, parts, list_prices(a));
}

TEST(the_record_is_a_function_of_the_set_of_events_and_not_of_their_order)
{
    uint64_t seed = 42;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        struct arena a = ARENA_INIT;
        struct event events[EVENTS];
        size_t order[EVENTS], i, j, t;
        struct str first, second;

        for (i = 0; i < EVENTS; i++) {
            events[i] = an_event(&a, &seed, (int)i);
            order[i] = i;
        }
        first = folded(&a, events, order);
        for (i = EVENTS - 1; i > 0; i--) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            j = (size_t)(seed >> 33) % (i + 1);
            t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
        second = folded(&a, events, order);
        if (!str_eq(first, second))
            FAIL_TEST("round %d: " STR_FMT "\nnot " STR_FMT, round, STR_ARG(second),
                      STR_ARG(first));
        arena_release(&a);
    }
}

static const struct jval *record_of(struct arena *a, const struct event *events, size_t n)
{
    const struct jval *parts = NULL, *shown = NULL;
    size_t i;

    for (i = 0; i < n; i++)
        CHECK_OK(json_parse_arena(&parts, a, call_record_fold(a, parts, &events[i]), NULL));
    CHECK_OK(json_parse_arena(&shown, a, call_record_show(a, parts, list_prices(a)), NULL));
    return shown;
}

static struct event event(struct arena *a, enum event_type type, const char *source,
                          const char *seq, const char *data)
{
    struct event e = {
        .subject = STR("CA1"), .type = type, .source = str_c(source), .time_us = 1795510800000000
    };

    e.id = arena_printf(a, "CA1/%s/%s", source, seq);
    CHECK_OK(json_parse_arena(&e.data, a, str_c(data), NULL));
    return e;
}

TEST(a_caller_who_hangs_up_after_booking_has_booked)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_BOOKING_CHANGED, "gateway", "b",
              "{\"bookingId\":\"x\",\"change\":\"booked\"}"),
        event(&a, EVENT_CALL_ENDED, "bridge-0", "1",
              "{\"reason\":\"caller_hangup\",\"outcome\":\"abandoned\"}"),
    };

    CHECK_STR(json_str(json_get(record_of(&a, e, 2), "outcome")), "booked");
    CHECK_STR(json_str(json_get(record_of(&a, e, 2), "endReason")), "caller_hangup");
    CHECK_STR(json_str(json_get(record_of(&a, &e[1], 1), "outcome")), "abandoned");
    arena_release(&a);
}

TEST(a_call_between_two_streams_is_still_live)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_CALL_RINGING, "webhook", "ringing", "{}"),
        event(&a, EVENT_CALL_STARTED, "bridge-0", "1", "{}"),
        event(&a, EVENT_CALL_ENDED, "bridge-0", "2", "{\"reason\":\"stream_lost\"}"),
        event(&a, EVENT_CALL_ENDED, "bridge-1", "2", "{\"reason\":\"completed\"}"),
    };

    CHECK_STR(json_str(json_get(record_of(&a, e, 1), "status")), "ringing");
    CHECK_STR(json_str(json_get(record_of(&a, e, 3), "status")), "live");
    CHECK_STR(json_str(json_path(record_of(&a, e, 3), "flags.0")), "failed");
    CHECK_STR(json_str(json_get(record_of(&a, e, 4), "status")), "ended");
    arena_release(&a);
}

TEST(a_transfer_that_found_nobody_is_no_transfer)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_CALL_ENDED, "bridge-0", "1",
              "{\"reason\":\"transferred\",\"outcome\":\"transferred\"}"),
        event(&a, EVENT_CALL_STARTED, "bridge-1", "1", "{}"),
        event(&a, EVENT_CALLBACK_REQUESTED, "gateway", "c", "{\"callbackId\":\"x\"}"),
        event(&a, EVENT_CALL_ENDED, "bridge-1", "2",
              "{\"reason\":\"caller_hangup\",\"outcome\":\"abandoned\"}"),
    };

    CHECK_STR(json_str(json_get(record_of(&a, e, 1), "outcome")), "transferred");
    CHECK_STR(json_str(json_get(record_of(&a, e, 4), "outcome")), "callback");
    arena_release(&a);
}

TEST(an_end_that_was_lost_leaves_the_sums_of_the_single_events)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_CALL_USAGE, "bridge-0", "1", "{\"audioOut\":10,\"costMicroUsd\":640}"),
        event(&a, EVENT_CALL_USAGE, "bridge-0", "2", "{\"usage\":{\"audioOut\":5}}"),
        event(&a, EVENT_CALL_LATENCY, "bridge-0", "3", "{\"kind\":\"first_word\",\"ms\":480}"),
        event(&a, EVENT_CALL_STATUS, "webhook", "status-completed", "{\"status\":\"completed\"}"),
    };
    const struct jval *d = record_of(&a, e, 4);

    CHECK_INT(json_i64_or(json_path(d, "costMicroUsd.engine"), 0), 640);
    CHECK_INT(json_i64_or(json_path(d, "usage.audioOut"), 0), 15);
    CHECK_INT(json_i64_or(json_path(d, "latency.firstWordMs"), 0), 480);
    CHECK_STR(json_str(json_path(d, "flags.0")), "unpriced");
    CHECK_STR(json_str(json_get(d, "status")), "ended");
    arena_release(&a);
}

TEST(a_record_tells_how_long_each_hop_took)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_CALL_STARTED, "bridge-0", "1", "{\"engineConnectMs\":210}"),
        event(&a, EVENT_CALL_STARTED, "bridge-1", "1", "{\"engineConnectMs\":900}"),
        event(&a, EVENT_CALL_TOOL, "bridge-0", "2", "{\"name\":\"x\",\"latencyMs\":700}"),
        event(&a, EVENT_CALL_TOOL, "bridge-1", "2", "{\"name\":\"x\",\"latencyMs\":40}"),
        event(&a, EVENT_CALL_TOOL, "bridge-0", "3", "{\"name\":\"y\",\"latencyMs\":300}"),
        event(&a, EVENT_CALL_LATENCY, "bridge-0", "4", "{\"kind\":\"first_word\",\"ms\":480}"),
        event(&a, EVENT_CALL_LATENCY, "bridge-0", "5", "{\"kind\":\"response\",\"ms\":820}"),
        event(&a, EVENT_CALL_LATENCY, "bridge-0", "6", "{\"kind\":\"barge_in_stop\",\"ms\":350}"),
    };
    const struct jval *latency = json_get(record_of(&a, e, ARRAY_LEN(e)), "latency");

    CHECK_INT(json_i64_or(json_get(latency, "engineConnectMs"), 0), 210);
    CHECK_INT(json_i64_or(json_get(latency, "firstWordMs"), 0), 480);
    CHECK_INT(json_i64_or(json_path(latency, "responseMs.p50"), 0), 820);
    CHECK_INT(json_i64_or(json_path(latency, "bargeInStopMs.max"), 0), 350);
    CHECK_INT(json_i64_or(json_path(latency, "toolMs.n"), 0), 3);
    CHECK_INT(json_i64_or(json_path(latency, "toolMs.p50"), 0), 300);
    CHECK_INT(json_i64_or(json_path(latency, "toolMs.max"), 0), 700);
    arena_release(&a);
}

static int64_t cost(const struct jval *record, const char *part)
{
    return json_i64_or(json_get(json_get(record, "costMicroUsd"), part), -1);
}

TEST(telephony_is_counted_in_started_minutes_of_every_leg_once_the_call_is_over)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_CALL_STARTED, "bridge-0", "1", "{}"),
        event(&a, EVENT_CALL_USAGE, "bridge-0", "2", "{\"audioOut\":10,\"costMicroUsd\":640}"),
        event(&a, EVENT_CALL_ENDED, "bridge-0", "3",
              "{\"reason\":\"transferred\",\"durationMs\":60001,"
              "\"endedAt\":\"2026-11-24T09:02:00Z\",\"costMicroUsd\":640}"),
        event(&a, EVENT_CALL_DIALED, "webhook", "dialed-CA2", "{\"durationS\":120}"),
        event(&a, EVENT_CALL_STATUS, "webhook", "status-completed",
              "{\"status\":\"completed\",\"durationS\":185}"),
        event(&a, EVENT_RECORDING_STORED, "post-call", "stored-RE1",
              "{\"status\":\"stored\",\"object\":\"o\",\"durationMs\":180000}"),
    };
    const struct jval *live = record_of(&a, e, 2), *ended = record_of(&a, e, 4);
    const struct jval *all = record_of(&a, e, 6);

    CHECK(json_path(live, "costMicroUsd.telephony") == NULL);
    CHECK_INT(cost(live, "total"), 640);
    /* Until Twilio has said how long: 09:00:00 to 09:02:00. */
    CHECK_INT(cost(ended, "telephony"), 2 * 8500 + 2 * 4400 + 2 * 14000);
    CHECK_INT(cost(all, "telephony"), 4 * 8500 + 2 * 4400 + 2 * 14000 + 3 * 2500);
    CHECK_INT(cost(all, "total"), 640 + cost(all, "telephony"));
    arena_release(&a);
}

TEST(what_has_no_price_is_flagged_and_the_rest_is_summed)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_CALL_ENDED, "bridge-0", "1",
              "{\"reason\":\"completed\",\"durationMs\":1,\"usage\":{\"audioOut\":5}}"),
        event(&a, EVENT_CALL_USAGE, "bridge-0", "2",
              "{\"usage\":{\"audioMs\":5},\"costMicroUsd\":12}"),
        event(&a, EVENT_TRANSCRIPT_READY, "post-call", "t", "{\"model\":\"m\"}"),
    };

    CHECK_STR(json_str(json_path(record_of(&a, e, 1), "flags.0")), "unpriced");
    CHECK_INT(cost(record_of(&a, e, 2), "engine"), 12);
    CHECK_STR(json_str(json_path(record_of(&a, &e[2], 1), "flags.0")), "unpriced");
    CHECK_INT(json_len(json_get(record_of(&a, &e[1], 1), "flags")), 0);
    arena_release(&a);
}

TEST(a_recording_tells_its_status_and_when_it_began)
{
    struct arena a = ARENA_INIT;
    struct event e[] = {
        event(&a, EVENT_RECORDING_STORED, "post-call", "stored-RE1",
              "{\"status\":\"stored\",\"object\":\"o\",\"startTime\":\"2026-11-24T09:00:00Z\"}"),
        event(&a, EVENT_RECORDING_STORED, "post-call", "stored-RE1",
              "{\"status\":\"absent\",\"recordingSid\":\"RE1\",\"bytes\":0}"),
        event(&a, EVENT_RECORDING_AVAILABLE, "webhook", "recording-RE1",
              "{\"status\":\"completed\",\"recordingSid\":\"RE1\"}"),
    };
    const struct jval *stored = json_get(record_of(&a, e, 1), "recording");

    CHECK_STR(json_str(json_get(stored, "status")), "stored");
    CHECK_STR(json_str(json_get(stored, "startedAt")), "2026-11-24T09:00:00Z");
    CHECK(json_get(stored, "startTime") == NULL);
    CHECK_STR(json_str(json_path(record_of(&a, &e[1], 1), "recording.status")), "absent");
    /* Of no use to the record, and no attempt of the call. */
    CHECK(json_get(record_of(&a, &e[2], 1), "recording") == NULL);
    CHECK_INT(json_i64_or(json_get(record_of(&a, &e[2], 1), "attempts"), -1), 0);
    arena_release(&a);
}
