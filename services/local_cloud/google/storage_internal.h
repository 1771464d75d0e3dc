/* local_cloud/google/storage_internal.h: what reading and uploading share. */
#ifndef LOCAL_CLOUD_GOOGLE_STORAGE_INTERNAL_H
#define LOCAL_CLOUD_GOOGLE_STORAGE_INTERNAL_H

#include "local_cloud/google/reply.h"
#include "local_cloud/google/storage_objects.h"
#include "local_cloud/local_cloud.h"

struct storage {
    struct store *store;
    const struct clock *clock;
};

struct str gcs_origin(struct http_req *r); /* as the client calls us */
/* ifGenerationMatch and its like, or ifSource…; false: one is no number. */
MUST_USE bool gcs_conditions_of(struct gcs_conditions *ret, const struct form *query,
                                bool of_source);
/* In a transaction. Finds o->bucket and o->name, and of them the generation that the query may name. */
bool gcs_object_find_asked(struct storage *g, struct arena *a, const struct form *query,
                           const char *generation_name, struct gcs_object *o);
/* What a client's resource sets, over what `o` has; a null takes a member away. Custom metadata is merged
 * (as a patch does) or replaced. */
void gcs_object_set(struct gcs_object *o, struct arena *a, const struct jval *resource,
                    bool merges);
void gcs_reply_object(struct http_req *r, const struct gcs_object *o);
void gcs_reply_no_bucket(struct http_req *r);
void gcs_reply_no_object(struct http_req *r, struct str bucket, struct str name);
void gcs_reply_bad_condition(struct http_req *r);
void gcs_reply_condition(struct http_req *r);
/* Commits; false: it failed and has been answered. */
bool gcs_done(struct storage *g, struct http_req *r);

void gcs_on_upload(void *app, struct http_req *r);
void gcs_on_session(void *app, struct http_req *r);
void gcs_on_session_cancel(void *app, struct http_req *r);
void gcs_on_object_delete(void *app, struct http_req *r);
void gcs_on_object_patch(void *app, struct http_req *r);
void gcs_on_rewrite(void *app, struct http_req *r);
void gcs_on_copy(void *app, struct http_req *r);

#endif
