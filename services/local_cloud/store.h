/* local_cloud/store.h: the one door to SQLite: what must survive a restart. One connection and one lock;
 * a module takes the lock, runs its statements as one transaction, and lets go. Never hold it while
 * waiting for a peer, and never take it on the loop thread, which carries calls in real time.
 *
 *   store_begin(s);
 *   st = store_sql(s, "SELECT v FROM t WHERE k = ?1");
 *   store_bind_str(st, 1, key);
 *   while (store_step(st))
 *       use(arena_str(a, store_col_str(st, 0)));
 *   rc = store_commit(s, err);
 */
#ifndef LOCAL_CLOUD_STORE_H
#define LOCAL_CLOUD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct store;
struct store_stmt;

/* `path` empty: in memory. */
MUST_USE enum errc store_create(struct store **ret, struct str path, struct err *err);
struct store *store_destroy(struct store *s);

/* Runs the statements of a module's schema ("CREATE TABLE IF NOT EXISTS …; …"), outside a transaction. */
MUST_USE enum errc store_schema(struct store *s, const char *sql, struct err *err);

void store_begin(struct store *s); /* waits for its turn; transactions do not nest */
/* ERR_IO: some statement failed, and nothing of the transaction has happened. */
MUST_USE enum errc store_commit(struct store *s, struct err *err);
void store_rollback(struct store *s);

/* Inside a transaction. The statement is kept prepared under the address of `sql`, which must be a string
 * literal; it is ready to be bound anew. Never NULL; a statement that cannot be prepared never steps and
 * fails the transaction. */
struct store_stmt *store_sql(struct store *s, const char *sql);
void store_bind_str(struct store_stmt *st, int at,
                    struct str v); /* text; borrowed until the last step */
void store_bind_blob(struct store_stmt *st, int at, struct str v);
void store_bind_i64(struct store_stmt *st, int at, int64_t v);
bool store_step(struct store_stmt *st); /* true: there is a row */
void store_run(struct store_stmt *st);  /* one that gives no rows */
/* Of the present row, from 0; borrowed until the next step. */
struct str store_col_str(struct store_stmt *st, int col); /* text or blob */
int64_t store_col_i64(struct store_stmt *st, int col);
int64_t store_changes(const struct store *s); /* rows touched by the last statement */

#endif
