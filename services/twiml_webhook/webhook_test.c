#include "twiml_webhook/webhook.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/url.h"
#include "concierge/profile.h"
#include "concierge/stream_token.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "test.h"
#include "twilio/twiml.h"
#include "twiml_webhook/answers.h"

#define ACCOUNT "AC00000000000000000000000000000001"
#define CALL "CA00000000000000000000000000000002"
#define TOKEN "00112233445566778899aabbccddeeff"
#define KEY "0123456789abcdef0123456789abcdef"
#define IDS "AccountSid=" ACCOUNT "&CallSid=" CALL
#define BASE "https://agent.example.com"
#define INCOMING IDS "&CallStatus=ringing&Direction=inbound&From=%2B4930123456&To=%2B15005550006"
#define IN_PROGRESS IDS "&CallStatus=in-progress&From=%2B4930123456&To=%2B15005550006"

enum {
    WAIT_MS = 20000,
    TUESDAY_10 = 1795510800, /* 2026-11-24 09:00 UTC, a Tuesday, 10 o'clock in Berlin */
    NIGHT = 1795474800,      /* the night before */
};

/* Pub/Sub and Firestore as far as the webhook uses them. */
struct cloud {
    struct buf published;  /* decoded event texts, one a line */
    struct buf committed;  /* bodies */
    const char *live_call; /* fields of the document; NULL: there is none */
    int publish_status, read_status;
};

struct world {
    struct clock_fake clock;
    struct log_sink *sink;
    struct buf lines;
    struct service service;
    struct arena arena;
    struct webhook_settings settings;
    struct cloud cloud;
    struct http_server *google, *webhook;
    void *app;
    /* one request */
    const char *path, *form, *signature, *signature_settings;
    int status;
    struct str body;
    bool done;
};

static void on_publish(void *app, struct http_req *r)
{
    struct cloud *c = app;
    const struct jval *doc;
    struct str data;

    if (c->publish_status != 200) {
        http_reply_error(r, c->publish_status, "no");
        return;
    }
    CHECK_OK(json_parse_arena(&doc, r->ctx->arena, r->body, NULL));
    CHECK_OK(base64_bytes(r->ctx->arena, json_str(json_path(doc, "messages.0.data")), &data));
    buf_addf(&c->published, STR_FMT " " STR_FMT "\n", STR_ARG(r->path), STR_ARG(data));
    http_reply_json(r, 200, STR("{\"messageIds\":[\"1\"]}"));
}

static void on_get(void *app, struct http_req *r)
{
    static const char name[] = "projects/p/databases/(default)/documents/liveCalls/" CALL;
    struct cloud *c = app;

    if (c->read_status != 200)
        http_reply_error(r, c->read_status, "no");
    else if (c->live_call)
        http_reply_json(
            r, 200,
            arena_printf(r->ctx->arena,
                         "[{\"found\":{\"name\":\"%s\",\"fields\":{%s},\"createTime\":"
                         "\"2026-11-24T09:00:00Z\",\"updateTime\":\"2026-11-24T09:00:00Z\"},"
                         "\"readTime\":\"2026-11-24T09:00:00Z\"}]",
                         name, c->live_call));
    else
        http_reply_json(r, 200,
                        arena_printf(r->ctx->arena,
                                     "[{\"missing\":\"%s\",\"readTime\":\"2026-11-24T09:00:00Z\"}]",
                                     name));
}

static void on_commit(void *app, struct http_req *r)
{
    struct cloud *c = app;

    if (c->read_status != 200) {
        http_reply_error(r, c->read_status, "no");
        return;
    }
    buf_add_str(&c->committed, r->body);
    buf_add_char(&c->committed, '\n');
    http_reply_json(r, 200,
                    STR("{\"writeResults\":[{\"updateTime\":\"2026-11-24T09:00:00Z\"}],"
                        "\"commitTime\":\"2026-11-24T09:00:00Z\"}"));
}

static void on_google(void *app, struct http_req *r)
{
    if (str_ends(r->path, STR(":publish")))
        on_publish(app, r);
    else if (str_ends(r->path, STR(":batchGet")))
        on_get(app, r);
    else if (str_ends(r->path, STR(":commit")))
        on_commit(app, r);
    else
        http_reply_error(r, 404, "unknown");
}

static const struct http_route google_routes[] = {
    { .methods = HTTP_ANY,
      .path = "/{all*}",
      .body_max = 1 * MIB,
      .handle = on_google,
      .on_loop = true },
};

static void on_line(void *arg, enum log_level level, struct str line)
{
    struct world *w = arg;

    (void)level;
    buf_add_str(&w->lines, line);
    buf_add_char(&w->lines, '\n');
}

static struct http_server *serve(struct world *w, const struct http_route *routes, size_t n,
                                 void *app)
{
    struct http_server *s = NULL;

    CHECK_OK(http_server_create(&s, w->service.loop,
                                &(struct http_server_opts){ .host = "127.0.0.1",
                                                            .routes = routes,
                                                            .n_routes = n,
                                                            .app = app,
                                                            .workers = w->service.workers,
                                                            .log = &w->service.log },
                                NULL));
    return s;
}

static struct str host_of(struct world *w, int port)
{
    return arena_printf(&w->arena, "127.0.0.1:%d", port);
}

static void world_open_with(struct world *w, const char *profile)
{
    struct err err = ERR_INIT;

    *w = (struct world){ .cloud = { .publish_status = 200, .read_status = 200 } };
    clock_fake_init(&w->clock, (int64_t)TUESDAY_10 * 1000000);
    buf_init(&w->lines, 1 * MIB);
    buf_init(&w->cloud.published, 1 * MIB);
    buf_init(&w->cloud.committed, 1 * MIB);
    w->sink = log_sink_create_fn(on_line, w, LOG_INFO, &w->clock.clock);
    w->service.clock = &w->clock.clock;
    w->service.log = log_root(w->sink);
    w->service.arena = &w->arena;
    w->service.settings = &w->settings;
    CHECK_OK(loop_create(&w->service.loop, &w->clock.clock, &w->service.log, &err));
    w->service.tls = tls_store_create(NULL);
    CHECK_OK(workers_create(&w->service.workers, w->service.loop, 2, w->service.tls,
                            &w->service.log, &err));
    w->google = serve(w, google_routes, ARRAY_LEN(google_routes), &w->cloud);
    w->settings = (struct webhook_settings){
        .common = { .project = STR("p") },
        .twilio = { .account_sid = STR(ACCOUNT),
                    .auth_token = STR(TOKEN),
                    .public_base_url = STR(BASE "/") },
        .google = { .firestore_emulator_host = host_of(w, http_server_port(w->google)),
                    .pubsub_emulator_host = host_of(w, http_server_port(w->google)) },
        .bridge_url = STR("wss://bridge.example.com/media"),
        .stream_token_key = STR(KEY),
        .events_topic = STR("call-events"),
        .recordings_topic = STR("recordings"),
        .profile_path = str_c(profile),
    };
    if (webhook_create(&w->app, &w->service, &err))
        FAIL_TEST("%s", err.text);
    w->webhook = serve(w, webhook_routes, n_webhook_routes, w->app);
}

static void world_open(struct world *w)
{
    world_open_with(w, VC_SOURCE_DIR "/evals/profiles/clinic.yaml");
}

static void world_close(struct world *w)
{
    w->service.workers = workers_destroy(w->service.workers);
    w->webhook = http_server_destroy(w->webhook);
    w->google = http_server_destroy(w->google);
    webhook_destroy(w->app);
    w->service.loop = loop_destroy(w->service.loop);
    w->service.tls = tls_store_destroy(w->service.tls);
    w->sink = log_sink_destroy(w->sink);
    buf_release(&w->lines);
    buf_release(&w->cloud.published);
    buf_release(&w->cloud.committed);
    arena_release(&w->arena);
}

static void ask_run(void *arg, struct ctx *ctx)
{
    struct world *w = arg;
    char signature[TWILIO_SIGNATURE_LEN + 1];
    struct http_header headers[] = {
        { STR("Content-Type"), STR("application/x-www-form-urlencoded; charset=UTF-8") },
        { STR("X-Twilio-Signature"), STR_EMPTY },
        { STR("X-Twilio-Webhooks-Signature-Settings"), STR_EMPTY },
    };
    struct http_request req = {
        .method = "POST", .headers = headers, .n_headers = 2, .body = str_c(w->form)
    };
    struct http_response r;

    req.url =
        arena_printf(ctx->arena, "http://127.0.0.1:%d%s", http_server_port(w->webhook), w->path);
    w->status = -1;
    if (twilio_sign(signature, STR(TOKEN), arena_printf(ctx->arena, BASE "%s", w->path),
                    str_c(w->form), ctx->arena))
        return;
    headers[1].value = w->signature ? str_c(w->signature) : str_c(signature);
    if (!headers[1].value.n)
        req.n_headers = 1;
    if (w->signature_settings) {
        headers[2].value = str_c(w->signature_settings);
        req.n_headers = 3;
    }
    if (http_do(ctx->http, ctx->arena, &req, &r, NULL))
        return;
    w->status = r.status;
    w->body = arena_str(&w->arena, r.body); /* the test's thread waits meanwhile */
}

static void ask_done(void *arg)
{
    ((struct world *)arg)->done = true;
}

static bool is_done(void *arg)
{
    return ((struct world *)arg)->done;
}

static void ask(struct world *w, const char *path, const char *form)
{
    w->path = path;
    w->form = form;
    w->done = false;
    CHECK_OK(workers_submit(w->service.workers, ask_run, ask_done, w));
    CHECK_OK(loop_run_until(w->service.loop, is_done, w, WAIT_MS));
}

static size_t count(struct str in, const char *what)
{
    size_t n = 0, at;

    while ((at = str_find(in, str_c(what))) < in.n) {
        n++;
        in = str_from(in, at + 1);
    }
    return n;
}

/* What stands between `from` and the next quote. */
static struct str quoted_after(struct str text, const char *from)
{
    text = str_from(text, str_find(text, str_c(from)) + strlen(from));
    return str_slice(text, 0, str_find_char(text, '"'));
}

static struct stream_token token_in(struct world *w)
{
    struct str text = quoted_after(w->body, "<Parameter name=\"token\" value=\"");
    struct stream_token t = { .attempt = -1 };

    CHECK_OK(stream_token_check(&t, &w->arena, STR(KEY), text, TUESDAY_10 + 59, NULL));
    return t;
}

/* ---- tests ---- */

TEST(webhook_incoming_call_is_recorded_and_connected_to_the_bridge)
{
    struct world w;
    struct stream_token t;

    world_open(&w);
    ask(&w, "/voice/incoming", INCOMING);
    CHECK_INT(w.status, 200);
    CHECK_CONTAINS(w.body, "<Start><Recording channels=\"dual\" recordingStatusCallback=\"" BASE
                           "/voice/recording#");
    CHECK_CONTAINS(w.body, "<Connect action=\"" BASE "/voice/continue?attempt=0#");
    CHECK_CONTAINS(w.body, "<Stream url=\"wss://bridge.example.com/media\">");
    t = token_in(&w);
    CHECK_STR(t.call_sid, CALL);
    CHECK_STR(t.account_sid, ACCOUNT);
    CHECK_STR(t.from, "+4930123456");
    CHECK_INT(t.attempt, 0);
    CHECK_CONTAINS(buf_str(&w.cloud.published), "/topics/call-events:publish");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"id\":\"" CALL "/webhook/ringing\"");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"type\":\"call.ringing\"");
    CHECK(!str_contains(buf_str(&w.cloud.published), STR("+4930123456"))); /* masked */
    world_close(&w);
}

TEST(webhook_repeated_incoming_call_gives_the_same_answer_and_event)
{
    struct world w;
    struct str first;

    world_open(&w);
    ask(&w, "/voice/incoming", INCOMING);
    first = w.body;
    ask(&w, "/voice/incoming", INCOMING);
    CHECK(str_eq(first, w.body));
    CHECK_INT(count(buf_str(&w.cloud.published), CALL "/webhook/ringing"), 2);
    world_close(&w);
}

TEST(webhook_withheld_number_is_neither_handed_on_nor_told)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/incoming", IDS "&CallStatus=ringing&From=%2B266696687&To=%2B15005550006");
    CHECK_INT(w.status, 200);
    CHECK_STR(token_in(&w).from, "");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"from\":\"\"");
    world_close(&w);
}

TEST(webhook_unsigned_and_wrongly_signed_requests_are_refused_and_counted)
{
    static const char *const paths[] = { "/voice/incoming", "/voice/continue",  "/voice/dialed",
                                         "/voice/status",   "/voice/recording", "/voice/voicemail",
                                         "/voice/fallback" };
    char counted[64];
    struct world w;
    size_t i;

    world_open(&w);
    for (i = 0; i < ARRAY_LEN(paths); i++) {
        w.signature = "";
        ask(&w, paths[i], INCOMING);
        CHECK_INT(w.status, 403);
        w.signature = "YXy/fYgt04gS71WWZncvKfY9yhY=";
        ask(&w, paths[i], INCOMING);
        CHECK_INT(w.status, 403);
        snprintf(counted, sizeof(counted), "signature_refused_total=%zu", 2 * i + 2);
        CHECK_CONTAINS(buf_str(&w.lines), counted);
    }
    CHECK_INT(w.cloud.published.n, 0);
    CHECK(!str_contains(buf_str(&w.lines), STR("4930123456"))); /* nothing of the body */
    world_close(&w);
}

TEST(webhook_signature_of_a_shared_key_is_refused_and_named)
{
    struct world w;

    world_open(&w);
    w.signature = "D6AaVkPJpGUbNyxjYaNQZJmS9TWE9PPJSVVs5LJXJ0o=";
    w.signature_settings = "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256";
    ask(&w, "/voice/incoming", INCOMING);
    CHECK_INT(w.status, 403);
    CHECK_CONTAINS(buf_str(&w.lines),
                   "signed=wrongly settings=key=webhooks_sharedkey_01,algorithm=HMAC_SHA256");
    world_close(&w);
}

TEST(webhook_signed_request_without_a_call_is_malformed)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/incoming", "From=1");
    CHECK_INT(w.status, 400);
    world_close(&w);
}

TEST(webhook_outage_of_pubsub_changes_no_answer)
{
    struct world w;
    struct str first;

    world_open(&w);
    ask(&w, "/voice/incoming", INCOMING);
    first = w.body;
    w.cloud.publish_status = 403;
    ask(&w, "/voice/incoming", INCOMING);
    CHECK_INT(w.status, 200);
    CHECK(str_eq(first, w.body));
    CHECK_CONTAINS(buf_str(&w.lines), "kept here only");
    CHECK_CONTAINS(buf_str(&w.lines), "webhook/ringing"); /* the event stands in the log */
    world_close(&w);
}

static int deaf_port(int *ret_fd)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(a);

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(*ret_fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    CHECK(listen(*ret_fd, 16) == 0); /* takes connections, and never answers */
    CHECK(getsockname(*ret_fd, (struct sockaddr *)&a, &n) == 0);
    return ntohs(a.sin_port);
}

/* On a real clock: what is measured is time. */
TEST(webhook_silent_pubsub_delays_the_answer_by_less_than_a_second)
{
    struct clock real = clock_system(0);
    struct webhook_settings changed;
    int64_t began;
    struct world w;
    int fd;

    world_open(&w);
    webhook_destroy(w.app);
    w.webhook = http_server_destroy(w.webhook);
    changed = w.settings;
    changed.google.pubsub_emulator_host = host_of(&w, deaf_port(&fd));
    w.settings = changed;
    w.service.clock = &real;
    w.service.workers = workers_destroy(w.service.workers);
    w.google = http_server_destroy(w.google);
    w.service.loop = loop_destroy(w.service.loop);
    CHECK_OK(loop_create(&w.service.loop, &real, &w.service.log, NULL));
    CHECK_OK(
        workers_create(&w.service.workers, w.service.loop, 2, w.service.tls, &w.service.log, NULL));
    CHECK_OK(webhook_create(&w.app, &w.service, NULL));
    w.webhook = serve(&w, webhook_routes, n_webhook_routes, w.app);
    began = clock_mono_ms(&real);
    ask(&w, "/voice/incoming", INCOMING);
    CHECK_INT(w.status, 200);
    CHECK(clock_mono_ms(&real) - began < 1500);
    CHECK_CONTAINS(w.body, "<Stream url=");
    close(fd);
    world_close(&w);
}

TEST(webhook_continues_as_the_record_says)
{
    static const struct {
        const char *name, *live_call, *path, *want, *never;
    } rows[] = {
        { "ended", "\"state\":{\"stringValue\":\"ended\"}", "/voice/continue?attempt=0",
          "<Response><Hangup/></Response>", "<Stream" },
        { "nothing on record", NULL, "/voice/continue?attempt=0",
          "<Connect action=\"" BASE "/voice/continue?attempt=1#", "<Recording" },
        { "live", "\"state\":{\"stringValue\":\"live\"},\"attempt\":{\"integerValue\":\"1\"}",
          "/voice/continue?attempt=1", "/voice/continue?attempt=2#", "<Hangup" },
        { "live for the third time",
          "\"state\":{\"stringValue\":\"live\"},\"attempt\":{\"integerValue\":\"2\"}",
          "/voice/continue?attempt=2", "technical problem", "<Stream" },
        { "the record knows more than the URL",
          "\"state\":{\"stringValue\":\"live\"},\"attempt\":{\"integerValue\":\"2\"}",
          "/voice/continue", "technical problem", "<Stream" },
        { "transfer",
          "\"state\":{\"stringValue\":\"transfer\"},\"transfer\":{\"mapValue\":{\"fields\":{"
          "\"number\":{"
          "\"stringValue\":\"+4930555101\"}}}}",
          "/voice/continue?attempt=0",
          "<Dial action=\"" BASE
          "/voice/dialed?attempt=0#rc=2&amp;ct=2000&amp;rt=5000&amp;rp=all\" "
          "callerId=\"+15005550006\" timeout=\"25\"><Number>+4930555101</Number></Dial>",
          "<Stream" },
        { "transfer to what is no number",
          "\"state\":{\"stringValue\":\"transfer\"},\"transfer\":{\"mapValue\":{\"fields\":{"
          "\"number\":{\"stringValue\":\"030 555\"}}}}",
          "/voice/continue?attempt=0", "<Number>+4930555101</Number>", "030 555" },
        { "the engine was lost in opening hours", "\"state\":{\"stringValue\":\"failed\"}",
          "/voice/continue?attempt=0", "<Number>+4930555101</Number>", "<Record" },
    };
    struct world w;
    size_t i;

    world_open(&w);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        w.cloud.live_call = rows[i].live_call;
        ask(&w, rows[i].path, IN_PROGRESS);
        CHECK_INT(w.status, 200);
        if (!str_contains(w.body, str_c(rows[i].want)) ||
            str_contains(w.body, str_c(rows[i].never)))
            FAIL_TEST("%s: " STR_FMT, rows[i].name, STR_ARG(w.body));
    }
    world_close(&w);
}

TEST(webhook_resumed_stream_carries_the_next_attempt)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/continue?attempt=1", IN_PROGRESS);
    CHECK_INT(token_in(&w).attempt, 2);
    world_close(&w);
}

/* Otherwise all resumes are used up while a bridge that died is starting again. */
TEST(webhook_second_resume_waits_a_second_and_the_first_does_not)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/continue?attempt=0", IN_PROGRESS);
    CHECK(!str_contains(w.body, STR("<Pause")));
    ask(&w, "/voice/continue?attempt=1", IN_PROGRESS);
    CHECK_CONTAINS(w.body, "<Response><Pause length=\"1\"/><Connect");
    world_close(&w);
}

TEST(webhook_engine_lost_at_night_takes_a_message)
{
    struct world w;

    world_open(&w);
    w.clock.wall_us_now = (int64_t)NIGHT * 1000000;
    w.cloud.live_call = "\"state\":{\"stringValue\":\"failed\"}";
    ask(&w, "/voice/continue?attempt=0", IN_PROGRESS);
    CHECK_CONTAINS(w.body, "<Record action=\"" BASE "/voice/voicemail");
    CHECK(!str_contains(w.body, STR("<Dial")));
    world_close(&w);
}

TEST(webhook_caller_who_has_gone_gets_no_new_stream)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/continue?attempt=0", IDS "&CallStatus=completed");
    CHECK_CONTAINS(w.body, "<Response><Hangup/></Response>");
    world_close(&w);
}

TEST(webhook_unreadable_record_counts_as_none)
{
    struct world w;

    world_open(&w);
    w.cloud.read_status = 403;
    ask(&w, "/voice/continue?attempt=0", IN_PROGRESS);
    CHECK_INT(token_in(&w).attempt, 1);
    world_close(&w);
}

TEST(webhook_after_a_transfer_hangs_up_or_brings_the_agent_back)
{
    static const struct {
        const char *name, *path, *form, *want;
    } rows[] = {
        { "talked", "/voice/dialed?attempt=0", "&DialCallStatus=completed&DialBridged=true",
          "<Response><Hangup/></Response>" },
        { "talked, as told by who does not say bridged", "/voice/dialed?attempt=0",
          "&DialCallStatus=completed", "<Response><Hangup/></Response>" },
        { "refused at the gate", "/voice/dialed?attempt=0",
          "&DialCallStatus=completed&DialBridged=false",
          "<Parameter name=\"after\" value=\"no_answer\"/>" },
        { "nobody answered", "/voice/dialed?attempt=0",
          "&DialCallStatus=no-answer&DialBridged=false", "nobody could take your call" },
        { "the agent has been back too often", "/voice/dialed?attempt=2", "&DialCallStatus=busy",
          "<Record action=" },
        { "no agent stands behind it", "/voice/dialed?attempt=0&lost=1", "&DialCallStatus=failed",
          "<Record action=" },
    };
    struct world w;
    char form[512];
    size_t i;

    world_open(&w);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(form, sizeof(form), "%s%s", IN_PROGRESS, rows[i].form);
        ask(&w, rows[i].path, form);
        CHECK_INT(w.status, 200);
        if (!str_contains(w.body, str_c(rows[i].want)))
            FAIL_TEST("%s: " STR_FMT, rows[i].name, STR_ARG(w.body));
    }
    ask(&w, "/voice/dialed?attempt=0", IN_PROGRESS "&DialCallStatus=no-answer");
    CHECK_INT(token_in(&w).attempt, 1);
    world_close(&w);
}

#define LEG "CA00000000000000000000000000000009"

TEST(webhook_the_leg_to_a_person_is_published_when_it_was_answered)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/dialed?attempt=0",
        IN_PROGRESS "&DialCallStatus=no-answer&DialCallDuration=0&DialCallSid=" LEG);
    CHECK_INT(w.cloud.published.n, 0);
    ask(&w, "/voice/dialed?attempt=1",
        IN_PROGRESS "&DialCallStatus=completed&DialBridged=true&DialCallDuration=95"
                    "&DialCallSid=" LEG);
    CHECK_CONTAINS(w.body, "<Hangup/>");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"type\":\"call.dialed\"");
    CHECK_CONTAINS(buf_str(&w.cloud.published), CALL "/webhook/dialed-" LEG);
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"durationS\":95");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"attempt\":1");
    world_close(&w);
}

#define MESSAGE IN_PROGRESS "&RecordingSid=RE00000000000000000000000000000003&RecordingDuration=7"

TEST(webhook_voicemail_becomes_a_callback)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/voicemail", MESSAGE);
    CHECK_CONTAINS(w.body, "will call you back");
    CHECK_CONTAINS(w.body, "<Hangup/>");
    CHECK_CONTAINS(buf_str(&w.cloud.committed),
                   "callbacks/voicemail-RE00000000000000000000000000000003");
    CHECK_CONTAINS(buf_str(&w.cloud.committed), "\"exists\":false");
    CHECK_CONTAINS(buf_str(&w.cloud.committed), "\"ttlAt\":");
    CHECK_CONTAINS(buf_str(&w.cloud.committed), "+4930123456");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"type\":\"callback.requested\"");
    CHECK(!str_contains(buf_str(&w.cloud.published), STR("+4930123456")));
    world_close(&w);
}

TEST(webhook_voicemail_that_cannot_be_kept_promises_nothing)
{
    struct world w;

    world_open(&w);
    w.cloud.read_status = 403;
    ask(&w, "/voice/voicemail", MESSAGE);
    CHECK_INT(w.status, 200);
    CHECK(!str_contains(w.body, STR("will call you back")));
    CHECK_CONTAINS(buf_str(&w.lines), "kept here only");
    world_close(&w);
}

TEST(webhook_callback_that_cannot_be_published_is_logged_by_its_id_only)
{
    struct world w;

    world_open(&w);
    w.cloud.publish_status = 403;
    ask(&w, "/voice/voicemail", MESSAGE);
    CHECK_INT(w.status, 200);
    CHECK_CONTAINS(buf_str(&w.lines),
                   "type=callback.requested seq=callback-RE00000000000000000000000000000003");
    CHECK(!str_contains(buf_str(&w.lines), STR("specversion")));
    world_close(&w);
}

TEST(webhook_status_is_published_under_its_own_name)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/status", IDS "&CallStatus=completed&CallDuration=42&SequenceNumber=0");
    CHECK_INT(w.status, 204);
    CHECK_CONTAINS(buf_str(&w.cloud.published), CALL "/webhook/status-completed");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"durationS\":42");
    w.cloud.publish_status = 403;
    ask(&w, "/voice/status", IDS "&CallStatus=completed&CallDuration=42&SequenceNumber=0");
    CHECK_INT(w.status, 503); /* Twilio repeats where it is told to */
    world_close(&w);
}

#define RECORDING                                                                             \
    IDS "&RecordingSid=RE00000000000000000000000000000003&RecordingUrl=https%3A%2F%2Fx%2FRE&" \
        "RecordingDuration=42&RecordingChannels=2&"                                           \
        "RecordingStartTime=Tue%2C+24+Nov+2026+09%3A00%3A00+%2B0000&RecordingStatus="
#define ABSENT                                                                                  \
    IDS "&RecordingSid=RE00000000000000000000000000000003&RecordingDuration=0&RecordingStatus=" \
        "absent"

TEST(webhook_recording_is_handed_on_once_it_is_there_or_will_not_be)
{
    struct world w;

    world_open(&w);
    ask(&w, "/voice/recording", RECORDING "in-progress");
    CHECK_INT(w.status, 204);
    CHECK_INT(w.cloud.published.n, 0);
    ask(&w, "/voice/recording", ABSENT);
    CHECK_INT(w.status, 204);
    CHECK_CONTAINS(buf_str(&w.cloud.published), "/topics/recordings:publish");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"status\":\"absent\"");
    CHECK(!str_contains(buf_str(&w.cloud.published), STR("startTime")));
    buf_reset(&w.cloud.published);
    ask(&w, "/voice/recording", RECORDING "failed");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"status\":\"failed\"");
    buf_reset(&w.cloud.published);
    ask(&w, "/voice/recording", RECORDING "completed");
    CHECK_INT(w.status, 204);
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"status\":\"completed\"");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "/topics/recordings:publish");
    CHECK_CONTAINS(buf_str(&w.cloud.published),
                   CALL "/webhook/recording-RE00000000000000000000000000000003");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"startTime\":\"2026-11-24T09:00:00Z\"");
    CHECK_CONTAINS(buf_str(&w.cloud.published), "\"channels\":2");
    ask(&w, "/voice/recording", IDS "&RecordingStatus=completed");
    CHECK_INT(w.status, 400);
    world_close(&w);
}

TEST(webhook_fallback_asks_nobody_and_does_not_go_in_circles)
{
    struct world w;

    world_open(&w);
    w.cloud.publish_status = w.cloud.read_status = 500;
    ask(&w, "/voice/fallback",
        IN_PROGRESS "&ErrorCode=11200&ErrorUrl=https%3A%2F%2Fx%2Fvoice%2Fincoming");
    CHECK_INT(w.status, 200);
    CHECK_CONTAINS(w.body, "<Number>+4930555101</Number>");
    CHECK_CONTAINS(buf_str(&w.lines), "error_code=11200");
    ask(&w, "/voice/fallback",
        IN_PROGRESS "&ErrorCode=11200&ErrorUrl=https%3A%2F%2Fx%2Fvoice%2Fdialed");
    CHECK_CONTAINS(w.body, "<Hangup/>");
    CHECK(!str_contains(w.body, STR("<Dial")));
    CHECK_INT(w.cloud.published.n + w.cloud.committed.n, 0);
    world_close(&w);
}

/* What the static document is for this profile. */
static struct str static_document(struct twiml *t, const struct profile *p)
{
    struct str doc = STR_EMPTY;
    struct err err = ERR_INIT;

    twiml_init(t, TWIML_BYTES_MAX);
    answer_static(t, &(struct answers){ .profile = p });
    CHECK_OK(twiml_finish(t, &doc, &err));
    return doc;
}

TEST(webhook_static_fallback_needs_none_of_our_urls)
{
    struct profile_number number = { .number = STR("+4930555101") };
    struct str languages[] = { STR("en") };
    struct profile p = { .languages = languages, .n_languages = 1 };
    struct twiml t;

    p.escalation.numbers = &number;
    p.escalation.n_numbers = 1;
    CHECK_STR(
        static_document(&t, &p),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say language=\"en-US\">I am "
        "sorry, we have a technical problem here. I am calling a colleague for you now.</Say>"
        "<Dial timeout=\"25\"><Number>+4930555101</Number></Dial><Say language=\"en-US\">I am "
        "sorry, nobody could take your call just now.</Say><Hangup/></Response>");
    twiml_release(&t);
    p.escalation.n_numbers = 0;
    CHECK_STR(static_document(&t, &p),
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say language=\"en-US\">I am "
              "sorry, nobody could take your call just now.</Say><Hangup/></Response>");
    twiml_release(&t);
}
