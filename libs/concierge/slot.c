#include "concierge/slot.h"

#include <stdio.h>

#include "base/crypto.h"
#include "concierge/zone.h"

enum { MAC_BYTES = 10, MAC_CHARS = MAC_BYTES * 8 / 5, PARTS = 6, BASE36_MAX = 13 };

struct time_range slot_range(const struct slot *s)
{
    return (struct time_range){ s->start_s, s->start_s + (int64_t)s->duration_min * 60 };
}

static struct str signature(struct arena *a, struct str key, struct str call_sid,
                            struct str statement)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    struct str signed_text =
        arena_printf(a, STR_FMT "\n" STR_FMT, STR_ARG(call_sid), STR_ARG(statement));
    char *out = arena_alloc(a, MAC_CHARS);
    uint8_t mac[SHA256_LEN];
    int i;

    hmac_sha256(mac, key, signed_text);
    for (i = 0; i < MAC_CHARS; i++) {
        int bit = i * 5, byte = bit / 8;
        unsigned two = (unsigned)mac[byte] << 8 | mac[byte + 1];

        out[i] = digits[two >> (11 - bit % 8) & 31];
    }
    return str_n(out, MAC_CHARS);
}

static struct str base36(struct arena *a, int64_t v)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char *out = arena_alloc(a, BASE36_MAX);
    size_t n = BASE36_MAX;

    do {
        out[--n] = digits[v % 36];
        v /= 36;
    } while (v > 0 && n);
    return str_n(out + n, BASE36_MAX - n);
}

static enum errc base36_parse(struct str s, int64_t *ret)
{
    int64_t v = 0;
    size_t i;

    if (!s.n || s.n > 8)
        return ERR_INVALID;
    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c >= '0' && c <= '9')
            v = v * 36 + (c - '0');
        else if (c >= 'a' && c <= 'z')
            v = v * 36 + (c - 'a' + 10);
        else
            return ERR_INVALID;
    }
    *ret = v;
    return ERR_OK;
}

struct str slot_mint(struct arena *a, struct str key, struct str call_sid, const struct slot *s)
{
    struct date d = date_of_days(s->start_s / DAY_S);
    int minute = (int)(s->start_s % DAY_S / 60);
    struct str statement =
        arena_printf(a, STR_FMT "." STR_FMT ".%04d%02d%02dT%02d%02dZ.%d." STR_FMT,
                     STR_ARG(s->service), STR_ARG(s->calendar), d.year, d.month, d.day, minute / 60,
                     minute % 60, s->duration_min, STR_ARG(base36(a, s->exp_s)));

    return arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(statement),
                        STR_ARG(signature(a, key, call_sid, statement)));
}

/* "20261126T0800Z" */
static enum errc start_parse(struct str s, int64_t *ret)
{
    struct date d;
    int64_t v, t;

    if (s.n != 14 || s.p[8] != 'T' || s.p[13] != 'Z' ||
        str_to_i64(str_slice(s, 0, 8), 19700101, 99991231, &v) ||
        str_to_i64(str_slice(s, 9, 13), 0, 2359, &t))
        return ERR_INVALID;
    d = (struct date){ (int)(v / 10000), (int)(v / 100 % 100), (int)(v % 100) };
    if (!date_valid(d) || t % 100 > 59)
        return ERR_INVALID;
    *ret = date_days(d) * DAY_S + t / 100 * 3600 + t % 100 * 60;
    return ERR_OK;
}

enum errc slot_check(struct slot *ret, struct arena *a, struct str key, struct str call_sid,
                     struct str text, int64_t now_s)
{
    struct str part[PARTS], rest = str_trim(text), statement;
    struct slot s = { 0 };
    int64_t minutes;
    int i;

    text = rest;
    if (text.n > SLOT_TEXT_MAX)
        return ERR_INVALID;
    for (i = 0; i < PARTS; i++) {
        bool more = str_cut(rest, '.', &part[i], &rest);

        if (more != (i + 1 < PARTS))
            return ERR_INVALID;
    }
    if (start_parse(part[2], &s.start_s) || str_to_i64(part[3], 1, DAY_MIN, &minutes) ||
        base36_parse(part[4], &s.exp_s))
        return ERR_INVALID;
    statement = str_slice(text, 0, text.n - part[5].n - 1);
    if (!ct_equal(part[5], signature(a, key, call_sid, statement)))
        return ERR_DENIED;
    if (now_s >= s.exp_s)
        return ERR_TIMEOUT;
    s.service = part[0];
    s.calendar = part[1];
    s.duration_min = (int)minutes;
    *ret = s;
    return ERR_OK;
}
