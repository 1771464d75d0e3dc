#include "local_cloud/speech/recognize.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pocketsphinx.h>
#include <sphinxbase/err.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/mem.h"
#include "local_cloud/speech/resample.h"
#include "local_cloud/speech/sentences.h"
#include "local_cloud/speech/trigram.h"
#include "voice/g711.h"

#define MODEL_DIR "/usr/share/pocketsphinx/model/en-us"

enum {
    DICTIONARY_MAX = 16 * 1024 * 1024,
    MODEL_TEXT_MAX = 64 * 1024 * 1024,
    SENTENCES_DRAWN = 15000,     /* for one state's trigram */
    SENTENCES_DRAWN_ALL = 30000, /* for the trigram of all states */
    SENTENCE_MAX = 4096,
    TOPIC_MAX = 200, /* bytes of one topic */
    TOPICS_BYTES_MAX = 2 * RECOGNIZE_TOPICS_MAX * TOPIC_MAX,
    DECODERS_MAX = 3 * HEARINGS, /* kept; the longest unused goes first */
    DITHER = 4,
    FRAME_MS = 10,
    HEARD_MAX = 16 * 1024,
};

/* Posterior of the best path, a word: the logarithm (base 1.0001) that nonsense falls to. Measured:
 * what was understood rightly stands at -2000 to -12000, other words and mumbling at -9000 to
 * -22000. */
#define POSTERIOR_OF_NOISE (-18000.0)
enum { POSTERIOR_WORDS = 3 }; /* added to the count: short sentences are no surer for being short */

/* Made when it is first wanted. PocketSphinx's decoders are not thread-safe, so each has a lock. */
struct decoder {
    struct list_node node; /* of recognizer.decoders, the latest used first */
    enum hearing hearing;
    char *topics;
    int users; /* under the recogniser's lock */
    pthread_mutex_t lock;
    ps_decoder_t *ps;
};

struct recognizer {
    char *model_dir;
    struct buf dictionary; /* cmudict as it is: "word PH ON EM\n", sorted, variants as "word(2)" */
    pthread_mutex_t lock;
    struct list decoders;
    size_t n_decoders;
};

enum errc recognizer_create(struct recognizer **ret, const struct recognizer_opts *opts,
                            struct err *err)
{
    static const struct recognizer_opts none;
    struct recognizer *r;
    enum errc rc;

    if (!opts)
        opts = &none;
    err_set_logfp(NULL); /* PocketSphinx talks much */
    r = MEM_NEW(struct recognizer);
    buf_init(&r->dictionary, DICTIONARY_MAX);
    rc = file_read(&r->dictionary,
                   opts->dict_path ? opts->dict_path : MODEL_DIR "/cmudict-en-us.dict", err);
    if (rc) {
        buf_release(&r->dictionary);
        mem_free(r);
        return err_wrap(err, rc, "speech recognition (package pocketsphinx-en-us)");
    }
    r->model_dir = mem_strdup(opts->model_dir ? opts->model_dir : MODEL_DIR "/en-us");
    pthread_mutex_init(&r->lock, NULL);
    list_init(&r->decoders);
    *ret = r;
    return ERR_OK;
}

static void decoder_free(struct recognizer *r, struct decoder *d)
{
    list_remove(&d->node);
    r->n_decoders--;
    if (d->ps)
        ps_free(d->ps);
    pthread_mutex_destroy(&d->lock);
    mem_free(d->topics);
    mem_free(d);
}

struct recognizer *recognizer_destroy(struct recognizer *r)
{
    struct list_node *node;

    if (!r)
        return NULL;
    while ((node = list_first(&r->decoders)))
        decoder_free(r, CONTAINER_OF(node, struct decoder, node));
    pthread_mutex_destroy(&r->lock);
    buf_release(&r->dictionary);
    mem_free(r->model_dir);
    mem_free(r);
    return NULL;
}

/* One topic in the form of the dictionary's words; `hyphen` stands for the hyphens ('\0': nothing).
 * */
static void topic_normalise(struct buf *out, struct str topic, char hyphen)
{
    size_t i;

    for (i = 0; i < topic.n && i < TOPIC_MAX; i++) {
        char c = (char)tolower((unsigned char)topic.p[i]);

        if (c == '-')
            c = hyphen;
        else if (!isalpha((unsigned char)c) && c != '\'' && !(c == '?' && i == 0))
            c = ' ';
        if (c)
            buf_add_char(out, c);
    }
    buf_add_char(out, '\n');
}

static void topics_normalise(struct buf *out, struct str topics)
{
    struct str line, rest = topics;
    int n = 0;

    while (rest.n > 0 && n++ < RECOGNIZE_TOPICS_MAX) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last line may lack its end */
        topic_normalise(out, line, ' ');
        if (str_find_char(line, '-') < line.n) /* "check-up" is also "checkup" */
            topic_normalise(out, line, '\0');
    }
}

static struct trigram *model_count(enum hearing h, struct str topics)
{
    struct sentence_source source = { .hearing = h, .topics = topics, .random = 1 };
    int n = h == HEAR_ANYTHING ? SENTENCES_DRAWN_ALL : SENTENCES_DRAWN;
    struct trigram *t = trigram_create();
    struct buf sentence = BUF_INIT(SENTENCE_MAX);

    while (n-- > 0) {
        buf_reset(&sentence);
        sentence_draw(&source, &sentence);
        if (trigram_add(t, buf_str(&sentence)))
            break; /* cannot be with these numbers; fewer sentences do as well */
    }
    buf_release(&sentence);
    return t;
}

/* "word(2)" is a variant of "word". */
static struct str base_word(struct str entry)
{
    return str_slice(entry, 0, str_find_char(entry, '('));
}

static void dictionary_cut(struct buf *out, struct str dictionary, const struct map *wanted)
{
    struct str line, word, phones, rest = dictionary;

    while (rest.n > 0) {
        (void)str_cut(rest, '\n', &line, &rest);
        if (str_cut(line, ' ', &word, &phones) && map_get(wanted, base_word(word))) {
            buf_add_str(out, line);
            buf_add_char(out, '\n');
        }
    }
}

static void own_words_forget(struct map *wanted)
{
    struct str line, word, phones, rest = sentence_own_words();

    while (rest.n > 0) {
        (void)str_cut(rest, '\n', &line, &rest);
        (void)str_cut(line, ' ', &word, &phones);
        (void)map_remove(wanted, word); /* ours stands in place of cmudict's */
    }
}

static void dictionary_write(struct buf *out, const struct recognizer *r, const struct trigram *t)
{
    struct map *wanted = map_create(), *own = map_create();
    size_t i;

    for (i = 0; i < trigram_words(t); i++) {
        (void)map_put(wanted, trigram_word(t, i), out); /* a set */
        (void)map_put(own, trigram_word(t, i), out);
    }
    own_words_forget(wanted);
    dictionary_cut(out, buf_str(&r->dictionary), wanted);
    dictionary_cut(out, sentence_own_words(), own);
    map_destroy(wanted);
    map_destroy(own);
}

/* PocketSphinx reads its models from paths only: a file in memory has one. */
static int memory_file(const char *name, const struct buf *text, char path[64])
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    size_t at = 0;

    while (fd >= 0 && at < text->n) {
        ssize_t n = write(fd, text->p + at, text->n - at);

        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd); /* always fits */
    return fd;
}

static ps_decoder_t *decoder_init(const char *model_dir, const char *dict_path, const char *lm_path)
{
    cmd_ln_t *config = cmd_ln_init(NULL, ps_args(), FALSE, "-hmm", model_dir, "-dict", dict_path,
                                   "-lw", "10", "-wip", "0.65", "-dither", "no", NULL);
    ps_decoder_t *ps = config ? ps_init(config) : NULL;
    ngram_model_t *lm =
        ps ? ngram_model_read(config, lm_path, NGRAM_ARPA, ps_get_logmath(ps)) : NULL;
    bool done = lm && ps_set_lm(ps, "state", lm) == 0 && ps_set_search(ps, "state") == 0;

    if (lm)
        ngram_model_free(lm); /* the decoder has a reference of its own */
    if (ps && !done) {
        ps_free(ps);
        ps = NULL;
    }
    if (config)
        cmd_ln_free_r(config);
    return ps;
}

/* With the decoder's lock held. */
static enum errc decoder_make(const struct recognizer *r, struct decoder *d, struct err *err)
{
    struct buf dict = BUF_INIT(MODEL_TEXT_MAX), arpa = BUF_INIT(MODEL_TEXT_MAX);
    struct buf topics = BUF_INIT(TOPICS_BYTES_MAX);
    char dict_path[64], lm_path[64];
    struct trigram *t;
    int dict_fd, lm_fd;

    topics_normalise(&topics, str_c(d->topics));
    t = model_count(d->hearing, buf_str(&topics));
    trigram_write_arpa(t, &arpa);
    dictionary_write(&dict, r, t);
    dict_fd = memory_file("dictionary", &dict, dict_path);
    lm_fd = memory_file("trigram", &arpa, lm_path);
    if (dict_fd >= 0 && lm_fd >= 0)
        d->ps = decoder_init(r->model_dir, dict_path, lm_path);
    if (dict_fd >= 0)
        close(dict_fd);
    if (lm_fd >= 0)
        close(lm_fd);
    trigram_destroy(t);
    buf_release(&topics);
    buf_release(&dict);
    buf_release(&arpa);
    if (!d->ps)
        return err_set(err, ERR_NOT_FOUND, "no acoustic model in %s (package pocketsphinx-en-us)",
                       r->model_dir);
    return ERR_OK;
}

static struct decoder *decoder_find(struct recognizer *r, enum hearing h, struct str topics)
{
    struct list_node *node, *tmp;

    LIST_EACH (&r->decoders, node, tmp) {
        struct decoder *d = CONTAINER_OF(node, struct decoder, node);

        if (d->hearing == h && str_eq_c(topics, d->topics))
            return d;
    }
    return NULL;
}

static void decoders_trim(struct recognizer *r)
{
    struct list_node *node = r->decoders.head.prev;

    while (r->n_decoders > DECODERS_MAX && node != &r->decoders.head) {
        struct decoder *d = CONTAINER_OF(node, struct decoder, node);

        node = node->prev;
        if (d->users == 0)
            decoder_free(r, d);
    }
}

static struct decoder *decoder_take(struct recognizer *r, enum hearing h, struct str topics)
{
    struct decoder *d;

    pthread_mutex_lock(&r->lock);
    d = decoder_find(r, h, topics);
    if (!d) {
        d = MEM_NEW(struct decoder);
        d->hearing = h;
        d->topics = mem_str_dup(topics);
        pthread_mutex_init(&d->lock, NULL);
        r->n_decoders++;
    } else {
        list_remove(&d->node);
    }
    list_push_front(&r->decoders, &d->node);
    d->users++;
    decoders_trim(r);
    pthread_mutex_unlock(&r->lock);
    return d;
}

static void decoder_give_back(struct recognizer *r, struct decoder *d)
{
    pthread_mutex_lock(&r->lock);
    d->users--;
    pthread_mutex_unlock(&r->lock);
}

/* 16 kHz, with a little noise: the logarithm of digital silence would spoil the cepstral mean. The
 * noise is the same each time, and so is what is understood. */
static void prepare(int16_t *wide, const uint8_t *ulaw, size_t n)
{
    int16_t *narrow = mem_calloc(n, sizeof(narrow[0]));
    uint32_t noise = 1;
    size_t i;

    g711_ulaw_decode(narrow, ulaw, n);
    resample_up2(wide, narrow, n);
    for (i = 0; i < 2 * n; i++) {
        int v;

        noise = noise * 1664525u + 1013904223u;
        v = wide[i] + (int)(noise >> 24) % (2 * DITHER + 1) - DITHER;
        wide[i] = (int16_t)MAX(INT16_MIN, MIN(INT16_MAX, v));
    }
    mem_free(narrow);
}

static bool is_word(const char *w)
{
    return isalpha((unsigned char)w[0]) != 0;
}

static size_t segments_count(ps_decoder_t *ps)
{
    ps_seg_t *seg;
    size_t n = 0;

    for (seg = ps_seg_iter(ps); seg; seg = ps_seg_next(seg))
        n += is_word(ps_seg_word(seg));
    return n;
}

static void collect(ps_decoder_t *ps, struct arena *a, struct heard *ret)
{
    struct buf text = BUF_INIT(HEARD_MAX);
    int from, to;
    double posterior;
    ps_seg_t *seg;

    *ret = (struct heard){ .words = ARENA_ARRAY(a, struct heard_word, segments_count(ps)) };
    for (seg = ps_seg_iter(ps); seg; seg = ps_seg_next(seg)) {
        struct str word = base_word(str_c(ps_seg_word(seg)));

        if (!is_word(ps_seg_word(seg)))
            continue;
        ps_seg_frames(seg, &from, &to);
        buf_addf(&text, "%s" STR_FMT, text.n ? " " : "", STR_ARG(word));
        ret->words[ret->n_words++] = (struct heard_word){ .word = arena_str(a, word),
                                                          .start_ms = from * FRAME_MS,
                                                          .end_ms = (to + 1) * FRAME_MS };
    }
    ret->text = arena_str(a, buf_str(&text));
    posterior = (double)ps_get_prob(ps) / (double)(ret->n_words + POSTERIOR_WORDS);
    ret->confidence = ret->n_words ? fmax(0, 1.0 - posterior / POSTERIOR_OF_NOISE) : 0;
    buf_release(&text);
}

/* With the decoder's lock held. The whole utterance at once: the cepstral mean is then its own. */
static enum errc decode(struct decoder *d, const int16_t *pcm, size_t n, struct arena *a,
                        struct heard *ret, struct err *err)
{
    if (ps_start_stream(d->ps) < 0 || ps_start_utt(d->ps) < 0)
        return err_set(err, ERR_INTERNAL, "PocketSphinx does not start an utterance");
    if (ps_process_raw(d->ps, pcm, n, FALSE, TRUE) < 0) {
        (void)ps_end_utt(d->ps); /* the first failure is what counts */
        return err_set(err, ERR_INTERNAL, "PocketSphinx does not take the audio");
    }
    if (ps_end_utt(d->ps) < 0)
        return err_set(err, ERR_INTERNAL, "PocketSphinx does not end the utterance");
    collect(d->ps, a, ret);
    return ERR_OK;
}

enum errc recognizer_prepare(struct recognizer *r, enum hearing h, struct str topics,
                             struct err *err)
{
    struct decoder *d = decoder_take(r, h, topics);
    enum errc rc = ERR_OK;

    pthread_mutex_lock(&d->lock);
    if (!d->ps)
        rc = decoder_make(r, d, err);
    pthread_mutex_unlock(&d->lock);
    decoder_give_back(r, d);
    return rc;
}

enum errc recognizer_hear(struct recognizer *r, enum hearing h, struct str topics,
                          const uint8_t *ulaw, size_t n, struct arena *a, struct heard *ret,
                          struct err *err)
{
    struct decoder *d;
    int16_t *wide;
    enum errc rc = ERR_OK;

    if (n == 0) {
        *ret = (struct heard){ .confidence = 0 };
        return ERR_OK;
    }
    n = MIN(n, (size_t)RECOGNIZE_MAX_MS * G711_BYTES_PER_MS);
    wide = mem_calloc(2 * n, sizeof(wide[0]));
    prepare(wide, ulaw, n);
    d = decoder_take(r, h, topics);
    pthread_mutex_lock(&d->lock);
    if (!d->ps)
        rc = decoder_make(r, d, err);
    if (!rc)
        rc = decode(d, wide, 2 * n, a, ret, err);
    pthread_mutex_unlock(&d->lock);
    decoder_give_back(r, d);
    mem_free(wide);
    return rc;
}
