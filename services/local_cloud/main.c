#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "local_cloud/control/control.h"
#include "local_cloud/control/phone.h"
#include "local_cloud/control/scenario.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/record.h"
#include "local_cloud/settings.h"
#include "local_cloud/store.h"
#include "net/service.h"

enum { ROUTES_MAX = 128, WS_ROUTES_MAX = 8, PORT_DEFAULT = 8080 };

/* In the order in which they are made; control starts our services. */
static const struct local_module *const modules[] = {
    &identity_module, &firestore_module, &storage_module, &pubsub_module,
    &engine_module,   &telephony_module, &control_module, &phone_module,
};

#define SCENARIOS_DIR "evals/scenarios"
#define SETTING(member) offsetof(struct local_settings, member)

static const struct config_key keys[] = {
    { .name = "LOCAL_STATE",
      .kind = CONFIG_STR,
      .offset = SETTING(state),
      .help = "SQLite file with everything that is kept; unset: in memory" },
    { .name = "TWILIO_ACCOUNT_SID",
      .kind = CONFIG_STR,
      .offset = SETTING(account_sid),
      .help = "account that owns the numbers" },
    { .name = "TWILIO_AUTH_TOKEN",
      .kind = CONFIG_SECRET,
      .offset = SETTING(auth_token),
      .help = "signs webhooks, opens REST; unset: chosen at random" },
    { .name = "PUBLIC_BASE_URL",
      .kind = CONFIG_URL,
      .offset = SETTING(public_base_url),
      .allowed = "http|https",
      .help = "origin of the webhook; unset: this port + 1" },
    { .name = "LOCAL_SERVICE_ACCOUNT",
      .kind = CONFIG_STR,
      .offset = SETTING(service_account),
      .dflt = "concierge@local-project.iam.gserviceaccount.com",
      .help = "email in tokens and pushes" },
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .offset = SETTING(profile),
      .required = true,
      .help = "the business profile, handed to the services" },
    { .name = "LOCAL_SERVICES_DIR",
      .kind = CONFIG_STR,
      .offset = SETTING(services_dir),
      .help = "folder of our six programs; unset: none are started" },
    { .name = "LOCAL_SCENARIOS_DIR",
      .kind = CONFIG_STR,
      .offset = SETTING(scenarios_dir),
      .dflt = SCENARIOS_DIR,
      .help = "folder of the scenarios" },
    { .name = "OPENAI_API_KEY",
      .kind = CONFIG_SECRET,
      .offset = SETTING(openai_api_key),
      .help = "with it the services use the real voice engine and transcription" },
    { .name = "LOCAL_SHOW_LOG",
      .kind = CONFIG_BOOL,
      .offset = SETTING(show_log),
      .dflt = "false",
      .help = "show every log line of every service, not only warnings" },
    { .name = "LOCAL_RECORD",
      .kind = CONFIG_STR,
      .offset = SETTING(record),
      .help = "file that all traffic is written to, one JSON object a line (docs/local-cloud.md)" },
};

static const struct service_option options[] = { { "--record", "FILE", "LOCAL_RECORD" } };

static struct http_route routes[ROUTES_MAX];
static struct ws_route ws_routes[WS_ROUTES_MAX];

static void end_record(void *arg)
{
    record_destroy(arg);
}

static enum errc tap(const struct net_tap **ret, struct service *s, struct err *err)
{
    struct str path = local_settings_of(s)->record;
    struct record *r;
    enum errc rc;

    if (!path.n)
        return ERR_OK;
    rc = record_create(&r, arena_cstr(s->arena, path), s->clock, &s->log, err);
    if (rc)
        return rc;
    arena_defer(s->arena, end_record, r);
    *ret = record_tap(r);
    return ERR_OK;
}

static void destroy(void *app)
{
    struct local_cloud *lc = app;
    size_t i;

    for (i = ARRAY_LEN(modules); i-- > 0;)
        modules[i]->destroy(lc);
    lc->store = store_destroy(lc->store);
    mem_free(lc);
}

static enum errc create(void **app, struct service *s, struct err *err)
{
    struct local_cloud *lc = MEM_NEW(struct local_cloud);
    enum errc rc;
    size_t i;

    lc->service = s;
    lc->origin =
        arena_printf(s->arena, "http://127.0.0.1:%d", (int)local_settings_of(s)->common.port);
    rc = store_create(&lc->store, local_settings_of(s)->state, err);
    for (i = 0; !rc && i < ARRAY_LEN(modules); i++) {
        rc = modules[i]->create(lc, err);
        if (rc)
            rc = err_wrap(err, rc, "%s", modules[i]->name);
    }
    if (rc) {
        destroy(lc);
        return rc;
    }
    *app = lc;
    return ERR_OK;
}

static void started(void *app)
{
    struct local_cloud *lc = app;
    size_t i;

    for (i = 0; i < ARRAY_LEN(modules); i++) {
        if (modules[i]->started)
            modules[i]->started(lc);
    }
}

static void on_services_stopped(void *arg)
{
    service_stopped(arg);
}

static void stop(void *app)
{
    struct local_cloud *lc = app;

    control_stop(lc->control, on_services_stopped, lc->service);
}

static void add_routes(struct service_spec *spec)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(modules); i++) {
        const struct local_module *m = modules[i];

        if (spec->n_routes + m->n_routes > ROUTES_MAX ||
            spec->n_ws_routes + m->n_ws_routes > WS_ROUTES_MAX)
            abort(); /* the tables above are too small */
        if (m->n_routes)
            memcpy(&routes[spec->n_routes], m->routes, m->n_routes * sizeof(routes[0]));
        if (m->n_ws_routes)
            memcpy(&ws_routes[spec->n_ws_routes], m->ws_routes,
                   m->n_ws_routes * sizeof(ws_routes[0]));
        spec->n_routes += m->n_routes;
        spec->n_ws_routes += m->n_ws_routes;
    }
}

/* A scenario has a date of its own: everything is started as if it were then. */
static void take_clock_of_scenario(void)
{
    const char *dir = getenv("LOCAL_SCENARIOS_DIR"), *name = getenv("LOCAL_CLOCK_OF");
    const struct clock clock = clock_system(0);
    struct arena a = ARENA_INIT;
    struct scenario s = { 0 };
    struct err err = ERR_INIT;
    char text[32];

    if (name && scenario_load(&s, &a, dir ? dir : SCENARIOS_DIR, str_c(name), &err))
        fprintf(stderr, "local-cloud: LOCAL_CLOCK_OF: %s; the clock stays as it is\n", err.text);
    if (s.clock_us) {
        snprintf(text, sizeof(text), "%lld",
                 (long long)(s.clock_us - clock_wall_us(&clock)) / 1000);
        setenv("CLOCK_OFFSET_MS", text, 1);
    }
    arena_release(&a);
}

/* What is not set is chosen here, before the settings are read. */
static void choose_defaults(void)
{
    const char *port_text = getenv("PORT");
    int port = port_text && *port_text ? (int)strtol(port_text, NULL, 10) : PORT_DEFAULT;
    uint8_t random[16];
    char hex[2 * sizeof(random) + 1], text[80];

    random_bytes(random, sizeof(random));
    hex_encode(hex, random, sizeof(random));
    setenv("TWILIO_AUTH_TOKEN", hex, 0);
    random_bytes(random, sizeof(random));
    hex_encode(hex, random, sizeof(random));
    snprintf(text, sizeof(text), "AC%s", hex);
    setenv("TWILIO_ACCOUNT_SID", text, 0);
    snprintf(text, sizeof(text), "http://127.0.0.1:%d", port + 1);
    setenv("PUBLIC_BASE_URL", text, 0);
    setenv("LISTEN_HOST", "127.0.0.1", 0);
    setenv("GOOGLE_CLOUD_PROJECT", LOCAL_PROJECT, 0);
    setenv("WORKERS", "32", 0); /* each call that somebody follows takes one */
}

int main(int argc, char **argv)
{
    struct service_spec spec = {
        .name = "local-cloud",
        .summary = "Everything outside our system, on one machine: Google Cloud, Twilio, a voice "
                   "engine; starts our six services on the next six ports. Never deployed.",
        .keys = keys,
        .n_keys = ARRAY_LEN(keys),
        .settings_size = sizeof(struct local_settings),
        .routes = routes,
        .ws_routes = ws_routes,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .tap = tap,
        .create = create,
        .started = started,
        .stop = stop,
        .destroy = destroy,
    };

    choose_defaults();
    take_clock_of_scenario();
    add_routes(&spec);
    return service_main(&spec, argc, argv);
}
