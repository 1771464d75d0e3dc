#include "base/url.h"

#include <stdint.h>
#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 3986, section 2.3. */
static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Each character is unreserved, a percent sign or one of `more`. A URL holds ASCII only: blanks, control
 * characters and raw UTF-8 are refused, for two parsers never agree on them. */
static bool only(struct str s, const char *more)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (!is_unreserved(s.p[i]) && (s.p[i] == '\0' || !strchr(more, s.p[i])) && s.p[i] != '%')
            return false;
    }
    return true;
}

#define SUB_DELIMS "!$&'()*+,;="

static bool scheme_valid(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!is_alpha(c) && (i == 0 || (!is_digit(c) && c != '+' && c != '-' && c != '.')))
            return false;
    }
    return s.n > 0;
}

static int default_port(struct str scheme)
{
    static const struct {
        const char *scheme;
        int port;
    } ports[] = { { "http", 80 }, { "ws", 80 }, { "https", 443 }, { "wss", 443 } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(ports); i++) {
        if (str_ieq_c(scheme, ports[i].scheme))
            return ports[i].port;
    }
    return 0;
}

/* Everything up to the first character of `stops`; *s becomes the rest, which begins with it. */
static struct str take_until(struct str *s, const char *stops)
{
    size_t n = 0;
    struct str head;

    while (n < s->n && (s->p[n] == '\0' || !strchr(stops, s->p[n])))
        n++;
    head = str_slice(*s, 0, n);
    *s = str_from(*s, n);
    return head;
}

/* ":8080" or nothing. */
static enum errc parse_port(struct url *u, struct str s)
{
    int64_t port;

    if (s.n == 0)
        return ERR_OK;
    if (s.p[0] != ':')
        return ERR_INVALID;
    if (s.n == 1)
        return ERR_OK; /* "host:" means the scheme's port, RFC 3986, section 6.2.3 */
    if (!is_digit(s.p[1]) || str_to_i64(str_from(s, 1), 1, 65535, &port))
        return ERR_INVALID;
    u->port = (int)port;
    u->port_set = true;
    return ERR_OK;
}

/* [userinfo "@"] host [":" port]; an IPv6 address stands in brackets. */
static enum errc parse_authority(struct url *u, struct str s)
{
    size_t at = str_find_char(s, '@');

    if (at < s.n) {
        u->userinfo = str_slice(s, 0, at);
        s = str_from(s, at + 1);
        if (!only(u->userinfo, SUB_DELIMS ":"))
            return ERR_INVALID;
    }
    if (s.n && s.p[0] == '[') {
        size_t end = str_find_char(s, ']');

        if (end == s.n)
            return ERR_INVALID;
        u->host = str_slice(s, 1, end);
        if (!only(u->host, ":") || str_find_char(u->host, ':') == u->host.n)
            return ERR_INVALID;
        return parse_port(u, str_from(s, end + 1));
    }
    u->host = take_until(&s, ":");
    if (u->host.n == 0 || !only(u->host, SUB_DELIMS))
        return ERR_INVALID;
    return parse_port(u, s);
}

enum errc url_parse(struct url *ret, struct str text)
{
    struct url u = { 0 };
    struct str rest = text;

    u.scheme = take_until(&rest, ":");
    if (!scheme_valid(u.scheme) || !str_starts(rest, STR("://")))
        return ERR_INVALID;
    rest = str_from(rest, 3);
    u.port = default_port(u.scheme);
    if (parse_authority(&u, take_until(&rest, "/?#")))
        return ERR_INVALID;
    u.path = take_until(&rest, "?#");
    if (rest.n && rest.p[0] == '?') {
        rest = str_from(rest, 1);
        u.query = take_until(&rest, "#");
    }
    if (rest.n)
        u.fragment = str_from(rest, 1);
    /* RFC 3986 has no brackets, braces and bars here, but senders write them and they do no harm. */
    if (!only(u.path, SUB_DELIMS ":@/[]{}|") || !only(u.query, SUB_DELIMS ":@/?[]{}|") ||
        !only(u.fragment, SUB_DELIMS ":@/?[]{}|"))
        return ERR_INVALID;
    *ret = u;
    return ERR_OK;
}

void url_encode(struct buf *out, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char escaped[3] = { '%', digits[c >> 4], digits[c & 15] };

        if (is_unreserved(s.p[i]))
            buf_add_char(out, s.p[i]);
        else
            buf_add(out, escaped, sizeof(escaped));
    }
}

struct str url_encode_text(struct arena *a, struct str s)
{
    struct buf b = BUF_INIT(SIZE_MAX / 2);
    struct str copy;

    url_encode(&b, s);
    copy = arena_str(a, buf_str(&b));
    buf_release(&b);
    return copy;
}

struct str url_decode(struct arena *a, struct str s, bool plus_is_space)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t i, n = 0;

    for (i = 0; i < s.n; i++) {
        uint8_t byte;

        if (s.p[i] == '%' && !hex_decode(&byte, 1, str_slice(s, i + 1, i + 3))) {
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = plus_is_space && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    out[n] = '\0';
    return str_n(out, n);
}

/* The next piece that is not empty: "a=1&&b=2" has two pairs. */
static bool next_pair(struct str *rest, struct str *pair)
{
    while (rest->n) {
        str_cut(*rest, '&', pair, rest);
        if (pair->n)
            return true;
    }
    return false;
}

enum errc form_parse(struct form *ret, struct arena *a, struct str body)
{
    struct str rest = body, pair;
    struct form f = { 0 };
    size_t n = 0;

    while (next_pair(&rest, &pair))
        n++;
    if (n > FORM_PAIRS_MAX)
        return ERR_LIMIT;
    f.pairs = ARENA_ARRAY(a, struct form_pair, n);
    for (rest = body; next_pair(&rest, &pair); f.n++) {
        struct str key, value;

        str_cut(pair, '=', &key, &value);
        f.pairs[f.n].key = url_decode(a, key, true);
        f.pairs[f.n].value = url_decode(a, value, true);
    }
    *ret = f;
    return ERR_OK;
}

static const struct form_pair *find_pair(const struct form *f, const char *key)
{
    size_t i;

    for (i = 0; i < f->n; i++) {
        if (str_eq_c(f->pairs[i].key, key))
            return &f->pairs[i];
    }
    return NULL;
}

struct str form_get(const struct form *f, const char *key)
{
    const struct form_pair *pair = find_pair(f, key);

    return pair ? pair->value : STR_EMPTY;
}

bool form_has(const struct form *f, const char *key)
{
    return find_pair(f, key) != NULL;
}

void form_add(struct buf *out, const char *key, struct str value)
{
    char last = out->n ? out->p[out->n - 1] : '&';

    if (last != '&' && last != '?')
        buf_add_char(out, '&');
    url_encode(out, str_c(key));
    buf_add_char(out, '=');
    url_encode(out, value);
}
