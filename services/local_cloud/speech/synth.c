#include "local_cloud/speech/synth.h"

#include <pthread.h>

#include <flite/flite.h>

#include "base/list.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/mem.h"
#include "local_cloud/speech/resample.h"
#include "local_cloud/speech/spell_out.h"
#include "voice/g711.h"

cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_slt(const char *voxdir);
cst_voice *register_cmu_us_awb(const char *voxdir);
cst_voice *register_cmu_us_kal16(const char *voxdir);

static const struct voice {
    const char *name;
    cst_voice *(*get)(const char *voxdir);
} voices[] = {
    { "rms", register_cmu_us_rms },
    { "slt", register_cmu_us_slt },
    { "awb", register_cmu_us_awb },
    { "kal16", register_cmu_us_kal16 },
};

enum { FLITE_HZ = 16000 };

/* flite keeps its voices and their reference counts in globals without a lock: one sentence at a
 * time in the whole process, whoever asks. */
static pthread_mutex_t flite_lock = PTHREAD_MUTEX_INITIALIZER;

struct kept {
    struct list_node node; /* of synth.recent, the latest used first */
    char *key;
    size_t n; /* samples */
    int16_t pcm[];
};

struct synth {
    pthread_mutex_t lock;
    struct map *by_key;
    struct list recent;
    size_t bytes;
};

struct synth *synth_create(void)
{
    struct synth *s = MEM_NEW(struct synth);

    pthread_mutex_init(&s->lock, NULL);
    s->by_key = map_create();
    list_init(&s->recent);
    return s;
}

static void kept_drop(struct synth *s, struct kept *k)
{
    list_remove(&k->node);
    (void)map_remove(s->by_key, str_c(k->key)); /* is k */
    s->bytes -= k->n * sizeof(k->pcm[0]);
    mem_free(k->key);
    mem_free(k);
}

struct synth *synth_destroy(struct synth *s)
{
    struct list_node *node;

    if (!s)
        return NULL;
    while ((node = list_first(&s->recent)))
        kept_drop(s, CONTAINER_OF(node, struct kept, node));
    map_destroy(s->by_key);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    return NULL;
}

const char *synth_voice_name(size_t i)
{
    return i < ARRAY_LEN(voices) ? voices[i].name : NULL;
}

static const struct voice *voice_find(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(voices); i++) {
        if (str_eq_c(name, voices[i].name))
            return &voices[i];
    }
    return NULL;
}

bool synth_has_voice(struct str name)
{
    return voice_find(name) != NULL;
}

/* `text` is ended by NUL. NULL: flite has made nothing of it. */
static struct kept *kept_speak(const struct voice *v, const char *text)
{
    struct kept *k = NULL;
    cst_wave *wave;

    pthread_mutex_lock(&flite_lock);
    flite_init(); /* harmless again */
    wave = flite_text_to_wave(text, v->get(NULL));
    pthread_mutex_unlock(&flite_lock);
    if (wave && wave->num_samples > 0 && wave->num_channels == 1 && wave->sample_rate == FLITE_HZ) {
        size_t n = (size_t)wave->num_samples;

        k = mem_zalloc(sizeof(*k) + (n + 1) / 2 * sizeof(k->pcm[0]));
        k->n = resample_down2(k->pcm, wave->samples, n);
    }
    if (wave)
        delete_wave(wave);
    return k;
}

/* With the lock held; the latest stays, however long it is. */
static void cache_put(struct synth *s, struct kept *k, struct str key)
{
    struct kept *old = map_get(s->by_key, key);

    if (old) /* somebody else has spoken the same meanwhile */
        kept_drop(s, old);
    k->key = mem_str_dup(key);
    (void)map_put(s->by_key, key, k); /* was absent */
    list_push_front(&s->recent, &k->node);
    s->bytes += k->n * sizeof(k->pcm[0]);
    while (s->bytes > SYNTH_CACHE_BYTES && s->recent.head.prev != &k->node)
        kept_drop(s, CONTAINER_OF(s->recent.head.prev, struct kept, node));
}

static enum errc append(struct buf *out, const struct kept *k, bool ulaw)
{
    size_t i;

    if (!ulaw) {
        buf_add(out, k->pcm, k->n * sizeof(k->pcm[0]));
        return buf_status(out);
    }
    buf_reserve(out, k->n);
    for (i = 0; i < k->n; i++)
        buf_add_char(out, (char)g711_linear_to_ulaw(k->pcm[i]));
    return buf_status(out);
}

static bool worth_saying(struct str text)
{
    size_t i;

    for (i = 0; i < text.n; i++) {
        if ((text.p[i] >= 'a' && text.p[i] <= 'z') || (text.p[i] >= 'A' && text.p[i] <= 'Z'))
            return true;
    }
    return false;
}

static enum errc speak(struct synth *s, const struct voice *v, struct str spoken, struct buf *out,
                       bool ulaw, struct err *err)
{
    struct buf key = BUF_INIT((size_t)4 * SYNTH_TEXT_MAX);
    struct kept *k;
    enum errc rc;

    buf_addf(&key, "%s " STR_FMT, v->name, STR_ARG(spoken));
    pthread_mutex_lock(&s->lock);
    k = map_get(s->by_key, buf_str(&key));
    if (k) {
        list_remove(&k->node);
        list_push_front(&s->recent, &k->node);
    } else {
        pthread_mutex_unlock(&s->lock); /* others may take what is kept meanwhile */
        k = kept_speak(v, buf_cstr(&key) + str_c(v->name).n + 1);
        pthread_mutex_lock(&s->lock);
        if (k)
            cache_put(s, k, buf_str(&key));
    }
    rc = k ? append(out, k, ulaw) : err_set(err, ERR_INTERNAL, "flite made no audio");
    pthread_mutex_unlock(&s->lock);
    buf_release(&key);
    return rc == ERR_LIMIT ? err_set(err, rc, "the audio is too long") : rc;
}

static enum errc synth_say(struct synth *s, struct str voice, struct str text, struct buf *out,
                           bool ulaw, struct err *err)
{
    const struct voice *v = voice_find(voice);
    struct buf spoken = BUF_INIT((size_t)3 * SYNTH_TEXT_MAX);
    enum errc rc = ERR_OK;

    if (!v)
        return err_set(err, ERR_NOT_FOUND, "no voice \"" STR_FMT "\"", STR_ARG(voice));
    if (text.n > SYNTH_TEXT_MAX)
        return err_set(err, ERR_LIMIT, "a text of %zu bytes is too long to speak", text.n);
    spell_out(&spoken, text);
    if (worth_saying(buf_str(&spoken)))
        rc = speak(s, v, buf_str(&spoken), out, ulaw, err);
    buf_release(&spoken);
    return rc;
}

enum errc synth_ulaw(struct synth *s, struct str voice, struct str text, struct buf *out,
                     struct err *err)
{
    return synth_say(s, voice, text, out, true, err);
}

enum errc synth_linear(struct synth *s, struct str voice, struct str text, struct buf *out,
                       struct err *err)
{
    return synth_say(s, voice, text, out, false, err);
}
