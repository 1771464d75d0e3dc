#include "local_cloud/twilio/recording_store.h"

#include <string.h>
#include <unistd.h>

#include "local_cloud/store.h"

enum { PART_BYTES = 64 * 1024 };

enum errc recording_store_open(struct store *s, struct err *err)
{
    return store_schema(
        s,
        "CREATE TABLE IF NOT EXISTS twilio_recordings (sid TEXT PRIMARY KEY, "
        "call_sid TEXT, channels INTEGER, source TEXT, start_s INTEGER, "
        "samples INTEGER);"
        "CREATE TABLE IF NOT EXISTS twilio_audio (sid TEXT, part INTEGER, data BLOB, "
        "PRIMARY KEY (sid, part)) WITHOUT ROWID;",
        err);
}

void recording_store_load(struct store *s,
                          void (*found)(void *arg, const struct recording_info *info,
                                        int64_t samples, struct str source),
                          void *arg)
{
    struct store_stmt *st;

    store_begin(s);
    st = store_sql(s, "SELECT sid, call_sid, channels, source, start_s, samples "
                      "FROM twilio_recordings ORDER BY start_s");
    while (store_step(st)) {
        struct recording_info info = { .status = "completed",
                                       .channels = (int)store_col_i64(st, 2),
                                       .start_s = store_col_i64(st, 4) };

        (void)str_copy(info.sid, sizeof(info.sid), store_col_str(st, 0)); /* SIDs fit */
        (void)str_copy(info.call_sid, sizeof(info.call_sid), store_col_str(st, 1));
        found(arg, &info, store_col_i64(st, 5), store_col_str(st, 3));
    }
    store_rollback(s); /* nothing was written */
}

static void save_part(struct store *s, struct str sid, int64_t part, struct str data)
{
    struct store_stmt *st = store_sql(s, "INSERT OR REPLACE INTO twilio_audio VALUES (?1, ?2, ?3)");

    store_bind_str(st, 1, sid);
    store_bind_i64(st, 2, part);
    store_bind_blob(st, 3, data);
    store_run(st);
}

static void save_info(struct store *s, const struct recording_info *info, int64_t samples)
{
    struct store_stmt *st =
        store_sql(s, "INSERT OR REPLACE INTO twilio_recordings VALUES (?1, ?2, ?3, ?4, ?5, ?6)");

    store_bind_str(st, 1, str_c(info->sid));
    store_bind_str(st, 2, str_c(info->call_sid));
    store_bind_i64(st, 3, info->channels);
    store_bind_str(st, 4, str_c(info->source));
    store_bind_i64(st, 5, info->start_s);
    store_bind_i64(st, 6, samples);
    store_run(st);
}

/* A whole part, or what is left of the file. */
static size_t read_part(int fd, int64_t part, uint8_t *out)
{
    size_t have = 0;

    while (have < PART_BYTES) {
        ssize_t n = pread(fd, out + have, PART_BYTES - have, part * PART_BYTES + (int64_t)have);

        if (n <= 0)
            break;
        have += (size_t)n;
    }
    return have;
}

/* Each part is a transaction of its own, so that others get their turn; what is known of the recording comes
 * last, so that half of one is never found. */
enum errc recording_store_save(struct store *s, const struct recording_info *info, int64_t samples,
                               int fd, struct err *err)
{
    uint8_t data[PART_BYTES];
    enum errc rc = ERR_OK;
    int64_t part;
    size_t n;

    for (part = 0; !rc && (n = read_part(fd, part, data)); part++) {
        store_begin(s);
        save_part(s, str_c(info->sid), part, str_n(data, n));
        rc = store_commit(s, err);
    }
    if (rc)
        return rc;
    store_begin(s);
    save_info(s, info, samples);
    return store_commit(s, err);
}

enum errc recording_store_delete(struct store *s, struct str sid, struct err *err)
{
    struct store_stmt *st;

    store_begin(s);
    st = store_sql(s, "DELETE FROM twilio_audio WHERE sid = ?1");
    store_bind_str(st, 1, sid);
    store_run(st);
    st = store_sql(s, "DELETE FROM twilio_recordings WHERE sid = ?1");
    store_bind_str(st, 1, sid);
    store_run(st);
    return store_commit(s, err);
}

/* At most what is in one part. */
static size_t read_once(struct store *s, struct str sid, int64_t offset, uint8_t *out, size_t n)
{
    struct store_stmt *st;
    struct str data = STR_EMPTY;

    store_begin(s);
    st = store_sql(s, "SELECT data FROM twilio_audio WHERE sid = ?1 AND part = ?2");
    store_bind_str(st, 1, sid);
    store_bind_i64(st, 2, offset / PART_BYTES);
    if (store_step(st))
        data = str_from(store_col_str(st, 0), (size_t)(offset % PART_BYTES));
    data = str_slice(data, 0, n);
    if (data.p)
        memcpy(out, data.p, data.n);
    store_rollback(s); /* nothing was written */
    return data.n;
}

size_t recording_store_read(struct store *s, struct str sid, int64_t offset, uint8_t *out, size_t n)
{
    size_t have = 0, got;

    do {
        got = read_once(s, sid, offset + (int64_t)have, out + have, n - have);
        have += got;
    } while (got && have < n);
    return have;
}
