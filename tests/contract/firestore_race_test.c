/* Many clients at once on one document, and two transactions on the same. */
#include <pthread.h>

#include "google/firestore.h"
#include "script_test.h"

#define DOCS "/databases/(default)/documents"

enum { CLIENTS = 20, ROUNDS = 3, TRANSACTION_CLIENTS = 3, TRIES_MAX = 200 };

struct client {
    struct side *side;
    pthread_t thread;
    struct arena arena;
    struct ctx ctx;
    struct err err;
    bool failed;
};

/* Runs `work` in n threads at once, each with a client of its own; the first failure is the check's. */
static void run_clients(struct side *s, size_t n, void *(*work)(void *arg))
{
    struct client clients[CLIENTS];
    struct str why = STR_EMPTY;
    size_t i;

    for (i = 0; i < n; i++) {
        clients[i] = (struct client){ .side = s, .ctx = s->ctx };
        arena_init(&clients[i].arena);
        clients[i].ctx.arena = &clients[i].arena;
        clients[i].ctx.http = side_client(s);
    }
    for (i = 0; i < n; i++)
        EXPECT(s, pthread_create(&clients[i].thread, NULL, work, &clients[i]) == 0);
    for (i = 0; i < n; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].failed)
            why = arena_str(&s->arena, str_c(clients[i].err.text));
        clients[i].ctx.http = http_client_destroy(clients[i].ctx.http);
        arena_release(&clients[i].arena);
    }
    if (why.n)
        side_fail(s, "a client failed: " STR_FMT, STR_ARG(why));
}

static int64_t counted(struct side *s)
{
    struct fs_doc d;

    EXPECT_OK(s, firestore_get(s->google, &s->ctx, STR("counters/one"), &d, &s->err));
    return fs_i64_or(d.fields, "n", 0);
}

/* ---- increments ---- */

static void *increment(void *arg)
{
    struct client *me = arg;
    struct firestore_commit *c;
    enum errc rc = ERR_OK;
    int i, tries;

    for (i = 0; i < ROUNDS && !rc; i++) {
        for (tries = 0, rc = ERR_AGAIN; rc == ERR_AGAIN && tries < TRIES_MAX; tries++) {
            c = firestore_commit_begin(me->side->google, &me->ctx);
            (void)firestore_merge(c, STR("counters/one"), FS_PRE_ANY); /* no field but the count */
            firestore_increment(c, "n", 1);
            rc = firestore_commit(c, NULL, &me->err); /* ERR_AGAIN: nothing was written */
        }
    }
    me->failed = rc != ERR_OK;
    return NULL;
}

static void increments(struct side *s)
{
    run_clients(s, CLIENTS, increment);
    EXPECT_INT(s, counted(s), CLIENTS * ROUNDS);
}

/* ---- compare and swap ---- */

static enum errc add_one(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                         struct firestore_commit *c, struct err *err)
{
    (void)arg;
    (void)ctx;
    (void)err;
    fsw_i64(firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0])), "n",
            fs_i64_or(docs[0].fields, "n", 0) + 1);
    return ERR_OK;
}

static void *swap(void *arg)
{
    struct client *me = arg;
    struct str path = STR("counters/one");
    enum errc rc = ERR_AGAIN;
    int tries;

    for (tries = 0; rc == ERR_AGAIN && tries < TRIES_MAX; tries++)
        rc = firestore_update(me->side->google, &me->ctx, &path, 1, add_one, NULL, &me->err);
    me->failed = rc != ERR_OK;
    return NULL;
}

static void swaps(struct side *s)
{
    run_clients(s, CLIENTS, swap);
    EXPECT_INT(s, counted(s), CLIENTS);
}

/* ---- transactions ---- */

static struct http_response call(struct side *s, struct ctx *ctx, const char *verb, struct str body)
{
    struct google_call c = {
        .api = GOOGLE_FIRESTORE,
        .method = "POST",
        .path =
            arena_printf(ctx->arena, "/v1/projects/" STR_FMT DOCS ":%s", STR_ARG(s->project), verb),
        .body = body,
        .timeout_ms = 30000,
    };
    struct http_response r = { .status = 0 };

    if (google_do(s->google, ctx, &c, &r, NULL))
        r.status = 0; /* the caller sees no answer */
    return r;
}

static struct str field(struct ctx *ctx, const struct http_response *r, const char *path)
{
    const struct jval *v;

    return json_parse_arena(&v, ctx->arena, r->body, NULL) ? STR_EMPTY
                                                           : json_str(json_path(v, path));
}

static struct str begin(struct side *s, struct ctx *ctx)
{
    struct http_response r = call(s, ctx, "beginTransaction", STR("{}"));

    return arena_str(ctx->arena, field(ctx, &r, "transaction"));
}

static struct http_response read_in(struct side *s, struct ctx *ctx, struct str tx)
{
    return call(s, ctx, "batchGet",
                arena_printf(ctx->arena,
                             "{\"documents\":[\"projects/" STR_FMT
                             "/databases/(default)/documents/counters/one\"],"
                             "\"transaction\":\"" STR_FMT "\"}",
                             STR_ARG(s->project), STR_ARG(tx)));
}

static struct http_response write_in(struct side *s, struct ctx *ctx, struct str tx, int64_t n)
{
    return call(s, ctx, "commit",
                arena_printf(ctx->arena,
                             "{\"writes\":[{\"update\":{\"name\":\"projects/" STR_FMT
                             "/databases/(default)/documents/counters/one\","
                             "\"fields\":{\"n\":{\"integerValue\":\"%lld\"}}}}]%s" STR_FMT "%s}",
                             STR_ARG(s->project), (long long)n, tx.n ? ",\"transaction\":\"" : "",
                             STR_ARG(tx), tx.n ? "\"" : ""));
}

static bool is_aborted(struct ctx *ctx, const struct http_response *r)
{
    return r->status == 409 && (str_eq(field(ctx, r, "error.status"), STR("ABORTED")) ||
                                str_eq(field(ctx, r, "0.error.status"), STR("ABORTED")));
}

/* Read, write one more, commit; from the start again whenever another was first. */
static void *transact(void *arg)
{
    struct client *me = arg;
    struct http_response r = { .status = 409 };
    struct str tx, n;
    int64_t count;
    int tries;

    for (tries = 0; tries < TRIES_MAX && r.status != 200; tries++) {
        tx = begin(me->side, &me->ctx);
        r = read_in(me->side, &me->ctx, tx);
        if (is_aborted(&me->ctx, &r))
            continue;
        n = field(&me->ctx, &r, "0.found.fields.n.integerValue");
        if (str_to_i64(n, 0, INT64_MAX, &count))
            count = 0; /* the first of all */
        r = write_in(me->side, &me->ctx, tx, count + 1);
        if (r.status != 200 && !is_aborted(&me->ctx, &r))
            break;
    }
    me->failed = r.status != 200;
    if (me->failed)
        (void)err_set(&me->err, ERR_UPSTREAM, "%d " STR_FMT, r.status, STR_ARG(r.body));
    return NULL;
}

static void transactions(struct side *s)
{
    size_t n = s->is_local ? CLIENTS : TRANSACTION_CLIENTS; /* the emulator waits 2 s for a lock */

    run_clients(s, n, transact);
    EXPECT_INT(s, counted(s), n);
}

/* Whoever commits first: the emulator gives it up after waiting for the other's lock, local_cloud and
 * optimistic databases let it through and give up the other. */
static void two_readers(struct side *s)
{
    struct str a = begin(s, &s->ctx), b = begin(s, &s->ctx);
    struct http_response ra, rb;

    EXPECT_INT(s, read_in(s, &s->ctx, a).status, 200);
    EXPECT_INT(s, read_in(s, &s->ctx, b).status, 200);
    ra = write_in(s, &s->ctx, a, 1);
    rb = write_in(s, &s->ctx, b, 2);
    EXPECT(s, (ra.status == 200) != (rb.status == 200));
    EXPECT(s, is_aborted(&s->ctx, ra.status == 200 ? &rb : &ra));
    EXPECT_INT(s, counted(s), ra.status == 200 ? 1 : 2);
    a = begin(s, &s->ctx); /* the loser's retry */
    EXPECT_INT(s, read_in(s, &s->ctx, a).status, 200);
    EXPECT_INT(s, write_in(s, &s->ctx, a, 3).status, 200);
    EXPECT_INT(s, counted(s), 3);
}

static void write_between(struct side *s)
{
    struct str tx = begin(s, &s->ctx);
    struct http_response outside, inside;

    EXPECT_INT(s, read_in(s, &s->ctx, tx).status, 200);
    outside = write_in(s, &s->ctx, STR_EMPTY, 1);
    inside = write_in(s, &s->ctx, tx, 2);
    EXPECT(s, (outside.status == 200) != (inside.status == 200));
    EXPECT(s, is_aborted(&s->ctx, outside.status == 200 ? &inside : &outside));
}

/* A query has read its whole collection, with what is not in it. */
static void insert_between(struct side *s)
{
    struct str tx = begin(s, &s->ctx);
    struct http_response outside, inside;

    inside = call(s, &s->ctx, "runQuery",
                  arena_printf(&s->arena,
                               "{\"structuredQuery\":{\"from\":[{\"collectionId\":\"counters\"}]},"
                               "\"transaction\":\"" STR_FMT "\"}",
                               STR_ARG(tx)));
    EXPECT_INT(s, inside.status, 200);
    outside = write_in(s, &s->ctx, STR_EMPTY, 1);
    inside = call(s, &s->ctx, "commit",
                  arena_printf(&s->arena,
                               "{\"writes\":[{\"update\":{\"name\":\"projects/" STR_FMT
                               "/databases/(default)/documents/sums/all\"}}],"
                               "\"transaction\":\"" STR_FMT "\"}",
                               STR_ARG(s->project), STR_ARG(tx)));
    EXPECT(s, (outside.status == 200) != (inside.status == 200));
    EXPECT(s, is_aborted(&s->ctx, outside.status == 200 ? &inside : &outside));
}

static void rolled_back(struct side *s)
{
    struct str tx = begin(s, &s->ctx);

    EXPECT_INT(s, read_in(s, &s->ctx, tx).status, 200);
    EXPECT_INT(s,
               call(s, &s->ctx, "rollback",
                    arena_printf(&s->arena, "{\"transaction\":\"" STR_FMT "\"}", STR_ARG(tx)))
                   .status,
               200);
    EXPECT_INT(s, write_in(s, &s->ctx, STR_EMPTY, 1).status, 200);
    EXPECT_INT(s, counted(s), 1);
}

TEST_CHECKS(contract_firestore_races, NEEDS_FIRESTORE,
            { "twenty clients lose no increment", NULL, increments, NULL },
            { "twenty clients lose no compare-and-swap", NULL, swaps, NULL },
            { "transactions that are retried lose nothing", NULL, transactions, NULL },
            { "of two transactions that read a document one commits", NULL, two_readers, NULL },
            { "a write and a transaction that read before it exclude each other", NULL,
              write_between, NULL },
            { "an insert and a transaction that queried before it exclude each other", NULL,
              insert_between, NULL },
            { "a transaction rolled back holds nothing up", NULL, rolled_back, NULL })
