#include "base/yaml.h"

#include <string.h>

#include <yaml.h>

#include "base/macros.h"

enum { ROOM_FIRST = 4 }; /* entries of a list or map; then twice as many each time */

struct reader {
    yaml_parser_t parser;
    yaml_event_t ev; /* the one that was read last */
    struct arena *a;
    size_t nodes;
    struct err *err;
};

static enum errc read_node(struct reader *r, struct yaml_node *out, int depth);

static enum errc mistake_at(const struct reader *r, yaml_mark_t at, const char *what)
{
    return err_set(r->err, ERR_INVALID, "line %zu, column %zu: %s", at.line + 1, at.column + 1,
                   what);
}

static enum errc next_event(struct reader *r)
{
    yaml_event_delete(&r->ev);
    if (!yaml_parser_parse(&r->parser, &r->ev))
        return mistake_at(r, r->parser.problem_mark,
                          r->parser.problem ? r->parser.problem : "no valid YAML");
    if (r->ev.type == YAML_ALIAS_EVENT)
        return mistake_at(r, r->ev.start_mark, "aliases (*name) are not taken");
    return ERR_OK;
}

static struct str scalar_text(const struct reader *r)
{
    return arena_str(r->a, str_n(r->ev.data.scalar.value, r->ev.data.scalar.length));
}

static void *larger(struct arena *a, const void *p, size_t n, size_t room, size_t size)
{
    void *to = arena_calloc(a, room, size);

    if (n)
        memcpy(to, p, n * size);
    return to;
}

static void make_room(struct reader *r, struct yaml_node *out, size_t *room)
{
    if (out->n < *room)
        return;
    *room = MAX(ROOM_FIRST, 2 * *room);
    out->item = larger(r->a, out->item, out->n, *room, sizeof(*out->item));
    if (out->kind == YAML_SEQ)
        return;
    out->key = larger(r->a, out->key, out->n, *room, sizeof(*out->key));
    out->key_line = larger(r->a, out->key_line, out->n, *room, sizeof(*out->key_line));
}

/* NOLINTNEXTLINE(misc-no-recursion): YAML_DEPTH_MAX bounds it */
static enum errc read_seq(struct reader *r, struct yaml_node *out, int depth)
{
    size_t room = 0;
    enum errc rc;

    for (;; out->n++) {
        rc = next_event(r);
        if (rc || r->ev.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        make_room(r, out, &room);
        rc = read_node(r, &out->item[out->n], depth + 1);
        if (rc)
            return rc;
    }
}

static enum errc read_key(struct reader *r, struct yaml_node *out)
{
    struct str key;
    size_t i;

    if (r->ev.type != YAML_SCALAR_EVENT)
        return err_set(r->err, ERR_INVALID, "line %d: a key must be plain text", out->line);
    key = scalar_text(r);
    for (i = 0; i < out->n; i++) {
        if (str_eq(out->key[i], key))
            return err_set(r->err, ERR_INVALID,
                           "line %zu, column %zu: key \"" STR_FMT "\" stands here a second time",
                           r->ev.start_mark.line + 1, r->ev.start_mark.column + 1, STR_ARG(key));
    }
    out->key[out->n] = key;
    out->key_line[out->n] = (int)r->ev.start_mark.line + 1;
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): YAML_DEPTH_MAX bounds it */
static enum errc read_map(struct reader *r, struct yaml_node *out, int depth)
{
    size_t room = 0;
    enum errc rc;

    for (;; out->n++) {
        rc = next_event(r);
        if (rc || r->ev.type == YAML_MAPPING_END_EVENT)
            return rc;
        make_room(r, out, &room);
        rc = read_key(r, out);
        if (!rc)
            rc = next_event(r);
        if (!rc)
            rc = read_node(r, &out->item[out->n], depth + 1);
        if (rc)
            return rc;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): YAML_DEPTH_MAX bounds it */
static enum errc read_node(struct reader *r, struct yaml_node *out, int depth)
{
    out->line = (int)r->ev.start_mark.line + 1;
    out->column = (int)r->ev.start_mark.column + 1;
    if (depth > YAML_DEPTH_MAX || ++r->nodes > YAML_NODES_MAX)
        return err_set(r->err, ERR_INVALID, "line %d: too deep or too large", out->line);
    if (r->ev.type == YAML_SEQUENCE_START_EVENT) {
        out->kind = YAML_SEQ;
        return read_seq(r, out, depth);
    }
    if (r->ev.type == YAML_MAPPING_START_EVENT) {
        out->kind = YAML_MAP;
        return read_map(r, out, depth);
    }
    out->kind = YAML_SCALAR; /* what else a value can be */
    out->text = scalar_text(r);
    out->plain = r->ev.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return ERR_OK;
}

static enum errc read_stream(struct reader *r, struct yaml_node *root)
{
    enum errc rc = next_event(r);

    if (!rc)
        rc = next_event(r); /* after the beginning of the stream */
    if (rc || r->ev.type == YAML_STREAM_END_EVENT)
        return rc;
    rc = next_event(r); /* after the beginning of the document */
    if (!rc)
        rc = read_node(r, root, 0);
    if (!rc)
        rc = next_event(r);
    if (!rc)
        rc = next_event(r); /* after the end of the document */
    if (!rc && r->ev.type != YAML_STREAM_END_EVENT)
        rc = mistake_at(r, r->ev.start_mark, "a second document begins");
    return rc;
}

enum errc yaml_parse(const struct yaml_node **ret, struct arena *a, struct str text,
                     struct err *err)
{
    struct reader r = { .a = a, .err = err };
    struct yaml_node *root = ARENA_NEW(a, struct yaml_node);
    enum errc rc;

    if (!yaml_parser_initialize(&r.parser))
        return err_set(err, ERR_INTERNAL, "YAML parser did not start");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    root->kind = YAML_MAP;
    root->line = root->column = 1;
    rc = read_stream(&r, root);
    yaml_event_delete(&r.ev);
    yaml_parser_delete(&r.parser);
    if (!rc)
        *ret = root;
    return rc;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    size_t i;

    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (i = 0; i < map->n; i++) {
        if (str_eq_c(map->key[i], key))
            return yaml_is_null(&map->item[i]) ? NULL : &map->item[i];
    }
    return NULL;
}

const struct yaml_node *yaml_at(const struct yaml_node *seq, size_t i)
{
    return seq && seq->kind == YAML_SEQ && i < seq->n ? &seq->item[i] : NULL;
}

size_t yaml_len(const struct yaml_node *v)
{
    return v && v->kind != YAML_SCALAR ? v->n : 0;
}

bool yaml_is_null(const struct yaml_node *v)
{
    if (!v)
        return true;
    return v->kind == YAML_SCALAR && v->plain &&
           (v->text.n == 0 || str_eq_c(v->text, "~") || str_eq_c(v->text, "null"));
}

struct str yaml_str_or(const struct yaml_node *v, struct str dflt)
{
    return v && v->kind == YAML_SCALAR ? v->text : dflt;
}

int64_t yaml_i64_or(const struct yaml_node *v, int64_t dflt)
{
    int64_t ret = dflt;

    if (v && v->kind == YAML_SCALAR && str_to_i64(v->text, INT64_MIN, INT64_MAX, &ret))
        return dflt;
    return ret;
}

enum errc yaml_bool(const struct yaml_node *v, bool *ret)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {
        { "true", true },   { "yes", true }, { "on", true },
        { "false", false }, { "no", false }, { "off", false },
    };
    size_t i;

    if (!v || v->kind != YAML_SCALAR || !v->plain)
        return ERR_INVALID;
    for (i = 0; i < ARRAY_LEN(words); i++) {
        if (str_ieq_c(v->text, words[i].text)) {
            *ret = words[i].value;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

bool yaml_bool_or(const struct yaml_node *v, bool dflt)
{
    bool ret = dflt;

    return yaml_bool(v, &ret) ? dflt : ret;
}

static bool among(struct str key, struct str allowed)
{
    struct str head, rest;

    while (allowed.n) {
        str_cut(allowed, '|', &head, &rest);
        if (str_eq(head, key))
            return true;
        allowed = rest;
    }
    return false;
}

enum errc yaml_check_keys(const struct yaml_node *map, const char *what, const char *allowed,
                          struct err *err)
{
    size_t i;

    if (!map || map->kind != YAML_MAP)
        return err_set(err, ERR_INVALID, "line %d: %s must be a mapping with the keys %s",
                       map ? map->line : 1, what, allowed);
    for (i = 0; i < map->n; i++) {
        if (!among(map->key[i], str_c(allowed)))
            return err_set(err, ERR_INVALID, "line %d: %s has no key \"" STR_FMT "\"; allowed: %s",
                           map->key_line[i], what, STR_ARG(map->key[i]), allowed);
    }
    return ERR_OK;
}
