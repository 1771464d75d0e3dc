#include "local_cloud/google/storage_objects.h"

#include <string.h>

#include "base/crypto.h"
#include "base/url.h"
#include "local_cloud/google/reply.h"

const char gcs_schema[] =
    "CREATE TABLE IF NOT EXISTS gcs_buckets (name TEXT PRIMARY KEY, json TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS gcs_bytes (id INTEGER PRIMARY KEY AUTOINCREMENT);"
    "CREATE TABLE IF NOT EXISTS gcs_pieces ("
    " id INTEGER NOT NULL REFERENCES gcs_bytes ON DELETE CASCADE, start INTEGER NOT NULL,"
    " data BLOB NOT NULL, PRIMARY KEY (id, start));"
    "CREATE TABLE IF NOT EXISTS gcs_objects ("
    " bucket TEXT NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL, content_type TEXT NOT NULL,"
    " metadata TEXT NOT NULL, md5 TEXT NOT NULL, crc32c INTEGER NOT NULL, size INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, metageneration INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " updated_us INTEGER NOT NULL, PRIMARY KEY (bucket, name)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS gcs_uploads ("
    " key TEXT PRIMARY KEY, id INTEGER NOT NULL, bucket TEXT NOT NULL, name TEXT NOT NULL,"
    " content_type TEXT NOT NULL, metadata TEXT NOT NULL, want_crc TEXT NOT NULL,"
    " crc32c INTEGER NOT NULL, stored INTEGER NOT NULL, total INTEGER NOT NULL,"
    " done INTEGER NOT NULL, if_generation INTEGER NOT NULL, if_not_generation INTEGER NOT NULL,"
    " if_metageneration INTEGER NOT NULL);"
    /* Of an object or an upload, by the place of its bytes. */
    "CREATE TABLE IF NOT EXISTS gcs_attributes ("
    " id INTEGER PRIMARY KEY REFERENCES gcs_bytes ON DELETE CASCADE, fields TEXT NOT NULL,"
    " want_md5 TEXT NOT NULL, if_not_metageneration INTEGER NOT NULL);";

bool gcs_name_ok(struct str name)
{
    return name.n > 0 && name.n <= 1024 && str_utf8_valid(name) && !str_eq(name, STR(".")) &&
           !str_eq(name, STR("..")) && !str_starts(name, STR(".well-known/acme-challenge/")) &&
           str_find_char(name, '\n') == name.n && str_find_char(name, '\r') == name.n;
}

bool gcs_bucket_exists(struct store *s, struct str bucket)
{
    struct store_stmt *st = store_sql(s, "SELECT 1 FROM gcs_buckets WHERE name = ?1");
    bool found;

    store_bind_str(st, 1, bucket);
    found = store_step(st);
    store_run(st);
    return found;
}

/* ---- objects ---- */

bool gcs_object_find(struct store *s, struct arena *a, struct str bucket, struct str name,
                     struct gcs_object *ret)
{
    struct store_stmt *st;
    bool found;

    st = store_sql(s, "SELECT o.id, content_type, metadata, md5, crc32c, size, generation,"
                      " metageneration, created_us, updated_us, fields FROM gcs_objects o"
                      " LEFT JOIN gcs_attributes a ON a.id = o.id WHERE bucket = ?1 AND name = ?2");
    store_bind_str(st, 1, bucket);
    store_bind_str(st, 2, name);
    found = store_step(st);
    if (found)
        *ret = (struct gcs_object){
            .bucket = bucket,
            .name = name,
            .id = store_col_i64(st, 0),
            .content_type = arena_str(a, store_col_str(st, 1)),
            .metadata = arena_str(a, store_col_str(st, 2)),
            .md5 = arena_str(a, store_col_str(st, 3)),
            .crc32c = (uint32_t)store_col_i64(st, 4), /* stored from 32 bits */
            .size = store_col_i64(st, 5),
            .generation = store_col_i64(st, 6),
            .metageneration = store_col_i64(st, 7),
            .created_us = store_col_i64(st, 8),
            .updated_us = store_col_i64(st, 9),
            .fields = arena_str(a, store_col_str(st, 10)),
        };
    store_run(st);
    return found;
}

bool gcs_conditions_hold(struct store *s, struct arena *a, const struct gcs_object *o,
                         const struct gcs_conditions *c)
{
    struct gcs_object there;
    bool exists = gcs_object_find(s, a, o->bucket, o->name, &there);

    return gcs_conditions_hold_of(exists ? &there : NULL, c);
}

bool gcs_conditions_hold_of(const struct gcs_object *there, const struct gcs_conditions *c)
{
    int64_t generation = there ? there->generation : 0;

    if (c->generation >= 0 && c->generation != generation)
        return false;
    if (c->not_generation >= 0 && c->not_generation == generation)
        return false;
    if (c->metageneration >= 0 && !(there && c->metageneration == there->metageneration))
        return false;
    return !(c->not_metageneration >= 0 && there && c->not_metageneration == there->metageneration);
}

/* ---- attributes ---- */

static void attributes_save(struct store *s, int64_t id, struct str fields, struct str want_md5,
                            int64_t if_not_metageneration)
{
    struct store_stmt *st;

    st = store_sql(s, "INSERT INTO gcs_attributes VALUES (?1, ?2, ?3, ?4)"
                      " ON CONFLICT (id) DO UPDATE SET fields = excluded.fields");
    store_bind_i64(st, 1, id);
    store_bind_str(st, 2, fields);
    store_bind_str(st, 3, want_md5);
    store_bind_i64(st, 4, if_not_metageneration);
    store_run(st);
}

static void bytes_delete(struct store *s, int64_t id)
{
    struct store_stmt *st = store_sql(s, "DELETE FROM gcs_bytes WHERE id = ?1");

    store_bind_i64(st, 1, id);
    store_run(st);
}

void gcs_object_delete(struct store *s, const struct gcs_object *o)
{
    struct store_stmt *st = store_sql(s, "DELETE FROM gcs_objects WHERE bucket = ?1 AND name = ?2");

    store_bind_str(st, 1, o->bucket);
    store_bind_str(st, 2, o->name);
    store_run(st);
    bytes_delete(s, o->id);
}

void gcs_object_put(struct store *s, struct arena *a, struct gcs_object *o, int64_t now_us)
{
    struct gcs_object there;
    struct store_stmt *st;

    o->generation = now_us;
    if (gcs_object_find(s, a, o->bucket, o->name, &there)) {
        o->generation = MAX(now_us, there.generation + 1);
        gcs_object_delete(s, &there);
    }
    o->metageneration = 1;
    o->created_us = o->updated_us = now_us;
    st = store_sql(s, "INSERT INTO gcs_objects VALUES"
                      " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    store_bind_str(st, 1, o->bucket);
    store_bind_str(st, 2, o->name);
    store_bind_i64(st, 3, o->id);
    store_bind_str(st, 4, o->content_type);
    store_bind_str(st, 5, o->metadata);
    store_bind_str(st, 6, o->md5);
    store_bind_i64(st, 7, o->crc32c);
    store_bind_i64(st, 8, o->size);
    store_bind_i64(st, 9, o->generation);
    store_bind_i64(st, 10, o->metageneration);
    store_bind_i64(st, 11, o->created_us);
    store_bind_i64(st, 12, o->updated_us);
    store_run(st);
    attributes_save(s, o->id, o->fields, STR_EMPTY, -1);
}

void gcs_object_save_metadata(struct store *s, const struct gcs_object *o)
{
    struct store_stmt *st;

    st =
        store_sql(s, "UPDATE gcs_objects SET content_type = ?3, metadata = ?4, metageneration = ?5,"
                     " updated_us = ?6 WHERE bucket = ?1 AND name = ?2");
    store_bind_str(st, 1, o->bucket);
    store_bind_str(st, 2, o->name);
    store_bind_str(st, 3, o->content_type);
    store_bind_str(st, 4, o->metadata);
    store_bind_i64(st, 5, o->metageneration);
    store_bind_i64(st, 6, o->updated_us);
    store_run(st);
    attributes_save(s, o->id, o->fields, STR_EMPTY, -1);
}

/* ---- bytes ---- */

int64_t gcs_bytes_new(struct store *s)
{
    struct store_stmt *st = store_sql(s, "INSERT INTO gcs_bytes DEFAULT VALUES RETURNING id");
    int64_t id = store_step(st) ? store_col_i64(st, 0) : 0;

    store_run(st);
    return id;
}

void gcs_bytes_add(struct store *s, int64_t id, int64_t at, struct str data)
{
    struct store_stmt *st;
    struct str piece;
    size_t done;

    for (done = 0; done < data.n; done += piece.n) {
        piece = str_slice(data, done, done + STORAGE_PIECE);
        st = store_sql(s, "INSERT INTO gcs_pieces VALUES (?1, ?2, ?3)");
        store_bind_i64(st, 1, id);
        store_bind_i64(st, 2, at + (int64_t)done);
        store_bind_blob(st, 3, piece);
        store_run(st);
    }
}

struct str gcs_bytes_piece(struct store *s, struct arena *a, int64_t id, int64_t at, int64_t *start)
{
    struct store_stmt *st;
    struct str piece = STR_EMPTY;

    st = store_sql(s, "SELECT start, data FROM gcs_pieces WHERE id = ?1 AND start <= ?2"
                      " ORDER BY start DESC LIMIT 1");
    store_bind_i64(st, 1, id);
    store_bind_i64(st, 2, at);
    if (store_step(st)) {
        *start = store_col_i64(st, 0);
        piece = arena_str(a, store_col_str(st, 1));
    }
    store_run(st);
    return piece;
}

struct str gcs_bytes_md5(struct store *s, struct arena *a, int64_t id, int64_t size)
{
    struct arena own = ARENA_INIT;
    struct md5_sum *sum = md5_begin();
    uint8_t digest[MD5_LEN];
    struct str piece;
    int64_t at, start;

    for (at = 0; at < size; at += (int64_t)piece.n) {
        arena_reset(&own);
        piece = gcs_bytes_piece(s, &own, id, at, &start);
        if (piece.n == 0)
            break; /* the transaction has failed, and will say so */
        md5_add(sum, piece);
    }
    arena_release(&own);
    md5_end(sum, digest);
    return base64_text(a, str_n(digest, sizeof(digest)));
}

/* ---- uploads ---- */

void gcs_upload_add(struct store *s, struct arena *a, struct gcs_upload *u)
{
    struct store_stmt *st;

    u->key = random_id_text(a, 52);
    u->id = gcs_bytes_new(s);
    st = store_sql(s, "INSERT INTO gcs_uploads VALUES"
                      " (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, ?8, 0, ?9, ?10, ?11)");
    store_bind_str(st, 1, u->key);
    store_bind_i64(st, 2, u->id);
    store_bind_str(st, 3, u->object.bucket);
    store_bind_str(st, 4, u->object.name);
    store_bind_str(st, 5, u->object.content_type);
    store_bind_str(st, 6, u->object.metadata);
    store_bind_str(st, 7, u->want_crc);
    store_bind_i64(st, 8, u->total);
    store_bind_i64(st, 9, u->conditions.generation);
    store_bind_i64(st, 10, u->conditions.not_generation);
    store_bind_i64(st, 11, u->conditions.metageneration);
    store_run(st);
    attributes_save(s, u->id, u->object.fields, u->want_md5, u->conditions.not_metageneration);
}

bool gcs_upload_find(struct store *s, struct arena *a, struct str key, struct gcs_upload *ret)
{
    struct store_stmt *st;
    bool found;

    st = store_sql(s, "SELECT u.id, bucket, name, content_type, metadata, want_crc, crc32c, stored,"
                      " total, done, if_generation, if_not_generation, if_metageneration,"
                      " if_not_metageneration, fields, want_md5 FROM gcs_uploads u"
                      " LEFT JOIN gcs_attributes a ON a.id = u.id WHERE key = ?1");
    store_bind_str(st, 1, key);
    found = store_step(st);
    if (found) {
        *ret = (struct gcs_upload){
            .key = key,
            .id = store_col_i64(st, 0),
            .want_crc = arena_str(a, store_col_str(st, 5)),
            .stored = store_col_i64(st, 7),
            .total = store_col_i64(st, 8),
            .done = store_col_i64(st, 9) != 0,
            .conditions = { store_col_i64(st, 10), store_col_i64(st, 11), store_col_i64(st, 12),
                            store_col_i64(st, 13) },
            .want_md5 = arena_str(a, store_col_str(st, 15)),
        };
        ret->object = (struct gcs_object){
            .id = ret->id,
            .bucket = arena_str(a, store_col_str(st, 1)),
            .name = arena_str(a, store_col_str(st, 2)),
            .content_type = arena_str(a, store_col_str(st, 3)),
            .metadata = arena_str(a, store_col_str(st, 4)),
            .crc32c = (uint32_t)store_col_i64(st, 6), /* stored from 32 bits */
            .fields = arena_str(a, store_col_str(st, 14)),
        };
    }
    store_run(st);
    return found;
}

void gcs_upload_save(struct store *s, const struct gcs_upload *u)
{
    struct store_stmt *st;

    st = store_sql(s, "UPDATE gcs_uploads SET crc32c = ?2, stored = ?3, total = ?4, done = ?5"
                      " WHERE key = ?1");
    store_bind_str(st, 1, u->key);
    store_bind_i64(st, 2, u->object.crc32c);
    store_bind_i64(st, 3, u->stored);
    store_bind_i64(st, 4, u->total);
    store_bind_i64(st, 5, u->done);
    store_run(st);
}

void gcs_upload_forget(struct store *s, const struct gcs_upload *u, bool with_bytes)
{
    struct store_stmt *st = store_sql(s, "DELETE FROM gcs_uploads WHERE key = ?1");

    store_bind_str(st, 1, u->key);
    store_run(st);
    if (with_bytes)
        bytes_delete(s, u->id);
}

/* ---- resource ---- */

struct str gcs_crc_text(struct arena *a, uint32_t crc)
{
    uint8_t bytes[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16 & 0xff),
                         (uint8_t)(crc >> 8 & 0xff), (uint8_t)(crc & 0xff) };

    return base64_text(a, str_n(bytes, sizeof(bytes)));
}

void gcs_object_write(struct jw *w, struct arena *a, const char *key, struct str origin,
                      const struct gcs_object *o)
{
    struct str bucket = url_encode_text(a, o->bucket), name = url_encode_text(a, o->name);
    const struct jval *metadata, *fields, *v;
    struct json_iter it;
    struct str member;

    jw_obj(w, key);
    jw_cstr(w, "kind", "storage#object");
    jw_strf(w, "id", STR_FMT "/" STR_FMT "/%lld", STR_ARG(o->bucket), STR_ARG(o->name),
            (long long)o->generation);
    jw_strf(w, "selfLink", STR_FMT "/storage/v1/b/" STR_FMT "/o/" STR_FMT, STR_ARG(origin),
            STR_ARG(bucket), STR_ARG(name));
    jw_strf(w, "mediaLink",
            STR_FMT "/download/storage/v1/b/" STR_FMT "/o/" STR_FMT "?generation=%lld&alt=media",
            STR_ARG(origin), STR_ARG(bucket), STR_ARG(name), (long long)o->generation);
    jw_str(w, "name", o->name);
    jw_str(w, "bucket", o->bucket);
    jw_strf(w, "generation", "%lld", (long long)o->generation);
    jw_strf(w, "metageneration", "%lld", (long long)o->metageneration);
    if (o->content_type.n)
        jw_str(w, "contentType", o->content_type);
    jw_cstr(w, "storageClass", "STANDARD");
    jw_strf(w, "size", "%lld", (long long)o->size);
    if (o->md5.n)
        jw_str(w, "md5Hash", o->md5);
    jw_str(w, "crc32c", gcs_crc_text(a, o->crc32c));
    jw_strf(w, "etag", "%llx",
            (unsigned long long)o->generation + (unsigned long long)o->metageneration);
    jw_str(w, "timeCreated", google_time(a, o->created_us));
    jw_str(w, "updated", google_time(a, o->updated_us));
    jw_str(w, "timeStorageClassUpdated", google_time(a, o->created_us));
    if (o->fields.n && !json_parse_arena(&fields, a, o->fields, NULL)) {
        it = json_iter(fields);
        while (json_next(&it, &member, &v))
            jw_key_val(w, member, v);
    }
    if (o->metadata.n && !json_parse_arena(&metadata, a, o->metadata, NULL) && json_len(metadata))
        jw_val(w, "metadata", metadata);
    jw_end(w);
}
