#include "media_bridge/opening.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "google/storage.h"
#include "media_bridge/bridge.h"
#include "voice/g711.h"
#include "voice/turn_words.h"
#include "voice/wav.h"

enum {
    AUDIO_MAX = OPENING_PART_MAX_MS * G711_BYTES_PER_MS,
    AUDIO_MIN = OPENING_PART_MIN_MS * G711_BYTES_PER_MS,
    OBJECT_MAX = AUDIO_MAX + WAV_READ_MAX,
};

static const struct wav_format format = { WAV_ULAW, 1, G711_HZ };

struct take_part {
    uint32_t tag; /* 0: not asked for */
    char response_id[VOICE_ID_MAX], item_id[VOICE_ID_MAX];
    struct buf audio;
    bool said; /* its transcript has the words */
    bool spoilt, whole;
};

struct opening_take {
    struct opening *o;
    struct take_part parts[OPENING_PARTS];
};

struct opening {
    struct bridge *bridge;
    struct {
        struct str text, object;
        struct buf audio;
        bool damaged; /* what the bucket has is none: it is to be replaced */
    } parts[OPENING_PARTS];
    bool ready, taking;
    struct opening_take take;
};

/* ---- objects ---- */

static struct str object_name(const struct bridge *b, struct arena *a, struct str text)
{
    const struct profile *p = b->profile;
    char hex[2 * SHA256_LEN + 1];
    uint8_t hash[SHA256_LEN];

    sha256(hash, arena_printf(a,
                              "opening 1\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT
                              "\n%g\naudio/pcmu 8000\n" STR_FMT,
                              STR_ARG(p->voice.engine), STR_ARG(b->model), STR_ARG(b->voice),
                              STR_ARG(p->n_languages ? p->languages[0] : STR_EMPTY), p->voice.speed,
                              STR_ARG(text)));
    hex_encode(hex, hash, sizeof(hash));
    return arena_printf(a, "openings/%s.wav", hex);
}

/* Leaves the audio alone in `b`. */
static enum errc unwrap(struct buf *b, struct err *err)
{
    struct wav_info info;
    enum errc rc;

    rc = wav_header_read(&info, buf_str(b), err);
    if (rc)
        return err_set(err, ERR_INVALID, "no WAV file");
    if (info.format.coding != format.coding || info.format.channels != format.channels ||
        info.format.hz != format.hz)
        return err_set(err, ERR_INVALID, "not mu-law at %d Hz", G711_HZ);
    if (info.data_bytes < AUDIO_MIN || info.data_bytes > AUDIO_MAX ||
        b->n != info.data_at + info.data_bytes + info.data_bytes % 2)
        return err_set(err, ERR_INVALID, "%u bytes of audio in a file of %zu", info.data_bytes,
                       b->n);
    buf_drop_front(b, info.data_at);
    buf_truncate(b, info.data_bytes);
    return ERR_OK;
}

static void wrap(struct buf *out, const struct buf *audio)
{
    uint8_t header[WAV_HEADER_MAX];

    buf_add(out, header, wav_header_write(header, &format, (uint32_t)audio->n));
    buf_add_str(out, buf_str(audio));
    if (audio->n % 2)
        buf_add_char(out, 0);
}

/* ---- jobs ---- */

struct opening_job {
    struct opening *o;
    struct bridge *bridge;
    struct {
        struct str object;
        struct buf data;
        bool damaged;
        enum errc rc;
        struct err err;
    } parts[OPENING_PARTS];
};

static struct opening_job *job_create(struct opening *o)
{
    struct opening_job *j = MEM_NEW(struct opening_job);
    size_t i;

    j->o = o;
    j->bridge = o->bridge;
    for (i = 0; i < OPENING_PARTS; i++) {
        j->parts[i].object = o->parts[i].object; /* lives as long as the process */
        j->parts[i].damaged = o->parts[i].damaged;
        buf_init(&j->parts[i].data, OBJECT_MAX);
    }
    return j;
}

static void job_free(struct opening_job *j)
{
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++)
        buf_release(&j->parts[i].data);
    mem_free(j);
}

static enum errc into_buf(void *arg, const char *data, size_t n)
{
    buf_add(arg, data, n);
    return buf_status(arg);
}

static void read_run(void *arg, struct ctx *worker)
{
    struct opening_job *j = arg;
    struct ctx ctx = *worker;
    size_t i;

    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + OPENING_READ_MS;
    for (i = 0; i < OPENING_PARTS; i++) {
        struct buf *b = &j->parts[i].data;
        enum errc rc = storage_read(j->bridge->google, &ctx, j->bridge->settings->bucket,
                                    j->parts[i].object, 0, -1, into_buf, b, NULL, &j->parts[i].err);

        j->parts[i].damaged = rc == ERR_UPSTREAM || rc == ERR_LIMIT;
        if (!rc) {
            rc = unwrap(b, &j->parts[i].err);
            j->parts[i].damaged = rc != ERR_OK;
        }
        j->parts[i].rc = rc;
    }
}

static void adopt(struct opening *o, struct buf *disclosure, struct buf *greeting)
{
    struct buf *const from[] = { disclosure, greeting };
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++) {
        o->parts[i].audio = *from[i];
        buf_init(from[i], from[i]->max);
    }
    o->ready = true;
}

static void read_done(void *arg)
{
    struct opening_job *j = arg;
    struct opening *o = j->o;
    struct log *log = &j->bridge->service->log;
    bool all = true;
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++) {
        o->parts[i].damaged = j->parts[i].damaged;
        all = all && j->parts[i].rc == ERR_OK;
        if (j->parts[i].rc && j->parts[i].rc != ERR_NOT_FOUND)
            log_warn(log, "kept opening not read damaged=%d error=\"%s\"", j->parts[i].damaged,
                     j->parts[i].err.text);
    }
    if (all && !o->ready) {
        adopt(o, &j->parts[OPENING_DISCLOSURE].data, &j->parts[OPENING_GREETING].data);
        log_info(log, "kept opening read disclosure_ms=%zu greeting_ms=%zu",
                 o->parts[OPENING_DISCLOSURE].audio.n / G711_BYTES_PER_MS,
                 o->parts[OPENING_GREETING].audio.n / G711_BYTES_PER_MS);
    }
    job_free(j);
}

static void write_run(void *arg, struct ctx *worker)
{
    struct opening_job *j = arg;
    struct ctx ctx = *worker;
    size_t i;

    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + OPENING_WRITE_MS;
    for (i = 0; i < OPENING_PARTS; i++) {
        const struct storage_target to = { .bucket = j->bridge->settings->bucket,
                                           .name = j->parts[i].object,
                                           .content_type = STR("audio/wav"),
                                           .create_only = !j->parts[i].damaged };
        struct storage_object stored;

        j->parts[i].rc = storage_put(j->bridge->google, &ctx, &to, buf_str(&j->parts[i].data),
                                     &stored, &j->parts[i].err);
    }
}

static void write_done(void *arg)
{
    struct opening_job *j = arg;
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++) {
        if (j->parts[i].rc && j->parts[i].rc != ERR_CONFLICT) /* another instance was first */
            log_warn(&j->bridge->service->log, "opening not stored error=\"%s\"",
                     j->parts[i].err.text);
    }
    job_free(j);
}

static void submit(struct opening_job *j, void (*run)(void *arg, struct ctx *ctx),
                   void (*done)(void *arg))
{
    if (bridge_submit(j->bridge, run, done, j) == ERR_OK)
        return;
    log_warn(&j->bridge->service->log, "no worker takes the opening");
    job_free(j);
}

static void store(struct opening *o)
{
    struct opening_job *j = job_create(o);
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++)
        wrap(&j->parts[i].data, &o->parts[i].audio);
    submit(j, write_run, write_done);
}

/* ---- life ---- */

struct opening *opening_create(struct bridge *b)
{
    const struct str texts[] = { b->profile->disclosure, b->profile->greeting };
    struct opening *o;
    size_t i;

    if (b->settings->bucket.n == 0)
        return NULL;
    o = MEM_NEW(struct opening);
    o->bridge = b;
    o->take.o = o;
    for (i = 0; i < OPENING_PARTS; i++) {
        o->parts[i].text = texts[i];
        o->parts[i].object = object_name(b, b->service->arena, texts[i]);
        buf_init(&o->parts[i].audio, OBJECT_MAX);
        buf_init(&o->take.parts[i].audio, AUDIO_MAX);
    }
    submit(job_create(o), read_run, read_done);
    return o;
}

struct opening *opening_destroy(struct opening *o)
{
    size_t i;

    if (!o)
        return NULL;
    for (i = 0; i < OPENING_PARTS; i++) {
        buf_release(&o->parts[i].audio);
        buf_release(&o->take.parts[i].audio);
    }
    mem_free(o);
    return NULL;
}

bool opening_ready(const struct opening *o)
{
    return o && o->ready;
}

struct str opening_audio(const struct opening *o, enum opening_part p)
{
    return buf_str(&o->parts[p].audio);
}

/* ---- a take ---- */

static void part_reset(struct take_part *p)
{
    struct buf audio = p->audio;

    buf_reset(&audio);
    *p = (struct take_part){ .audio = audio };
}

struct opening_take *opening_take_begin(struct opening *o)
{
    if (!o || o->ready || o->taking)
        return NULL;
    o->taking = true;
    return &o->take;
}

void opening_take_drop(struct opening_take *t)
{
    size_t i;

    if (!t)
        return;
    for (i = 0; i < OPENING_PARTS; i++) {
        part_reset(&t->parts[i]);
        buf_release(&t->parts[i].audio);
    }
    t->o->taking = false;
}

/* Also a second time, when the first attempt failed: it begins anew. */
void opening_take_asked(struct opening_take *t, struct str text, uint32_t tag)
{
    size_t i;

    for (i = 0; t && i < OPENING_PARTS; i++) {
        if (str_eq(text, t->o->parts[i].text)) {
            part_reset(&t->parts[i]);
            t->parts[i].tag = tag;
            return;
        }
    }
}

void opening_take_started(struct opening_take *t, struct str response_id, uint32_t tag)
{
    size_t i;

    for (i = 0; t && tag && i < OPENING_PARTS; i++) {
        if (t->parts[i].tag == tag)
            (void)str_copy(t->parts[i].response_id, VOICE_ID_MAX,
                           response_id); /* an engine's id fits */
    }
}

static struct take_part *part_of(struct opening_take *t, struct str response_id)
{
    size_t i;

    for (i = 0; t && response_id.n && i < OPENING_PARTS; i++) {
        if (str_eq_c(response_id, t->parts[i].response_id))
            return &t->parts[i];
    }
    return NULL;
}

void opening_take_audio(struct opening_take *t, const struct voice_part *part, const uint8_t *ulaw,
                        size_t n)
{
    struct take_part *p = part_of(t, part->response_id);

    if (!p)
        return;
    if (p->audio.n == 0)
        (void)str_copy(p->item_id, sizeof(p->item_id), part->item_id); /* an engine's id fits */
    buf_add(&p->audio, ulaw, n);
    p->spoilt = p->spoilt || !str_eq_c(part->item_id, p->item_id); /* it says more than one thing */
}

void opening_take_text(struct opening_take *t, const struct voice_part *part, struct str text)
{
    struct take_part *p = part_of(t, part->response_id);

    if (p)
        p->said = turn_words_same(text, t->o->parts[p - t->parts].text);
}

static void keep(struct opening_take *t)
{
    struct opening *o = t->o;

    if (!o->ready) { /* it may have been read meanwhile */
        adopt(o, &t->parts[OPENING_DISCLOSURE].audio, &t->parts[OPENING_GREETING].audio);
        log_info(&o->bridge->service->log, "opening kept disclosure_ms=%zu greeting_ms=%zu",
                 o->parts[OPENING_DISCLOSURE].audio.n / G711_BYTES_PER_MS,
                 o->parts[OPENING_GREETING].audio.n / G711_BYTES_PER_MS);
        store(o);
    }
    opening_take_drop(t);
}

bool opening_take_done(struct opening_take *t, const struct voice_response *r)
{
    struct take_part *p = part_of(t, r->id);

    if (!p || r->status == VOICE_FAILED)
        return false; /* it is asked for again */
    p->whole = r->status == VOICE_COMPLETED && p->said && !p->spoilt && p->audio.n >= AUDIO_MIN &&
               buf_status(&p->audio) == ERR_OK;
    if (!p->whole) {
        log_info(&t->o->bridge->service->log, "opening not kept completed=%d said=%d audio_ms=%zu",
                 r->status == VOICE_COMPLETED, p->said, p->audio.n / G711_BYTES_PER_MS);
        opening_take_drop(t);
        return true;
    }
    if (!t->parts[OPENING_DISCLOSURE].whole || !t->parts[OPENING_GREETING].whole)
        return false;
    keep(t);
    return true;
}
