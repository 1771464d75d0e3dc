#include "local_cloud/store.h"

#include <pthread.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/mem.h"

enum { STATEMENTS_MAX = 128, BUSY_MS = 5000 };

struct store_stmt {
    struct store *store;
    const char *sql;
    sqlite3_stmt *handle;
};

struct store {
    sqlite3 *db;
    pthread_mutex_t lock;
    bool failed; /* the present transaction */
    struct err problem;
    struct store_stmt statements[STATEMENTS_MAX];
    size_t n;
};

static void note(struct store *s, const char *what)
{
    if (!s->failed)
        (void)err_set_upstream(&s->problem, ERR_IO, sqlite3_extended_errcode(s->db), "%s: %s", what,
                               sqlite3_errmsg(s->db));
    s->failed = true;
}

static enum errc execute(struct store *s, const char *sql, struct err *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return ERR_OK;
    return err_set_upstream(err, ERR_IO, sqlite3_extended_errcode(s->db), "SQLite: %s",
                            sqlite3_errmsg(s->db));
}

enum errc store_create(struct store **ret, struct str path, struct err *err)
{
    struct store *s = MEM_NEW(struct store);
    struct arena a = ARENA_INIT;
    const char *name = path.n ? arena_cstr(&a, path) : ":memory:";
    enum errc rc = ERR_OK;

    pthread_mutex_init(&s->lock, NULL);
    if (sqlite3_open_v2(name, &s->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        rc = err_set(err, ERR_IO, "%s: %s", name, s->db ? sqlite3_errmsg(s->db) : "no memory");
    arena_release(&a);
    if (!rc) {
        sqlite3_busy_timeout(s->db, BUSY_MS);
        /* A crash of the machine may cost the last moments: these are rehearsals. */
        rc = execute(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;",
                     err);
    }
    if (rc) {
        (void)store_destroy(s); /* NULL */
        return rc;
    }
    *ret = s;
    return ERR_OK;
}

struct store *store_destroy(struct store *s)
{
    size_t i;

    if (!s)
        return NULL;
    for (i = 0; i < s->n; i++)
        sqlite3_finalize(s->statements[i].handle);
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    return NULL;
}

enum errc store_schema(struct store *s, const char *sql, struct err *err)
{
    enum errc rc;

    pthread_mutex_lock(&s->lock);
    rc = execute(s, sql, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void store_begin(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->failed = false;
    if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        note(s, "BEGIN");
}

/* A statement in mid-way would keep its read lock. */
static void reset_all(struct store *s)
{
    size_t i;

    for (i = 0; i < s->n; i++) {
        sqlite3_reset(s->statements[i].handle);
        sqlite3_clear_bindings(s->statements[i].handle);
    }
}

enum errc store_commit(struct store *s, struct err *err)
{
    enum errc rc = ERR_OK;

    reset_all(s);
    if (!s->failed && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        note(s, "COMMIT");
    if (s->failed) {
        rc = s->problem.code;
        if (err)
            *err = s->problem;
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* none may be open */
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void store_rollback(struct store *s)
{
    reset_all(s);
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* none may be open */
    pthread_mutex_unlock(&s->lock);
}

static struct store_stmt *prepare(struct store *s, const char *sql)
{
    struct store_stmt *st = &s->statements[s->n < STATEMENTS_MAX ? s->n : STATEMENTS_MAX - 1];

    if (s->n == STATEMENTS_MAX) { /* more than the modules have: the last place is shared */
        sqlite3_finalize(st->handle);
        s->n--;
    }
    *st = (struct store_stmt){ .store = s, .sql = sql };
    s->n++;
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->handle, NULL) !=
        SQLITE_OK)
        note(s, sql);
    return st;
}

struct store_stmt *store_sql(struct store *s, const char *sql)
{
    struct store_stmt *st = NULL;
    size_t i;

    for (i = 0; !st && i < s->n; i++) {
        if (s->statements[i].sql == sql)
            st = &s->statements[i];
    }
    if (!st)
        st = prepare(s, sql);
    sqlite3_reset(st->handle);
    return st;
}

void store_bind_str(struct store_stmt *st, int at, struct str v)
{
    if (sqlite3_bind_text64(st->handle, at, v.p ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8) !=
        SQLITE_OK)
        note(st->store, st->sql);
}

void store_bind_blob(struct store_stmt *st, int at, struct str v)
{
    if (sqlite3_bind_blob64(st->handle, at, v.p ? v.p : "", v.n, SQLITE_STATIC) != SQLITE_OK)
        note(st->store, st->sql);
}

void store_bind_i64(struct store_stmt *st, int at, int64_t v)
{
    if (sqlite3_bind_int64(st->handle, at, v) != SQLITE_OK)
        note(st->store, st->sql);
}

bool store_step(struct store_stmt *st)
{
    int code;

    if (st->store->failed)
        return false;
    code = sqlite3_step(st->handle);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        note(st->store, st->sql);
    sqlite3_reset(st->handle);
    return false;
}

void store_run(struct store_stmt *st)
{
    while (store_step(st)) {
    }
}

struct str store_col_str(struct store_stmt *st, int col)
{
    const void *p = sqlite3_column_blob(st->handle, col); /* text comes as its UTF-8 bytes */

    return str_n(p, (size_t)sqlite3_column_bytes(st->handle, col));
}

int64_t store_col_i64(struct store_stmt *st, int col)
{
    return sqlite3_column_int64(st->handle, col);
}

int64_t store_changes(const struct store *s)
{
    return sqlite3_changes64(s->db);
}
