#include "twilio/rest.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/workers.h"

#include "test.h"

#define ACCOUNT "AC00000000000000000000000000000001"
#define CALL "CA00000000000000000000000000000002"
#define RECORDING "RE00000000000000000000000000000003"
#define BASE "/2010-04-01/Accounts/" ACCOUNT

enum { ANSWERS_MAX = 8, WAIT_MS = 20000 };

/* Twilio, scripted: each request gets the next answer and is written down as "METHOD target body\n". */
struct scripted {
    int status[ANSWERS_MAX];
    const char *body[ANSWERS_MAX];
    int n, asked;
    struct buf seen;
    char authorization_text[256];
};

struct world {
    struct clock clock;
    struct log_sink *sink;
    struct log log;
    struct loop *loop;
    struct workers *workers;
    struct tls_store *tls;
    struct http_server *server;
    struct scripted twilio;
    struct twilio_settings settings;
    char base[64];
    struct err err;
    enum errc rc;
    bool done;
    void (*run)(struct world *w, struct ctx *ctx);
    /* what a run has found */
    struct buf got;
    int channels;
    struct twilio_recording recording;
    char text[64];
};

static void on_line(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void on_any(void *app, struct http_req *r)
{
    struct scripted *s = app;
    int i = s->asked < s->n ? s->asked : s->n - 1;

    s->asked++;
    buf_addf(&s->seen, "%s " STR_FMT " " STR_FMT "\n",
             r->method == HTTP_GET      ? "GET"
             : r->method == HTTP_POST   ? "POST"
             : r->method == HTTP_DELETE ? "DELETE"
                                        : "?",
             STR_ARG(r->target), STR_ARG(r->body));
    (void)str_copy(s->authorization_text, sizeof(s->authorization_text),
                   http_req_header(r, "Authorization"));
    if (s->status[i] == 204)
        http_reply_empty(r, 204);
    else
        http_reply(r, s->status[i], "application/json", str_c(s->body[i]));
}

static const struct http_route routes[] = {
    { .methods = HTTP_ANY, .path = "/{all*}", .body_max = 64 * KIB, .handle = on_any },
};

static void open_world(struct world *w, int status, const char *body)
{
    *w = (struct world){ .clock = clock_system(0) };
    w->sink = log_sink_create_fn(on_line, NULL, LOG_DEBUG, &w->clock);
    w->log = log_root(w->sink);
    CHECK_OK(loop_create(&w->loop, &w->clock, &w->log, NULL));
    w->tls = tls_store_create(NULL);
    CHECK_OK(workers_create(&w->workers, w->loop, 2, w->tls, &w->log, NULL));
    buf_init(&w->twilio.seen, 64 * KIB);
    buf_init(&w->got, 64 * KIB);
    w->twilio.status[0] = status;
    w->twilio.body[0] = body;
    w->twilio.n = 1;
    CHECK_OK(http_server_create(&w->server, w->loop,
                                &(struct http_server_opts){ .host = "127.0.0.1",
                                                            .routes = routes,
                                                            .n_routes = ARRAY_LEN(routes),
                                                            .app = &w->twilio,
                                                            .workers = w->workers,
                                                            .log = &w->log },
                                NULL));
    snprintf(w->base, sizeof(w->base), "http://127.0.0.1:%d/", http_server_port(w->server));
    w->settings = (struct twilio_settings){ .account_sid = STR(ACCOUNT),
                                            .auth_token = STR("secret,older"),
                                            .api_base = str_c(w->base) };
}

static void then_answer(struct world *w, int status, const char *body)
{
    w->twilio.status[w->twilio.n] = status;
    w->twilio.body[w->twilio.n++] = body;
}

static void run_job(void *arg, struct ctx *ctx)
{
    struct world *w = arg;

    w->run(w, ctx);
}

static void job_done(void *arg)
{
    ((struct world *)arg)->done = true;
}

static bool is_done(void *arg)
{
    return ((struct world *)arg)->done;
}

static void run_in(struct world *w, void (*run)(struct world *w, struct ctx *ctx))
{
    w->run = run;
    w->done = false;
    CHECK_OK(workers_submit(w->workers, run_job, job_done, w));
    CHECK_OK(loop_run_until(w->loop, is_done, w, WAIT_MS));
}

static void close_world(struct world *w)
{
    w->workers = workers_destroy(w->workers);
    w->server = http_server_destroy(w->server);
    w->loop = loop_destroy(w->loop);
    w->tls = tls_store_destroy(w->tls);
    w->sink = log_sink_destroy(w->sink);
    buf_release(&w->twilio.seen);
    buf_release(&w->got);
}

static void update_twiml(struct world *w, struct ctx *ctx)
{
    const struct twilio_call_update u = { .twiml = STR("<Response><Hangup/></Response>") };

    w->rc = twilio_call_update(&w->settings, ctx, STR(CALL), &u, &w->err);
}

TEST(rest_updates_a_call_with_basic_auth_of_the_first_token)
{
    struct world w;
    struct arena a = ARENA_INIT;

    open_world(&w, 200, "{\"sid\":\"" CALL "\",\"status\":\"in-progress\"}");
    run_in(&w, update_twiml);
    CHECK_OK(w.rc);
    CHECK_STR(buf_str(&w.twilio.seen), "POST " BASE "/Calls/" CALL ".json "
                                       "Twiml=%3CResponse%3E%3CHangup%2F%3E%3C%2FResponse%3E\n");
    CHECK_STR(
        str_c(w.twilio.authorization_text),
        arena_printf(&a, "Basic " STR_FMT, STR_ARG(base64_text(&a, STR(ACCOUNT ":secret")))).p);
    arena_release(&a);
    close_world(&w);
}

static void update_url(struct world *w, struct ctx *ctx)
{
    const struct twilio_call_update u = { .url = STR("https://a.example.com/x?y=1&z=+") };

    w->rc = twilio_call_update(&w->settings, ctx, STR(CALL), &u, &w->err);
}

static void update_nothing(struct world *w, struct ctx *ctx)
{
    const struct twilio_call_update u = { 0 };

    w->rc = twilio_call_update(&w->settings, ctx, STR(CALL), &u, &w->err);
}

static void update_stranger(struct world *w, struct ctx *ctx)
{
    const struct twilio_call_update u = { .status = STR("completed") };

    w->rc = twilio_call_update(&w->settings, ctx, STR("CA/../../x"), &u, &w->err);
}

TEST(rest_update_takes_exactly_one_change_of_a_valid_call)
{
    struct world w;

    open_world(&w, 200, "{}");
    run_in(&w, update_url);
    CHECK_OK(w.rc);
    CHECK_CONTAINS(buf_str(&w.twilio.seen),
                   "Url=https%3A%2F%2Fa.example.com%2Fx%3Fy%3D1%26z%3D%2B&Method=POST");
    run_in(&w, update_nothing);
    CHECK_RC(ERR_INVALID, w.rc);
    run_in(&w, update_stranger);
    CHECK_RC(ERR_INVALID, w.rc);
    CHECK_INT(w.twilio.asked, 1);
    close_world(&w);
}

#define NOT_IN_PROGRESS \
    "{\"code\":21220,\"message\":\"Call is not in-progress. Cannot redirect.\",\"status\":400}"

TEST(rest_errors_carry_twilios_code)
{
    struct world w;

    open_world(&w, 400, NOT_IN_PROGRESS);
    run_in(&w, update_twiml);
    CHECK_RC(ERR_CLOSED, w.rc);
    CHECK_INT(w.err.upstream, TWILIO_CODE_NOT_IN_PROGRESS);
    CHECK_CONTAINS(str_c(w.err.text), "Cannot redirect");
    close_world(&w);
}

static void end_call(struct world *w, struct ctx *ctx)
{
    w->rc = twilio_call_end(&w->settings, ctx, STR(CALL), &w->err);
}

TEST(rest_ending_a_call_that_is_over_succeeds)
{
    struct world w;

    open_world(&w, 400, NOT_IN_PROGRESS);
    then_answer(&w, 404, "{\"code\":20404,\"status\":404}");
    then_answer(&w, 401, "{\"code\":20003,\"status\":401}");
    run_in(&w, end_call);
    CHECK_OK(w.rc);
    run_in(&w, end_call);
    CHECK_OK(w.rc);
    run_in(&w, end_call);
    CHECK_RC(ERR_DENIED, w.rc);
    CHECK_INT(w.err.upstream, 20003);
    close_world(&w);
}

TEST(rest_error_without_json_carries_the_status)
{
    struct world w;

    open_world(&w, 404, "<html>gone</html>");
    run_in(&w, update_twiml);
    CHECK_RC(ERR_NOT_FOUND, w.rc);
    CHECK_INT(w.err.upstream, 404);
    close_world(&w);
}

static void send_message(struct world *w, struct ctx *ctx)
{
    const struct twilio_message m = { .to = STR("+4930123456"),
                                      .from = STR("+15005550006"),
                                      .body = STR("See you on Monday at 9.") };
    struct str sid = STR_EMPTY;

    w->rc = twilio_message_send(&w->settings, ctx, &m, &sid, &w->err);
    (void)str_copy(w->text, sizeof(w->text), sid);
}

TEST(rest_message_is_repeated_after_429_only)
{
    struct world w;

    open_world(&w, 429, "{\"code\":20429,\"status\":429}");
    then_answer(&w, 201, "{\"sid\":\"SM1\",\"status\":\"queued\"}");
    run_in(&w, send_message);
    CHECK_OK(w.rc);
    CHECK_STR(str_c(w.text), "SM1");
    CHECK_INT(w.twilio.asked, 2);
    CHECK_CONTAINS(buf_str(&w.twilio.seen),
                   "/Messages.json To=%2B4930123456&From=%2B15005550006&Body=See%20you");
    close_world(&w);

    open_world(&w, 503, "");
    then_answer(&w, 201, "{\"sid\":\"SM1\"}");
    run_in(&w, send_message);
    CHECK_RC(ERR_AGAIN, w.rc);
    CHECK_INT(w.twilio.asked, 1);
    close_world(&w);
}

TEST(rest_message_to_who_opted_out_is_denied)
{
    struct world w;

    open_world(&w, 400, "{\"code\":21610,\"message\":\"unsubscribed\",\"status\":400}");
    run_in(&w, send_message);
    CHECK_RC(ERR_DENIED, w.rc);
    CHECK_INT(w.err.upstream, TWILIO_CODE_OPTED_OUT);
    close_world(&w);
}

static enum errc take_piece(void *arg, const char *data, size_t n)
{
    struct world *w = arg;

    buf_add(&w->got, data, n);
    return ERR_OK;
}

static void fetch(struct world *w, struct ctx *ctx)
{
    const struct twilio_recording_sink sink = { take_piece, w };

    w->rc = twilio_recording_fetch(&w->settings, ctx, STR(RECORDING), &sink, &w->channels, &w->err);
}

TEST(rest_recording_is_fetched_in_two_channels)
{
    struct world w;

    open_world(&w, 200, "RIFF two");
    run_in(&w, fetch);
    CHECK_OK(w.rc);
    CHECK_INT(w.channels, 2);
    CHECK_STR(buf_str(&w.got), "RIFF two");
    CHECK_STR(buf_str(&w.twilio.seen),
              "GET " BASE "/Recordings/" RECORDING ".wav?RequestedChannels=2 \n");
    close_world(&w);
}

TEST(rest_recording_of_one_channel_is_asked_for_again)
{
    struct world w;

    open_world(&w, 400, "{\"status\":400}");
    then_answer(&w, 200, "RIFF one");
    run_in(&w, fetch);
    CHECK_OK(w.rc);
    CHECK_INT(w.channels, 1);
    CHECK_STR(buf_str(&w.got), "RIFF one");
    CHECK_CONTAINS(buf_str(&w.twilio.seen), "RequestedChannels=1");
    close_world(&w);
}

static enum errc refuse_piece(void *arg, const char *data, size_t n)
{
    (void)arg;
    (void)data;
    (void)n;
    return ERR_INVALID;
}

static void fetch_into_refusal(struct world *w, struct ctx *ctx)
{
    const struct twilio_recording_sink sink = { refuse_piece, w };

    w->rc = twilio_recording_fetch(&w->settings, ctx, STR(RECORDING), &sink, &w->channels, &w->err);
}

TEST(rest_recording_ends_with_the_sinks_error_and_is_not_asked_for_again)
{
    struct world w;

    open_world(&w, 200, "RIFF");
    run_in(&w, fetch_into_refusal);
    CHECK_RC(ERR_INVALID, w.rc);
    CHECK_INT(w.twilio.asked, 1);
    close_world(&w);
}

static void get_recording(struct world *w, struct ctx *ctx)
{
    w->rc = twilio_recording_get(&w->settings, ctx, STR(RECORDING), &w->recording, &w->err);
    (void)str_copy(w->text, sizeof(w->text), w->recording.status);
}

TEST(rest_recording_data_reads_numbers_as_twilio_writes_them)
{
    struct world w;

    open_world(&w, 200,
               "{\"sid\":\"" RECORDING "\",\"call_sid\":\"" CALL
               "\",\"status\":\"completed\",\"duration\":\"42\",\"channels\":2}");
    run_in(&w, get_recording);
    CHECK_OK(w.rc);
    CHECK_STR(str_c(w.text), "completed");
    CHECK_INT(w.recording.duration_s, 42);
    CHECK_INT(w.recording.channels, 2);
    close_world(&w);
}

static void delete_recording(struct world *w, struct ctx *ctx)
{
    w->rc = twilio_recording_delete(&w->settings, ctx, STR(RECORDING), &w->err);
}

TEST(rest_deleting_a_recording_that_is_gone_succeeds)
{
    struct world w;

    open_world(&w, 204, "");
    then_answer(&w, 404, "{\"code\":20404}");
    run_in(&w, delete_recording);
    CHECK_OK(w.rc);
    run_in(&w, delete_recording);
    CHECK_OK(w.rc);
    CHECK_CONTAINS(buf_str(&w.twilio.seen), "DELETE " BASE "/Recordings/" RECORDING ".json");
    close_world(&w);
}

static void record(struct world *w, struct ctx *ctx)
{
    const struct twilio_recording_start o = { .status_callback = STR("https://a.example.com/r"),
                                              .status_events = STR("in-progress completed") };
    struct str sid = STR_EMPTY;

    w->rc = twilio_recording_start(&w->settings, ctx, STR(CALL), &o, &sid, &w->err);
    if (!w->rc)
        w->rc = twilio_recording_set(&w->settings, ctx, STR(CALL), STR_EMPTY,
                                     TWILIO_RECORDING_PAUSE, &w->err);
    (void)str_copy(w->text, sizeof(w->text), sid);
}

TEST(rest_recording_is_started_dual_and_paused)
{
    struct world w;

    open_world(&w, 201, "{\"sid\":\"" RECORDING "\"}");
    then_answer(&w, 200, "{}");
    run_in(&w, record);
    CHECK_OK(w.rc);
    CHECK_STR(str_c(w.text), RECORDING);
    CHECK_STR(buf_str(&w.twilio.seen),
              "POST " BASE "/Calls/" CALL "/Recordings.json RecordingChannels=dual&"
              "RecordingStatusCallback=https%3A%2F%2Fa.example.com%2Fr&"
              "RecordingStatusCallbackEvent=in-progress&RecordingStatusCallbackEvent=completed\n"
              "POST " BASE "/Calls/" CALL
              "/Recordings/Twilio.CURRENT.json Status=paused&PauseBehavior=silence\n");
    close_world(&w);
}
