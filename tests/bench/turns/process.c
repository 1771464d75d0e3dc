/* The media bridge as a process, with its own settings, and the cloud that it asks for. */
#include <stdio.h>
#include <stdlib.h>

#include "child.h"
#include "google.h"
#include "turns/turns.h"

static void on_publish(void *app, struct http_req *r)
{
    google_publish(r, app, NULL);
}

static const struct http_route routes[] = { GOOGLE_ROUTES(on_publish) };

static void set_env(const char *name, const char *before, int port)
{
    char text[200];

    (void)snprintf(text, sizeof(text), "%s%d", before, port);
    setenv(name, text, 1);
}

/* Turn-taking has the settings of the environment, or its defaults. */
static void start(struct bench *b)
{
    int cloud = http_server_port(b->cloud);
    char url[100];

    set_env("PORT", "", b->port);
    setenv("LISTEN_HOST", "127.0.0.1", 1);
    setenv("LOG_LEVEL", "error", 0);
    setenv("WORKERS", "4", 1);
    setenv("GOOGLE_CLOUD_PROJECT", "bench", 1);
    set_env("FIRESTORE_EMULATOR_HOST", "127.0.0.1:", cloud);
    set_env("PUBSUB_EMULATOR_HOST", "127.0.0.1:", cloud);
    set_env("GCE_METADATA_HOST", "127.0.0.1:", cloud);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%d/v1/realtime", cloud);
    setenv("OPENAI_REALTIME_URL", url, 1);
    set_env("TOOL_GATEWAY_URL", "http://127.0.0.1:", cloud);
    set_env("TWILIO_API_BASE", "http://127.0.0.1:", cloud);
    setenv("OPENAI_API_KEY", "sk-bench", 1);
    setenv("TWILIO_ACCOUNT_SID", TURNS_ACCOUNT, 1);
    setenv("TWILIO_AUTH_TOKEN", TURNS_AUTH_TOKEN, 1);
    setenv("PUBLIC_BASE_URL", "https://agent.example.com", 1);
    setenv("STREAM_TOKEN_KEY", TURNS_TOKEN_KEY, 1);
    setenv("BRIDGE_CALLS_MAX", "1000", 1);
    setenv("BUSINESS_PROFILE", VC_SOURCE_DIR "/evals/profiles/clinic.yaml", 1);
    b->pid = child_start(b->set.program, b->port);
}

bool process_open(struct bench *b)
{
    const struct http_server_opts opts = { .host = "127.0.0.1",
                                           .routes = routes,
                                           .n_routes = ARRAY_LEN(routes),
                                           .ws_routes = b->ws_routes,
                                           .n_ws_routes = ARRAY_LEN(b->ws_routes),
                                           .app = b,
                                           .log = &b->log };
    struct err err = ERR_INIT;

    b->ws_routes[0] = turns_engine_route;
    b->ws_routes[1] = turns_bare_route;
    if (http_server_create(&b->cloud, b->loop, &opts, &err)) {
        fprintf(stderr, "turns_bench: %s\n", err.text);
        return false;
    }
    b->port = child_free_port();
    start(b);
    return true;
}

void process_close(struct bench *b)
{
    if (b->pid > 0)
        child_stop(b->pid);
    b->cloud = http_server_destroy(b->cloud);
}
