#include "google/oidc.h"

#include "base/crypto.h"
#include "base/json.h"
#include "google/jwt.h"
#include "google/key_set.h"
#include "google/peer_test.h"

#define AUDIENCE "https://writer.example"
#define EMAIL "pusher@p.iam.gserviceaccount.com"

struct fixture {
    struct peer peer;
    struct rsa_key *key;
    struct str audience, email;
    struct oidc_settings settings;
    struct oidc *oidc;
};

static void open_oidc(struct fixture *f, enum oidc_check check)
{
    peer_open(&f->peer);
    CHECK_OK(rsa_key_generate(&f->key, 2048, &f->peer.err));
    f->audience = STR(AUDIENCE);
    f->email = STR(EMAIL);
    f->settings = (struct oidc_settings){ .audiences = { &f->audience, 1 },
                                          .emails = { &f->email, 1 },
                                          .check = (int)check };
    f->settings.certs_url = peer_url(&f->peer, "/certs");
    CHECK_OK(oidc_create(&f->oidc, &f->settings, &f->peer.err));
}

static void close_oidc(struct fixture *f)
{
    f->oidc = oidc_destroy(f->oidc);
    f->key = rsa_key_destroy(f->key);
    peer_close(&f->peer);
}

static const char *jwks(struct fixture *f, const char *kid)
{
    struct str n, e;

    rsa_key_jwk(f->key, &f->peer.arena, &n, &e);
    return arena_printf(&f->peer.arena,
                        "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"other\"},{\"kty\":\"RSA\",\"use\":"
                        "\"sig\",\"kid\":\"%s\","
                        "\"n\":\"" STR_FMT "\",\"e\":\"" STR_FMT "\"}]}",
                        kid, STR_ARG(n), STR_ARG(e))
        .p;
}

struct claims {
    const char *iss, *aud, *email;
    bool unverified;
    int64_t iat_s, exp_s, nbf_s; /* relative to now; exp 0: an hour, nbf 0: none */
};

static struct str sign(struct fixture *f, const char *kid, const struct claims *c)
{
    struct str token;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "iss", c->iss ? c->iss : "https://accounts.google.com");
    jw_cstr(&w, "aud", c->aud ? c->aud : AUDIENCE);
    jw_cstr(&w, "email", c->email ? c->email : EMAIL);
    jw_bool(&w, "email_verified", !c->unverified);
    jw_i64(&w, "iat", PEER_NOW_S + c->iat_s);
    jw_i64(&w, "exp", PEER_NOW_S + (c->exp_s ? c->exp_s : 3600));
    if (c->nbf_s)
        jw_i64(&w, "nbf", PEER_NOW_S + c->nbf_s);
    jw_end(&w);
    CHECK_OK(jwt_sign(f->key, str_c(kid), jw_finish(&w, &f->peer.arena), &f->peer.arena, &token,
                      &f->peer.err));
    return token;
}

static enum errc verify(struct fixture *f, struct str token)
{
    f->peer.err = (struct err)ERR_INIT;
    return oidc_verify(f->oidc, &f->peer.ctx, token, NULL, &f->peer.err);
}

TEST(oidc_judges_each_claim)
{
    static const struct {
        const char *name;
        struct claims claims;
        enum errc rc;
        long http;
    } rows[] = {
        { "good", { .iss = NULL }, ERR_OK, 0 },
        { "issuer without scheme", { .iss = "accounts.google.com" }, ERR_OK, 0 },
        { "issuer", { .iss = "https://accounts.example.com" }, ERR_DENIED, 401 },
        { "audience", { .aud = AUDIENCE "/" }, ERR_DENIED, 401 },
        { "account", { .email = "else@gmail.com" }, ERR_DENIED, 403 },
        { "unverified email", { .unverified = true }, ERR_DENIED, 403 },
        { "expired within the skew", { .iat_s = -3600, .exp_s = -299 }, ERR_OK, 0 },
        { "expired", { .iat_s = -3600, .exp_s = -301 }, ERR_DENIED, 401 },
        { "from the future within the skew", { .iat_s = 299 }, ERR_OK, 0 },
        { "from the future", { .iat_s = 301 }, ERR_DENIED, 401 },
        { "not yet valid", { .nbf_s = 301 }, ERR_DENIED, 401 },
        { "valid since a while", { .nbf_s = -10 }, ERR_OK, 0 },
        { "lives too long", { .exp_s = OIDC_LIFE_MAX_S + 1 }, ERR_DENIED, 401 },
    };
    struct fixture f;
    enum errc rc;
    size_t i;

    open_oidc(&f, OIDC_SIGNATURE);
    PEER_SCRIPT(&f.peer, { .body = jwks(&f, "k1") });
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rc = verify(&f, sign(&f, "k1", &rows[i].claims));
        if (rc != rows[i].rc || (rc && f.peer.err.upstream != rows[i].http))
            FAIL_TEST("%s: %s %ld %s", rows[i].name, errc_name(rc), f.peer.err.upstream,
                      f.peer.err.text);
    }
    CHECK_INT(f.peer.n_asked, 1);
    close_oidc(&f);
}

TEST(oidc_refuses_forged_and_malformed_tokens)
{
    struct fixture f;
    struct claims good = { .iss = NULL };
    struct str token, none;
    struct rsa_key *other, *mine;
    char *changed;

    open_oidc(&f, OIDC_SIGNATURE);
    PEER_SCRIPT(&f.peer, { .body = jwks(&f, "k1") });
    token = sign(&f, "k1", &good);
    CHECK_OK(verify(&f, token));
    changed = arena_cstr(&f.peer.arena, token);
    changed[token.n / 2] = changed[token.n / 2] == 'A' ? 'B' : 'A';
    CHECK_RC(ERR_DENIED, verify(&f, str_c(changed)));
    CHECK_OK(rsa_key_generate(&other, 2048, &f.peer.err));
    mine = f.key;
    f.key = other; /* another's key under the known id */
    CHECK_RC(ERR_DENIED, verify(&f, sign(&f, "k1", &good)));
    f.key = mine;
    other = rsa_key_destroy(other);
    /* alg none, the classic */
    none = arena_printf(
        &f.peer.arena, STR_FMT STR_FMT ".",
        STR_ARG(base64url_text(&f.peer.arena, STR("{\"alg\":\"none\",\"kid\":\"k1\"}"))),
        STR_ARG(str_slice(token, str_find_char(token, '.'),
                          str_find_char(token, '.') + 1 +
                              str_find_char(str_from(token, str_find_char(token, '.') + 1), '.'))));
    CHECK_RC(ERR_DENIED, verify(&f, none));
    none =
        arena_printf(&f.peer.arena, STR_FMT STR_FMT,
                     STR_ARG(base64url_text(&f.peer.arena, STR("{\"alg\":\"RS256\",\"kid\":\"k1\","
                                                               "\"crit\":[\"exp\"]}"))),
                     STR_ARG(str_from(token, str_find_char(token, '.'))));
    CHECK_RC(ERR_DENIED, verify(&f, none));
    CHECK_CONTAINS(str_c(f.peer.err.text), "malformed");
    CHECK_RC(ERR_DENIED, verify(&f, STR("")));
    CHECK_RC(ERR_DENIED, verify(&f, STR("a.b")));
    CHECK_RC(ERR_DENIED, verify(&f, STR("a.b.c.d")));
    CHECK_RC(ERR_DENIED, verify(&f, STR("....")));
    close_oidc(&f);
}

TEST(oidc_takes_a_rotated_key_at_once_and_asks_for_unknown_ones_once_a_minute)
{
    struct claims good = { .iss = NULL };
    struct fixture f;
    int i;

    open_oidc(&f, OIDC_SIGNATURE);
    PEER_SCRIPT(
        &f.peer,
        { .body = jwks(&f, "k1"), .header = "Cache-Control", .value = "public, max-age=20000" },
        { .body = jwks(&f, "k2") }, { .body = jwks(&f, "k3") });
    CHECK_OK(verify(&f, sign(&f, "k1", &good)));
    CHECK_OK(verify(&f, sign(&f, "k2", &good)));
    CHECK_INT(f.peer.n_asked, 2);
    for (i = 0; i < 20; i++) /* a flood, in which a rotated key has to wait */
        CHECK_RC(ERR_DENIED, verify(&f, sign(&f, i % 2 ? "invented" : "k3", &good)));
    CHECK_INT(f.peer.n_asked, 2);
    CHECK_OK(verify(&f, sign(&f, "k2", &good)));
    clock_fake_advance_ms(&f.peer.fake, KEY_SET_UNKNOWN_S * 1000L);
    CHECK_OK(verify(&f, sign(&f, "k3", &good)));
    CHECK_RC(ERR_DENIED, verify(&f, sign(&f, "k1", &good)));
    CHECK_INT(f.peer.n_asked, 3);
    close_oidc(&f);
}

TEST(oidc_obeys_max_age_and_keeps_old_keys_when_new_ones_cannot_be_had)
{
    struct claims good = { .iss = NULL };
    struct fixture f;
    struct str token;

    open_oidc(&f, OIDC_SIGNATURE);
    PEER_SCRIPT(
        &f.peer,
        { .body = jwks(&f, "k1"), .header = "Cache-Control", .value = "public, max-age=600" },
        { .status = 404 }, { .body = jwks(&f, "k1") });
    token = sign(&f, "k1", &good);
    CHECK_OK(verify(&f, token));
    clock_fake_advance_ms(&f.peer.fake, 599L * 1000);
    CHECK_OK(verify(&f, token));
    CHECK_INT(f.peer.n_asked, 1);
    clock_fake_advance_ms(&f.peer.fake, 2L * 1000);
    CHECK_OK(verify(&f, token)); /* stale, but the old ones serve */
    CHECK_INT(f.peer.n_asked, 2);
    CHECK_OK(verify(&f, token));
    CHECK_INT(f.peer.n_asked, 2); /* not asked at once again */
    clock_fake_advance_ms(&f.peer.fake, KEY_SET_RETRY_S * 1000L);
    CHECK_OK(verify(&f, token));
    CHECK_INT(f.peer.n_asked, 3);
    close_oidc(&f);
}

TEST(oidc_without_any_keys_knows_nothing)
{
    struct claims good = { .iss = NULL };
    struct fixture f;

    open_oidc(&f, OIDC_SIGNATURE);
    PEER_SCRIPT(&f.peer, { .status = 404 }, { .body = "{\"keys\":[]}" },
                { .body = jwks(&f, "k1") });
    CHECK_RC(ERR_UPSTREAM, verify(&f, sign(&f, "k1", &good)));
    CHECK_RC(ERR_UPSTREAM, verify(&f, sign(&f, "k1", &good)));
    CHECK_OK(verify(&f, sign(&f, "k1", &good)));
    close_oidc(&f);
}

TEST(oidc_checks_claims_alone_where_the_platform_removed_the_signature)
{
    struct claims good = { .iss = NULL }, bad = { .aud = "https://else" };
    struct fixture f;
    struct str token;
    size_t dot;

    open_oidc(&f, OIDC_CLAIMS);
    token = sign(&f, "k1", &good);
    dot = token.n;
    while (token.p[dot - 1] != '.')
        dot--;
    token = arena_printf(&f.peer.arena, STR_FMT "SIGNATURE_REMOVED_BY_GOOGLE",
                         STR_ARG(str_slice(token, 0, dot)));
    CHECK_OK(verify(&f, token));
    CHECK_RC(ERR_DENIED, verify(&f, sign(&f, "k1", &bad)));
    CHECK_INT(f.peer.n_asked, 0);
    close_oidc(&f);
}

TEST(oidc_refuses_to_start_open_to_everybody)
{
    struct str one = STR("x");
    struct oidc_settings settings = { .audiences = { &one, 1 },
                                      .certs_url = STR("http://127.0.0.1:1/") };
    struct err err = ERR_INIT;
    struct oidc *o;

    CHECK_RC(ERR_INVALID, oidc_create(&o, &settings, &err));
    CHECK_CONTAINS(str_c(err.text), "OIDC_EMAILS");
    settings =
        (struct oidc_settings){ .emails = { &one, 1 }, .certs_url = STR("http://127.0.0.1:1/") };
    CHECK_RC(ERR_INVALID, oidc_create(&o, &settings, &err));
    CHECK_CONTAINS(str_c(err.text), "OIDC_AUDIENCE");
}

/* ---- as a service uses it ---- */

static enum errc admit(void *app, struct http_req *r)
{
    return oidc_admit(app, r);
}

static void on_admitted(void *app, struct http_req *r)
{
    (void)app;
    http_reply_empty(r, 204);
}

TEST(oidc_admit_answers_401_403_and_503_itself)
{
    static const struct http_route route = { HTTP_POST, "/push", KIB, admit, on_admitted, false };
    struct http_server_opts o = { .host = "127.0.0.1", .routes = &route, .n_routes = 1 };
    struct claims good = { .iss = NULL }, other = { .email = "else@gmail.com" };
    struct http_header header = { STR("Authorization"), STR_EMPTY };
    struct http_header two[] = { header, header };
    struct http_request req = { .method = "POST", .headers = &header };
    static const int want[] = { 401, 503, 204, 403, 401 };
    struct http_response r;
    struct http_server *server;
    struct fixture f;
    struct str tokens[5];
    size_t i;

    open_oidc(&f, OIDC_SIGNATURE);
    f.peer.fake.wall_us_now =
        clock_wall_us(&f.peer.system); /* the server's workers have real time */
    PEER_SCRIPT(&f.peer, { .status = 404 }, { .body = jwks(&f, "k1") });
    good.iat_s = other.iat_s = clock_wall_s(&f.peer.system) - PEER_NOW_S;
    good.exp_s = other.exp_s = good.iat_s + 3600;
    tokens[0] = STR_EMPTY;
    tokens[1] = tokens[2] = sign(&f, "k1", &good);
    tokens[3] = sign(&f, "k1", &other);
    tokens[4] = STR("junk");
    o.app = f.oidc;
    o.workers = f.peer.workers;
    o.log = &f.peer.log;
    loop_stop(f.peer.loop); /* a server is made on the loop's own thread */
    pthread_join(f.peer.thread, NULL);
    CHECK_OK(http_server_create(&server, f.peer.loop, &o, &f.peer.err));
    peer_run(&f.peer);
    req.url = arena_printf(&f.peer.arena, "http://127.0.0.1:%d/push", http_server_port(server));
    for (i = 0; i < ARRAY_LEN(want); i++) {
        header.value = arena_printf(&f.peer.arena, "Bearer " STR_FMT, STR_ARG(tokens[i]));
        req.n_headers = tokens[i].n > 0;
        CHECK_OK(http_do(f.peer.ctx.http, &f.peer.arena, &req, &r, &f.peer.err));
        CHECK_INT(r.status, want[i]);
    }
    two[0].value = arena_printf(&f.peer.arena, "Bearer " STR_FMT, STR_ARG(tokens[2]));
    two[1].value = STR("Bearer junk");
    req.headers = two;
    req.n_headers = ARRAY_LEN(two);
    CHECK_OK(http_do(f.peer.ctx.http, &f.peer.arena, &req, &r, &f.peer.err));
    CHECK_INT(r.status, 401); /* which of them is meant? */
    loop_stop(f.peer.loop);
    pthread_join(f.peer.thread, NULL);
    server = http_server_destroy(server);
    peer_run(&f.peer);
    close_oidc(&f);
}
