#include "media_bridge/bridge.h"

#include "base/mem.h"
#include "concierge/stream_token.h"
#include "media_bridge/call.h"
#include "media_bridge/opening.h"
#include "media_bridge/sentences.h"
#include "voice/audio_fifo.h"

enum {
    SIGNATURE_REQUIRED,
    SIGNATURE_IF_PRESENT,
    STREAM_QUEUE_MAX = 128 * 1024,
    STREAM_UNSENT_MAX = 4 * 1024, /* a third of a second of audio */
};

#define SETTING(field) offsetof(struct bridge_settings, field)

const struct config_key bridge_keys[] = {
    TWILIO_CONFIG_KEYS(struct bridge_settings, twilio),
    GOOGLE_CONFIG_KEYS(struct bridge_settings, google),
    VOICE_CONFIG_KEYS(struct bridge_settings, voice),
    { .name = "STREAM_TOKEN_KEY",
      .kind = CONFIG_SECRET,
      .offset = SETTING(stream_token_key),
      .required = true,
      .help = "key of the stream token, shared with the webhook; at least 16 bytes" },
    { .name = "TOOL_GATEWAY_URL",
      .kind = CONFIG_URL,
      .offset = SETTING(tool_gateway_url),
      .required = true,
      .allowed = "http|https",
      .help = "origin of the tool gateway, and the audience of our tokens for it" },
    { .name = "EVENTS_TOPIC",
      .kind = CONFIG_STR,
      .offset = SETTING(events_topic),
      .dflt = "call-events",
      .help = "Pub/Sub topic of call events" },
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .offset = SETTING(profile_path),
      .required = true,
      .help = "path of the business profile" },
    { .name = "PRICES",
      .kind = CONFIG_STR,
      .offset = SETTING(prices_path),
      .help = "JSON file of model prices in place of the built-in table" },
    { .name = "RECORDINGS_BUCKET",
      .kind = CONFIG_STR,
      .offset = SETTING(bucket),
      .help =
          "Cloud Storage bucket where the spoken opening is kept, in openings/; empty: the voice "
          "engine speaks it in each call" },
    { .name = "STREAM_SIGNATURE",
      .kind = CONFIG_ENUM,
      .offset = SETTING(stream_signature),
      .dflt = "required",
      .allowed = "required|if-present",
      .help =
          "whether the upgrade of a stream must be signed; the stream token is always checked" },
    { .name = "BRIDGE_CALLS_MAX",
      .kind = CONFIG_INT,
      .offset = SETTING(calls_max),
      .dflt = "500",
      .min = 1,
      .max = 4000,
      .help = "calls at a time; further streams are refused with 503" },
    { .name = "PLAYOUT_LEAD_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(playout_lead_ms),
      .dflt = "250",
      .min = 100,
      .max = 1000,
      .help = "agent audio that Twilio holds in advance" },
    { .name = "BARGE_IN_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(barge_in_ms),
      .dflt = "300",
      .min = 0,
      .max = 2000,
      .help = "how long the caller speaks over the agent before it pauses" },
    { .name = "BARGE_IN_YIELD_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(barge_in_yield_ms),
      .dflt = "560",
      .min = 20,
      .max = 5000,
      .help = "how long it is silent before it gives up its turn to who still speaks" },
    { .name = "BARGE_IN_HUM_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(barge_in_hum_ms),
      .dflt = "1200",
      .min = 20,
      .max = 5000,
      .help = "how long a mere hum may be before it counts as speech" },
    { .name = "SIDE_SPEECH_DB",
      .kind = CONFIG_INT,
      .offset = SETTING(side_speech_db),
      .dflt = "8",
      .min = 1,
      .max = 40,
      .help = "speech so far below the caller's own is somebody else's" },
    { .name = "WAIT_HESITATION_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(wait_hesitation_ms),
      .dflt = "2000",
      .min = 0,
      .max = 10000,
      .help = "time to go on for a caller who stopped in mid-sentence" },
    { .name = "WAIT_DIGITS_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(wait_digits_ms),
      .dflt = "1500",
      .min = 0,
      .max = 10000,
      .help = "time to go on after some digits of a number" },
    { .name = "WAIT_SPELLING_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(wait_spelling_ms),
      .dflt = "1500",
      .min = 0,
      .max = 10000,
      .help = "time to go on after some letters of a name" },
    { .name = "TOOL_DEADLINE_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(tool_deadline_ms),
      .dflt = "30000",
      .min = 500,
      .max = 120000,
      .help = "how long a tool may take before the agent is told that it is unavailable" },
    { .name = "TOOL_SLOW_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(tool_slow_ms),
      .dflt = "3500",
      .min = 0,
      .max = 60000,
      .help = "silence while a tool runs, before the caller is asked to wait; 0: never" },
    { .name = "DTMF_TIMEOUT_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(dtmf_timeout_ms),
      .dflt = "3000",
      .min = 500,
      .max = 20000,
      .help = "after the last key that the caller pressed, before the agent is told; # ends it at "
              "once" },
    { .name = "ENGINE_ANSWER_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(engine_answer_ms),
      .dflt = "4000",
      .min = 500,
      .max = 30000,
      .help =
          "how long the voice engine may take to begin an answer before it is asked again; half "
          "as long after that it is replaced" },
    { .name = "ENGINE_STALL_MS",
      .kind = CONFIG_INT,
      .offset = SETTING(engine_stall_ms),
      .dflt = "6000",
      .min = 500,
      .max = 60000,
      .help = "how long an answer that has begun may stand still before it is asked for again" },
    { .name = "SESSION_MAX_S",
      .kind = CONFIG_INT,
      .offset = SETTING(session_max_s),
      .dflt = "3600",
      .min = 60,
      .max = 86400,
      .help = "how long a session of the voice engine may last, when it does not say so itself" },
    { .name = "SESSION_MARGIN_S",
      .kind = CONFIG_INT,
      .offset = SETTING(session_margin_s),
      .dflt = "300",
      .min = 2,
      .max = 3600,
      .help = "before its end, when the next session is made ready to take over" },
    { .name = "ENGINE_ATTEMPTS_PER_MINUTE",
      .kind = CONFIG_INT,
      .offset = SETTING(engine_attempts),
      .dflt = "1200",
      .min = 1,
      .max = 100000,
      .help = "how often all calls together may try to reach the voice engine again" },
};
const size_t n_bridge_keys = ARRAY_LEN(bridge_keys);

static struct str without_slash(struct str url)
{
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    return url;
}

static enum errc check_settings(const struct bridge_settings *s, struct err *err)
{
    if (s->stream_token_key.n < STREAM_TOKEN_KEY_MIN_BYTES)
        return err_set(err, ERR_INVALID, "STREAM_TOKEN_KEY: shorter than %d bytes",
                       STREAM_TOKEN_KEY_MIN_BYTES);
    return ERR_OK;
}

static struct str first_of(struct str a, struct str b)
{
    return a.n ? a : b;
}

static enum errc load_business(struct bridge *b, struct service *s, struct err *err)
{
    const struct bridge_settings *settings = b->settings;
    struct prompt *prompt;
    enum errc rc;

    rc = profile_load(&b->profile, s->arena, arena_cstr(s->arena, settings->profile_path), err);
    if (!rc)
        rc = prices_load(&b->prices, s->arena, arena_cstr(s->arena, settings->prices_path), err);
    if (rc)
        return rc;
    b->engine = voice_engine_find(b->profile->voice.engine);
    if (!b->engine)
        return err_set(err, ERR_INVALID,
                       "voice.engine: " STR_FMT " is not known; openai_realtime is",
                       STR_ARG(b->profile->voice.engine));
    prompt = ARENA_NEW(s->arena, struct prompt);
    *prompt = prompt_create(b->profile, s->arena);
    b->prompt = prompt;
    b->sentences = sentences_for(b->profile);
    b->model = first_of(b->profile->voice.model, settings->voice.model);
    b->voice = first_of(b->profile->voice.name, settings->voice.voice);
    b->transcription_model =
        first_of(b->profile->transcription.model, settings->voice.transcription_model);
    return ERR_OK;
}

static void on_stop_limit(void *arg);

static void audio_pool_release(void *arg)
{
    pool_release(arg);
}

enum errc bridge_create(void **ret, struct service *s, struct err *err)
{
    const struct bridge_settings *settings = s->settings;
    struct bridge_settings *own;
    struct bridge *b;
    enum errc rc;

    rc = check_settings(settings, err);
    if (rc)
        return rc;
    own = arena_dup(s->arena, settings, sizeof(*settings));
    own->tool_gateway_url = without_slash(own->tool_gateway_url);
    b = MEM_NEW(struct bridge);
    b->service = s;
    b->settings = own;
    b->stopped = service_stopped;
    attempts_init(&b->attempts, own->engine_attempts);
    tools_share_init(&b->tools, (int)own->common.workers);
    list_init(&b->calls);
    media_reader_init(&b->reader);
    b->audio = ARENA_NEW(s->arena, struct pool);
    audio_pool_init(b->audio);
    arena_defer(s->arena, audio_pool_release, b->audio);
    timer_init(&b->stop_limit, s->loop, on_stop_limit, b);
    b->verifier = (struct twilio_verifier){ own->twilio.public_base_url,
                                            twilio_tokens(own->twilio.auth_token, s->arena) };
    rc = load_business(b, s, err);
    if (!rc)
        rc = google_create(&b->google, own->common.project, &own->google, s->clock, err);
    if (rc) {
        bridge_destroy(b);
        return rc;
    }
    workers_stand_back(s->workers);
    b->outbox = outbox_create(s->loop, &s->workers, b->google, own->events_topic,
                              (int)MAX(own->common.workers * 3 / 8, 1), &s->log);
    b->opening = opening_create(b);
    *ret = b;
    return ERR_OK;
}

void bridge_destroy(void *app)
{
    struct bridge *b = app;
    struct list_node *at, *next;

    if (!b)
        return;
    timer_stop(&b->stop_limit);
    LIST_EACH (&b->calls, at, next)
        call_abandon(call_of_node(at));
    b->opening = opening_destroy(b->opening);
    b->outbox = outbox_destroy(b->outbox);
    b->google = google_destroy(b->google);
    media_reader_release(&b->reader);
    mem_free(b);
}

enum errc bridge_submit(struct bridge *b, void (*run)(void *arg, struct ctx *ctx),
                        void (*done)(void *arg), void *arg)
{
    return b->service->workers ? workers_submit(b->service->workers, run, done, arg) : ERR_CLOSED;
}

/* ---- SIGTERM ---- */

static void on_flushed(void *arg)
{
    struct bridge *b = arg;

    timer_stop(&b->stop_limit);
    b->stopped(b->service);
}

static void stop_if_empty(struct bridge *b)
{
    if (b->stopping && b->n_calls == 0)
        outbox_when_empty(b->outbox, on_flushed, b);
}

static void on_stop_limit(void *arg)
{
    struct bridge *b = arg;

    log_warn(&b->service->log, "stopping with work in hand calls=%zu events=%zu", b->n_calls,
             outbox_waiting(b->outbox));
    b->stopped(b->service);
}

void bridge_stop(void *app)
{
    struct bridge *b = app;
    struct list_node *at, *next;

    b->stopping = true;
    timer_start(&b->stop_limit, BRIDGE_STOP_MS);
    log_info(&b->service->log, "stopping calls=%zu", b->n_calls);
    LIST_EACH (&b->calls, at, next)
        call_move(call_of_node(at));
    stop_if_empty(b);
}

void bridge_call_over(struct bridge *b)
{
    b->n_calls--;
    stop_if_empty(b);
}

/* ---- the stream's upgrade ---- */

static enum errc check_signature(struct bridge *b, const struct ws_upgrade *u)
{
    struct str signature = ws_upgrade_header(u, "x-twilio-signature");
    struct arena arena = ARENA_INIT;
    enum errc rc;

    if (signature.n == 0 && b->settings->stream_signature == SIGNATURE_IF_PRESENT)
        return ERR_OK;
    rc = twilio_verify_upgrade(&b->verifier, u->target, signature, &arena);
    arena_release(&arena);
    return rc;
}

static int media_admit(void *app, const struct ws_upgrade *u, void **arg)
{
    struct bridge *b = app;

    (void)arg;
    if (check_signature(b, u)) {
        b->refused_total++;
        log_warn(&b->service->log,
                 "stream without a valid signature refused signature_refused_total=%llu signed=%s",
                 (unsigned long long)b->refused_total,
                 ws_upgrade_header(u, "x-twilio-signature").n ? "wrongly" : "not");
        return 403;
    }
    if (b->stopping || (int64_t)b->n_calls >= b->settings->calls_max) {
        b->refused_full_total++;
        log_error(&b->service->log, "stream refused calls=%zu stopping=%d refused_full_total=%llu",
                  b->n_calls, b->stopping, (unsigned long long)b->refused_full_total);
        return 503;
    }
    return 0;
}

static void media_accept(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    *arg = call_create(app, ws, events);
}

const struct ws_route bridge_ws_routes[] = {
    { .path = "/media",
      .queue_max = STREAM_QUEUE_MAX,
      .message_max = 256 * KIB,
      .unsent_max = STREAM_UNSENT_MAX,
      .admit = media_admit,
      .accept = media_accept },
};
const size_t n_bridge_ws_routes = ARRAY_LEN(bridge_ws_routes);

/* ---- counters ---- */

static void on_stats(void *app, struct http_req *r)
{
    const struct bridge *b = app;
    struct arena arena = ARENA_INIT;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "calls", (int64_t)b->n_calls);
    jw_i64(&w, "callsTotal", (int64_t)b->calls_total);
    jw_i64(&w, "refusedTotal", (int64_t)b->refused_total);
    jw_i64(&w, "refusedFullTotal", (int64_t)b->refused_full_total);
    jw_i64(&w, "eventsWaiting", (int64_t)outbox_waiting(b->outbox));
    jw_i64(&w, "eventsLost", (int64_t)outbox_lost(b->outbox));
    jw_i64(&w, "heapBytes", (int64_t)mem_in_use());
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, &arena));
    arena_release(&arena);
}

const struct http_route bridge_routes[] = {
    { .methods = HTTP_GET, .path = "/stats", .handle = on_stats, .on_loop = true },
};
const size_t n_bridge_routes = ARRAY_LEN(bridge_routes);
