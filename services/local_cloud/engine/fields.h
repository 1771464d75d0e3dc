/* local_cloud/engine/fields.h: what a client event may hold, as tables, checked as strictly as
 * OpenAI does: one unknown or illegal field refuses the whole message, with code, sentence and
 * path. Source: OpenAI API reference, Realtime client events; error codes as observed. */
#ifndef LOCAL_CLOUD_ENGINE_FIELDS_H
#define LOCAL_CLOUD_ENGINE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/str.h"

enum { API_ERROR_CODE_MAX = 64, API_ERROR_PARAM_MAX = 160, API_ERROR_TEXT_MAX = 400 };

struct api_error {
    const char *type;                /* "invalid_request_error", "server_error" */
    char code[API_ERROR_CODE_MAX];   /* empty: null */
    char param[API_ERROR_PARAM_MAX]; /* the same */
    char message[API_ERROR_TEXT_MAX];
};

/* What an error of this code is of. */
const char *api_error_type(const char *code);
/* Fills it and returns false, so that it can stand in a return. */
bool api_error_set(struct api_error *e, const char *code, const char *param, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

enum field_kind {
    FIELD_STR,
    FIELD_CHOICE, /* a string of `allowed`: "a|b|c" */
    FIELD_BOOL,
    FIELD_INT, /* within [min, max] */
    FIELD_NUM,
    FIELD_OBJ,  /* of `fields`; without any: whatever it holds */
    FIELD_LIST, /* of objects of `fields`; without any: whatever it holds */
    FIELD_ANY,  /* checked where it is used */
};

struct field {
    const char *name;
    enum field_kind kind;
    bool required, nullable;
    double min, max;
    const char *allowed;
    const struct field *fields;
    size_t n_fields;
};

/* `path` is "" or a prefix as "session". False: *e says what is wrong. */
bool fields_check(const struct field *fields, size_t n, const struct jval *obj, const char *path,
                  struct api_error *e);

#endif
