#include "concierge/yaml_bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum errc bind_mistake(struct binder *b, const struct yaml_node *n, const char *key,
                       const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long, as err_set does */
    va_end(ap);
    return err_set(b->err, ERR_INVALID, "%s:%d:%d: %s%s%s", b->name, n ? n->line : 1,
                   n ? n->column : 1, key ? key : "", key ? ": " : "", text);
}

enum errc bind_scalar(struct binder *b, const struct yaml_node *n, const char *key,
                      const char *what, struct str *ret)
{
    struct str s;

    if (n->kind != YAML_SCALAR)
        return bind_mistake(b, n, key, "must be %s, not a %s", what,
                            n->kind == YAML_SEQ ? "list" : "mapping");
    s = str_trim(n->text);
    if (!s.n)
        return bind_mistake(b, n, key, "must be %s, but is empty", what);
    *ret = s;
    return ERR_OK;
}

static enum errc read_text(struct binder *b, const struct yaml_node *n, const char *key,
                           struct str *out)
{
    struct str s = STR_EMPTY;
    enum errc rc = bind_scalar(b, n, key, "text", &s);

    if (rc)
        return rc;
    *out = arena_str(b->arena, s);
    return ERR_OK;
}

static enum errc read_int(struct binder *b, const struct yaml_node *n, const struct bind_key *k,
                          const char *key, int *out)
{
    struct str s = STR_EMPTY;
    int64_t v = 0;
    enum errc rc = bind_scalar(b, n, key, "a whole number", &s);

    if (rc)
        return rc;
    if (str_to_i64(s, k->min, k->max, &v))
        return bind_mistake(b, n, key, "\"" STR_FMT "\" must be a whole number from %lld to %lld",
                            STR_ARG(s), (long long)k->min, (long long)k->max);
    *out = (int)v;
    return ERR_OK;
}

static enum errc read_number(struct binder *b, const struct yaml_node *n, const struct bind_key *k,
                             const char *key, double *out)
{
    struct str s = STR_EMPTY;
    double v = 0;
    enum errc rc = bind_scalar(b, n, key, "a number", &s);

    if (rc)
        return rc;
    if (str_to_double(s, &v) || !(v >= (double)k->min && v <= (double)k->max))
        return bind_mistake(b, n, key, "\"" STR_FMT "\" must be a number from %lld to %lld",
                            STR_ARG(s), (long long)k->min, (long long)k->max);
    *out = v;
    return ERR_OK;
}

static enum errc read_yes_no(struct binder *b, const struct yaml_node *n, const char *key,
                             bool *out)
{
    if (yaml_bool(n, out))
        return bind_mistake(b, n, key, "\"" STR_FMT "\" must be true or false", STR_ARG(n->text));
    return ERR_OK;
}

static enum errc read_choice(struct binder *b, const struct yaml_node *n, const struct bind_key *k,
                             const char *key, int *out)
{
    struct str rest = str_c(k->allowed), word, s = STR_EMPTY;
    int i = 0;
    enum errc rc = bind_scalar(b, n, key, "text", &s);

    if (rc)
        return rc;
    for (; rest.n; i++) {
        (void)str_cut(rest, '|', &word, &rest); /* the last word stands before no bar */
        if (str_eq(word, s)) {
            *out = i;
            return ERR_OK;
        }
    }
    return bind_mistake(b, n, key, "\"" STR_FMT "\" must be one of %s", STR_ARG(s), k->allowed);
}

static enum errc need_list(struct binder *b, const struct yaml_node *n, const char *key,
                           int64_t max)
{
    if (n->kind != YAML_SEQ)
        return bind_mistake(b, n, key, "must be a list");
    if (n->n > (size_t)max)
        return bind_mistake(b, n, key, "has %zu entries, at most %lld are allowed", n->n,
                            (long long)max);
    return ERR_OK;
}

static enum errc read_texts(struct binder *b, const struct yaml_node *n, const struct bind_key *k,
                            const char *key, char *base)
{
    enum errc rc = need_list(b, n, key, k->max);
    struct str *items;
    size_t i;

    if (rc)
        return rc;
    items = ARENA_ARRAY(b->arena, struct str, n->n + 1);
    for (i = 0; i < n->n; i++) {
        rc = read_text(b, yaml_at(n, i), key, &items[i]);
        if (rc)
            return rc;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer is what is kept */
    memcpy(base + k->offset, &items, sizeof(items));
    memcpy(base + k->offset_n, &n->n, sizeof(n->n));
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table of keys */
static enum errc read_maps(struct binder *b, const struct yaml_node *n, const struct bind_key *k,
                           const char *key, char *base)
{
    enum errc rc = need_list(b, n, key, k->max);
    char *items;
    size_t i;

    if (rc)
        return rc;
    items = arena_zalloc(b->arena, (n->n + 1) * k->size);
    for (i = 0; i < n->n; i++) {
        rc = bind_map(b, yaml_at(n, i), key, k->sub, k->n_sub, items + i * k->size);
        if (rc)
            return rc;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer is what is kept */
    memcpy(base + k->offset, &items, sizeof(items));
    memcpy(base + k->offset_n, &n->n, sizeof(n->n));
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table of keys */
static enum errc read_key(struct binder *b, const struct yaml_node *n, const struct bind_key *k,
                          const char *key, char *base)
{
    void *out = base + k->offset;

    switch (k->kind) {
    case BIND_TEXT:
        return read_text(b, n, key, out);
    case BIND_INT:
        return read_int(b, n, k, key, out);
    case BIND_NUMBER:
        return read_number(b, n, k, key, out);
    case BIND_YES_NO:
        return read_yes_no(b, n, key, out);
    case BIND_CHOICE:
        return read_choice(b, n, k, key, out);
    case BIND_TEXTS:
        return read_texts(b, n, k, key, base);
    case BIND_MAP:
        return bind_map(b, n, key, k->sub, k->n_sub, out);
    case BIND_MAPS:
        return read_maps(b, n, k, key, base);
    case BIND_CUSTOM:
        return k->read(b, n, key, out);
    }
    return err_set(b->err, ERR_INTERNAL, "no such kind of key");
}

static const struct bind_key *find_key(const struct bind_key *keys, size_t n, struct str name)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (str_eq_c(name, keys[i].name))
            return &keys[i];
    }
    return NULL;
}

static enum errc unknown_key(struct binder *b, const struct yaml_node *n, size_t at,
                             const char *key, const struct bind_key *keys, size_t n_keys)
{
    /* The keys of a block mapping stand in its own column. */
    struct yaml_node where = { .line = n->key_line[at], .column = n->column };
    struct str all = STR_EMPTY;
    size_t i;

    for (i = 0; i < n_keys; i++)
        all = arena_printf(b->arena, STR_FMT "%s%s", STR_ARG(all), i ? ", " : "", keys[i].name);
    return bind_mistake(b, &where, key, "unknown key \"" STR_FMT "\"; allowed: " STR_FMT,
                        STR_ARG(n->key[at]), STR_ARG(all));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table of keys */
enum errc bind_map(struct binder *b, const struct yaml_node *n, const char *key,
                   const struct bind_key *keys, size_t n_keys, void *out)
{
    const struct bind_key *k;
    struct str path;
    enum errc rc;
    size_t i;

    if (n->kind != YAML_MAP)
        return bind_mistake(b, n, key, "must be a mapping of keys to values");
    for (i = 0; i < n->n; i++) {
        k = find_key(keys, n_keys, n->key[i]);
        if (!k)
            return unknown_key(b, n, i, key, keys, n_keys);
        if (yaml_is_null(&n->item[i]))
            continue;
        path = key ? arena_printf(b->arena, "%s.%s", key, k->name) : str_c(k->name);
        rc = read_key(b, &n->item[i], k, path.p, out);
        if (rc)
            return rc;
    }
    for (i = 0; i < n_keys; i++) {
        if (keys[i].required && !yaml_get(n, keys[i].name))
            return bind_mistake(b, n, key, "key \"%s\" is missing", keys[i].name);
    }
    return ERR_OK;
}

enum errc yaml_bind(struct binder *b, struct str text, const struct bind_key *keys, size_t n_keys,
                    void *out, const struct yaml_node **ret_root)
{
    const struct yaml_node *root;
    enum errc rc = yaml_parse(&root, b->arena, text, b->err);

    if (rc)
        return err_wrap(b->err, rc, "%s", b->name);
    rc = bind_map(b, root, NULL, keys, n_keys, out);
    if (!rc && ret_root)
        *ret_root = root;
    return rc;
}
