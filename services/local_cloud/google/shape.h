/* local_cloud/google/shape.h: what a request may hold: names and types of its members and of query parameters,
 * as the API's own messages have them. Like the API this refuses what it does not know, so that a misspelt
 * name is found here and not by the first customer.
 * Source: discovery documents, schemas and parameters; https://protobuf.dev/programming-guides/json. */
#ifndef LOCAL_CLOUD_GOOGLE_SHAPE_H
#define LOCAL_CLOUD_GOOGLE_SHAPE_H

#include "base/json.h"
#include "base/url.h"
#include "local_cloud/google/reply.h"

enum shape_kind {
    K_STR,
    K_BOOL,
    K_INT, /* also as text */
    K_DOUBLE,
    K_BYTES, /* base64 */
    K_TIME,
    K_DURATION, /* "3.5s" */
    K_ENUM,     /* by name or number */
    K_OBJ,
};
struct shape_member {
    const char *name;
    enum shape_kind kind;
    bool list, map;
    const struct shape *of;   /* K_OBJ */
    const char *const *names; /* K_ENUM, ended by NULL */
    const char *oneof;        /* of its group only one may be there */
};
struct shape {
    const char *name; /* for errors */
    const struct shape_member *members;
    size_t n;
};
bool shape_check(const struct jval *body, const struct shape *shape, struct failure *f);

enum param_kind { PARAM_TEXT, PARAM_BOOL, PARAM_INT, PARAM_TIME };
struct param {
    const char *name;
    enum param_kind kind;
};
/* Beside these, what every Google API takes ("alt", "fields", "$alt"…). */
bool shape_check_params(const struct form *params, const struct param *known, size_t n,
                        struct failure *f);

#endif
