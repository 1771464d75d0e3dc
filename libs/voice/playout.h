/* voice/playout.h: the agent's speech on its way to the caller's ear. Audio comes in as fast as the engine
 * makes it, and goes out in real time on absolute deadlines with a small lead, so that speech can be
 * paused, taken up again or dropped at any moment with next to nothing left beyond our reach. From what was
 * sent and from the marks that came back it knows which millisecond of which item the caller is hearing.
 *
 * Pure: no socket, no timer, no clock of its own. The owner calls playout_tick() when it asked to be called,
 * and after whatever changed something; times are monotonic microseconds and never go back. Marks are named
 * "g<generation>.<number>": `clear` starts a new generation, so what Twilio returns for cleared audio does
 * not count as heard (Twilio docs, Media Streams, mark and clear). Audio: mu-law, 8 kHz. */
#ifndef VOICE_PLAYOUT_H
#define VOICE_PLAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "voice/engine.h"

enum {
    PLAYOUT_LEAD_MS = 250,         /* default; 200 to 300 is sensible */
    PLAYOUT_CHUNK_MS = 40,         /* one message in steady state */
    PLAYOUT_MARK_MS = 200,         /* a mark at least so often */
    PLAYOUT_QUEUE_MAX_MS = 180000, /* beyond it playout_add() says ERR_LIMIT */
    PLAYOUT_FULL_MS = 90000,       /* playout_full(): the engine should be held */
    PLAYOUT_MARK_TRIP_MS =
        250, /* a mark may take so long to come back before the clock is doubted */
    PLAYOUT_MARK_LATE_MS = 2000, /* audio so long over counts as heard without its mark */
    PLAYOUT_BREATH_MS = 700,     /* around where a sentence should end by its text */
    PLAYOUT_PARTS_MAX = 32,      /* waiting or being heard at a time */
};

struct playout;
struct pool;

/* What was heard of a part. */
struct playout_heard {
    struct voice_part part; /* views live until the handler or the next call */
    int64_t heard_ms;
    int64_t queued_ms; /* all that ever came for it */
    bool whole;        /* nothing is missing: heard to its end, and its end is known */
};

/* None of them may add audio; on_started and on_idle may clear or pause. */
struct playout_sink {
    /* An error: it did not get through (socket full or gone); the audio stays queued, tried again. */
    enum errc (*audio)(void *arg, const uint8_t *ulaw, size_t n);
    enum errc (*mark)(void *arg, struct str name);
    void (*clear)(void *arg);
    /* The first byte of a part went out. */
    void (*on_started)(void *arg, const struct voice_part *part, int64_t now_us);
    /* A part was heard to its end (mark, or PLAYOUT_MARK_LATE_MS). */
    void (*on_played)(void *arg, const struct playout_heard *heard, int64_t now_us);
    /* All there was has been heard; the caller hears silence. */
    void (*on_idle)(void *arg, int64_t now_us);
};

/* lead_ms 0: default. Sink and pool (audio_pool_init()) are borrowed. */
struct playout *playout_create(const struct playout_sink *sink, void *arg, struct pool *pool,
                               int64_t lead_ms) MUST_USE;
struct playout *playout_destroy(struct playout *p);

/* Copies. Nothing is sent before the next tick. ERR_LIMIT: the queue is full, nothing was added. */
MUST_USE enum errc playout_add(struct playout *p, const struct voice_part *part,
                               const uint8_t *ulaw, size_t n);
/* No more audio for it will come. Harmless for an unknown one. */
void playout_part_end(struct playout *p, const struct voice_part *part);
/* No more audio for any part of this response will come. */
void playout_response_end(struct playout *p, struct str response_id);

/* Sends what is due. Returns when to be called next (monotonic us), or -1: not before something changes.
 * Handlers run from here, playout_mark(), playout_clear() and playout_pause() only. */
int64_t playout_tick(struct playout *p, int64_t now_us);
/* A mark came back; names of other generations or makers are ignored. */
void playout_mark(struct playout *p, struct str name, int64_t now_us);

/* Silence at once: what waits at Twilio is cleared and goes back to the queue, from the very millisecond
 * that was heard last. A cut fades out, and what is taken up again fades in, over 5 ms: nothing clicks.
 * Where there is nothing to be heard, what comes from now on waits. */
void playout_pause(struct playout *p, int64_t now_us);
void playout_resume(struct playout *p);
bool playout_paused(const struct playout *p);

/* Silence at once, and everything is dropped; sends `clear`, unless playout_pause() has. Fills what had been heard of each part
 * that was not whole, oldest first; returns how many (on_played is called for whole ones, on_idle is not).
 * Views live until the next call. */
size_t playout_clear(struct playout *p, int64_t now_us,
                     struct playout_heard heard[PLAYOUT_PARTS_MAX]);

/* The part that the caller is hearing or will hear next; views live until the next call. False: none. */
bool playout_current(const struct playout *p, struct voice_part *ret);
/* The same with what was heard of it by now. */
bool playout_hearing(const struct playout *p, int64_t now_us, struct playout_heard *ret);
/* The middle of the longest pause in the speech within PLAYOUT_BREATH_MS of `at_ms` of that part, and not over
 * yet; `at_ms` when there is none. */
int64_t playout_breath_ms(const struct playout *p, int64_t now_us, int64_t at_ms);
bool playout_active(const struct playout *p); /* audio is waiting, or not yet heard */
bool playout_full(const struct playout *p);
int64_t playout_queued_ms(const struct playout *p); /* not yet sent */
/* When the audio sent so far will have been played, if Twilio played it at once. */
int64_t playout_end_us(const struct playout *p);
int64_t playout_sent_ms(const struct playout *p);   /* in all */
int64_t playout_underruns(const struct playout *p); /* gaps within a part, in all */

#endif
