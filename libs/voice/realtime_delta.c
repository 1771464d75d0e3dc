#include "voice/realtime_delta.h"

#include <string.h>

#include "base/macros.h"

enum { CONTENT_INDEX_MAX = 1000000 };

enum field { FIELD_TYPE, FIELD_RESPONSE_ID, FIELD_ITEM_ID, FIELD_DELTA, FIELDS };

static const char *const field_names[FIELDS] = { "type", "response_id", "item_id", "delta" };

struct scan {
    const char *p, *end;
};

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    skip_space(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* A string of printable ASCII without escapes. */
static bool take_string(struct scan *s, struct str *ret)
{
    const char *to;

    if (!take(s, '"'))
        return false;
    to = memchr(s->p, '"', (size_t)(s->end - s->p));
    if (!to)
        return false;
    *ret = str_n(s->p, (size_t)(to - s->p));
    s->p = to + 1;
    return str_is_plain(*ret);
}

static bool take_number(struct scan *s, int64_t *ret)
{
    const char *from;

    skip_space(s);
    from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    if (s->p - from > 1 && *from == '0') /* no JSON */
        return false;
    return str_to_i64(str_n(from, (size_t)(s->p - from)), 0, CONTENT_INDEX_MAX, ret) == ERR_OK;
}

/* FIELDS: none of ours. */
static size_t field_of(struct str key)
{
    size_t i = 0;

    while (i < FIELDS && !str_eq_c(key, field_names[i]))
        i++;
    return i;
}

static bool take_member(struct scan *s, struct str fields[FIELDS], int64_t *content_index)
{
    struct str key, text;
    int64_t number;
    size_t i;

    if (!take_string(s, &key) || !take(s, ':'))
        return false;
    if (str_eq_c(key, "content_index"))
        return *content_index < 0 && take_number(s, content_index);
    i = field_of(key);
    if (i < FIELDS)
        return !fields[i].p && take_string(s, &fields[i]);
    skip_space(s);
    if (s->p < s->end && *s->p != '"') /* output_index and the like */
        return take_number(s, &number);
    return take_string(s, &text);
}

static bool is_delta(struct str type)
{
    return str_eq_c(type, "response.output_audio.delta") || str_eq_c(type, "response.audio.delta");
}

bool realtime_delta_read(struct realtime_delta *ret, struct str message)
{
    struct scan s = { message.p, message.p + message.n };
    struct str fields[FIELDS] = { 0 };
    int64_t content_index = -1;

    if (message.n == 0 || !take(&s, '{'))
        return false;
    do {
        if (!take_member(&s, fields, &content_index))
            return false;
        if (fields[FIELD_TYPE].p && !is_delta(fields[FIELD_TYPE]))
            return false;
    } while (take(&s, ','));
    if (!take(&s, '}'))
        return false;
    skip_space(&s);
    if (s.p != s.end || !fields[FIELD_TYPE].p || !fields[FIELD_DELTA].p)
        return false;
    *ret =
        (struct realtime_delta){ fields[FIELD_RESPONSE_ID], fields[FIELD_ITEM_ID],
                                 fields[FIELD_DELTA], content_index > 0 ? (int)content_index : 0 };
    return true;
}
