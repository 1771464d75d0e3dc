#include "dashboard/html.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/macros.h"

static const char *const void_elements[] = { "br", "hr", "img", "input", "link", "meta", "source" };
/* Their content is not text, so escaping would not hold. */
static const char *const raw_elements[] = { "script",    "style",    "iframe",
                                            "noembed",   "noframes", "noscript",
                                            "plaintext", "template", "xmp" };
static const char *const url_attributes[] = { "href",       "src",    "action",
                                              "formaction", "poster", "data" };
static const char *const refused_attributes[] = { "style", "srcdoc", "srcset" };

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(name, list[i]) == 0)
            return true;
    }
    return false;
}
#define IS_ONE_OF(name, list) is_one_of((name), (list), ARRAY_LEN(list))

void html_init(struct html *h, size_t max_bytes)
{
    memset(h, 0, sizeof(*h));
    buf_init(&h->out, max_bytes);
    buf_add_str(&h->out, STR("<!doctype html>\n"));
}

void html_release(struct html *h)
{
    buf_release(&h->out);
}

enum errc html_finish(struct html *h, struct str *ret)
{
    enum errc rc = buf_status(&h->out);

    assert(h->depth == 0 && !h->in_tag);
    if (!rc)
        *ret = buf_str(&h->out);
    return rc;
}

/* --- escaping ----------------------------------------------------------- */

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static bool is_control(char c)
{
    unsigned char u = (unsigned char)c;

    return (u < 0x20 && u != '\n' && u != '\t') || u == 0x7f;
}

static void add_escaped(struct buf *out, struct str s)
{
    while (s.n) {
        size_t n = str_utf8_next(s);
        const char *e = n == 1 ? entity(s.p[0]) : NULL;

        if (n == 0 || (n == 1 && is_control(s.p[0])))
            buf_add_str(out, STR("\xef\xbf\xbd"));
        else if (e)
            buf_add_c(out, e);
        else
            buf_add(out, s.p, n);
        s = str_from(s, n ? n : 1);
    }
}

/* --- elements ----------------------------------------------------------- */

static void close_tag(struct html *h)
{
    if (h->in_tag)
        buf_add_char(&h->out, '>');
    h->in_tag = false;
}

void html_begin_(struct html *h, const char *name)
{
    close_tag(h);
    assert(h->depth < HTML_DEPTH_MAX);
    assert(h->depth == 0 || !IS_ONE_OF(h->open[h->depth - 1], void_elements));
    h->open[h->depth++] = name;
    buf_add_char(&h->out, '<');
    buf_add_c(&h->out, name);
    h->in_tag = true;
}

void html_end(struct html *h)
{
    const char *name;

    assert(h->depth > 0);
    close_tag(h);
    name = h->open[--h->depth];
    if (IS_ONE_OF(name, void_elements))
        return;
    buf_add_str(&h->out, STR("</"));
    buf_add_c(&h->out, name);
    buf_add_char(&h->out, '>');
}

void html_leaf_(struct html *h, const char *name, const char *class_name, struct str text)
{
    html_begin_(h, name);
    if (class_name)
        html_attr_(h, "class", str_c(class_name));
    html_text(h, text);
    html_end(h);
}

static void add_attribute(struct html *h, const char *name, struct str value)
{
    assert(h->in_tag);
    buf_add_char(&h->out, ' ');
    buf_add_c(&h->out, name);
    buf_add_str(&h->out, STR("=\""));
    add_escaped(&h->out, value);
    buf_add_char(&h->out, '"');
}

void html_attr_(struct html *h, const char *name, struct str value)
{
    assert(!IS_ONE_OF(name, url_attributes) && !IS_ONE_OF(name, refused_attributes));
    assert(strncmp(name, "on", 2) != 0);
    add_attribute(h, name, value);
}

void html_attrf_(struct html *h, const char *name, const char *fmt, ...)
{
    struct buf text = BUF_INIT(HTML_FORMATTED_MAX);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    html_attr_(h, name, buf_str(&text));
    buf_release(&text);
}

static bool stays_here(struct str url)
{
    if (!url.n)
        return false;
    if (url.p[0] == '#' || url.p[0] == '?')
        return true;
    /* Browsers take a backslash for a slash, and drop tabs and line ends before they look. */
    if (url.p[0] != '/' || str_find_char(url, '\\') < url.n || str_find_char(url, '\t') < url.n ||
        str_find_char(url, '\n') < url.n || str_find_char(url, '\r') < url.n)
        return false;
    return url.n == 1 || url.p[1] != '/';
}

void html_url_(struct html *h, const char *name, struct str url)
{
    assert(IS_ONE_OF(name, url_attributes));
    add_attribute(h, name, stays_here(url) ? url : STR("#"));
}

void html_text(struct html *h, struct str text)
{
    assert(h->depth > 0);
    assert(!text.n || (!IS_ONE_OF(h->open[h->depth - 1], raw_elements) &&
                       !IS_ONE_OF(h->open[h->depth - 1], void_elements)));
    close_tag(h);
    add_escaped(&h->out, text);
}

void html_textf(struct html *h, const char *fmt, ...)
{
    struct buf text = BUF_INIT(HTML_FORMATTED_MAX);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    html_text(h, buf_str(&text));
    buf_release(&text);
}
