#include "local_cloud/twilio/recordings.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "local_cloud/twilio/recording_store.h"
#include "local_cloud/twilio/sids.h"
#include "local_cloud/twilio/telephony.h"
#include "net/workers.h"
#include "voice/g711.h"
#include "voice/wav.h"

enum { PENDING_MAX = 16 * 1024 };

struct recording {
    struct list_node node;
    struct recordings *all;
    struct recording_info info;
    int fd; /* -1: the store has it */
    bool finished, deleted, paused, skip, broken;
    int64_t samples;  /* written and pending, of each channel */
    uint8_t *pending; /* PENDING_MAX bytes while it is being made */
    size_t n_pending;
};

struct recordings {
    pthread_mutex_t lock;
    struct list list; /* oldest first */
    size_t n;
    struct store *store;
    struct workers *workers;
    struct arena sources; /* texts of what was loaded */
};

static void loaded(void *arg, const struct recording_info *info, int64_t samples, struct str source)
{
    struct recordings *r = arg;
    struct recording *rec = MEM_NEW(struct recording);

    rec->all = r;
    rec->info = *info;
    rec->info.source = arena_cstr(&r->sources, source);
    rec->info.duration_ms = samples / G711_BYTES_PER_MS;
    rec->fd = -1;
    rec->finished = true;
    rec->samples = samples;
    list_push_back(&r->list, &rec->node);
    r->n++;
}

enum errc recordings_create(struct recordings **ret, struct store *store, struct workers *workers,
                            struct err *err)
{
    struct recordings *r;
    enum errc rc = recording_store_open(store, err);

    if (rc)
        return rc;
    r = MEM_NEW(struct recordings);
    pthread_mutex_init(&r->lock, NULL);
    list_init(&r->list);
    arena_init(&r->sources);
    r->store = store;
    r->workers = workers;
    recording_store_load(store, loaded, r);
    *ret = r;
    return ERR_OK;
}

static void recording_free(struct recording *rec)
{
    if (rec->fd >= 0)
        close(rec->fd);
    mem_free(rec->pending);
    mem_free(rec);
}

struct recordings *recordings_destroy(struct recordings *r)
{
    struct list_node *n;

    if (!r)
        return NULL;
    while ((n = list_pop_front(&r->list)))
        recording_free(CONTAINER_OF(n, struct recording, node));
    pthread_mutex_destroy(&r->lock);
    arena_release(&r->sources);
    mem_free(r);
    return NULL;
}

/* Under the lock. */
static struct recording *find(struct recordings *r, struct str sid)
{
    struct list_node *n, *tmp;

    LIST_EACH (&r->list, n, tmp) {
        struct recording *rec = CONTAINER_OF(n, struct recording, node);

        if (str_eq_c(sid, rec->info.sid))
            return rec;
    }
    return NULL;
}

/* ---- to and from the store, by workers ---- */

struct moving {
    struct recordings *all;
    struct recording_info info;
    int64_t samples;
    int fd; /* -1: it is deleted */
    enum errc rc;
};

static void move_run(void *arg, struct ctx *ctx)
{
    struct moving *m = arg;
    struct err err = ERR_INIT;

    if (m->fd >= 0)
        m->rc = recording_store_save(m->all->store, &m->info, m->samples, m->fd, &err);
    else
        m->rc = recording_store_delete(m->all->store, str_c(m->info.sid), &err);
    if (m->rc)
        log_warn(&ctx->log, "the store does not take recording_sid=%s error=\"%s\"", m->info.sid,
                 err.text);
}

static void start_moving(struct recordings *r, const struct recording *rec, int fd);

static void move_done(void *arg)
{
    struct moving *m = arg;
    struct recordings *r = m->all;
    struct recording *rec;

    if (m->fd >= 0) {
        close(m->fd);
        pthread_mutex_lock(&r->lock);
        rec = find(r, str_c(m->info.sid));
        if (rec && !m->rc && rec->fd >= 0) {
            close(rec->fd);
            rec->fd = -1;
        }
        pthread_mutex_unlock(&r->lock);
        if (rec && rec->deleted)
            start_moving(r, rec, -1); /* it was, while it moved */
    }
    mem_free(m);
}

/* fd -1: out of the store. If no worker takes it the recording stays in its file. */
static void start_moving(struct recordings *r, const struct recording *rec, int fd)
{
    struct moving *m = MEM_NEW(struct moving);

    m->all = r;
    m->info = rec->info;
    m->samples = rec->samples;
    m->fd = fd;
    if (workers_submit(r->workers, move_run, move_done, m) == ERR_OK)
        return;
    if (fd >= 0)
        close(fd);
    mem_free(m);
}

/* ---- making ---- */

static int file_without_name(void)
{
    const char *dir = getenv("TMPDIR");
    char path[512];
    int fd;

    if (!str_copy(path, sizeof(path) - 32, str_c(dir && *dir ? dir : "/tmp")))
        return -1;
    fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    (void)str_copy(path + strlen(path), 32,
                   STR("/local-cloud-XXXXXX")); /* not every file system has it */
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* Under the lock: makes room by dropping the oldest finished one. */
static bool make_room(struct recordings *r)
{
    struct list_node *n, *tmp;

    if (r->n < RECORDINGS_MAX)
        return true;
    LIST_EACH (&r->list, n, tmp) {
        struct recording *rec = CONTAINER_OF(n, struct recording, node);

        if (!rec->finished)
            continue;
        start_moving(r, rec, -1);
        list_remove(n);
        recording_free(rec);
        r->n--;
        return true;
    }
    return false;
}

struct recording *recording_start(struct recordings *r, struct str call_sid, int channels,
                                  const char *source, int64_t now_s)
{
    struct recording *rec;
    int fd = file_without_name();
    bool room;

    if (fd < 0)
        return NULL;
    rec = MEM_NEW(struct recording);
    rec->all = r;
    rec->fd = fd;
    rec->pending = mem_alloc(PENDING_MAX);
    sid_make(rec->info.sid, "RE");
    (void)str_copy(rec->info.call_sid, sizeof(rec->info.call_sid), call_sid); /* SIDs fit */
    rec->info.status = "in-progress";
    rec->info.source = source;
    rec->info.channels = channels;
    rec->info.start_s = now_s;
    pthread_mutex_lock(&r->lock);
    room = make_room(r);
    if (room) {
        list_push_back(&r->list, &rec->node);
        r->n++;
    }
    pthread_mutex_unlock(&r->lock);
    if (room)
        return rec;
    recording_free(rec);
    return NULL;
}

const char *recording_sid(const struct recording *rec)
{
    return rec->info.sid;
}

static void flush(struct recording *rec)
{
    size_t at = 0;

    while (!rec->broken && at < rec->n_pending) {
        ssize_t n = write(rec->fd, rec->pending + at, rec->n_pending - at);

        if (n <= 0)
            rec->broken = true; /* the disk is full: the recording ends here */
        else
            at += (size_t)n;
    }
    rec->n_pending = 0;
}

void recording_frame(struct recording *rec, const uint8_t *caller, const uint8_t *agent)
{
    size_t need = (size_t)rec->info.channels * PHONE_FRAME_BYTES, i;
    uint8_t *out;

    if (rec->broken || (rec->paused && rec->skip))
        return;
    if (rec->n_pending + need > PENDING_MAX)
        flush(rec);
    out = rec->pending + rec->n_pending;
    if (rec->paused)
        memset(out, G711_ULAW_SILENCE, need);
    else if (rec->info.channels == 1)
        memcpy(out, caller, need);
    else
        for (i = 0; i < PHONE_FRAME_BYTES; i++) {
            out[2 * i] = caller[i];
            out[2 * i + 1] = agent[i];
        }
    rec->n_pending += need;
    rec->samples += PHONE_FRAME_BYTES;
}

void recording_pause(struct recording *rec, bool paused, bool skip)
{
    pthread_mutex_lock(&rec->all->lock);
    rec->paused = paused;
    rec->skip = skip;
    rec->info.status = paused ? "paused" : "in-progress";
    pthread_mutex_unlock(&rec->all->lock);
}

void recording_finish(struct recording *rec, struct recording_info *ret)
{
    struct recordings *r = rec->all;

    int fd;

    flush(rec);
    mem_free(rec->pending);
    rec->pending = NULL;
    pthread_mutex_lock(&r->lock);
    rec->finished = true;
    if (!rec->deleted)
        rec->info.status = "completed";
    rec->info.duration_ms = rec->samples / G711_BYTES_PER_MS;
    *ret = rec->info;
    fd = rec->deleted ? -1 : dup(rec->fd);
    pthread_mutex_unlock(&r->lock);
    if (fd >= 0)
        start_moving(r, rec, fd);
}

enum errc recordings_get(struct recordings *r, struct str sid, struct recording_info *ret)
{
    struct recording *rec;
    enum errc rc = ERR_NOT_FOUND;

    pthread_mutex_lock(&r->lock);
    rec = find(r, sid);
    if (rec && !rec->deleted) {
        *ret = rec->info;
        rc = ERR_OK;
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

size_t recordings_list(struct recordings *r, struct str call_sid, struct arena *a,
                       struct recording_info **ret)
{
    struct list_node *n, *tmp;
    size_t count = 0;

    pthread_mutex_lock(&r->lock);
    *ret = ARENA_ARRAY(a, struct recording_info, r->n + 1);
    LIST_EACH (&r->list, n, tmp) {
        struct recording *rec = CONTAINER_OF(n, struct recording, node);

        if (!rec->deleted && (!call_sid.n || str_eq_c(call_sid, rec->info.call_sid)))
            (*ret)[count++] = rec->info;
    }
    pthread_mutex_unlock(&r->lock);
    return count;
}

enum errc recordings_delete(struct recordings *r, struct str sid)
{
    struct recording *rec;
    bool stored = false;

    pthread_mutex_lock(&r->lock);
    rec = find(r, sid);
    if (rec && rec->deleted)
        rec = NULL;
    if (rec) {
        stored = rec->finished && rec->fd < 0;
        rec->deleted = true;
        rec->info.status = "deleted";
    }
    pthread_mutex_unlock(&r->lock);
    if (!rec)
        return ERR_NOT_FOUND;
    if (stored)
        start_moving(r, rec, -1);
    return ERR_OK;
}

enum errc recordings_open(struct recordings *r, struct str sid, int channels,
                          struct recording_reader *ret)
{
    struct recording *rec;
    enum errc rc = ERR_OK;

    pthread_mutex_lock(&r->lock);
    rec = find(r, sid);
    if (!rec || rec->deleted)
        rc = ERR_NOT_FOUND;
    else if (!rec->finished)
        rc = ERR_AGAIN;
    else if (channels > rec->info.channels)
        rc = ERR_INVALID;
    else
        *ret = (struct recording_reader){ .fd = rec->fd < 0 ? -1 : dup(rec->fd),
                                          .store = r->store,
                                          .stored = rec->info.channels,
                                          .wanted = channels,
                                          .frames = rec->samples };
    if (!rc)
        (void)str_copy(ret->sid, sizeof(ret->sid), str_c(rec->info.sid)); /* the same size */
    if (!rc && rec->fd >= 0 && ret->fd < 0)
        rc = ERR_IO;
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static struct wav_format format_of(const struct recording_reader *rd)
{
    return (struct wav_format){ WAV_PCM16, rd->wanted, G711_BYTES_PER_MS * 1000 };
}

static int64_t data_bytes(const struct recording_reader *rd)
{
    return MIN(rd->frames * 2 * rd->wanted, (int64_t)UINT32_MAX - WAV_HEADER_MAX);
}

int64_t recording_reader_bytes(const struct recording_reader *rd)
{
    uint8_t header[WAV_HEADER_MAX];
    struct wav_format f = format_of(rd);

    return (int64_t)wav_header_write(header, &f, (uint32_t)data_bytes(rd)) + data_bytes(rd);
}

static size_t put_sample(uint8_t *out, int32_t sample)
{
    out[0] = (uint8_t)(sample & 0xFF);
    out[1] = (uint8_t)((sample >> 8) & 0xFF);
    return 2;
}

/* One stored sample of each channel as what is wanted of it; returns the bytes written. */
static size_t convert(const struct recording_reader *rd, const uint8_t *in, uint8_t *out)
{
    int32_t first = g711_ulaw_to_linear(in[0]), second;

    if (rd->stored == 1)
        return put_sample(out, first);
    second = g711_ulaw_to_linear(in[1]);
    if (rd->wanted == 1)
        return put_sample(out, MAX(MIN(first + second, INT16_MAX), INT16_MIN));
    return put_sample(out, first) + put_sample(out + 2, second);
}

size_t recording_reader_next(struct recording_reader *rd, uint8_t out[RECORDING_PIECE_MAX])
{
    uint8_t in[RECORDING_PIECE_MAX / 2];
    size_t want, i, n = 0;
    ssize_t got;

    if (!rd->header_sent) {
        struct wav_format f = format_of(rd);

        rd->header_sent = true;
        return wav_header_write(out, &f, (uint32_t)data_bytes(rd));
    }
    /* As many samples as give at most a piece, whichever way channels change. */
    want = (size_t)MIN((int64_t)(RECORDING_PIECE_MAX / 4), rd->frames - rd->at);
    if (!want)
        return 0;
    if (rd->fd >= 0)
        got = pread(rd->fd, in, want * (size_t)rd->stored, rd->at * rd->stored);
    else
        got = (ssize_t)recording_store_read(rd->store, str_c(rd->sid), rd->at * rd->stored, in,
                                            want * (size_t)rd->stored);
    /* What cannot be read is silence: the length was promised. */
    if (got < (ssize_t)(want * (size_t)rd->stored)) {
        size_t have = got > 0 ? (size_t)got : 0;

        memset(in + have, G711_ULAW_SILENCE, want * (size_t)rd->stored - have);
    }
    for (i = 0; i < want; i++)
        n += convert(rd, in + i * (size_t)rd->stored, out + n);
    rd->at += (int64_t)want;
    return n;
}

void recording_reader_close(struct recording_reader *rd)
{
    if (rd->fd >= 0)
        close(rd->fd);
    rd->fd = -1;
}
