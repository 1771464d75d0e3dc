/* concierge/yaml_bind.h: a YAML document into C structs by tables, with errors that name file, line,
 * column, key and what is allowed. The first mistake ends the reading. Unknown and repeated keys are
 * mistakes; a key whose value is null counts as absent. Texts and lists live in the arena. */
#ifndef CONCIERGE_YAML_BIND_H
#define CONCIERGE_YAML_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/yaml.h"

struct binder {
    struct arena *arena;
    const char *name; /* of the file, for errors */
    struct err *err;
};

enum bind_kind {
    BIND_TEXT,   /* struct str, trimmed, not empty */
    BIND_INT,    /* int in [min, max] */
    BIND_NUMBER, /* double in [min, max] */
    BIND_YES_NO, /* bool: true false yes no on off */
    BIND_CHOICE, /* int: index into `allowed`, "a|b|c" */
    BIND_TEXTS,  /* struct str * at `offset`, count at `offset_n`; at most `max` */
    BIND_MAP,    /* a struct at `offset` by `sub` */
    BIND_MAPS, /* array of structs of `size` by `sub`, at `offset` and `offset_n`; at most `max` */
    BIND_CUSTOM, /* read(): any node, `out` is the struct's member at `offset` */
};

struct bind_key {
    const char *name;
    enum bind_kind kind;
    size_t offset, offset_n;
    bool required;
    int64_t min, max;
    const char *allowed;
    const struct bind_key *sub;
    size_t n_sub, size;
    enum errc (*read)(struct binder *b, const struct yaml_node *n, const char *key, void *out);
};

/* The root must be a mapping by `keys`. Optional keys leave `out` as it is. *ret_root (NULL: not wanted)
 * is for later checks that point at a node. */
MUST_USE enum errc yaml_bind(struct binder *b, struct str text, const struct bind_key *keys,
                             size_t n_keys, void *out, const struct yaml_node **ret_root);

/* "clinic.yaml:12:3: services.duration: <text>" as ERR_INVALID. `n` and `key` may be NULL. */
enum errc bind_mistake(struct binder *b, const struct yaml_node *n, const char *key,
                       const char *fmt, ...) PRINTF_LIKE(4, 5);
/* One node by a table, as BIND_MAP does. */
MUST_USE enum errc bind_map(struct binder *b, const struct yaml_node *n, const char *key,
                            const struct bind_key *keys, size_t n_keys, void *out);
/* Text of a node that must be a scalar and not empty. `what`: "a date like 2026-12-24". */
MUST_USE enum errc bind_scalar(struct binder *b, const struct yaml_node *n, const char *key,
                               const char *what, struct str *ret);

#endif
