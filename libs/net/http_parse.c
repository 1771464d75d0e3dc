#include "net/http_parse_internal.h"

#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"

enum {
    CHUNK_LINE_MAX = 256, /* size and extensions */
    CHUNK_TRAILERS_MAX = 8 * 1024,
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool http_is_token(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (!is_token_char(s.p[i]))
            return false;
    }
    return s.n > 0;
}

/* --- the head ------------------------------------------------------------------------------------ */

static size_t leading_blank(struct str in)
{
    size_t i = 0;

    while (i + 1 < in.n && in.p[i] == '\r' && in.p[i + 1] == '\n')
        i += 2;
    return i;
}

size_t http_head_length(struct str in)
{
    size_t skip = leading_blank(in);
    struct str rest = str_from(in, skip);
    size_t end = str_find(rest, STR("\r\n\r\n"));

    return end == rest.n ? 0 : skip + end + 4;
}

int http_head_too_large(struct str in)
{
    struct str line = str_from(in, leading_blank(in));
    size_t end = str_find(line, STR("\r\n"));

    if (end == line.n && line.n > HTTP_TARGET_MAX + 64)
        return 414;
    return in.n > HTTP_SERVER_HEADERS_MAX ? 431 : 0;
}

struct str http_head_get(const struct http_head *h, const char *name)
{
    size_t i;

    for (i = 0; i < h->n_headers; i++) {
        if (str_ieq_c(h->headers[i].name, name))
            return h->headers[i].value;
    }
    return STR_EMPTY;
}

size_t http_head_count(const struct http_head *h, const char *name)
{
    size_t i, n = 0;

    for (i = 0; i < h->n_headers; i++)
        n += str_ieq_c(h->headers[i].name, name);
    return n;
}

/* Whether a comma-separated list, spread over any number of lines, names `word`. */
static bool lists(const struct http_head *h, const char *name, const char *word)
{
    size_t i;

    for (i = 0; i < h->n_headers; i++) {
        struct str item, rest = h->headers[i].value;

        if (!str_ieq_c(h->headers[i].name, name))
            continue;
        while (rest.n) {
            (void)str_cut(rest, ',', &item, &rest);
            if (str_ieq_c(str_trim(item), word))
                return true;
        }
    }
    return false;
}

enum http_method http_method_parse(struct str s, bool *head)
{
    *head = str_eq_c(s, "HEAD");
    if (*head || str_eq_c(s, "GET"))
        return HTTP_GET;
    if (str_eq_c(s, "POST"))
        return HTTP_POST;
    if (str_eq_c(s, "PUT"))
        return HTTP_PUT;
    if (str_eq_c(s, "PATCH"))
        return HTTP_PATCH;
    if (str_eq_c(s, "DELETE"))
        return HTTP_DELETE;
    return (enum http_method)0;
}

static bool target_chars_ok(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127 || s.p[i] == '#')
            return false; /* a fragment is the client's own; some would cut it off, some not */
    }
    return true;
}

/* Origin form as it is; of the absolute form (proxies, old clients) what follows the authority. */
static bool parse_target(struct http_head *h, struct str t)
{
    size_t mark;

    if (str_istarts(t, STR("http://")) || str_istarts(t, STR("https://"))) {
        struct str rest = str_from(t, str_find(t, STR("://")) + 3);
        size_t slash = str_find_char(rest, '/'), query = str_find_char(rest, '?');

        if (slash == 0 || slash > query || slash == rest.n)
            return false;
        t = str_from(rest, slash);
    }
    if (!t.n || (t.p[0] != '/' && !str_eq_c(t, "*")) || !target_chars_ok(t))
        return false;
    mark = str_find_char(t, '?');
    h->target = t;
    h->path = str_slice(t, 0, mark);
    h->query = str_from(t, mark + 1);
    return true;
}

static int parse_request_line(struct http_head *h, struct str line, const char **why)
{
    struct str rest, target, version;

    if (!str_cut(line, ' ', &h->method, &rest) || !str_cut(rest, ' ', &target, &version) ||
        !http_is_token(h->method)) {
        *why = "malformed request line";
        return 400;
    }
    if (target.n > HTTP_TARGET_MAX) {
        *why = "the request target is too long";
        return 414;
    }
    if (version.n != 8 || !str_starts(version, STR("HTTP/")) || version.p[6] != '.' ||
        version.p[5] < '0' || version.p[5] > '9' || version.p[7] < '0' || version.p[7] > '9') {
        *why = "malformed request line";
        return 400;
    }
    if (version.p[5] != '1') {
        *why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
        return 505;
    }
    h->minor = version.p[7] == '0' ? 0 : 1;
    if (!parse_target(h, target)) {
        *why = "malformed request target";
        return 400;
    }
    return 0;
}

static bool is_value_char(char c)
{
    return ((unsigned char)c >= ' ' || c == '\t') && c != 127;
}

static bool value_chars_ok(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (!is_value_char(s.p[i]))
            return false;
    }
    return true;
}

/* RFC 3986's host and port, without what only a mistake or a merged header would bring. */
static bool host_chars_ok(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        if ((unsigned char)c <= ' ' || c == 127 || strchr("/?#@,\\\"<>^`{|}", c))
            return false;
    }
    return true;
}

static int parse_header(struct http_head *h, struct str line, const char **why)
{
    struct http_header *out;

    if (h->n_headers == HTTP_REQUEST_HEADERS_MAX) {
        *why = "too many headers";
        return 431;
    }
    out = &h->headers[h->n_headers++];
    if (!str_cut(line, ':', &out->name, &out->value) || !http_is_token(out->name) ||
        !value_chars_ok(out->value)) {
        *why = "malformed header";
        return 400;
    }
    out->value = str_trim(out->value);
    return 0;
}

static int parse_length(struct http_head *h, const char **why)
{
    size_t i;

    for (i = 0; i < h->n_headers; i++) {
        struct str v = h->headers[i].value;
        int64_t n;

        if (!str_ieq_c(h->headers[i].name, "content-length"))
            continue;
        if (h->has_length || !v.n || v.p[0] < '0' || v.p[0] > '9' ||
            str_to_i64(v, 0, INT64_MAX, &n)) {
            *why = "malformed or repeated Content-Length";
            return 400;
        }
        h->has_length = true;
        h->length = n;
    }
    return 0;
}

static int parse_coding(struct http_head *h, const char **why)
{
    size_t n = http_head_count(h, "transfer-encoding");

    if (!n)
        return 0;
    if (h->has_length || h->minor == 0) { /* how requests are smuggled past a proxy */
        *why = "Transfer-Encoding beside Content-Length or in HTTP/1.0";
        return 400;
    }
    if (n > 1 || !str_ieq_c(http_head_get(h, "transfer-encoding"), "chunked")) {
        *why = "the only transfer coding known here is chunked";
        return 501;
    }
    h->chunked = true;
    return 0;
}

static int derive(struct http_head *h, const char **why)
{
    size_t hosts = http_head_count(h, "host");
    struct str expect = http_head_get(h, "expect");
    int status = parse_length(h, why);

    if (!status)
        status = parse_coding(h, why);
    if (status)
        return status;
    if (hosts > 1 || (hosts == 0 && h->minor == 1)) {
        *why = "exactly one Host header is needed";
        return 400;
    }
    if (!host_chars_ok(http_head_get(h, "host"))) {
        *why = "malformed Host";
        return 400;
    }
    h->keep_alive =
        h->minor == 1 ? !lists(h, "connection", "close") : lists(h, "connection", "keep-alive");
    if (expect.n && !str_ieq_c(expect, "100-continue")) {
        *why = "unknown expectation";
        return 417;
    }
    h->expect_continue = expect.n && h->minor == 1;
    h->upgrade_websocket =
        h->minor == 1 && lists(h, "upgrade", "websocket") && lists(h, "connection", "upgrade");
    return 0;
}

/* Cuts at CRLF; false when there is a CR or LF by itself. */
static bool next_line(struct str *rest, struct str *line)
{
    size_t cr = str_find_char(*rest, '\r'), lf = str_find_char(*rest, '\n');

    if (cr + 1 != lf)
        return false;
    *line = str_slice(*rest, 0, cr);
    *rest = str_from(*rest, lf + 1);
    return true;
}

int http_head_parse(struct http_head *ret, struct str text, const char **why)
{
    struct str rest = str_from(text, leading_blank(text)), line;
    int status;

    *ret = (struct http_head){ .minor = 1 };
    if (text.n > HTTP_SERVER_HEADERS_MAX) {
        *why = "the headers are too large";
        return 431;
    }
    if (!next_line(&rest, &line)) {
        *why = "malformed request line";
        return 400;
    }
    status = parse_request_line(ret, line, why);
    while (!status) {
        if (!next_line(&rest, &line)) {
            *why = "malformed header";
            return 400;
        }
        if (!line.n)
            return derive(ret, why);
        status = parse_header(ret, line, why);
    }
    return status;
}

/* --- chunked bodies ------------------------------------------------------------------------------ */

enum {
    CHUNK_SIZE,
    CHUNK_BLANK, /* before an extension */
    CHUNK_EXT,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END
};

static bool chunk_size(struct http_chunks *c, char ch)
{
    int digit = hex_digit(ch);

    if (digit >= 0) {
        if (++c->line > 15)
            return false;
        c->left = c->left * 16 + (unsigned)digit;
        return true;
    }
    c->state = ch == '\r' ? CHUNK_SIZE_LF : ch == ';' ? CHUNK_EXT : CHUNK_BLANK;
    return c->line && (ch == '\r' || ch == ';' || ch == ' ' || ch == '\t');
}

static bool chunk_extension(struct http_chunks *c, char ch)
{
    if (c->state == CHUNK_BLANK) {
        c->state = ch == ';' ? CHUNK_EXT : CHUNK_BLANK;
        return (ch == ';' || ch == ' ' || ch == '\t') && ++c->line < CHUNK_LINE_MAX;
    }
    c->state = ch == '\r' ? CHUNK_SIZE_LF : CHUNK_EXT;
    return (ch == '\r' || is_value_char(ch)) && ++c->line < CHUNK_LINE_MAX;
}

/* Dropped, but they must be header lines: otherwise another reader would see something else in them. */
static bool chunk_trailer(struct http_chunks *c, char ch)
{
    if (++c->trailers >= CHUNK_TRAILERS_MAX)
        return false;
    if (ch == '\r') {
        c->state = CHUNK_TRAILER_LF;
        return !c->line || c->named;
    }
    if (c->named)
        return is_value_char(ch);
    c->named = ch == ':';
    return c->named ? c->line > 0 : is_token_char(ch) && ++c->line;
}

/* One byte of the framing; false: malformed. */
static bool chunk_framing(struct http_chunks *c, char ch)
{
    switch (c->state) {
    case CHUNK_SIZE:
        return chunk_size(c, ch);
    case CHUNK_BLANK:
    case CHUNK_EXT:
        return chunk_extension(c, ch);
    case CHUNK_SIZE_LF:
        c->line = 0;
        c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
        return ch == '\n';
    case CHUNK_DATA_CR:
        c->state = CHUNK_DATA_LF;
        return ch == '\r';
    case CHUNK_DATA_LF:
        c->state = CHUNK_SIZE;
        return ch == '\n';
    case CHUNK_TRAILER:
        return chunk_trailer(c, ch);
    case CHUNK_TRAILER_LF:
        c->state = c->line ? CHUNK_TRAILER : CHUNK_END;
        c->line = 0;
        c->named = false;
        return ch == '\n';
    default:
        return false;
    }
}

enum http_chunks_end http_chunks_feed(struct http_chunks *c, struct str in, size_t *used,
                                      struct buf *body)
{
    size_t i = 0;

    while (i < in.n && c->state != CHUNK_END) {
        if (c->state == CHUNK_DATA) {
            size_t n = (size_t)MIN(c->left, (uint64_t)(in.n - i));

            buf_add(body, in.p + i, n);
            if (buf_status(body))
                return CHUNKS_TOO_LARGE;
            i += n;
            c->left -= n;
            if (!c->left)
                c->state = CHUNK_DATA_CR;
        } else if (!chunk_framing(c, in.p[i++])) {
            return CHUNKS_BAD;
        }
    }
    *used = i;
    return c->state == CHUNK_END ? CHUNKS_DONE : CHUNKS_MORE;
}

/* --- reasons ------------------------------------------------------------------------------------- */

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" },
        { 426, "Upgrade Required" },
        { 428, "Precondition Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].status == status)
            return known[i].text;
    }
    return "Status";
}
