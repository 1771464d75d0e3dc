#include "twilio/settings.h"

struct str_list twilio_tokens(struct str auth_token, struct arena *a)
{
    struct str *items = ARENA_ARRAY(a, struct str, TWILIO_TOKENS_MAX);
    struct str rest = auth_token, item;
    size_t n = 0;

    while (rest.n && n < TWILIO_TOKENS_MAX) {
        (void)str_cut(rest, ',', &item, &rest); /* without a comma the rest is the last item */
        item = str_trim(item);
        if (item.n)
            items[n++] = item;
    }
    return (struct str_list){ items, n };
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool twilio_sid_valid(struct str sid, const char *prefix)
{
    size_t i;

    if (sid.n != TWILIO_SID_LEN || !str_starts(sid, str_c(prefix)))
        return false;
    for (i = 2; i < sid.n; i++) {
        if (!is_hex(sid.p[i]))
            return false;
    }
    return true;
}
