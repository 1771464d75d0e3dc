/* concierge/cost.h: counted usage to money. Prices are a dated table (cost.c), which a JSON file named by
 * the setting PRICES can override row by row:
 *   {"date":"2026-11-01","models":[{"model":"gpt-realtime-2.1","textIn":4.0,"textInCached":0.4,
 *     "textOut":24.0,"audioIn":32.0,"audioInCached":0.4,"audioOut":64.0,"imageIn":5.0,
 *     "imageInCached":0.5,"perMinute":0.0}],
 *   "telephony":{"inbound":0.0085,"outbound":0.014,"mediaStream":0.0044,"recording":0.0025}}
 * in US dollars for a million tokens, for a minute of audio, and (telephony) for each started minute. Either
 * of models and telephony may be left out. Money is whole millionths of a dollar.
 * Source: OpenAI, model pages and Realtime usage objects; Twilio, Voice pricing. */
#ifndef CONCIERGE_COST_H
#define CONCIERGE_COST_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum { PRICES_BYTES_MAX = 256 * 1024, PRICES_MODELS_MAX = 128 };

/* Input counts include the cached ones, as OpenAI sends them. In events and documents the names are
 * textIn textInCached textOut audioIn audioInCached audioOut imageIn imageInCached audioMs. */
struct usage {
    int64_t text_in, text_in_cached, text_out;
    int64_t audio_in, audio_in_cached, audio_out;
    int64_t image_in, image_in_cached;
    int64_t audio_ms; /* of models that are priced by the minute */
};

void usage_add(struct usage *sum, const struct usage *more);
/* The three spellings of OpenAI's usage object (Realtime, Responses, Chat) and transcription usage of
 * either type. Absent, null and negative counts read as 0; cached counts never exceed their whole. */
struct usage usage_from_openai(const struct jval *usage);
void usage_write(struct jw *w, const char *key, const struct usage *u); /* only counts above 0 */
struct usage usage_read(const struct jval *v);

/* What Twilio counts of one call, each leg for itself, in started minutes. */
struct telephony_minutes {
    int64_t inbound, outbound; /* the caller's leg; the legs to people */
    int64_t media_stream, recording;
};
int64_t started_minutes(int64_t ms); /* 0 for 0 and less */

struct prices;
/* `path` NULL or empty: the built-in table. ERR_INVALID names file, model and key. */
MUST_USE enum errc prices_load(const struct prices **ret, struct arena *a, const char *path,
                               struct err *err);
struct str prices_date(const struct prices *p); /* "2026-11-01" */
/* A model with a dated suffix ("gpt-realtime-2025-08-28") takes its family's price. ERR_NOT_FOUND: no
 * price for this model; *ret is then 0. Rounds half up, once a call. */
MUST_USE enum errc cost_micro_usd(const struct prices *p, struct str model, const struct usage *u,
                                  int64_t *ret);
int64_t cost_of_telephony(const struct prices *p, const struct telephony_minutes *m);

#endif
