/* local_cloud/google/fs_request.h: what a request to Firestore may hold: names and types of members and of
 * query parameters. Like the API it refuses what it does not know, so that a misspelt one is found here.
 * Source: https://firestore.googleapis.com/$discovery/rest?version=v1, schemas and parameters; `verify` of a
 * Write, which Google's clients use, from google/firestore/v1/write.proto. */
#ifndef LOCAL_CLOUD_GOOGLE_FS_REQUEST_H
#define LOCAL_CLOUD_GOOGLE_FS_REQUEST_H

#include "base/json.h"
#include "base/url.h"
#include "local_cloud/google/reply.h"

struct fs_shape;
extern const struct fs_shape fs_document_shape, fs_commit_shape, fs_batch_get_shape,
    fs_batch_write_shape, fs_begin_shape, fs_rollback_shape, fs_run_query_shape,
    fs_aggregation_shape, fs_collection_ids_shape, fs_empty_shape;

bool fs_request_body(const struct jval *body, const struct fs_shape *shape, struct failure *f);

enum fs_param { FS_PARAM_TEXT, FS_PARAM_BOOL, FS_PARAM_INT, FS_PARAM_TIME };
struct fs_param_desc {
    const char *name;
    enum fs_param kind;
};
/* Beside these, what every Google API takes ("alt", "fields", "$alt"…). */
bool fs_request_params(const struct form *params, const struct fs_param_desc *known, size_t n,
                       struct failure *f);

#endif
