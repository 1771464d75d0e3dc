/* dashboard/page.h: what all pages share: the frame around them, the headers of an answer that
 * holds personal data, and what is said when something is missing or down. */
#ifndef DASHBOARD_PAGE_H
#define DASHBOARD_PAGE_H

#include "base/err.h"
#include "dashboard/dashboard.h"
#include "dashboard/html.h"
#include "net/http_server.h"

enum { PAGE_BYTES_MAX = 16 * 1024 * 1024, PAGE_REFRESH_S = 5 };

struct page {
    struct dashboard *d;
    struct http_req *req;
    struct arena *a; /* the request's */
    struct html *h;  /* inside <main> */
    int64_t now_us;
};

struct page_head {
    struct str title;
    bool refresh; /* something is going on: the page asks again every PAGE_REFRESH_S */
};
/* Lives in the request's arena. */
struct page page_begin(struct dashboard *d, struct http_req *r, const struct page_head *head);
void page_send(struct page *p, int status); /* ends the page and answers the request */

/* To the cent, the exact amount in the tooltip. */
void page_money(struct page *p, int64_t micro_usd);
void page_link(struct page *p, struct str url, const char *rel,
               const char *text); /* rel may be NULL */

/* A page that says one thing and leads back to the list. */
void page_say(struct dashboard *d, struct http_req *r, int status, const char *title,
              struct str sentence);
/* Why the record could not be read, as a page and with one line in the log: 404 or 503. */
void page_failed(struct dashboard *d, struct http_req *r, const struct err *err);
/* The same as JSON. */
void api_failed(struct http_req *r, const struct err *err);

/* For every answer with personal data: not kept anywhere, nothing from elsewhere, in no frame. */
void page_private_headers(struct http_req *r);
/* Admission of every route with personal data: 403 and a counted line without the operator's
 * proof. */
MUST_USE enum errc dashboard_admit(void *app, struct http_req *r);

#endif
