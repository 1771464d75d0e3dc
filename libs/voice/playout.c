#include "voice/playout.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "voice/audio_fifo.h"
#include "voice/g711.h"

enum {
    BYTES_PER_MS = G711_BYTES_PER_MS,
    US_PER_BYTE = 1000 / G711_BYTES_PER_MS,
    MARKS_MAX = 64, /* sent and not yet back; more are not sent meanwhile */
    MARKS_FIRST = 8,
    PARTS_FIRST = 2,                /* room for so many; few calls ever need more */
    PIECE_MAX = 500 * BYTES_PER_MS, /* in one message */
    RETRY_US = 20000,               /* after the socket refused a message */
    FADE_BYTES = 5 * BYTES_PER_MS,
    MARK_NAME_MAX = 48,
    BREATH_FRAMES_MIN = 4, /* of 20 ms; a shorter pause is within a word */
    BREATH_ENERGY = 40000, /* 44 dB below full scale */
};

/* Positions are bytes since the playout's start; they survive pauses and clears. */
struct part {
    char response_id[VOICE_ID_MAX], item_id[VOICE_ID_MAX];
    int content_index;
    uint64_t from, to;
    bool started, ended;
};

struct mark {
    uint64_t number, at;
    int64_t due_us; /* when its audio should have been played */
};

struct playout {
    const struct playout_sink *sink;
    void *arg;
    int64_t lead_us;
    struct audio_fifo audio;
    uint64_t heard; /* proved by a mark, or long over */
    uint64_t kept;  /* what is before it, nobody will hear again */
    uint64_t sent, added, marked;
    int64_t end_us; /* when what was sent will have been played; 0: nothing is playing */
    uint64_t generation, marks_made;
    struct mark *marks;
    size_t n_marks, cap_marks;
    struct part *parts;
    size_t n_parts, cap_parts;
    bool paused, was_active;
    uint64_t sent_in_all;
    int64_t underruns;
};

struct playout *playout_create(const struct playout_sink *sink, void *arg, struct pool *pool,
                               int64_t lead_ms)
{
    struct playout *p = MEM_NEW(struct playout);

    p->sink = sink;
    p->arg = arg;
    p->lead_us = (lead_ms ? lead_ms : PLAYOUT_LEAD_MS) * 1000;
    audio_fifo_init(&p->audio, pool);
    return p;
}

struct playout *playout_destroy(struct playout *p)
{
    if (p) {
        audio_fifo_release(&p->audio);
        mem_free(p->marks);
        mem_free(p->parts);
        mem_free(p);
    }
    return NULL;
}

static int64_t us(int64_t ms)
{
    return ms * 1000;
}

static struct voice_part part_view(const struct part *t)
{
    return (struct voice_part){ str_c(t->response_id), str_c(t->item_id), t->content_index };
}

static bool part_is(const struct part *t, const struct voice_part *part)
{
    return t->content_index == part->content_index && str_eq_c(part->item_id, t->item_id) &&
           str_eq_c(part->response_id, t->response_id);
}

static int64_t ms_between(uint64_t from, uint64_t to)
{
    return to > from ? (int64_t)((to - from) / BYTES_PER_MS) : 0;
}

static struct part *part_for(struct playout *p, const struct voice_part *part)
{
    struct part *t = p->n_parts ? &p->parts[p->n_parts - 1] : NULL;

    if (t && !t->ended && part_is(t, part))
        return t;
    if (p->n_parts == PLAYOUT_PARTS_MAX)
        return NULL;
    if (t)
        t->ended = true; /* parts follow one another */
    if (!p->parts || p->n_parts == p->cap_parts) {
        p->cap_parts = MAX(p->cap_parts * 2, (size_t)PARTS_FIRST);
        p->parts = mem_realloc(p->parts, p->cap_parts * sizeof(*p->parts));
    }
    t = &p->parts[p->n_parts];
    *t = (struct part){ .content_index = part->content_index, .from = p->added, .to = p->added };
    if (!str_copy(t->response_id, sizeof(t->response_id), part->response_id) ||
        !str_copy(t->item_id, sizeof(t->item_id), part->item_id))
        return NULL;
    p->n_parts++;
    return t;
}

enum errc playout_add(struct playout *p, const struct voice_part *part, const uint8_t *ulaw,
                      size_t n)
{
    struct part *t;

    if (p->added - p->sent + n > (uint64_t)PLAYOUT_QUEUE_MAX_MS * BYTES_PER_MS)
        return ERR_LIMIT;
    t = part_for(p, part);
    if (!t)
        return ERR_LIMIT;
    audio_fifo_add(&p->audio, ulaw, n);
    p->added = p->audio.end;
    t->to = p->added;
    p->was_active = p->was_active || n > 0;
    return ERR_OK;
}

void playout_part_end(struct playout *p, const struct voice_part *part)
{
    size_t i;

    for (i = 0; i < p->n_parts; i++) {
        if (part_is(&p->parts[i], part))
            p->parts[i].ended = true;
    }
}

void playout_response_end(struct playout *p, struct str response_id)
{
    size_t i;

    for (i = 0; i < p->n_parts; i++) {
        if (str_eq_c(response_id, p->parts[i].response_id))
            p->parts[i].ended = true;
    }
}

/* Where the clock says that the ear is. */
static uint64_t clock_at(const struct playout *p, int64_t now_us)
{
    uint64_t waiting = p->end_us > now_us ? (uint64_t)((p->end_us - now_us) / US_PER_BYTE) : 0;

    return p->sent > waiting ? p->sent - waiting : 0;
}

/* What the caller has heard by now: by the clock, but not beyond a mark that should be back and is not. */
static uint64_t heard_by(const struct playout *p, int64_t now_us)
{
    uint64_t at = clock_at(p, now_us);

    if (p->n_marks > 0 && p->marks[0].due_us + us(PLAYOUT_MARK_TRIP_MS) < now_us)
        at = MIN(at, p->marks[0].at);
    return MAX(at, p->heard);
}

/* Should the first mark that is out be late, the ear is no further than there. */
static uint64_t surely_heard(const struct playout *p, int64_t now_us)
{
    uint64_t at = MIN(heard_by(p, now_us), p->sent);

    return p->n_marks > 0 ? MIN(at, p->marks[0].at) : at;
}

static void drop_front_part(struct playout *p)
{
    p->n_parts--;
    memmove(p->parts, p->parts + 1, p->n_parts * sizeof(p->parts[0]));
}

static void report_played(struct playout *p, const struct part *t, int64_t now_us)
{
    struct part own = *t; /* the handler may add audio */
    struct playout_heard h = { part_view(&own), ms_between(own.from, own.to),
                               ms_between(own.from, own.to), true };

    p->sink->on_played(p->arg, &h, now_us);
}

static void keep_from(struct playout *p, uint64_t at)
{
    p->kept = at;
    audio_fifo_drop(&p->audio, at);
}

static void settle(struct playout *p, int64_t now_us)
{
    while (p->n_parts > 0 && p->parts[0].ended && p->parts[0].to <= p->heard) {
        struct part t = p->parts[0];

        drop_front_part(p);
        report_played(p, &t, now_us);
    }
    if (p->was_active && !playout_active(p)) {
        p->was_active = false;
        keep_from(p, p->heard);
        p->sink->on_idle(p->arg, now_us);
    }
}

static void marks_heard(struct playout *p, size_t n)
{
    p->heard = MAX(p->heard, p->marks[n - 1].at);
    p->n_marks -= n;
    memmove(p->marks, p->marks + n, p->n_marks * sizeof(p->marks[0]));
}

static void marks_expire(struct playout *p, int64_t now_us)
{
    size_t n = 0;

    while (n < p->n_marks && p->marks[n].due_us + us(PLAYOUT_MARK_LATE_MS) <= now_us)
        n++;
    if (n > 0)
        marks_heard(p, n);
}

static bool mark_parse(struct str name, uint64_t *generation, uint64_t *number)
{
    struct str head, rest;
    int64_t g, n;

    if (name.n < 2 || name.p[0] != 'g' || !str_cut(str_from(name, 1), '.', &head, &rest) ||
        str_to_i64(head, 0, INT64_MAX, &g) || str_to_i64(rest, 0, INT64_MAX, &n))
        return false;
    *generation = (uint64_t)g;
    *number = (uint64_t)n;
    return true;
}

void playout_mark(struct playout *p, struct str name, int64_t now_us)
{
    uint64_t generation, number;
    size_t i;

    if (!mark_parse(name, &generation, &number) || generation != p->generation)
        return;
    for (i = 0; i < p->n_marks; i++) {
        if (p->marks[i].number == number) {
            marks_heard(p, i + 1);
            settle(p, now_us);
            return;
        }
    }
}

static bool mark_send(struct playout *p)
{
    char name[MARK_NAME_MAX];
    int n;

    if (p->n_marks == MARKS_MAX)
        return true; /* the ones that are out will do */
    n = snprintf(name, sizeof(name), "g%llu.%llu", (unsigned long long)p->generation,
                 (unsigned long long)p->marks_made);
    if (p->sink->mark(p->arg, str_n(name, (size_t)n)))
        return false;
    if (p->n_marks == p->cap_marks) {
        p->cap_marks = MAX(p->cap_marks * 2, (size_t)MARKS_FIRST);
        p->marks = mem_realloc(p->marks, p->cap_marks * sizeof(*p->marks));
    }
    p->marks[p->n_marks++] = (struct mark){ p->marks_made, p->sent, p->end_us };
    p->marks_made++;
    p->marked = p->sent;
    return true;
}

static struct part *part_at(struct playout *p, uint64_t at)
{
    size_t i;

    for (i = 0; i < p->n_parts; i++) {
        if (at < p->parts[i].to)
            return &p->parts[i];
    }
    return NULL;
}

static void part_start(struct playout *p, struct part *t, int64_t now_us)
{
    char response_id[VOICE_ID_MAX], item_id[VOICE_ID_MAX];
    struct voice_part view;

    t->started = true;
    memcpy(response_id, t->response_id, sizeof(response_id)); /* the handler may clear */
    memcpy(item_id, t->item_id, sizeof(item_id));
    view = (struct voice_part){ str_c(response_id), str_c(item_id), t->content_index };
    p->sink->on_started(p->arg, &view, now_us);
}

/* How much to send now of the part that is next; 0: wait. */
static size_t piece_due(const struct playout *p, const struct part *t, int64_t now_us)
{
    int64_t left_us = p->end_us - now_us;
    uint64_t want, have = t->to - p->sent;

    if (left_us > p->lead_us - us(PLAYOUT_CHUNK_MS))
        return 0;
    /* Crumbs make gaps; wait for more while there is time. */
    if (have < (uint64_t)PLAYOUT_CHUNK_MS * BYTES_PER_MS && !t->ended &&
        left_us > 2 * us(PLAYOUT_CHUNK_MS))
        return 0;
    want = (uint64_t)((p->lead_us - left_us) / US_PER_BYTE);
    return (size_t)MIN(want, have);
}

static bool piece_send(struct playout *p, size_t n)
{
    const uint8_t *piece;
    uint8_t joined[PIECE_MAX] UNINITIALIZED;

    n = MIN(n, (size_t)PIECE_MAX);
    if (audio_fifo_piece(&p->audio, p->sent, &piece) < n) {
        audio_fifo_read(&p->audio, p->sent, joined, n);
        piece = joined;
    }
    if (p->sink->audio(p->arg, piece, n))
        return false;
    p->sent += n;
    p->sent_in_all += n;
    p->end_us += (int64_t)n * US_PER_BYTE;
    return true;
}

/* False: the socket took nothing. */
static bool send_due(struct playout *p, int64_t now_us)
{
    struct part *t;

    while (!p->paused && p->sent < p->added && (t = part_at(p, p->sent)) != NULL) {
        size_t n;

        if (p->end_us < now_us) {
            if (t->started && p->end_us != 0)
                p->underruns++;
            p->end_us = now_us;
        }
        n = piece_due(p, t, now_us);
        if (n == 0)
            return true;
        if (!piece_send(p, n))
            return false;
        if ((p->sent == t->to || p->sent - p->marked >= (uint64_t)PLAYOUT_MARK_MS * BYTES_PER_MS) &&
            !mark_send(p))
            return false;
        if (!t->started)
            part_start(p, t, now_us);
    }
    return p->paused || p->sent == p->marked || p->sent < p->added || mark_send(p);
}

static int64_t next_due(const struct playout *p, int64_t now_us)
{
    int64_t next = -1;

    if (!p->paused && p->sent < p->added)
        next = MAX(p->end_us - p->lead_us + us(PLAYOUT_CHUNK_MS), now_us);
    if (next == now_us) /* crumbs are waiting for company */
        next = MAX(p->end_us - 2 * us(PLAYOUT_CHUNK_MS), now_us + 1000);
    if (p->n_marks > 0) {
        int64_t late = p->marks[0].due_us + us(PLAYOUT_MARK_LATE_MS);

        next = next < 0 ? late : MIN(next, late);
    }
    return next;
}

int64_t playout_tick(struct playout *p, int64_t now_us)
{
    bool sent;

    marks_expire(p, now_us);
    sent = send_due(p, now_us);
    keep_from(p, MAX(p->kept, surely_heard(p, now_us)));
    settle(p, now_us);
    return sent ? next_due(p, now_us) : now_us + RETRY_US;
}

/* The next bytes after `at` at a volume that rises from nothing, or falls to it. */
static size_t faded(const struct playout *p, uint64_t at, uint64_t until, bool rising,
                    uint8_t out[FADE_BYTES])
{
    size_t n = (size_t)MIN(until - at, (uint64_t)FADE_BYTES), i;

    audio_fifo_read(&p->audio, at, out, n);
    for (i = 0; i < n; i++) {
        int s = g711_ulaw_to_linear(out[i]);
        int volume = (int)(rising ? i : n - 1 - i);

        out[i] = g711_linear_to_ulaw((int16_t)(s * volume / (int)n));
    }
    return n;
}

/* Silence at the ear: Twilio drops what waits there in mid-wave, so the next milliseconds follow, dying
 * away. They count neither as sent nor as heard. */
static void cut(struct playout *p, int64_t now_us)
{
    uint64_t at = MAX(clock_at(p, now_us), p->kept);
    uint8_t tail[FADE_BYTES];
    size_t n = at < p->sent ? faded(p, at, p->sent, false, tail) : 0;

    p->sink->clear(p->arg);
    if (n > 0)
        (void)p->sink->audio(p->arg, tail, n); /* a click is the worst that comes of it */
    p->generation++;
    p->n_marks = 0;
    p->end_us = 0;
}

void playout_pause(struct playout *p, int64_t now_us)
{
    if (p->paused)
        return;
    p->paused = true;
    if (!playout_active(p))
        return; /* what comes now waits */
    p->heard = heard_by(p, now_us);
    cut(p, now_us);
    p->sent = p->heard;
    p->marked = p->heard;
    keep_from(p, p->heard);
    settle(p, now_us);
}

void playout_resume(struct playout *p)
{
    uint8_t head[FADE_BYTES];
    size_t n;

    if (!p->paused)
        return;
    p->paused = false;
    n = faded(p, p->sent, p->added, true, head);
    audio_fifo_write(&p->audio, p->sent, head, n);
}

bool playout_paused(const struct playout *p)
{
    return p->paused;
}

size_t playout_clear(struct playout *p, int64_t now_us,
                     struct playout_heard heard[PLAYOUT_PARTS_MAX])
{
    uint64_t at = heard_by(p, now_us);
    size_t i, n = 0, n_parts = p->n_parts;

    if (!p->paused)
        cut(p, now_us);
    p->paused = false;
    p->was_active = false;
    p->heard = p->sent = p->marked = p->added;
    keep_from(p, p->added);
    p->n_parts = 0;
    for (i = 0; i < n_parts; i++) {
        const struct part *t = &p->parts[i];

        if (t->ended && t->to <= at)
            report_played(p, t, now_us);
        else
            heard[n++] = (struct playout_heard){ part_view(t), ms_between(t->from, MIN(at, t->to)),
                                                 ms_between(t->from, t->to), false };
    }
    return n;
}

bool playout_current(const struct playout *p, struct voice_part *ret)
{
    size_t i;

    for (i = 0; i < p->n_parts; i++) {
        if (p->parts[i].to > p->heard) {
            *ret = part_view(&p->parts[i]);
            return true;
        }
    }
    return false;
}

static const struct part *part_heard(const struct playout *p, uint64_t at)
{
    size_t i;

    for (i = 0; i < p->n_parts; i++) {
        if (p->parts[i].to > at)
            return &p->parts[i];
    }
    return NULL;
}

bool playout_hearing(const struct playout *p, int64_t now_us, struct playout_heard *ret)
{
    uint64_t at = heard_by(p, now_us);
    const struct part *t = part_heard(p, at);

    if (t)
        *ret = (struct playout_heard){ part_view(t), ms_between(t->from, at),
                                       ms_between(t->from, t->to), false };
    return t != NULL;
}

static bool is_quiet(const struct playout *p, uint64_t at)
{
    uint8_t frame[G711_FRAME_BYTES];

    audio_fifo_read(&p->audio, at, frame, sizeof(frame));
    return g711_ulaw_energy(frame, sizeof(frame)) < BREATH_ENERGY;
}

int64_t playout_breath_ms(const struct playout *p, int64_t now_us, int64_t at_ms)
{
    uint64_t heard = heard_by(p, now_us), at, to, run = 0, longest = 0, middle = 0;
    const struct part *t = part_heard(p, heard);

    if (!t)
        return at_ms;
    at = t->from + (uint64_t)MAX(at_ms - PLAYOUT_BREATH_MS, 0) * BYTES_PER_MS;
    to = MIN(t->to, t->from + (uint64_t)(at_ms + PLAYOUT_BREATH_MS) * BYTES_PER_MS);
    for (at = MAX(at, MAX(heard, p->kept)); at + G711_FRAME_BYTES <= to; at += G711_FRAME_BYTES) {
        run = is_quiet(p, at) ? run + G711_FRAME_BYTES : 0;
        if (run > longest) {
            longest = run;
            middle = at + G711_FRAME_BYTES - run / 2;
        }
    }
    return longest < (uint64_t)BREATH_FRAMES_MIN * G711_FRAME_BYTES ? at_ms
                                                                    : ms_between(t->from, middle);
}

bool playout_active(const struct playout *p)
{
    return p->heard < p->added;
}

bool playout_full(const struct playout *p)
{
    return playout_queued_ms(p) >= PLAYOUT_FULL_MS;
}

int64_t playout_queued_ms(const struct playout *p)
{
    return ms_between(p->sent, p->added);
}

int64_t playout_end_us(const struct playout *p)
{
    return p->end_us;
}

int64_t playout_sent_ms(const struct playout *p)
{
    return (int64_t)(p->sent_in_all / BYTES_PER_MS);
}

int64_t playout_underruns(const struct playout *p)
{
    return p->underruns;
}
