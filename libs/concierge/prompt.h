/* concierge/prompt.h: what the model is told. The system prompt is one template filled from the profile
 * (facts, hours, services, FAQ, rules, what the agent may do), followed by what holds for this call only:
 * date and time at its start and the caller's number when it may be offered. The hash names the version:
 * SHA-256 over everything but the call's own part, tools included, and model and voice where the profile
 * names them; it stands on every call record. */
#ifndef CONCIERGE_PROMPT_H
#define CONCIERGE_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "concierge/profile.h"

enum { PROMPT_HASH_CHARS = 64, PROMPT_BYTES_MAX = 64 * 1024 };

struct prompt {
    const struct profile *profile;
    struct str fixed; /* the part that the hash covers */
    struct str tools; /* JSON array for session.update: {type,name,description,parameters} */
    char hash[PROMPT_HASH_CHARS + 1];
};

struct prompt_call {
    int64_t now_s;        /* UTC, at the call's start */
    struct str from;      /* E.164; empty when withheld */
    bool after_no_answer; /* the caller is back from a transfer that nobody took */
    struct str journal;   /* what was said before, when a call is resumed; else empty */
    bool moved;           /* resumed without a loss: the caller has noticed next to nothing */
};

/* Made once at start; texts live in the arena. */
struct prompt prompt_create(const struct profile *p, struct arena *a);
/* The instructions of one call: fixed part and the call's own. */
struct str prompt_for_call(const struct prompt *pr, struct arena *a,
                           const struct prompt_call *call);
/* Disclosure and greeting as they are spoken, one text. */
struct str prompt_opening(const struct profile *p, struct arena *a);

#endif
