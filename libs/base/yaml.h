/* base/yaml.h: the one door to the YAML library (libyaml): a small document as a tree whose nodes know
 * their line, so that errors can name it. YAML 1.1 core: mappings, sequences, scalars; anchors and
 * aliases are refused (a few bytes of them can unfold to gigabytes). Scalars stay text; the caller says
 * what type it wants. Everything lives in the arena. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 100000 };

enum yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line, column;       /* from 1 */
    struct str text;        /* SCALAR */
    bool plain;             /* SCALAR: not quoted, so null, true and numbers may be meant */
    size_t n;               /* SEQ, MAP: items */
    struct yaml_node *item; /* SEQ: n items; MAP: n values */
    struct str *key;        /* MAP: n keys */
    int *key_line;
};

/* ERR_INVALID: "line 3, column 5: <what>", also for a second document. An empty one is an empty map. */
MUST_USE enum errc yaml_parse(const struct yaml_node **ret, struct arena *a, struct str text,
                              struct err *err);

/* v may be NULL in all of these. */
/* NULL: absent or null. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
const struct yaml_node *yaml_at(const struct yaml_node *seq, size_t i);
size_t yaml_len(const struct yaml_node *v);
bool yaml_is_null(const struct yaml_node *v); /* absent, ~, null, or empty and unquoted */
struct str yaml_str_or(const struct yaml_node *v, struct str dflt);
int64_t yaml_i64_or(const struct yaml_node *v, int64_t dflt);
bool yaml_bool_or(const struct yaml_node *v, bool dflt);
/* true|yes|on, false|no|off, unquoted. */
MUST_USE enum errc yaml_bool(const struct yaml_node *v, bool *ret);
/* ERR_INVALID with the line when `map` is no map or has a key that is not among `allowed` ("a|b|c"). */
MUST_USE enum errc yaml_check_keys(const struct yaml_node *map, const char *what,
                                   const char *allowed, struct err *err);

#endif
