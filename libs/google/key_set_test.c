#include "google/key_set.h"

#include <stdio.h>

#include "base/crypto.h"
#include "google/peer_test.h"

enum { THREADS = 8, EACH = 25 };

struct fixture {
    struct peer peer;
    struct rsa_key *key;
    struct key_set *set;
};

/* One of many who verify at once, each with an HTTP client of its own. */
struct verifier {
    struct fixture *f;
    struct jwt known, invented;
    pthread_t thread;
    int accepted, refused, unknown; /* results: good, denied, anything else */
};

static void open_set(struct fixture *f)
{
    peer_open(&f->peer);
    CHECK_OK(rsa_key_generate(&f->key, 2048, &f->peer.err));
    f->set = key_set_create(peer_url(&f->peer, "/certs"), KEY_RS256);
}

static void close_set(struct fixture *f)
{
    f->set = key_set_destroy(f->set);
    f->key = rsa_key_destroy(f->key);
    peer_close(&f->peer);
}

static const char *jwks(struct fixture *f, const char *kid)
{
    struct str n, e;

    rsa_key_jwk(f->key, &f->peer.arena, &n, &e);
    return arena_printf(&f->peer.arena,
                        "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"" STR_FMT
                        "\",\"e\":\"" STR_FMT "\"}]}",
                        kid, STR_ARG(n), STR_ARG(e))
        .p;
}

static struct jwt signed_as(struct fixture *f, const char *kid)
{
    struct str token;
    struct jwt jwt;

    CHECK_OK(jwt_sign(f->key, str_c(kid), STR("{}"), &f->peer.arena, &token, &f->peer.err));
    CHECK_OK(jwt_parse(&jwt, &f->peer.arena, token, &f->peer.err));
    return jwt;
}

static void count(struct verifier *v, enum errc rc)
{
    v->accepted += rc == ERR_OK;
    v->refused += rc == ERR_DENIED;
    v->unknown += rc != ERR_OK && rc != ERR_DENIED;
}

static void *verify_many(void *arg)
{
    struct verifier *v = arg;
    struct arena arena = ARENA_INIT;
    struct ctx ctx = v->f->peer.ctx;
    int i;

    ctx.arena = &arena;
    ctx.http = http_client_create(v->f->peer.tls, &v->f->peer.system);
    for (i = 0; i < EACH; i++) {
        count(v, key_set_verify(v->f->set, &ctx, &v->invented, NULL));
        count(v, key_set_verify(v->f->set, &ctx, &v->known, NULL));
    }
    http_client_destroy(ctx.http);
    arena_release(&arena);
    return NULL;
}

static void start(struct fixture *f, struct verifier *all, const char *kid)
{
    int i;

    for (i = 0; i < THREADS; i++) {
        char invented[24];

        snprintf(invented, sizeof(invented), "invented-%d", i);
        all[i] = (struct verifier){ .f = f };
        all[i].known = signed_as(f, kid);
        all[i].invented = signed_as(f, invented);
    }
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&all[i].thread, NULL, verify_many, &all[i]) == 0);
}

static struct verifier finish(struct verifier *all)
{
    struct verifier sum = { .accepted = 0 };
    int i;

    for (i = 0; i < THREADS; i++) {
        pthread_join(all[i].thread, NULL);
        sum.accepted += all[i].accepted;
        sum.refused += all[i].refused;
        sum.unknown += all[i].unknown;
    }
    return sum;
}

TEST(key_set_fetches_a_rotated_key_once_for_all_who_wait_and_in_a_flood_of_unknown_ids)
{
    struct verifier all[THREADS], sum;
    struct jwt first;
    struct fixture f;

    open_set(&f);
    PEER_SCRIPT(&f.peer, { .body = jwks(&f, "k1") }, { .body = jwks(&f, "k2") });
    first = signed_as(&f, "k1");
    CHECK_OK(key_set_verify(f.set, &f.peer.ctx, &first, &f.peer.err));
    f.peer.hold = true; /* the fetch lasts until many have come */
    start(&f, all, "k2");
    peer_wait_asked(&f.peer, 2);
    peer_let_go(&f.peer);
    sum = finish(all);
    CHECK_INT(f.peer.n_asked, 2);
    CHECK_INT(sum.accepted, THREADS * EACH);
    CHECK_INT(sum.refused, THREADS * EACH);
    CHECK_INT(sum.unknown, 0);
    close_set(&f);
}

TEST(key_set_asks_once_a_minute_for_unknown_ids_also_when_it_is_refused)
{
    struct verifier all[THREADS], sum;
    struct jwt first;
    struct fixture f;

    open_set(&f);
    PEER_SCRIPT(&f.peer, { .body = jwks(&f, "k1") }, { .status = 404 }, { .status = 404 });
    first = signed_as(&f, "k1");
    CHECK_OK(key_set_verify(f.set, &f.peer.ctx, &first, &f.peer.err));
    start(&f, all, "k1");
    sum = finish(all);
    CHECK_INT(f.peer.n_asked, 2);
    CHECK_INT(sum.accepted, THREADS * EACH); /* the known key serves meanwhile */
    CHECK_INT(sum.refused, THREADS * EACH);
    clock_fake_advance_ms(&f.peer.fake, KEY_SET_UNKNOWN_S * 1000L);
    start(&f, all, "k1");
    sum = finish(all);
    CHECK_INT(f.peer.n_asked, 3);
    CHECK_INT(sum.accepted, THREADS * EACH);
    close_set(&f);
}
