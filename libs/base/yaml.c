#include "base/yaml.h"

#include <string.h>

#include <yaml.h>

struct reader {
    yaml_document_t doc;
    struct arena *a;
    size_t nodes;
    struct err *err;
};

static enum errc convert(struct reader *r, struct yaml_node *out, int index, int depth);

static struct str scalar_text(const struct reader *r, const yaml_node_t *n)
{
    return arena_str(r->a, str_n(n->data.scalar.value, n->data.scalar.length));
}

/* NOLINTNEXTLINE(misc-no-recursion): YAML_DEPTH_MAX bounds it */
static enum errc convert_seq(struct reader *r, struct yaml_node *out, const yaml_node_t *n,
                             int depth)
{
    const yaml_node_item_t *it;
    enum errc rc;

    out->kind = YAML_SEQ;
    out->n = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    out->item = ARENA_ARRAY(r->a, struct yaml_node, out->n);
    for (it = n->data.sequence.items.start; it < n->data.sequence.items.top; it++) {
        rc = convert(r, &out->item[it - n->data.sequence.items.start], *it, depth + 1);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static enum errc check_new_key(struct reader *r, const struct yaml_node *map, size_t upto,
                               const yaml_node_t *key)
{
    size_t i;

    for (i = 0; i < upto; i++) {
        if (str_eq(map->key[i], map->key[upto]))
            return err_set(r->err, ERR_INVALID,
                           "line %zu, column %zu: key \"" STR_FMT "\" stands here a second time",
                           key->start_mark.line + 1, key->start_mark.column + 1,
                           STR_ARG(map->key[upto]));
    }
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): YAML_DEPTH_MAX bounds it */
static enum errc convert_map(struct reader *r, struct yaml_node *out, const yaml_node_t *n,
                             int depth)
{
    const yaml_node_pair_t *it;
    enum errc rc;

    out->kind = YAML_MAP;
    out->n = (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
    out->item = ARENA_ARRAY(r->a, struct yaml_node, out->n);
    out->key = ARENA_ARRAY(r->a, struct str, out->n);
    out->key_line = ARENA_ARRAY(r->a, int, out->n);
    for (it = n->data.mapping.pairs.start; it < n->data.mapping.pairs.top; it++) {
        const yaml_node_t *key = yaml_document_get_node(&r->doc, it->key);
        size_t i = (size_t)(it - n->data.mapping.pairs.start);

        if (!key || key->type != YAML_SCALAR_NODE)
            return err_set(r->err, ERR_INVALID, "line %d: a key must be plain text", out->line);
        out->key[i] = scalar_text(r, key);
        out->key_line[i] = (int)key->start_mark.line + 1;
        rc = check_new_key(r, out, i, key);
        if (!rc)
            rc = convert(r, &out->item[i], it->value, depth + 1);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): YAML_DEPTH_MAX bounds it */
static enum errc convert(struct reader *r, struct yaml_node *out, int index, int depth)
{
    const yaml_node_t *n = yaml_document_get_node(&r->doc, index);

    if (!n)
        return err_set(r->err, ERR_INVALID, "a part of the document is missing");
    out->line = (int)n->start_mark.line + 1;
    out->column = (int)n->start_mark.column + 1;
    if (depth > YAML_DEPTH_MAX || ++r->nodes > YAML_NODES_MAX)
        return err_set(r->err, ERR_INVALID, "line %d: too deep or too large", out->line);
    switch (n->type) {
    case YAML_SCALAR_NODE:
        out->kind = YAML_SCALAR;
        out->text = scalar_text(r, n);
        out->plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        return ERR_OK;
    case YAML_SEQUENCE_NODE:
        return convert_seq(r, out, n, depth);
    case YAML_MAPPING_NODE:
        return convert_map(r, out, n, depth);
    case YAML_NO_NODE:
    default:
        return err_set(r->err, ERR_INVALID, "line %d: empty node", out->line);
    }
}

/* The loader resolves aliases silently, so they are looked for before, in the stream of tokens. */
static enum errc refuse_aliases(struct str text, struct err *err)
{
    yaml_parser_t parser;
    yaml_event_t ev;
    yaml_event_type_t type;
    enum errc rc = ERR_OK;

    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "YAML parser did not start");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    do {
        if (!yaml_parser_parse(&parser, &ev)) {
            rc = err_set(err, ERR_INVALID, "line %zu, column %zu: %s", parser.problem_mark.line + 1,
                         parser.problem_mark.column + 1,
                         parser.problem ? parser.problem : "no valid YAML");
            break;
        }
        type = ev.type;
        if (type == YAML_ALIAS_EVENT)
            rc = err_set(err, ERR_INVALID, "line %zu, column %zu: aliases (*name) are not taken",
                         ev.start_mark.line + 1, ev.start_mark.column + 1);
        yaml_event_delete(&ev);
    } while (!rc && type != YAML_STREAM_END_EVENT);
    yaml_parser_delete(&parser);
    return rc;
}

enum errc yaml_parse(const struct yaml_node **ret, struct arena *a, struct str text,
                     struct err *err)
{
    struct reader r = { .a = a, .err = err };
    struct yaml_node *root = ARENA_NEW(a, struct yaml_node);
    yaml_parser_t parser;
    enum errc rc;

    rc = refuse_aliases(text, err);
    if (rc)
        return rc;
    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "YAML parser did not start");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    if (!yaml_parser_load(&parser, &r.doc)) {
        rc = err_set(err, ERR_INVALID, "line %zu, column %zu: %s", parser.problem_mark.line + 1,
                     parser.problem_mark.column + 1,
                     parser.problem ? parser.problem : "no valid YAML");
    } else {
        root->kind = YAML_MAP;
        root->line = root->column = 1;
        if (yaml_document_get_root_node(&r.doc))
            rc = convert(&r, root, 1, 0);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
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
