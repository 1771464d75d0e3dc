#include "local_cloud/engine/multipart.h"

#include <string.h>

enum { BOUNDARY_MAX = 70, HEADERS_MAX = 16 };

/* The value of a parameter: token or quoted string. */
static struct str parameter(struct str header, const char *name)
{
    struct str part, rest = header;

    while (rest.n > 0) {
        struct str key, value;

        (void)str_cut(rest, ';', &part, &rest); /* the last has no semicolon behind it */
        if (!str_cut(str_trim(part), '=', &key, &value) || !str_ieq_c(str_trim(key), name))
            continue;
        value = str_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = str_slice(value, 1, value.n - 1);
        return value;
    }
    return STR_EMPTY;
}

static size_t find(struct str s, const char *what, size_t n)
{
    const char *hit = s.n ? memmem(s.p, s.n, what, n) : NULL;

    return hit ? (size_t)(hit - s.p) : s.n;
}

/* Headers of one part; false: they do not end. */
static bool part_headers(struct multipart_part *p, struct str *rest)
{
    int n;

    for (n = 0; n < HEADERS_MAX; n++) {
        size_t end = find(*rest, "\r\n", 2);
        struct str line = str_slice(*rest, 0, end), name, value;

        if (end == rest->n)
            return false;
        *rest = str_from(*rest, end + 2);
        if (line.n == 0)
            return true;
        if (!str_cut(line, ':', &name, &value))
            return false;
        if (str_ieq_c(name, "content-disposition")) {
            p->name = parameter(value, "name");
            p->filename = parameter(value, "filename");
        } else if (str_ieq_c(name, "content-type")) {
            p->content_type = str_trim(value);
        }
    }
    return false;
}

enum errc multipart_parse(struct multipart *ret, struct str content_type, struct str body)
{
    struct str boundary = parameter(content_type, "boundary"), rest;
    char mark[BOUNDARY_MAX + 4] = "\r\n--";
    size_t mark_n = 4 + boundary.n, at;

    *ret = (struct multipart){ .n = 0 };
    if (!str_istarts(str_trim(content_type), STR("multipart/form-data")) || boundary.n == 0 ||
        boundary.n > BOUNDARY_MAX)
        return ERR_INVALID;
    memcpy(mark + 4, boundary.p, boundary.n);
    at = find(body, mark + 2, mark_n - 2); /* the first has no line before it */
    rest = str_from(body, at + mark_n - 2);
    while (str_starts(rest, STR("\r\n"))) {
        struct multipart_part *p = &ret->parts[ret->n];

        if (ret->n == MULTIPART_PARTS_MAX)
            return ERR_LIMIT;
        *p = (struct multipart_part){ .name = STR_EMPTY };
        rest = str_from(rest, 2);
        if (!part_headers(p, &rest))
            return ERR_INVALID;
        at = find(rest, mark, mark_n);
        if (at == rest.n)
            return ERR_INVALID;
        p->data = str_slice(rest, 0, at);
        rest = str_from(rest, at + mark_n);
        ret->n++;
    }
    return str_starts(rest, STR("--")) ? ERR_OK : ERR_INVALID;
}

const struct multipart_part *multipart_find(const struct multipart *m, const char *name)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        if (str_eq_c(m->parts[i].name, name))
            return &m->parts[i];
    }
    return NULL;
}
