/* local_cloud/google/storage_objects.h: objects and unfinished uploads in the store. Calls that take a
 * `struct store` run inside a transaction of it. */
#ifndef LOCAL_CLOUD_GOOGLE_STORAGE_OBJECTS_H
#define LOCAL_CLOUD_GOOGLE_STORAGE_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "local_cloud/google/storage.h"
#include "local_cloud/store.h"

struct gcs_object {
    int64_t id; /* of its bytes in the store */
    struct str bucket, name, content_type;
    struct str metadata; /* JSON object, or empty */
    struct str fields;   /* JSON object of the other members that a client sets, or empty */
    struct str md5;      /* base64 */
    int64_t size, generation, metageneration, created_us, updated_us;
    uint32_t crc32c;
};

/* What the object there must meet (generation 0: there is none); -1: not asked. */
struct gcs_conditions {
    int64_t generation, not_generation, metageneration, not_metageneration;
};

struct gcs_upload {
    int64_t id;     /* of the bytes so far */
    struct str key; /* upload_id */
    struct gcs_object object;
    struct gcs_conditions conditions;
    int64_t stored;
    int64_t total; /* -1: not declared */
    bool done;
    struct str want_crc, want_md5; /* of the metadata; base64, may be empty */
};

extern const char gcs_schema[];

/* What Cloud Storage takes as a name. */
bool gcs_name_ok(struct str name);
bool gcs_bucket_exists(struct store *s, struct str bucket);
bool gcs_object_find(struct store *s, struct arena *a, struct str bucket, struct str name,
                     struct gcs_object *ret);
/* False: a condition does not hold of what is there now. */
bool gcs_conditions_hold(struct store *s, struct arena *a, const struct gcs_object *o,
                         const struct gcs_conditions *c);
/* The same of an object that was looked up; NULL: there is none. */
bool gcs_conditions_hold_of(const struct gcs_object *there, const struct gcs_conditions *c);
/* A place for bytes. */
int64_t gcs_bytes_new(struct store *s);
/* Appends at `at`, in pieces. */
void gcs_bytes_add(struct store *s, int64_t id, int64_t at, struct str data);
/* The piece in which byte `at` lies; *start is its first byte's place. Copied into the arena. */
struct str gcs_bytes_piece(struct store *s, struct arena *a, int64_t id, int64_t at,
                           int64_t *start);
/* MD5 of all pieces, base64; takes the memory of one. */
struct str gcs_bytes_md5(struct store *s, struct arena *a, int64_t id, int64_t size);
/* The object appears, whole; what had its name goes. Sets times and generation. */
void gcs_object_put(struct store *s, struct arena *a, struct gcs_object *o, int64_t now_us);
void gcs_object_delete(struct store *s, const struct gcs_object *o);
void gcs_object_save_metadata(struct store *s, const struct gcs_object *o);

void gcs_upload_add(struct store *s, struct arena *a, struct gcs_upload *u);
bool gcs_upload_find(struct store *s, struct arena *a, struct str key, struct gcs_upload *ret);
void gcs_upload_save(struct store *s, const struct gcs_upload *u);
void gcs_upload_forget(struct store *s, const struct gcs_upload *u, bool with_bytes);

struct str gcs_crc_text(struct arena *a, uint32_t crc);
/* The resource; `origin` is where the client reaches us. */
void gcs_object_write(struct jw *w, struct arena *a, const char *key, struct str origin,
                      const struct gcs_object *o);

#endif
