#include "twilio/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/url.h"

enum { PORT_TEXT_MAX = 16 };

static int pair_cmp(const void *a, const void *b)
{
    const struct form_pair *x = a, *y = b;
    int d = str_cmp(x->key, y->key);

    return d ? d : str_cmp(x->value, y->value);
}

/* "Key1value1Key2value2…" of a form: sorted by bytes, equal pairs once. */
static enum errc signed_pairs(struct str form_body, struct arena *a, struct str *ret)
{
    struct form form;
    size_t total = 0, i;
    enum errc rc;
    char *out, *at;

    rc = form_parse(&form, a, form_body);
    if (rc)
        return rc;
    if (form.n)
        qsort(form.pairs, form.n, sizeof(form.pairs[0]), pair_cmp);
    for (i = 0; i < form.n; i++)
        total += form.pairs[i].key.n + form.pairs[i].value.n;
    out = at = arena_alloc(a, total + 1);
    for (i = 0; i < form.n; i++) {
        const struct form_pair *p = &form.pairs[i];

        if (i && pair_cmp(p - 1, p) == 0)
            continue;
        at = mempcpy(at, p->key.p ? p->key.p : "", p->key.n);
        at = mempcpy(at, p->value.p ? p->value.p : "", p->value.n);
    }
    *ret = str_n(out, (size_t)(at - out));
    return ERR_OK;
}

static void sign_text(char out[TWILIO_SIGNATURE_LEN + 1], struct str token, struct str text)
{
    uint8_t mac[SHA1_LEN];

    hmac_sha1(mac, token, text);
    out[base64_encode(out, mac, sizeof(mac))] = '\0';
}

enum errc twilio_sign(char out[TWILIO_SIGNATURE_LEN + 1], struct str token, struct str url,
                      struct str form_body, struct arena *a)
{
    struct str pairs = STR_EMPTY;

    if (form_body.n) {
        enum errc rc = signed_pairs(form_body, a, &pairs);

        if (rc)
            return rc;
    }
    sign_text(out, token, arena_printf(a, STR_FMT STR_FMT, STR_ARG(url), STR_ARG(pairs)));
    return ERR_OK;
}

/* Tries every token on one candidate; all of them are computed, so that time tells nothing about which
 * matched. */
static bool candidate_matches(const struct twilio_verifier *v, struct str text,
                              struct str signature)
{
    char want[TWILIO_SIGNATURE_LEN + 1];
    bool match = false;
    size_t i;

    for (i = 0; i < v->tokens.n; i++) {
        if (!v->tokens.items[i].n)
            continue; /* an empty key would let anybody sign */
        sign_text(want, v->tokens.items[i], text);
        match |= ct_equal(str_n(want, TWILIO_SIGNATURE_LEN), signature);
    }
    return match;
}

/* The base URL's parts, as candidates are put together from them. */
struct origin {
    const char *scheme, *ws_scheme;
    struct str host, path; /* path without a slash at its end */
    char port[PORT_TEXT_MAX],
        default_port[PORT_TEXT_MAX]; /* ":8443", or empty when not configured */
};

static enum errc origin_parse(struct origin *o, struct str base_url, struct arena *a)
{
    struct url u;
    bool secure;

    if (url_parse(&u, base_url))
        return ERR_DENIED;
    secure = str_ieq_c(u.scheme, "https") || str_ieq_c(u.scheme, "wss");
    o->scheme = secure ? "https" : "http";
    o->ws_scheme = secure ? "wss" : "ws";
    o->host = u.host;
    if (u.host.n && u.host.p[0] != '[' && str_find_char(u.host, ':') < u.host.n)
        o->host = arena_printf(a, "[" STR_FMT "]", STR_ARG(u.host));
    o->path = u.path;
    while (o->path.n && o->path.p[o->path.n - 1] == '/')
        o->path.n--;
    o->port[0] = '\0';
    if (u.port_set)
        (void)snprintf(o->port, sizeof(o->port), ":%d", u.port); /* a port has at most 5 digits */
    (void)snprintf(o->default_port, sizeof(o->default_port), "%s", secure ? ":443" : ":80");
    return ERR_OK;
}

static struct str form_type(void)
{
    return STR("application/x-www-form-urlencoded");
}

/* What is signed beside the URL. A JSON body is bound by its digest in the query. */
static enum errc signed_body(const struct twilio_signed *r, struct arena *a, struct str *ret)
{
    struct str path, query;
    struct form q;

    *ret = STR_EMPTY;
    (void)str_cut(r->target, '?', &path, &query); /* no query: an empty one */
    if (form_parse(&q, a, query))
        return ERR_DENIED;
    if (form_has(&q, "bodySHA256")) {
        uint8_t digest[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];

        sha256(digest, r->body);
        hex_encode(hex, digest, sizeof(digest));
        return ct_equal(str_c(hex), form_get(&q, "bodySHA256")) ? ERR_OK : ERR_DENIED;
    }
    if (!r->body.n)
        return ERR_OK;
    if (!str_istarts(r->content_type, form_type()))
        return ERR_DENIED;
    return signed_pairs(r->body, a, ret) ? ERR_DENIED : ERR_OK;
}

enum errc twilio_verify(const struct twilio_verifier *v, const struct twilio_signed *r,
                        struct arena *a)
{
    struct origin o;
    const char *ports[3];
    struct str body;
    bool match = false;
    size_t i;

    if (r->signature.n != TWILIO_SIGNATURE_LEN)
        return ERR_DENIED;
    if (origin_parse(&o, v->base_url, a) || signed_body(r, a, &body))
        return ERR_DENIED;
    ports[0] = "";
    ports[1] = o.port;
    ports[2] = o.default_port;
    for (i = 0; i < ARRAY_LEN(ports); i++) {
        struct str text =
            arena_printf(a, "%s://" STR_FMT "%s" STR_FMT STR_FMT STR_FMT, o.scheme, STR_ARG(o.host),
                         ports[i], STR_ARG(o.path), STR_ARG(r->target), STR_ARG(body));

        match |= candidate_matches(v, text, r->signature);
    }
    return match ? ERR_OK : ERR_DENIED;
}

enum errc twilio_verify_upgrade(const struct twilio_verifier *v, struct str target,
                                struct str signature, struct arena *a)
{
    struct origin o;
    const char *schemes[2], *ports[2];
    static const char *const ends[] = { "", "/" };
    bool match = false;
    size_t s, p, e;

    if (signature.n != TWILIO_SIGNATURE_LEN || origin_parse(&o, v->base_url, a))
        return ERR_DENIED;
    if (target.n && target.p[target.n - 1] == '/')
        target.n--;
    schemes[0] = o.ws_scheme;
    schemes[1] = o.scheme;
    ports[0] = "";
    ports[1] = o.port;
    for (s = 0; s < ARRAY_LEN(schemes); s++) {
        for (p = 0; p < ARRAY_LEN(ports); p++) {
            for (e = 0; e < ARRAY_LEN(ends); e++) {
                struct str text = arena_printf(a, "%s://" STR_FMT "%s" STR_FMT STR_FMT "%s",
                                               schemes[s], STR_ARG(o.host), ports[p],
                                               STR_ARG(o.path), STR_ARG(target), ends[e]);

                match |= candidate_matches(v, text, signature);
            }
        }
    }
    return match ? ERR_OK : ERR_DENIED;
}
