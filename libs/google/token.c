#include "google/token.h"

#include <pthread.h>

#include "base/crypto.h"
#include "base/map.h"
#include "base/mem.h"
#include "google/credentials.h"

enum token_kind { TOKEN_ACCESS, TOKEN_IDENTITY };

struct token_entry {
    char *text;                         /* NULL: none */
    int64_t renew_at_ms, expires_at_ms; /* monotonic */
    bool renewing;
    uint64_t flights;  /* renewals that have ended */
    enum errc last_rc; /* of the last of them */
    struct err last_err;
};

struct token_source {
    struct credentials *credentials;
    const struct clock *clock;
    pthread_mutex_t lock; /* entries and what they hold */
    pthread_cond_t landed;
    struct map *entries;
};

enum errc token_source_create(struct token_source **ret, const struct google_settings *settings,
                              const struct clock *clock, struct err *err)
{
    struct credentials *credentials;
    struct token_source *t;
    enum errc rc;

    rc = credentials_load(&credentials, settings, err);
    if (rc)
        return rc;
    t = MEM_NEW(struct token_source);
    t->credentials = credentials;
    t->clock = clock;
    t->entries = map_create();
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->landed, NULL);
    *ret = t;
    return ERR_OK;
}

static void entry_forget(struct token_entry *e)
{
    if (e->text)
        mem_wipe(e->text, str_c(e->text).n);
    mem_free(e->text);
    e->text = NULL;
}

struct token_source *token_source_destroy(struct token_source *t)
{
    struct map_iter it = MAP_ITER_INIT;
    struct str key;
    void *value;

    if (!t)
        return NULL;
    while (map_next(t->entries, &it, &key, &value)) {
        entry_forget(value);
        mem_free(value);
    }
    t->entries = map_destroy(t->entries);
    t->credentials = credentials_destroy(t->credentials);
    pthread_cond_destroy(&t->landed);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
    return NULL;
}

static enum errc fetch(struct token_source *t, struct ctx *ctx, enum token_kind kind,
                       struct str what, struct fresh_token *ret, struct err *err)
{
    enum errc rc;

    if (kind == TOKEN_ACCESS)
        rc = credentials_access(t->credentials, ctx, what, ret, err);
    else
        rc = credentials_identity(t->credentials, ctx, what, ret, err);
    if (!rc && (ret->text.n == 0 || ret->text.n > TOKEN_TEXT_MAX))
        rc = err_set(err, ERR_UPSTREAM, "token of %zu bytes", ret->text.n);
    return rc ? err_wrap(err, rc, "%s token", kind == TOKEN_ACCESS ? "access" : "identity") : rc;
}

static void entry_store(struct token_entry *e, const struct fresh_token *fresh, int64_t now_ms)
{
    int64_t life_s = MAX(fresh->life_s, 0);
    int64_t early_s = MIN((int64_t)TOKEN_EARLY_S, life_s / 2);

    entry_forget(e);
    e->text = mem_str_dup(fresh->text);
    e->expires_at_ms = now_ms + life_s * 1000;
    e->renew_at_ms = e->expires_at_ms - early_s * 1000;
}

/* This worker's turn to renew; called and left with the lock held. */
static enum errc entry_renew(struct token_source *t, struct ctx *ctx, struct token_entry *e,
                             enum token_kind kind, struct str what, struct err *err)
{
    struct err failure = ERR_INIT;
    struct fresh_token fresh;
    int64_t now_ms;
    enum errc rc;

    e->renewing = true;
    pthread_mutex_unlock(&t->lock);
    rc = fetch(t, ctx, kind, what, &fresh, &failure);
    now_ms = clock_mono_ms(t->clock);
    pthread_mutex_lock(&t->lock);
    e->renewing = false;
    e->flights++;
    e->last_rc = rc;
    e->last_err = failure;
    if (!rc)
        entry_store(e, &fresh, now_ms);
    else
        e->renew_at_ms = now_ms + (int64_t)TOKEN_RETRY_S * 1000;
    pthread_cond_broadcast(&t->landed);
    if (rc && err)
        *err = failure;
    return rc;
}

/* Called and left with the lock held. */
static enum errc entry_get(struct token_source *t, struct ctx *ctx, struct token_entry *e,
                           enum token_kind kind, struct str what, struct str *ret, struct err *err)
{
    int64_t now_ms = clock_mono_ms(t->clock);
    uint64_t flight;
    enum errc rc;

    if (!e->text || now_ms >= e->expires_at_ms) {
        if (e->renewing) {
            flight = e->flights;
            while (e->flights == flight) /* bounded by the renewer's own time limits */
                pthread_cond_wait(&t->landed, &t->lock);
            rc = e->last_rc;
            if (rc && err)
                *err = e->last_err;
        } else {
            rc = entry_renew(t, ctx, e, kind, what, err);
        }
        if (rc)
            return rc;
    } else if (now_ms >= e->renew_at_ms && !e->renewing) {
        (void)entry_renew(t, ctx, e, kind, what, NULL); /* the old one is good for a while */
    }
    if (!e->text)
        return err_set(err, ERR_AGAIN, "token was dropped meanwhile");
    *ret = arena_str(ctx->arena, str_c(e->text));
    return ERR_OK;
}

/* With the lock held; NULL: no room for another. */
static struct token_entry *entry_find(struct token_source *t, struct arena *a, enum token_kind kind,
                                      struct str what)
{
    struct str key = arena_printf(a, "%d " STR_FMT, (int)kind, STR_ARG(what));
    struct token_entry *e = map_get(t->entries, key);

    if (!e && map_len(t->entries) < TOKEN_CACHE_MAX) {
        e = MEM_NEW(struct token_entry);
        (void)map_put(t->entries, key, e); /* there was none */
    }
    return e;
}

static enum errc token_get(struct token_source *t, struct ctx *ctx, enum token_kind kind,
                           struct str what, struct str *ret, struct err *err)
{
    struct fresh_token fresh;
    struct token_entry *e;
    enum errc rc;

    pthread_mutex_lock(&t->lock);
    e = entry_find(t, ctx->arena, kind, what);
    if (e) {
        rc = entry_get(t, ctx, e, kind, what, ret, err);
        pthread_mutex_unlock(&t->lock);
        return rc;
    }
    pthread_mutex_unlock(&t->lock);
    rc = fetch(t, ctx, kind, what, &fresh, err);
    if (!rc)
        *ret = fresh.text;
    return rc;
}

enum errc token_access(struct token_source *t, struct ctx *ctx, struct str scopes, struct str *ret,
                       struct err *err)
{
    return token_get(t, ctx, TOKEN_ACCESS, scopes, ret, err);
}

enum errc token_identity(struct token_source *t, struct ctx *ctx, struct str audience,
                         struct str *ret, struct err *err)
{
    return token_get(t, ctx, TOKEN_IDENTITY, audience, ret, err);
}

void token_drop(struct token_source *t, struct str token)
{
    struct map_iter it = MAP_ITER_INIT;
    struct str key;
    void *value;

    pthread_mutex_lock(&t->lock);
    while (map_next(t->entries, &it, &key, &value)) {
        struct token_entry *e = value;

        if (e->text && ct_equal(str_c(e->text), token))
            entry_forget(e);
    }
    pthread_mutex_unlock(&t->lock);
}

struct str token_quota_project(const struct token_source *t)
{
    return credentials_quota_project(t->credentials);
}
