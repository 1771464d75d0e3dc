/* dashboard/html.h: writes HTML (and the SVG in it) that cannot be broken by what it shows. Names
 * of elements and attributes are literals of our source; every value and text is escaped on its
 * way out, mended with U+FFFD where it is not valid UTF-8; elements are closed in order. Addresses
 * may only point into this site. There is no way to write unescaped text, and no inline script or
 * style (which the pages' Content-Security-Policy refuses anyway). Source: WHATWG HTML,
 * "Serializing HTML fragments". */
#ifndef DASHBOARD_HTML_H
#define DASHBOARD_HTML_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
    HTML_DEPTH_MAX = 32,
    HTML_FORMATTED_MAX =
        8192, /* bytes of one html_textf() or html_attrf(); what is longer is left out */
};

/* Plain; html_init() and html_release(). */
struct html {
    struct buf out;
    const char *open[HTML_DEPTH_MAX];
    int depth;
    bool in_tag; /* attributes may follow */
};

/* Appending past max_bytes is remembered (html_finish). Begins with the doctype. */
void html_init(struct html *h, size_t max_bytes);
void html_release(struct html *h);
/* A view of the whole page, until release; all elements are ended. ERR_LIMIT: it did not fit. */
MUST_USE enum errc html_finish(struct html *h, struct str *ret);

/* Elements without content (br, meta, input …) are ended like the others. */
#define html_begin(h, name) html_begin_((h), "" name)
void html_end(struct html *h);
/* An element with nothing but text; `class` may be NULL. */
#define html_leaf(h, name, class_name, text) html_leaf_((h), "" name, (class_name), (text))

/* Attributes, after html_begin() and before any content. */
#define html_attr(h, name, value) html_attr_((h), "" name, (value))
#define html_attr_c(h, name, value) html_attr_((h), "" name, str_c(value))
#define html_attrf(h, name, ...) html_attrf_((h), "" name, __VA_ARGS__)
#define html_flag(h, name) html_attr_((h), "" name, STR_EMPTY)
/* Of href, src and action, which html_attr() does not take: a path of this site ("/calls", not
 * "//host"), a query ("?…") or a fragment ("#…"); anything else becomes "#". */
#define html_url(h, name, url) html_url_((h), "" name, (url))

void html_text(struct html *h, struct str text);
#define html_text_c(h, text) html_text((h), str_c(text))
void html_textf(struct html *h, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Behind the macros, which make sure that names are literals. */
void html_begin_(struct html *h, const char *name);
void html_leaf_(struct html *h, const char *name, const char *class_name, struct str text);
void html_attr_(struct html *h, const char *name, struct str value);
void html_attrf_(struct html *h, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
void html_url_(struct html *h, const char *name, struct str url);

#endif
