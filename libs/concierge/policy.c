#include "concierge/policy.h"

#include "base/crypto.h"
#include "base/macros.h"
#include "google/firestore.h"

enum { US = 1000000 };

static const char *const state_names[POLICY_STATES] = { "open", "held", "booking", "booked",
                                                        "closed" };

/* To which state an event leads; no entry: it means nothing there. After a booking another slot may be
 * held; a new hold takes the place of the one before. */
static const struct {
    bool means;
    enum policy_state to;
} moves[POLICY_STATES][POLICY_EVENTS] = {
    [POLICY_OPEN][POLICY_HOLD] = { true, POLICY_HELD },
    [POLICY_OPEN][POLICY_LOG_OUTCOME] = { true, POLICY_CLOSED },
    [POLICY_OPEN][POLICY_LOG_TRANSFER] = { true, POLICY_OPEN },
    [POLICY_HELD][POLICY_HOLD] = { true, POLICY_HELD },
    [POLICY_HELD][POLICY_RELEASE] = { true, POLICY_OPEN },
    [POLICY_HELD][POLICY_BOOK] = { true, POLICY_BOOKING },
    [POLICY_HELD][POLICY_LOG_OUTCOME] = { true, POLICY_CLOSED },
    [POLICY_HELD][POLICY_LOG_TRANSFER] = { true, POLICY_OPEN },
    [POLICY_BOOKING][POLICY_BOOK] = { true, POLICY_BOOKING },
    [POLICY_BOOKING][POLICY_RELEASE] = { true, POLICY_OPEN },
    [POLICY_BOOKING][POLICY_BOOK_DONE] = { true, POLICY_BOOKED },
    [POLICY_BOOKING][POLICY_LOG_OUTCOME] = { true, POLICY_CLOSED },
    [POLICY_BOOKING][POLICY_LOG_TRANSFER] = { true, POLICY_BOOKING },
    [POLICY_BOOKED][POLICY_HOLD] = { true, POLICY_HELD },
    [POLICY_BOOKED][POLICY_LOG_OUTCOME] = { true, POLICY_CLOSED },
    [POLICY_BOOKED][POLICY_LOG_TRANSFER] = { true, POLICY_BOOKED },
};

bool policy_move(struct policy *p, enum policy_event ev)
{
    if (!moves[p->state][ev].means)
        return false;
    p->state = moves[p->state][ev].to;
    p->booked = p->booked || p->state == POLICY_BOOKED;
    return true;
}

const char *policy_state_name(enum policy_state s)
{
    return s < POLICY_STATES ? state_names[s] : "";
}

enum policy_verdict policy_may_book(const struct policy *p, struct str entry_id,
                                    struct str confirmation_id, bool confirmed, int64_t now_us)
{
    bool same = p->entry_id.n && str_eq(p->entry_id, entry_id);

    if (p->state == POLICY_BOOKED)
        return same ? POLICY_IS_BOOKED : POLICY_NO_HOLD;
    if (p->state != POLICY_HELD && p->state != POLICY_BOOKING)
        return POLICY_NO_HOLD;
    if (!same)
        return POLICY_OTHER_SLOT;
    if (!ct_equal(p->confirmation_id, str_trim(confirmation_id)))
        return POLICY_WRONG_CONFIRMATION;
    if (!confirmed)
        return POLICY_NOT_CONFIRMED;
    if (now_us - p->held_us < (int64_t)POLICY_READ_BACK_MS * 1000)
        return POLICY_TOO_SOON;
    if (p->state == POLICY_HELD && now_us / US >= p->expires_s)
        return POLICY_EXPIRED;
    return POLICY_MAY;
}

struct policy policy_read(const struct jval *fields)
{
    struct str state = fs_str(fields, "state");
    struct policy p = {
        .entry_id = fs_str(fields, "entryId"),
        .agenda = fs_str(fields, "agenda"),
        .slot = { .service = fs_str(fields, "service"),
                  .calendar = fs_str(fields, "calendar"),
                  .start_s = fs_time_or(fields, "start", 0) / US,
                  .duration_min = (int)fs_i64_or(fields, "durationMin", 0) },
        .confirmation_id = fs_str(fields, "confirmationId"),
        .held_us = fs_time_or(fields, "heldAt", 0),
        .expires_s = fs_time_or(fields, "expiresAt", 0) / US,
        .outcome = fs_str(fields, "outcome"),
        .booked = fs_bool_or(fields, "booked", false),
        .transfers = fs_i64_or(fields, "transfers", 0),
    };
    int i;

    for (i = 0; i < POLICY_STATES; i++) {
        if (str_eq_c(state, state_names[i]))
            p.state = (enum policy_state)i;
    }
    return p;
}

void policy_write(struct fsw *w, const struct policy *p, int64_t now_us, int keep_days)
{
    fsw_cstr(w, "state", policy_state_name(p->state));
    fsw_str(w, "entryId", p->entry_id);
    fsw_str(w, "agenda", p->agenda);
    fsw_str(w, "service", p->slot.service);
    fsw_str(w, "calendar", p->slot.calendar);
    fsw_time(w, "start", p->slot.start_s * US);
    fsw_i64(w, "durationMin", p->slot.duration_min);
    fsw_str(w, "confirmationId", p->confirmation_id);
    fsw_time(w, "heldAt", p->held_us);
    fsw_time(w, "expiresAt", p->expires_s * US);
    fsw_str(w, "outcome", p->outcome);
    fsw_bool(w, "booked", p->booked);
    fsw_i64(w, "transfers", p->transfers);
    fsw_time(w, "updatedAt", now_us);
    fsw_ttl(w, now_us, keep_days);
}

struct str policy_path(struct arena *a, struct str call_sid)
{
    return arena_printf(a, "policy/" STR_FMT, STR_ARG(call_sid));
}
