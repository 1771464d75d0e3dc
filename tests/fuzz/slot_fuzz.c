/* Slot ids as a model copies them, and stream tokens as Twilio hands them on: nothing but what we signed for
 * this call passes, and what we sign is read as what it was. */
#include <string.h>

#include "concierge/slot.h"
#include "concierge/stream_token.h"
#include "fuzz.h"

#define KEY STR("fuzzing-key-of-32-bytes-or-more!")
#define CALL STR("CA00000000000000000000000000000001")

static void check_slot(struct arena *a, struct str text)
{
    struct slot slot, again;
    struct str minted;

    if (slot_check(&slot, a, KEY, CALL, text, 0))
        return;
    FUZZ_HOLDS(text.n <= SLOT_TEXT_MAX && slot.duration_min > 0);
    minted = slot_mint(a, KEY, CALL, &slot);
    FUZZ_HOLDS(str_eq(minted, text)); /* one slot has one text */
    FUZZ_HOLDS(!slot_check(&again, a, KEY, CALL, minted, 0));
    FUZZ_HOLDS(again.start_s == slot.start_s && str_eq(again.calendar, slot.calendar));
    FUZZ_HOLDS(slot_check(&again, a, KEY, STR("CA2"), minted, 0) == ERR_DENIED);
}

/* What is signed of ids that nobody expected is read as it was, or refused. */
static void check_minted(struct arena *a, struct str in)
{
    struct slot slot = { .duration_min = 30, .start_s = 1800000000, .exp_s = 1900000000 }, again;
    struct stream_token token = { .call_sid = CALL, .attempt = 1, .exp_s = 1900000000 }, read;

    /* Ids of a profile are letters, digits, _ and - (docs/business-profile.md); a slot's text is cut at dots. */
    if (!str_cut(in, '\n', &slot.service, &slot.calendar) || memchr(in.p, '.', in.n) ||
        memchr(in.p, '\0', in.n))
        return;
    token.from = slot.service;
    token.account_sid = token.to = slot.calendar;
    if (!slot_check(&again, a, KEY, CALL, slot_mint(a, KEY, CALL, &slot), 0))
        FUZZ_HOLDS(str_eq(again.service, slot.service) && str_eq(again.calendar, slot.calendar) &&
                   again.start_s == slot.start_s && again.duration_min == slot.duration_min);
    if (str_utf8_valid(in) && /* JSON holds no other text */
        !stream_token_check(&read, a, KEY, stream_token_mint(a, KEY, &token), 0, NULL))
        FUZZ_HOLDS(str_eq(read.from, token.from) && str_eq(read.to, token.to) &&
                   read.attempt == token.attempt);
}

static void check_token(struct arena *a, struct str text)
{
    struct stream_token token;

    if (stream_token_check(&token, a, KEY, text, 0, NULL))
        return;
    FUZZ_HOLDS(text.n <= STREAM_TOKEN_MAX_BYTES);
    FUZZ_HOLDS(stream_token_check(&token, a, STR("another key of some length"), text, 0, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;

    check_slot(&a, str_n(data, size));
    check_minted(&a, str_n(data, size));
    check_token(&a, str_n(data, size));
    arena_release(&a);
    return 0;
}
