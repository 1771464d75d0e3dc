#include "local_cloud/twilio/xml.h"

#include "base/buf.h"

struct reader {
    struct arena *a;
    struct str all, rest;
    struct err *err;
    int depth;
};

static enum errc wrong(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_INVALID, "XML: %s at byte %zu", what, r->all.n - r->rest.n);
}

static bool eat(struct reader *r, const char *what)
{
    if (!str_starts(r->rest, str_c(what)))
        return false;
    r->rest = str_from(r->rest, str_c(what).n);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool skip_space(struct reader *r)
{
    size_t i = 0;

    while (i < r->rest.n && is_space(r->rest.p[i]))
        i++;
    r->rest = str_from(r->rest, i);
    return i > 0;
}

/* Skips to behind `end`. */
static bool skip_past(struct reader *r, const char *end)
{
    size_t at = str_find(r->rest, str_c(end));

    if (at == r->rest.n)
        return false;
    r->rest = str_from(r->rest, at + str_c(end).n);
    return true;
}

static bool name_char(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':')
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '-' || c == '.');
}

static enum errc read_name(struct reader *r, struct str *ret)
{
    size_t n = 0;

    while (n < r->rest.n && name_char(r->rest.p[n], n == 0))
        n++;
    if (!n)
        return wrong(r, "a name is missing");
    *ret = str_slice(r->rest, 0, n);
    r->rest = str_from(r->rest, n);
    return ERR_OK;
}

static void add_utf8(struct buf *out, int64_t c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
    } else if (c < 0x800) {
        buf_add_char(out, (char)(0xC0 | (c >> 6)));
        buf_add_char(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_add_char(out, (char)(0xE0 | (c >> 12)));
        buf_add_char(out, (char)(0x80 | ((c >> 6) & 0x3F)));
        buf_add_char(out, (char)(0x80 | (c & 0x3F)));
    } else {
        buf_add_char(out, (char)(0xF0 | (c >> 18)));
        buf_add_char(out, (char)(0x80 | ((c >> 12) & 0x3F)));
        buf_add_char(out, (char)(0x80 | ((c >> 6) & 0x3F)));
        buf_add_char(out, (char)(0x80 | (c & 0x3F)));
    }
}

static bool hex_number(struct str s, int64_t *ret)
{
    int64_t v = 0;
    size_t i;

    for (i = 0; i < s.n && i < 7; i++) {
        char c = s.p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return false;
        v = v * 16 + digit;
    }
    *ret = v;
    return s.n > 0 && i == s.n;
}

static bool xml_char(int64_t c)
{
    return c == 9 || c == 10 || c == 13 || (c >= 0x20 && c < 0xD800) ||
           (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

static enum errc read_reference(struct reader *r, struct buf *out)
{
    static const struct {
        const char *name;
        char c;
    } named[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };
    size_t end = str_find_char(str_slice(r->rest, 0, 12), ';'), i;
    struct str name = str_slice(r->rest, 1, end);
    int64_t c = 0;

    if (end >= MIN(r->rest.n, 12))
        return wrong(r, "an & without its ;");
    for (i = 0; i < ARRAY_LEN(named); i++) {
        if (str_eq_c(name, named[i].name))
            c = (unsigned char)named[i].c;
    }
    if (!c && str_starts(name, STR("#x"))) {
        if (!hex_number(str_from(name, 2), &c))
            return wrong(r, "a character reference is no number");
    } else if (!c && str_starts(name, STR("#"))) {
        if (str_to_i64(str_from(name, 1), 0, 0x10FFFF, &c))
            return wrong(r, "a character reference is no number");
    }
    if (!xml_char(c))
        return wrong(r, "an unknown entity or a character that XML has not");
    add_utf8(out, c);
    r->rest = str_from(r->rest, end + 1);
    return ERR_OK;
}

/* Text up to `<` or to the quote. */
static enum errc read_text(struct reader *r, char end, struct buf *out)
{
    while (r->rest.n && r->rest.p[0] != end) {
        unsigned char c = (unsigned char)r->rest.p[0];
        enum errc rc;

        if (c == '<')
            return wrong(r, "a < inside an attribute");
        if (c == '&') {
            rc = read_reference(r, out);
            if (rc)
                return rc;
            continue;
        }
        if (c < 0x20 && !is_space((char)c))
            return wrong(r, "a control character");
        buf_add_char(out, (char)c);
        r->rest = str_from(r->rest, 1);
    }
    return ERR_OK;
}

static enum errc read_attr(struct reader *r, struct xml_attr *ret)
{
    struct buf value = BUF_INIT(64 * KIB);
    char quote;
    enum errc rc;

    rc = read_name(r, &ret->name);
    if (rc)
        return rc;
    skip_space(r);
    if (!eat(r, "="))
        return wrong(r, "an attribute without =");
    skip_space(r);
    quote = r->rest.n ? r->rest.p[0] : '\0';
    if (quote != '"' && quote != '\'')
        return wrong(r, "an attribute without quotes");
    r->rest = str_from(r->rest, 1);
    rc = read_text(r, quote, &value);
    if (!rc && !r->rest.n)
        rc = wrong(r, "an attribute does not end");
    r->rest = str_from(r->rest, 1);
    ret->value = arena_str(r->a, buf_str(&value));
    buf_release(&value);
    return rc;
}

static enum errc read_attrs(struct reader *r, struct xml_node *n)
{
    struct xml_attr *attrs = ARENA_ARRAY(r->a, struct xml_attr, XML_ATTRS_MAX);
    size_t i;
    enum errc rc;

    for (;;) {
        bool space = skip_space(r);

        if (!r->rest.n)
            return wrong(r, "a tag does not end");
        if (r->rest.p[0] == '>' || r->rest.p[0] == '/' || r->rest.p[0] == '?')
            break;
        if (!space)
            return wrong(r, "attributes without a blank between");
        if (n->n_attrs == XML_ATTRS_MAX)
            return wrong(r, "too many attributes");
        rc = read_attr(r, &attrs[n->n_attrs]);
        if (rc)
            return rc;
        for (i = 0; i < n->n_attrs; i++) {
            if (str_eq(attrs[i].name, attrs[n->n_attrs].name))
                return wrong(r, "a repeated attribute");
        }
        n->n_attrs++;
    }
    n->attrs = attrs;
    return ERR_OK;
}

/* Comments and processing instructions. ERR_NOT_FOUND: something else stands here. */
static enum errc skip_misc(struct reader *r)
{
    if (eat(r, "<!--"))
        return skip_past(r, "-->") ? ERR_OK : wrong(r, "a comment does not end");
    if (eat(r, "<?"))
        return skip_past(r, "?>") ? ERR_OK : wrong(r, "an instruction does not end");
    if (str_starts(r->rest, STR("<!DOCTYPE")))
        return wrong(r, "a document type is not taken");
    return ERR_NOT_FOUND;
}

static enum errc read_element(struct reader *r, struct xml_node **ret);

/* Content up to and with the end tag. */
/* NOLINTNEXTLINE(misc-no-recursion): XML_DEPTH_MAX bounds it */
static enum errc read_content(struct reader *r, struct xml_node *n, struct buf *text)
{
    struct xml_node **tail = &n->first_child;
    struct str name = STR_EMPTY;
    enum errc rc;

    for (;;) {
        rc = read_text(r, '<', text);
        if (rc)
            return rc;
        if (!r->rest.n)
            return wrong(r, "an element does not end");
        if (eat(r, "</"))
            break;
        if (eat(r, "<![CDATA[")) {
            size_t end = str_find(r->rest, STR("]]>"));

            buf_add_str(text, str_slice(r->rest, 0, end));
            if (!skip_past(r, "]]>"))
                return wrong(r, "CDATA does not end");
            continue;
        }
        rc = skip_misc(r);
        if (rc == ERR_NOT_FOUND) {
            rc = read_element(r, tail);
            if (!rc)
                tail = &(*tail)->next;
        }
        if (rc)
            return rc;
    }
    rc = read_name(r, &name);
    if (rc)
        return rc;
    skip_space(r);
    if (!str_eq(name, n->name) || !eat(r, ">"))
        return wrong(r, "an end tag does not fit");
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): XML_DEPTH_MAX bounds it */
static enum errc read_element(struct reader *r, struct xml_node **ret)
{
    struct xml_node *n = ARENA_NEW(r->a, struct xml_node);
    struct buf text = BUF_INIT(64 * KIB);
    enum errc rc;

    if (++r->depth > XML_DEPTH_MAX)
        return wrong(r, "elements are nested too deep");
    if (!eat(r, "<"))
        return wrong(r, "an element is missing");
    rc = read_name(r, &n->name);
    if (!rc)
        rc = read_attrs(r, n);
    if (!rc && !eat(r, "/>"))
        rc = eat(r, ">") ? read_content(r, n, &text) : wrong(r, "a tag does not end");
    n->text = arena_str(r->a, buf_str(&text));
    buf_release(&text);
    r->depth--;
    if (!rc)
        *ret = n;
    return rc;
}

static enum errc skip_around(struct reader *r)
{
    enum errc rc;

    do {
        skip_space(r);
        rc = skip_misc(r);
    } while (!rc);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum errc xml_parse(struct xml_node **ret, struct arena *a, struct str text, struct err *err)
{
    struct reader r = { .a = a, .all = text, .rest = text, .err = err };
    struct xml_node *root = NULL;
    enum errc rc;

    if (!str_utf8_valid(text))
        return err_set(err, ERR_INVALID, "XML: not UTF-8");
    (void)eat(&r, "\xEF\xBB\xBF"); /* a byte order mark may stand there */
    rc = skip_around(&r);
    if (!rc)
        rc = read_element(&r, &root);
    if (!rc)
        rc = skip_around(&r);
    if (!rc && r.rest.n)
        rc = wrong(&r, "something behind the document");
    if (!rc)
        *ret = root;
    return rc;
}

struct str xml_attr(const struct xml_node *n, const char *name, const char *dflt)
{
    size_t i;

    for (i = 0; i < n->n_attrs; i++) {
        if (str_eq_c(n->attrs[i].name, name))
            return n->attrs[i].value;
    }
    return str_c(dflt);
}
