/* local_cloud/google/storage.h: Cloud Storage's JSON API: buckets, objects, simple, multipart and resumable
 * uploads, ranged reads. Bytes lie in the store in pieces, so reading an object takes one piece of memory
 * and writing it the size of one request.
 * Source: https://storage.googleapis.com/$discovery/rest?version=v1; "Perform resumable uploads". */
#ifndef LOCAL_CLOUD_GOOGLE_STORAGE_H
#define LOCAL_CLOUD_GOOGLE_STORAGE_H

enum {
    STORAGE_BODY_MAX = 64 * 1024 * 1024, /* of one upload request */
    STORAGE_PIECE = 256 * 1024,          /* every chunk but the last is a multiple of it */
    STORAGE_LIST_MAX = 1000,
};

struct storage;

#endif
