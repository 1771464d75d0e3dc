/* local_cloud/google/fs_request.h: what requests to Firestore hold.
 * Source: https://firestore.googleapis.com/$discovery/rest?version=v1, schemas; `verify` of a Write, which
 * Google's clients use, from google/firestore/v1/write.proto. */
#ifndef LOCAL_CLOUD_GOOGLE_FS_REQUEST_H
#define LOCAL_CLOUD_GOOGLE_FS_REQUEST_H

#include "local_cloud/google/shape.h"

extern const struct shape fs_document_shape, fs_commit_shape, fs_batch_get_shape,
    fs_batch_write_shape, fs_begin_shape, fs_rollback_shape, fs_run_query_shape,
    fs_aggregation_shape, fs_collection_ids_shape, fs_empty_shape;

#endif
