#include "google/credentials.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "google/jwt.h"
#include "google/rest.h"
#include "google/token.h"
#include "net/http_client.h"

enum {
    KEY_FILE_MAX = 64 * 1024,
    TOKEN_ANSWER_MAX = 64 * 1024,
    TOKEN_TIMEOUT_MS = 5000,
    TOKEN_ATTEMPTS = 3,
    ASSERTION_LIFE_S = 3600, /* the most that Google takes */
};

#define METADATA_HOST STR("metadata.google.internal")
#define TOKEN_URI STR("https://oauth2.googleapis.com/token")

enum credentials_kind { FROM_METADATA, FROM_KEY, FROM_USER };

struct credentials {
    struct arena arena;
    enum credentials_kind kind;
    struct str metadata_origin;
    struct str token_uri;
    struct str client_email, key_id;                                   /* FROM_KEY */
    struct str client_id, client_secret, refresh_token, quota_project; /* FROM_USER */
    struct rsa_key *key;
};

static enum errc key_from_json(struct credentials *c, const struct jval *doc, struct err *err)
{
    struct str email = STR_EMPTY, pem = STR_EMPTY;
    enum errc rc;

    rc = json_need_str(doc, "client_email", &email, err);
    if (!rc)
        rc = json_need_str(doc, "private_key", &pem, err);
    if (!rc)
        rc = rsa_key_from_pem(&c->key, pem, err);
    if (rc)
        return rc;
    c->kind = FROM_KEY;
    c->client_email = arena_str(&c->arena, email);
    c->key_id = arena_str(&c->arena, json_str(json_get(doc, "private_key_id")));
    return ERR_OK;
}

static enum errc user_from_json(struct credentials *c, const struct jval *doc, struct err *err)
{
    struct str id = STR_EMPTY, secret = STR_EMPTY, refresh = STR_EMPTY;
    enum errc rc;

    rc = json_need_str(doc, "client_id", &id, err);
    if (!rc)
        rc = json_need_str(doc, "client_secret", &secret, err);
    if (!rc)
        rc = json_need_str(doc, "refresh_token", &refresh, err);
    if (rc)
        return rc;
    c->kind = FROM_USER;
    c->client_id = arena_str(&c->arena, id);
    c->client_secret = arena_str(&c->arena, secret);
    c->refresh_token = arena_str(&c->arena, refresh);
    c->quota_project = arena_str(&c->arena, json_str(json_get(doc, "quota_project_id")));
    return ERR_OK;
}

static enum errc from_json(struct credentials *c, const struct jval *doc, struct err *err)
{
    struct str type = json_str(json_get(doc, "type"));

    c->token_uri = arena_str(&c->arena, json_str_or(json_get(doc, "token_uri"), TOKEN_URI));
    if (str_eq(type, STR("service_account")))
        return key_from_json(c, doc, err);
    if (str_eq(type, STR("authorized_user")))
        return user_from_json(c, doc, err);
    return err_set(err, ERR_UNSUPPORTED,
                   "type \"" STR_FMT "\": expected service_account or authorized_user",
                   STR_ARG(type));
}

static enum errc from_file(struct credentials *c, const char *path, struct err *err)
{
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    struct json *doc = NULL;
    enum errc rc;

    rc = file_read(&text, path, err);
    if (!rc)
        rc = json_parse(&doc, buf_str(&text), err);
    if (!rc)
        rc = from_json(c, json_root(doc), err);
    (void)json_destroy(doc); /* NULL */
    if (text.p)
        mem_wipe(text.p, text.n);
    buf_release(&text);
    return rc ? err_wrap(err, rc, "credentials %s", path) : ERR_OK;
}

/* gcloud's user credentials; none is no error. */
static enum errc from_user_folder(struct credentials *c, const struct google_settings *s,
                                  struct err *err)
{
    struct str folder = s->gcloud_config;
    struct str path;
    enum errc rc;

    if (folder.n == 0 && s->home.n)
        folder = arena_printf(&c->arena, STR_FMT "/.config/gcloud", STR_ARG(s->home));
    if (folder.n == 0)
        return ERR_OK;
    path =
        arena_printf(&c->arena, STR_FMT "/application_default_credentials.json", STR_ARG(folder));
    rc = from_file(c, path.p, err);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum errc credentials_load(struct credentials **ret, const struct google_settings *settings,
                           struct err *err)
{
    struct credentials *c = MEM_NEW(struct credentials);
    struct str host = settings->metadata_host.n ? settings->metadata_host : METADATA_HOST;
    enum errc rc = ERR_OK;

    arena_init(&c->arena);
    c->kind = FROM_METADATA;
    c->metadata_origin = arena_printf(&c->arena, "http://" STR_FMT, STR_ARG(host));
    if (settings->credentials_path.n)
        rc = from_file(c, arena_cstr(&c->arena, settings->credentials_path), err);
    else if (settings->metadata_host.n == 0)
        rc = from_user_folder(c, settings, err);
    if (rc) {
        (void)credentials_destroy(c); /* NULL */
        return rc;
    }
    *ret = c;
    return ERR_OK;
}

struct credentials *credentials_destroy(struct credentials *c)
{
    if (!c)
        return NULL;
    c->key = rsa_key_destroy(c->key);
    arena_release(&c->arena);
    mem_free(c);
    return NULL;
}

struct str credentials_quota_project(const struct credentials *c)
{
    return c->quota_project;
}

static enum errc life_of_jwt(struct ctx *ctx, struct str token, struct fresh_token *ret,
                             struct err *err)
{
    struct jwt jwt = { .claims = NULL };
    enum errc rc;

    rc = jwt_parse(&jwt, ctx->arena, token, err);
    if (rc)
        return rc;
    ret->text = token;
    ret->life_s = json_i64_or(json_get(jwt.claims, "exp"), 0) - clock_wall_s(ctx->clock);
    return ERR_OK;
}

static enum errc metadata_get(const struct credentials *c, struct ctx *ctx, struct str path,
                              struct str *ret, struct err *err)
{
    struct http_header flavor = { STR("Metadata-Flavor"), STR("Google") };
    struct http_request req = {
        .method = "GET",
        .url = arena_printf(ctx->arena, STR_FMT "/computeMetadata/v1/" STR_FMT,
                            STR_ARG(c->metadata_origin), STR_ARG(path)),
        .headers = &flavor,
        .n_headers = 1,
        .body_max = TOKEN_ANSWER_MAX,
        .timeout_ms = TOKEN_TIMEOUT_MS,
        .attempts = TOKEN_ATTEMPTS,
        .idempotent = true,
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
    struct http_response r;
    enum errc rc;

    rc = http_do(ctx->http, ctx->arena, &req, &r, err);
    if (rc)
        return err_wrap(err, rc, "metadata server");
    if (r.status != 200)
        return err_set_upstream(err, http_status_errc(r.status), r.status,
                                "metadata server answered %d", r.status);
    /* Something else that answers at this address must not be believed. */
    if (!str_eq(http_response_header(&r, "Metadata-Flavor"), STR("Google")))
        return err_set(err, ERR_UPSTREAM, "metadata server: answer without Metadata-Flavor");
    *ret = str_trim(r.body);
    return ERR_OK;
}

static enum errc token_answer(struct ctx *ctx, struct str body, struct fresh_token *ret,
                              struct err *err)
{
    const struct jval *root = NULL;
    struct str text = STR_EMPTY;
    enum errc rc;

    rc = json_parse_arena(&root, ctx->arena, body, err);
    if (!rc)
        rc = json_need_str(root, "access_token", &text, err);
    if (rc)
        return err_wrap(err, ERR_UPSTREAM, "token answer");
    ret->text = text;
    ret->life_s = json_i64_or(json_get(root, "expires_in"), 0);
    return ERR_OK;
}

static enum errc token_post(const struct credentials *c, struct ctx *ctx, struct str form,
                            struct str *ret, struct err *err)
{
    struct http_header type = { STR("Content-Type"), STR("application/x-www-form-urlencoded") };
    struct http_request req = {
        .method = "POST",
        .url = c->token_uri,
        .headers = &type,
        .n_headers = 1,
        .body = form,
        .body_max = TOKEN_ANSWER_MAX,
        .timeout_ms = TOKEN_TIMEOUT_MS,
        .attempts = TOKEN_ATTEMPTS,
        .idempotent = true, /* asking twice gives two good tokens */
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
    const struct jval *root = NULL;
    struct http_response r;
    enum errc rc;

    rc = http_do(ctx->http, ctx->arena, &req, &r, err);
    if (rc)
        return err_wrap(err, rc, "token exchange");
    if (r.status == 200) {
        *ret = r.body;
        return ERR_OK;
    }
    if (json_parse_arena(&root, ctx->arena, r.body, NULL))
        root = NULL; /* the status alone has to do */
    /* invalid_grant nearly always means a wrong clock or a deleted key: Google's words say which. */
    rc = r.status == 400 ? ERR_DENIED : http_status_errc(r.status);
    return err_set_upstream(err, rc, r.status, "token exchange answered %d " STR_FMT " " STR_FMT,
                            r.status, STR_ARG(json_str(json_get(root, "error"))),
                            STR_ARG(json_str(json_get(root, "error_description"))));
}

/* The signed statement that is exchanged; `claim` is scope or target_audience. */
static enum errc assertion_form(const struct credentials *c, struct ctx *ctx, const char *claim,
                                struct str value, struct str *ret, struct err *err)
{
    int64_t now_s = clock_wall_s(ctx->clock);
    struct buf form = BUF_INIT(KEY_FILE_MAX);
    struct str jwt;
    struct jw w;
    enum errc rc;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "iss", c->client_email);
    jw_str(&w, "aud", c->token_uri);
    jw_i64(&w, "iat", now_s);
    jw_i64(&w, "exp", now_s + ASSERTION_LIFE_S);
    jw_str(&w, claim, value);
    jw_end(&w);
    rc = jwt_sign(c->key, c->key_id, jw_finish(&w, ctx->arena), ctx->arena, &jwt, err);
    if (rc)
        return err_wrap(err, rc, "token assertion");
    form_add(&form, "grant_type", STR("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    form_add(&form, "assertion", jwt);
    *ret = arena_str(ctx->arena, buf_str(&form));
    buf_release(&form);
    return ERR_OK;
}

static struct str refresh_form(const struct credentials *c, struct ctx *ctx)
{
    struct buf form = BUF_INIT(KEY_FILE_MAX);
    struct str text;

    form_add(&form, "grant_type", STR("refresh_token"));
    form_add(&form, "client_id", c->client_id);
    form_add(&form, "client_secret", c->client_secret);
    form_add(&form, "refresh_token", c->refresh_token);
    text = arena_str(ctx->arena, buf_str(&form));
    buf_release(&form);
    return text;
}

static struct str scopes_query(struct ctx *ctx, struct str scopes)
{
    struct buf list = BUF_INIT(TOKEN_TEXT_MAX);
    struct str head, rest = scopes, text;

    while (rest.n) {
        (void)str_cut(rest, ' ', &head, &rest); /* without a blank the rest is the last one */
        if (head.n && list.n)
            buf_add_char(&list, ',');
        buf_add_str(&list, head);
    }
    text = url_encode_text(ctx->arena, buf_str(&list));
    buf_release(&list);
    return text;
}

enum errc credentials_access(const struct credentials *c, struct ctx *ctx, struct str scopes,
                             struct fresh_token *ret, struct err *err)
{
    struct str form = STR_EMPTY, body = STR_EMPTY;
    enum errc rc;

    if (c->kind == FROM_METADATA) {
        rc = metadata_get(c, ctx,
                          arena_printf(ctx->arena,
                                       "instance/service-accounts/default/token?scopes=" STR_FMT,
                                       STR_ARG(scopes_query(ctx, scopes))),
                          &body, err);
        return rc ? rc : token_answer(ctx, body, ret, err);
    }
    if (c->kind == FROM_USER) {
        form = refresh_form(c, ctx);
    } else {
        rc = assertion_form(c, ctx, "scope", scopes, &form, err);
        if (rc)
            return rc;
    }
    rc = token_post(c, ctx, form, &body, err);
    return rc ? rc : token_answer(ctx, body, ret, err);
}

enum errc credentials_identity(const struct credentials *c, struct ctx *ctx, struct str audience,
                               struct fresh_token *ret, struct err *err)
{
    const struct jval *root = NULL;
    struct str form = STR_EMPTY, body = STR_EMPTY, token = STR_EMPTY;
    enum errc rc;

    if (c->kind == FROM_USER)
        return err_set(err, ERR_UNSUPPORTED,
                       "user credentials give no identity tokens: use a service account");
    if (c->kind == FROM_METADATA) {
        rc =
            metadata_get(c, ctx,
                         arena_printf(ctx->arena,
                                      "instance/service-accounts/default/identity?audience=" STR_FMT
                                      "&format=full",
                                      STR_ARG(url_encode_text(ctx->arena, audience))),
                         &token, err);
        return rc ? rc : life_of_jwt(ctx, token, ret, err);
    }
    rc = assertion_form(c, ctx, "target_audience", audience, &form, err);
    if (!rc)
        rc = token_post(c, ctx, form, &body, err);
    if (!rc)
        rc = json_parse_arena(&root, ctx->arena, body, err);
    if (!rc)
        rc = json_need_str(root, "id_token", &token, err);
    return rc ? rc : life_of_jwt(ctx, token, ret, err);
}
