#include "dashboard/page.h"

#include <inttypes.h>

#include "concierge/profile.h"
#include "dashboard/words.h"

static const char content_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

void page_private_headers(struct http_req *r)
{
    http_reply_header(r, "Cache-Control", STR("private, no-store"));
    http_reply_header(r, "Content-Security-Policy", str_c(content_policy));
    http_reply_header(r, "X-Content-Type-Options", STR("nosniff"));
    http_reply_header(r, "Referrer-Policy", STR("no-referrer"));
    http_reply_header(r, "Cross-Origin-Resource-Policy", STR("same-origin"));
}

enum errc dashboard_admit(void *app, struct http_req *r)
{
    static const char header[] = "X-Goog-IAP-JWT-Assertion";
    struct dashboard *d = app;
    struct err err = ERR_INIT;
    enum errc rc;

    if (http_req_header_count(r, header) > 1)
        rc = err_set(&err, ERR_DENIED, "several assertions of Identity-Aware Proxy");
    else
        rc = admission_check(d->admission, r->ctx, http_req_header(r, header), &err);
    if (rc == ERR_OK)
        return ERR_OK;
    log_warn(&r->ctx->log, "request refused refused_total=%" PRIu64 " error=\"%s\"",
             atomic_fetch_add(&d->refused, 1) + 1, err.text);
    page_private_headers(r);
    if (rc == ERR_DENIED) {
        http_reply_error(r, 403, "sign in through Identity-Aware Proxy");
    } else {
        http_reply_header(r, "Retry-After", STR("5"));
        http_reply_error(r, 503, "the proxy's assertion cannot be checked now");
    }
    return ERR_DENIED;
}

/* --- the frame ---------------------------------------------------------- */

static struct str asset_url(const struct page *p, const char *name)
{
    return arena_printf(p->a, "/assets/%s?v=%s", name, p->d->assets_version);
}

static void link_asset(struct page *p, const char *rel, const char *name)
{
    html_begin(p->h, "link");
    html_attr_c(p->h, "rel", rel);
    html_url(p->h, "href", asset_url(p, name));
    html_end(p->h);
}

static void meta(struct html *h, const char *name, const char *content)
{
    html_begin(h, "meta");
    html_attr_c(h, "name", name);
    html_attr_c(h, "content", content);
    html_end(h);
}

static void write_head(struct page *p, struct str title)
{
    struct html *h = p->h;

    html_begin(h, "head");
    html_begin(h, "meta");
    html_attr_c(h, "charset", "utf-8");
    html_end(h);
    meta(h, "viewport", "width=device-width, initial-scale=1");
    meta(h, "color-scheme", "light dark");
    meta(h, "robots", "noindex");
    html_begin(h, "title");
    html_textf(h, STR_FMT " - " STR_FMT, STR_ARG(title), STR_ARG(p->d->profile->name));
    html_end(h);
    link_asset(p, "icon", "icon.svg");
    link_asset(p, "stylesheet", "style.css");
    html_begin(h, "script");
    html_url(h, "src", asset_url(p, "dashboard.js"));
    html_flag(h, "defer");
    html_end(h);
    html_end(h);
}

static void write_banner(struct page *p)
{
    struct html *h = p->h;

    html_begin(h, "a");
    html_attr_c(h, "class", "skip");
    html_url(h, "href", STR("#main"));
    html_text_c(h, "Skip to content");
    html_end(h);
    html_begin(h, "header");
    html_attr_c(h, "class", "banner");
    html_begin(h, "a");
    html_url(h, "href", STR("/"));
    html_text(h, p->d->profile->name);
    html_end(h);
    html_leaf(h, "span", NULL, STR("calls of the receptionist"));
    html_end(h);
}

struct page page_begin(struct dashboard *d, struct http_req *r, const struct page_head *head)
{
    struct page p = { .d = d, .req = r, .a = r->ctx->arena, .now_us = clock_wall_us(d->clock) };

    p.h = ARENA_NEW(p.a, struct html);
    html_init(p.h, PAGE_BYTES_MAX);
    html_begin(p.h, "html");
    html_attr_c(p.h, "lang", "en");
    write_head(&p, head->title);
    html_begin(p.h, "body");
    if (head->refresh)
        html_attrf(p.h, "data-refresh-s", "%d", PAGE_REFRESH_S);
    write_banner(&p);
    html_begin(p.h, "main");
    html_attr_c(p.h, "id", "main");
    return p;
}

void page_send(struct page *p, int status)
{
    struct str text;

    html_end(p->h); /* main */
    html_begin(p->h, "footer");
    html_textf(p->h, "Times in %s.", arena_cstr(p->a, zone_name(p->d->profile->zone)));
    html_end(p->h);
    html_end(p->h); /* body */
    html_end(p->h); /* html */
    page_private_headers(p->req);
    if (html_finish(p->h, &text)) {
        log_error(&p->req->ctx->log, "page too large page_bytes_max=%d", PAGE_BYTES_MAX);
        http_reply_error(p->req, 500, "this page is too large to show");
    } else {
        http_reply(p->req, status, "text/html; charset=utf-8", text);
    }
    html_release(p->h);
}

/* --- pieces ------------------------------------------------------------- */

void page_money(struct page *p, int64_t micro_usd)
{
    html_begin(p->h, "data");
    html_attr(p->h, "value", words_money_exact(p->a, micro_usd));
    html_attr(p->h, "title", words_money_exact(p->a, micro_usd));
    html_text(p->h, words_money(p->a, micro_usd));
    html_end(p->h);
}

void page_link(struct page *p, struct str url, const char *rel, const char *text)
{
    html_begin(p->h, "a");
    html_url(p->h, "href", url);
    if (rel)
        html_attr_c(p->h, "rel", rel);
    html_text_c(p->h, text);
    html_end(p->h);
}

/* --- what went wrong ---------------------------------------------------- */

void page_say(struct dashboard *d, struct http_req *r, int status, const char *title,
              struct str sentence)
{
    const struct page_head head = { .title = str_c(title) };
    struct page p = page_begin(d, r, &head);

    html_leaf(p.h, "h1", NULL, str_c(title));
    html_leaf(p.h, "p", NULL, sentence);
    html_begin(p.h, "p");
    page_link(&p, STR("/"), NULL, "All calls");
    html_end(p.h);
    page_send(&p, status);
}

static void log_failure(struct http_req *r, const struct err *err)
{
    if (err->code != ERR_NOT_FOUND)
        log_error(&r->ctx->log, "record cannot be read kind=%s error=\"%s\"", errc_name(err->code),
                  err->text);
}

void page_failed(struct dashboard *d, struct http_req *r, const struct err *err)
{
    log_failure(r, err);
    if (err->code == ERR_NOT_FOUND) {
        page_say(d, r, 404, "No such call",
                 STR("There is no call of that name on record. Records are "
                     "removed when the time for which they are kept is over."));
        return;
    }
    http_reply_header(r, "Retry-After", STR("10"));
    page_say(
        d, r, 503, "The records cannot be read just now",
        STR("The database did not answer. Calls are still answered and recorded, and will be shown "
            "here later. Please try again in a moment."));
}

void api_failed(struct http_req *r, const struct err *err)
{
    log_failure(r, err);
    page_private_headers(r);
    if (err->code == ERR_NOT_FOUND) {
        http_reply_error(r, 404, "no such call on record");
        return;
    }
    http_reply_header(r, "Retry-After", STR("10"));
    http_reply_error(r, 503, "the records cannot be read just now");
}
