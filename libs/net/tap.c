#include "net/tap_internal.h"

#include "base/macros.h"

const struct net_self net_nobody = { .user_agent = "voice-concierge" };

void tap_keep_init(struct tap_keep *k)
{
    *k = (struct tap_keep){ .kept = BUF_INIT(TAP_BODY_MAX) };
}

void tap_keep_release(struct tap_keep *k)
{
    buf_release(&k->kept);
    k->bytes = 0;
}

void tap_keep_reset(struct tap_keep *k)
{
    buf_reset(&k->kept);
    k->bytes = 0;
}

void tap_keep_add(struct tap_keep *k, const void *data, size_t n)
{
    buf_add(&k->kept, data, MIN(n, TAP_BODY_MAX - k->kept.n));
    k->bytes += n;
}

struct tap_body tap_keep_body(const struct tap_keep *k)
{
    return (struct tap_body){ buf_str(&k->kept), k->bytes };
}

struct tap_body tap_body(struct str whole)
{
    return (struct tap_body){ str_slice(whole, 0, TAP_BODY_MAX), whole.n };
}

static struct str next_line(struct str *rest)
{
    struct str line;

    (void)str_cut(*rest, '\n', &line, rest);
    if (str_ends(line, STR("\r")))
        line.n--;
    return line;
}

size_t tap_headers(struct arena *a, struct str head, struct http_header **ret)
{
    (void)next_line(&head);
    return tap_header_lines(a, head, ret);
}

size_t tap_header_lines(struct arena *a, struct str lines, struct http_header **ret)
{
    struct str rest = lines, line;
    size_t n = 0, max = 1, i;

    for (i = 0; i < lines.n; i++)
        max += lines.p[i] == '\n';
    *ret = ARENA_ARRAY(a, struct http_header, max + 1); /* a line without a colon is tried, too */
    while (rest.n && (line = next_line(&rest)).n) {
        struct http_header *h = &(*ret)[n];

        n += str_cut(line, ':', &h->name, &h->value);
        h->value = str_trim(h->value);
    }
    return n;
}
