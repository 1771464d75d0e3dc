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
struct gcs_conditions gcs_conditions_of(const struct form *query);
void gcs_reply_object(struct http_req *r, const struct gcs_object *o);
void gcs_reply_no_bucket(struct http_req *r);
void gcs_reply_condition(struct http_req *r);
/* Commits; false: it failed and has been answered. */
bool gcs_done(struct storage *g, struct http_req *r);

void gcs_on_upload(void *app, struct http_req *r);
void gcs_on_session(void *app, struct http_req *r);
void gcs_on_session_cancel(void *app, struct http_req *r);

#endif
