/* concierge/stream_token.h: the proof, handed through Twilio, that a media stream belongs to a call which
 * the webhook answered. Format: docs/contracts.md, "Stream token". */
#ifndef CONCIERGE_STREAM_TOKEN_H
#define CONCIERGE_STREAM_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { STREAM_TOKEN_LIFE_S = 60, STREAM_TOKEN_MAX_BYTES = 1024, STREAM_TOKEN_KEY_MIN_BYTES = 16 };

struct stream_token {
    struct str call_sid, account_sid;
    struct str from, to; /* as Twilio gave them; `from` empty when withheld */
    int attempt;         /* 0: the call's first stream; counts resumes */
    int64_t exp_s;       /* UTC seconds */
};

struct str stream_token_mint(struct arena *a, struct str key, const struct stream_token *t);
/* ERR_INVALID: no such token; ERR_DENIED: not signed with this key; ERR_TIMEOUT: expired at now_s. */
MUST_USE enum errc stream_token_check(struct stream_token *ret, struct arena *a, struct str key,
                                      struct str text, int64_t now_s, struct err *err);

#endif
