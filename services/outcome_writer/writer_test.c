#include "outcome_writer/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "concierge/fake_cloud_test.h"

/* The writer on its real route, beside a fake Firestore. */
struct office {
    struct fake_cloud cloud;
    struct writer_settings settings;
    struct writer *writer;
    struct fake_service service;
};

static const struct str emails[] = { { "push@p.example", 14 } };
static const struct str audiences[] = { { "http://writer", 13 } };

static void office_open(struct office *o)
{
    struct err err = ERR_INIT;

    memset(o, 0, sizeof(*o));
    fake_cloud_open(&o->cloud, "2026-11-24T09:00:00Z");
    o->settings.service.project = STR("p");
    o->settings.google = o->cloud.settings;
    o->settings.profile_path = STR(VC_SOURCE_DIR "/evals/profiles/clinic.yaml");
    o->settings.oidc = (struct oidc_settings){ .audiences = { audiences, 1 },
                                               .emails = { emails, 1 },
                                               .certs_url = STR("http://127.0.0.1:1/certs"),
                                               .check = OIDC_CLAIMS };
    if (writer_create(&o->writer, &o->settings, &o->cloud.clock.clock, &o->cloud.arena, &err))
        FAIL_TEST("%s", err.text);
    fake_service_open(&o->service, &o->cloud, writer_routes, writer_n_routes, o->writer);
}

static void office_close(struct office *o)
{
    fake_service_close(&o->service);
    o->writer = writer_destroy(o->writer);
    fake_cloud_close(&o->cloud);
}

static struct str envelope(struct arena *a, struct str event)
{
    return arena_printf(a,
                        "{\"message\":{\"data\":\"" STR_FMT
                        "\",\"messageId\":\"1\",\"publishTime\":"
                        "\"2026-11-24T09:00:00Z\",\"orderingKey\":\"CA1\"},\"subscription\":"
                        "\"projects/p/subscriptions/s\"}",
                        STR_ARG(base64_text(a, event)));
}

static int post(struct office *o, struct ctx *ctx, struct str body, bool with_token)
{
    const struct http_header headers[] = {
        { STR("Content-Type"), STR("application/json") },
        { STR("Authorization"),
          arena_printf(
              ctx->arena, "Bearer " STR_FMT,
              STR_ARG(fake_token(&o->cloud, ctx->arena, "http://writer", "push@p.example"))) },
    };
    struct http_request req = {
        .url = arena_printf(ctx->arena, "http://127.0.0.1:%d/push/events",
                            http_server_port(o->service.server)),
        .headers = headers,
        .n_headers = with_token ? 2 : 1,
        .body = body,
        .timeout_ms = 30000,
    };
    struct http_response res = { 0 };
    struct err err = ERR_INIT;

    if (http_do(ctx->http, ctx->arena, &req, &res, &err))
        FAIL_TEST("%s", err.text);
    return res.status;
}

/* One call with a resume, a booking and everything after it. */
static const struct {
    const char *type, *source, *seq, *at, *data;
} story[] = {
    { "call.ringing", "webhook", "ringing", "09:00:00",
      "{\"from\":\"+4917*****67\",\"to\":\"+4930555100\",\"direction\":\"inbound\",\"promptHash\":"
      "\"abc\"}" },
    { "call.started", "bridge-0", "1", "09:00:01",
      "{\"attempt\":0,\"streamSid\":\"MZ1\",\"model\":\"gpt-realtime-2.1\",\"voice\":\"marin\","
      "\"promptHash\":\"abc\",\"engineConnectMs\":180}" },
    { "call.turn", "bridge-0", "2", "09:00:05",
      "{\"index\":0,\"role\":\"agent\",\"text\":\"Hello.\",\"startMs\":0,\"endMs\":3000,"
      "\"interrupted\":false}" },
    { "call.turn", "bridge-0", "3", "09:00:09",
      "{\"index\":1,\"role\":\"caller\",\"text\":\"A "
      "check-up.\",\"startMs\":3500,\"endMs\":5000}" },
    /* Beyond what the end can hold, and so told here only. */
    { "call.turn", "bridge-0", "9", "09:00:28",
      "{\"index\":2,\"role\":\"agent\",\"text\":\"One moment.\",\"startMs\":6000,\"endMs\":7000,"
      "\"interrupted\":false}" },
    { "call.usage", "bridge-0", "4", "09:00:10",
      "{\"responseId\":\"r1\",\"model\":\"gpt-realtime-2.1\",\"audioIn\":100,\"audioOut\":50,"
      "\"costMicroUsd\":6400}" },
    { "call.latency", "bridge-0", "5", "09:00:10",
      "{\"turn\":1,\"kind\":\"first_word\",\"ms\":600}" },
    { "call.latency", "bridge-0", "6", "09:00:11",
      "{\"turn\":1,\"kind\":\"response\",\"ms\":900}" },
    { "call.tool", "bridge-0", "7", "09:00:12",
      "{\"toolCallId\":\"c1\",\"name\":\"findAvailability\",\"status\":\"ok\",\"latencyMs\":40}" },
    { "call.ended", "bridge-0", "8", "09:00:30",
      "{\"attempt\":0,\"reason\":\"shutdown\",\"durationMs\":29000,\"endedAt\":\"2026-11-24T09:00:"
      "30Z\","
      "\"costMicroUsd\":6500,"
      "\"usage\":{\"audioIn\":110,\"audioOut\":50},\"latency\":{\"first_word_ms\":600,\"response_"
      "ms\":[900,700],"
      "\"barge_in_stop_ms\":[]},\"turns\":[{\"index\":0,\"role\":\"agent\",\"text\":\"Hello.\"},"
      "{\"index\":1,\"role\":\"caller\",\"text\":\"A check-up, please.\"}]}" },
    { "call.started", "bridge-1", "1", "09:00:31",
      "{\"attempt\":1,\"model\":\"gpt-realtime-2.1\"}" },
    { "booking.changed", "gateway", "b1", "09:00:50",
      "{\"bookingId\":\"bk1\",\"change\":\"booked\",\"calendar\":\"weber\",\"start\":\"2026-11-"
      "26T08:00:00Z\","
      "\"end\":\"2026-11-26T08:30:00Z\",\"service\":\"check-up\"}" },
    { "call.usage", "bridge-1", "2", "09:00:55",
      "{\"model\":\"gpt-realtime-2.1\",\"audioOut\":10,\"costMicroUsd\":640}" },
    { "call.ended", "bridge-1", "3", "09:01:00",
      "{\"attempt\":1,\"reason\":\"completed\",\"outcome\":\"booked\",\"summary\":\"Booked.\","
      "\"durationMs\":29000,\"endedAt\":\"2026-11-24T09:01:00Z\",\"costMicroUsd\":700,\"usage\":{"
      "\"audioOut\":10},"
      "\"latency\":{\"first_word_ms\":500,\"response_ms\":[800],\"barge_in_stop_ms\":[120]},"
      "\"turns\":[]}" },
    { "call.status", "webhook", "status-in-progress", "09:00:00",
      "{\"status\":\"in-progress\",\"sequence\":1}" },
    { "call.status", "webhook", "status-completed", "09:01:01",
      "{\"status\":\"completed\",\"sequence\":2,\"durationS\":61}" },
    { "recording.stored", "post-call", "RE1-stored", "09:01:05",
      "{\"status\":\"stored\",\"recordingSid\":\"RE1\",\"bucket\":\"b\",\"object\":\"o.wav\","
      "\"bytes\":976044,"
      "\"durationMs\":61000,"
      "\"channels\":2}" },
    { "transcript.ready", "post-call", "RE1-transcript", "09:01:20",
      "{\"recordingSid\":\"RE1\",\"bucket\":\"b\",\"object\":\"o.json\",\"segments\":4,\"model\":"
      "\"whisper-1\","
      "\"costMicroUsd\":6100}" },
};

/* 61 s of call, two streams below a minute, 61 s of recording. */
enum { STORY = ARRAY_LEN(story), TELEPHONY = 2 * 8500 + 2 * 4400 + 2 * 2500 };

static struct str event_text(struct arena *a, size_t i)
{
    return arena_printf(
        a,
        "{\"specversion\":\"1.0\",\"id\":\"CA1/%s/%s\",\"source\":\"/%s\",\"type\":\"%s\","
        "\"subject\":\"CA1\",\"time\":\"2026-11-24T%sZ\",\"datacontenttype\":"
        "\"application/json\",\"data\":%s}",
        story[i].source, story[i].seq, story[i].source, story[i].type, story[i].at, story[i].data);
}

static int push(struct office *o, size_t i)
{
    struct arena *a = &o->cloud.arena;

    return post(o, &o->cloud.ctx, envelope(a, event_text(a, i)), true);
}

static int by_path(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* All documents as one text, the call's, its turns and its journal; equal stores give equal texts. */
static struct str state(struct office *o)
{
    struct arena *a = &o->cloud.arena;
    struct str *paths = ARENA_ARRAY(a, struct str, o->cloud.n_docs + 1), all = STR_EMPTY;
    size_t i, n = 0;

    for (i = 0; i < o->cloud.n_docs; i++) {
        if (o->cloud.docs[i].there)
            paths[n++] = o->cloud.docs[i].path;
    }
    qsort(paths, n, sizeof(*paths), by_path);
    for (i = 0; i < n; i++)
        all = arena_printf(
            a, STR_FMT STR_FMT " " STR_FMT "\n", STR_ARG(all), STR_ARG(paths[i]),
            STR_ARG(json_val_text(a, fake_cloud_doc(&o->cloud, arena_cstr(a, paths[i])))));
    return all;
}

static void shuffle(size_t order[STORY], uint64_t *seed)
{
    size_t i, j, t;

    for (i = 0; i < STORY; i++)
        order[i] = i;
    for (i = STORY - 1; i > 0; i--) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        j = (size_t)(*seed >> 33) % (i + 1);
        t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

TEST(a_call_becomes_a_record_with_everything_that_was_reported)
{
    struct office o;
    const struct jval *d;
    size_t i;

    office_open(&o);
    for (i = 0; i < STORY; i++)
        CHECK_INT(push(&o, i), 204);
    d = fake_cloud_doc(&o.cloud, "calls/CA1");
    CHECK_STR(json_str(json_get(d, "status")), "ended");
    CHECK_STR(json_str(json_get(d, "outcome")), "booked");
    CHECK_STR(json_str(json_get(d, "endReason")), "completed");
    CHECK_STR(json_str(json_get(d, "from")), "+4917*****67");
    CHECK_STR(json_str(json_get(d, "startedAt")), "2026-11-24T09:00:00.000000Z");
    CHECK_INT(json_i64_or(json_get(d, "durationMs"), 0), 60000);
    CHECK_INT(json_i64_or(json_get(d, "attempts"), 0), 2);
    CHECK_INT(json_i64_or(json_path(d, "costMicroUsd.engine"), 0), 7200);
    CHECK_INT(json_i64_or(json_path(d, "costMicroUsd.telephony"), 0), TELEPHONY);
    CHECK_INT(json_i64_or(json_path(d, "costMicroUsd.total"), 0), 13300 + TELEPHONY);
    CHECK_INT(json_i64_or(json_path(d, "usage.audioIn"), 0), 110);
    CHECK_INT(json_i64_or(json_path(d, "latency.firstWordMs"), 0), 600);
    CHECK_INT(json_i64_or(json_path(d, "latency.responseMs.p50"), 0), 800);
    CHECK_INT(json_i64_or(json_path(d, "latency.responseMs.max"), 0), 900);
    CHECK_STR(json_str(json_path(d, "recording.object")), "o.wav");
    CHECK_STR(json_str(json_path(d, "transcript.object")), "o.json");
    CHECK_STR(json_str(json_get(d, "bookingId")), "bk1");
    CHECK_INT(json_i64_or(json_path(d, "tools.findAvailability"), 0), 1);
    CHECK_STR(json_str(json_path(d, "flags.0")), "resumed");
    CHECK_INT(json_i64_or(json_get(d, "events"), 0), (int)STORY);
    CHECK_STR(json_str(json_get(fake_cloud_doc(&o.cloud, "calls/CA1/turns/0-0001"), "text")),
              "A check-up, please.");
    CHECK_STR(json_str(json_get(fake_cloud_doc(&o.cloud, "calls/CA1/turns/0-0002"), "text")),
              "One moment.");
    CHECK_INT(json_i64_or(json_get(d, "turns"), 0), 3);
    CHECK_INT(fake_cloud_count(&o.cloud, "calls/CA1/events/"), STORY);
    /* The clinic keeps texts for 90 days and records for 365. */
    CHECK_STR(json_str(json_get(d, "ttlAt")), "2027-11-24T09:01:20.000000Z");
    CHECK_STR(json_str(json_get(fake_cloud_doc(&o.cloud, "calls/CA1/turns/0-0002"), "ttlAt")),
              "2027-02-22T09:00:28.000000Z");
    CHECK_STR(
        json_str(json_get(fake_cloud_doc(&o.cloud, "calls/CA1/events/CA1~bridge-0~9"), "ttlAt")),
        "2027-02-22T09:00:28.000000Z");
    office_close(&o);
}

TEST(any_order_and_any_number_of_deliveries_give_the_same_record)
{
    struct str wanted = STR_EMPTY;
    struct arena kept = ARENA_INIT;
    uint64_t seed = 2026;
    size_t order[STORY], i;
    int round;

    for (round = 0; round < 12; round++) {
        struct office o;

        office_open(&o);
        shuffle(order, &seed);
        for (i = 0; i < STORY; i++) {
            CHECK_INT(push(&o, round ? order[i] : i), 204);
            if (round && i % 3 == 0) /* something that was delivered before comes again */
                CHECK_INT(push(&o, order[i / 2]), 204);
        }
        if (!round)
            wanted = arena_str(&kept, state(&o));
        else if (!str_eq(state(&o), wanted))
            FAIL_TEST("order %d: " STR_FMT "\nnot " STR_FMT, round, STR_ARG(state(&o)),
                      STR_ARG(wanted));
        office_close(&o);
    }
    arena_release(&kept);
}

struct pusher {
    struct office *o;
    size_t first;
    struct fake_client client;
};

static void *push_all(void *arg)
{
    struct pusher *p = arg;
    struct arena *a = &p->client.arena;
    size_t i;

    for (i = 0; i < STORY; i++) {
        struct str body = envelope(a, event_text(a, (p->first + i) % STORY));
        int tries = 0;

        while (post(p->o, &p->client.ctx, body, true) != 204 && ++tries < 50)
            ;
    }
    return NULL;
}

TEST(concurrent_deliveries_of_the_same_events_lose_and_double_nothing)
{
    enum { PUSHERS = 3 };
    struct office o;
    struct pusher p[PUSHERS];
    pthread_t threads[PUSHERS];
    struct str seen, wanted;
    size_t i;

    office_open(&o);
    for (i = 0; i < STORY; i++)
        CHECK_INT(push(&o, i), 204);
    wanted = state(&o);
    for (i = 0; i < o.cloud.n_docs; i++)
        o.cloud.docs[i].there = false;
    for (i = 0; i < PUSHERS; i++) {
        p[i] = (struct pusher){ .o = &o, .first = i * 5 };
        fake_client_open(&p[i].client, &o.cloud);
        CHECK_INT(pthread_create(&threads[i], NULL, push_all, &p[i]), 0);
    }
    for (i = 0; i < PUSHERS; i++) {
        pthread_join(threads[i], NULL);
        fake_client_close(&p[i].client);
    }
    seen = state(&o);
    if (!str_eq(seen, wanted))
        FAIL_TEST(STR_FMT "\nnot " STR_FMT, STR_ARG(seen), STR_ARG(wanted));
    office_close(&o);
}

TEST(a_store_that_fails_at_any_request_is_asked_again_and_loses_nothing)
{
    struct office o;
    size_t i;
    int n;

    office_open(&o);
    for (i = 0; i < STORY; i++) {
        for (n = 1;; n++) {
            fake_cloud_heal(&o.cloud);
            if (n % 2)
                o.cloud.fail_from = (n + 1) / 2;
            else
                o.cloud.lose_at = n / 2;
            if (push(&o, i) == 204)
                break;
            CHECK(n < 20);
        }
    }
    fake_cloud_heal(&o.cloud);
    CHECK_INT(json_i64_or(json_get(fake_cloud_doc(&o.cloud, "calls/CA1"), "events"), 0),
              (int)STORY);
    CHECK_INT(
        json_i64_or(json_path(fake_cloud_doc(&o.cloud, "calls/CA1"), "costMicroUsd.total"), 0),
        13300 + TELEPHONY);
    office_close(&o);
}

TEST(a_store_that_is_down_asks_for_another_delivery)
{
    struct office o;

    office_open(&o);
    o.cloud.fail_from = 1;
    CHECK_INT(push(&o, 0), 503);
    office_close(&o);
}

TEST(what_is_no_event_goes_to_the_dead_letters_and_an_unknown_type_is_let_go)
{
    static const struct {
        const char *event;
        int status;
    } rows[] = {
        { "no json", 400 },
        { "{}", 400 },
        { "{\"specversion\":\"1.0\",\"id\":\"CA1/webhook/x\",\"source\":\"/"
          "webhook\",\"type\":\"call.ringing\","
          "\"subject\":\"CA2\",\"time\":\"2026-11-24T09:00:00Z\",\"data\":{}}",
          400 },
        { "{\"specversion\":\"1.0\",\"id\":\"CA1/webhook/x\",\"source\":\"/"
          "webhook\",\"type\":\"call.ringing\","
          "\"subject\":\"CA1\",\"time\":\"yesterday\",\"data\":{}}",
          400 },
        { "{\"specversion\":\"1.0\",\"id\":\"CA1/webhook/x\",\"source\":\"/"
          "webhook\",\"type\":\"call.sneezed\","
          "\"subject\":\"CA1\",\"time\":\"2026-11-24T09:00:00Z\",\"data\":{}}",
          204 },
    };
    struct office o;
    size_t i;

    office_open(&o);
    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_INT(post(&o, &o.cloud.ctx, envelope(&o.cloud.arena, str_c(rows[i].event)), true),
                  rows[i].status);
    CHECK_INT(post(&o, &o.cloud.ctx, STR("{\"message\":1}"), true), 400);
    CHECK_INT(fake_cloud_count(&o.cloud, ""), 0);
    office_close(&o);
}

TEST(a_push_without_a_token_is_turned_away)
{
    struct office o;

    office_open(&o);
    CHECK_INT(
        post(&o, &o.cloud.ctx, envelope(&o.cloud.arena, event_text(&o.cloud.arena, 0)), false),
        401);
    CHECK_INT(fake_cloud_count(&o.cloud, ""), 0);
    office_close(&o);
}
