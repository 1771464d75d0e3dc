#include "google/google.h"

#include "base/mem.h"
#include "base/url.h"
#include "google/google_internal.h"
#include "google/token.h"

static const struct google_api_desc {
    const char *name, *origin;
} apis[] = {
    [GOOGLE_FIRESTORE] = { "Firestore", "https://firestore.googleapis.com" },
    [GOOGLE_PUBSUB] = { "Pub/Sub", "https://pubsub.googleapis.com" },
    [GOOGLE_STORAGE] = { "Cloud Storage", "https://storage.googleapis.com" },
    [GOOGLE_CALENDAR] = { "Google Calendar", "https://www.googleapis.com/calendar" },
    [GOOGLE_APIS] = { "Google", "https://www.googleapis.com" },
};

static enum errc use_emulator(struct google *g, enum google_api api, const char *key,
                              struct str host, struct err *err)
{
    struct google_base *b = &g->bases[api];
    struct url url;

    if (host.n == 0)
        return ERR_OK;
    while (str_ends(host, STR("/")))
        host = str_slice(host, 0, host.n - 1);
    if (str_starts(host, STR("http://")) || str_starts(host, STR("https://")))
        b->origin = arena_str(&g->arena, host);
    else
        b->origin = arena_printf(&g->arena, "http://" STR_FMT, STR_ARG(host));
    b->emulated = true;
    if (url_parse(&url, b->origin) || url.path.n > 1 || url.query.n)
        return err_set(err, ERR_INVALID, "%s=" STR_FMT ": expected host:port or http://host:port",
                       key, STR_ARG(host));
    return ERR_OK;
}

static enum errc use_settings(struct google *g, const struct google_settings *s,
                              const struct clock *clock, struct err *err)
{
    enum errc rc;

    rc = use_emulator(g, GOOGLE_FIRESTORE, "FIRESTORE_EMULATOR_HOST", s->firestore_emulator_host,
                      err);
    if (!rc)
        rc = use_emulator(g, GOOGLE_PUBSUB, "PUBSUB_EMULATOR_HOST", s->pubsub_emulator_host, err);
    if (!rc)
        rc =
            use_emulator(g, GOOGLE_STORAGE, "STORAGE_EMULATOR_HOST", s->storage_emulator_host, err);
    if (!rc)
        rc = token_source_create(&g->tokens, s, clock, err);
    return rc;
}

enum errc google_create(struct google **ret, struct str project,
                        const struct google_settings *settings, const struct clock *clock,
                        struct err *err)
{
    struct google *g;
    enum errc rc;
    size_t i;

    if (project.n == 0)
        return err_set(err, ERR_INVALID, "GOOGLE_CLOUD_PROJECT is not set: expected a project id");
    g = MEM_NEW(struct google);
    arena_init(&g->arena);
    g->project = arena_str(&g->arena, project);
    for (i = 0; i < ARRAY_LEN(apis); i++)
        g->bases[i] = (struct google_base){ str_c(apis[i].origin), apis[i].name, false };
    rc = use_settings(g, settings, clock, err);
    if (rc) {
        (void)google_destroy(g); /* NULL */
        return rc;
    }
    *ret = g;
    return ERR_OK;
}

struct google *google_destroy(struct google *g)
{
    if (!g)
        return NULL;
    g->tokens = token_source_destroy(g->tokens);
    arena_release(&g->arena);
    mem_free(g);
    return NULL;
}

struct str google_project(const struct google *g)
{
    return g->project;
}

struct token_source *google_tokens(struct google *g)
{
    return g->tokens;
}
