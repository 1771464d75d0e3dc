#include <string.h>

#include "base/macros.h"
#include "base/url.h"
#include "net/http_parse_internal.h"

/* A segment of a pattern: a literal, or "{name}", "{name*}", each perhaps with ":verb" behind. */
struct segment {
    struct str literal; /* or, after a parameter, its suffix */
    struct str name;
    bool is_param, takes_rest;
};

static struct segment segment_parse(struct str text)
{
    struct segment s = { .literal = text };
    size_t close = str_find_char(text, '}');

    if (!text.n || text.p[0] != '{' || close == text.n)
        return s;
    s.is_param = true;
    s.name = str_slice(text, 1, close);
    s.literal = str_from(text, close + 1);
    if (str_ends(s.name, STR("*"))) {
        s.takes_rest = true;
        s.name.n--;
    }
    return s;
}

static bool add_param(const struct segment *s, struct str value, struct http_param *params,
                      size_t *n, struct arena *a)
{
    if (!str_ends(value, s->literal) || value.n == s->literal.n || *n == HTTP_PARAMS_MAX)
        return false;
    value.n -= s->literal.n;
    params[(*n)++] = (struct http_param){ s->name, url_decode(a, value, false) };
    return true;
}

bool http_path_match(const char *pattern, struct str path,
                     struct http_param params[HTTP_PARAMS_MAX], size_t *n_params, struct arena *a)
{
    struct str want = str_c(pattern);
    bool more_want = true, more_path = true;

    *n_params = 0;
    if (!str_starts(want, STR("/")) || !str_starts(path, STR("/")))
        return false;
    want = str_from(want, 1);
    path = str_from(path, 1);
    while (more_want && more_path) {
        struct str text, part, whole = path;
        struct segment s;

        more_want = str_cut(want, '/', &text, &want);
        more_path = str_cut(path, '/', &part, &path);
        s = segment_parse(text);
        if (s.takes_rest)
            return add_param(&s, whole, params, n_params, a);
        if (s.is_param ? !add_param(&s, part, params, n_params, a) : !str_eq(s.literal, part))
            return false;
    }
    return !more_want && !more_path;
}
