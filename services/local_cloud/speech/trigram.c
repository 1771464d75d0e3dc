#include "local_cloud/speech/trigram.h"

#include <math.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/map.h"
#include "base/mem.h"

/* Ids of the two borders; words follow. */
enum { BEGIN = 0, END = 1, FIRST_WORD = 2, ID_BITS = 21, TOKENS_AT_FIRST = 1 << 16 };

/* An n-gram as one number, the oldest word in the highest bits, so that sorted n-grams of one
 * history stand together. */
struct gram {
    uint64_t key;
    uint32_t count;
    uint32_t followers;       /* different words after it */
    uint32_t follower_tokens; /* all words after it */
    double prob;              /* of its last word after the others */
};

struct grams {
    struct gram *v;
    size_t n;
};

struct trigram {
    struct map *ids; /* values are id + 1 */
    char **words;    /* from id FIRST_WORD on */
    size_t n_words;
    uint32_t *tokens; /* BEGIN w w w END BEGIN … */
    size_t n_tokens, cap_tokens;
};

struct trigram *trigram_create(void)
{
    struct trigram *t = MEM_NEW(struct trigram);

    t->ids = map_create();
    t->words = mem_calloc(TRIGRAM_WORDS_MAX, sizeof(t->words[0]));
    t->cap_tokens = TOKENS_AT_FIRST;
    t->tokens = mem_calloc(t->cap_tokens, sizeof(t->tokens[0]));
    return t;
}

struct trigram *trigram_destroy(struct trigram *t)
{
    size_t i;

    if (!t)
        return NULL;
    for (i = 0; i < t->n_words; i++)
        mem_free(t->words[i]);
    mem_free(t->words);
    mem_free(t->tokens);
    map_destroy(t->ids);
    mem_free(t);
    return NULL;
}

size_t trigram_words(const struct trigram *t)
{
    return t->n_words;
}

struct str trigram_word(const struct trigram *t, size_t i)
{
    return str_c(t->words[i]);
}

static uint32_t id_of(struct trigram *t, struct str word)
{
    uintptr_t known = (uintptr_t)map_get(t->ids, word);

    if (known)
        return (uint32_t)known - 1;
    t->words[t->n_words] = mem_str_dup(word);
    known = FIRST_WORD + t->n_words++;
    (void)map_put(t->ids, word, (void *)(known + 1)); /* was absent */
    return (uint32_t)known;
}

static void token(struct trigram *t, uint32_t id)
{
    t->tokens[t->n_tokens++] = id;
}

enum errc trigram_add(struct trigram *t, struct str sentence)
{
    struct str word, rest = str_trim(sentence);

    if (t->n_tokens + sentence.n + 2 > TRIGRAM_TOKENS_MAX ||
        t->n_words + sentence.n > TRIGRAM_WORDS_MAX)
        return ERR_LIMIT;
    while (t->n_tokens + sentence.n + 2 > t->cap_tokens) {
        t->cap_tokens *= 2;
        t->tokens = mem_realloc(t->tokens, t->cap_tokens * sizeof(t->tokens[0]));
    }
    token(t, BEGIN);
    while (rest.n > 0) {
        (void)str_cut(rest, ' ', &word, &rest); /* the last word has no blank behind it */
        if (word.n > 0)
            token(t, id_of(t, word));
    }
    token(t, END);
    return ERR_OK;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct gram *)a)->key, y = ((const struct gram *)b)->key;

    return x < y ? -1 : x > y;
}

/* All n-grams of `order` words that do not run over a sentence's end, sorted and counted. */
static struct grams grams_count(const struct trigram *t, size_t order)
{
    struct grams g = { mem_calloc(t->n_tokens + 1, sizeof(struct gram)), 0 };
    size_t i, k, kept = 0;

    for (i = 0; i + order <= t->n_tokens; i++) {
        uint64_t key = 0;

        for (k = 0; k < order && (k == 0 || t->tokens[i + k] != BEGIN); k++)
            key = key << ID_BITS | t->tokens[i + k];
        if (k == order)
            g.v[g.n++] = (struct gram){ .key = key, .count = 1 };
    }
    qsort(g.v, g.n, sizeof(g.v[0]), by_key);
    for (i = 0; i < g.n; i++) {
        if (kept > 0 && g.v[kept - 1].key == g.v[i].key)
            g.v[kept - 1].count++;
        else
            g.v[kept++] = g.v[i];
    }
    g.n = kept;
    return g;
}

static struct gram *gram_find(const struct grams *g, uint64_t key)
{
    struct gram probe = { .key = key };

    return bsearch(&probe, g->v, g->n, sizeof(g->v[0]), by_key);
}

static void histories_count(struct grams *histories, const struct grams *longer)
{
    size_t i;

    for (i = 0; i < longer->n; i++) {
        struct gram *h = gram_find(histories, longer->v[i].key >> ID_BITS);

        if (!h)
            continue;
        h->followers++;
        h->follower_tokens += longer->v[i].count;
    }
}

/* Witten-Bell: as much weight for the shorter history as there are different followers. */
static double smoothed(double count, double all, double kinds, double shorter)
{
    return (count + kinds * shorter) / (all + kinds);
}

static void unigrams_weigh(struct grams *one)
{
    double all = 0, kinds = (double)one->n - 1; /* the sentence's begin is never predicted */
    size_t i;

    for (i = 0; i < one->n; i++) {
        if (one->v[i].key != BEGIN)
            all += one->v[i].count;
    }
    for (i = 0; i < one->n; i++)
        one->v[i].prob = smoothed(one->v[i].count, all, kinds, 1.0 / kinds);
}

static void longer_weigh(struct grams *longer, const struct grams *shorter, uint64_t shorter_mask)
{
    size_t i;

    for (i = 0; i < longer->n; i++) {
        struct gram *g = &longer->v[i];
        const struct gram *history = gram_find(shorter, g->key >> ID_BITS);
        const struct gram *tail = gram_find(shorter, g->key & shorter_mask);

        g->prob = smoothed(g->count, history->follower_tokens, history->followers, tail->prob);
    }
}

static const char *name_of(const struct trigram *t, uint64_t id)
{
    if (id == BEGIN)
        return "<s>";
    return id == END ? "</s>" : t->words[id - FIRST_WORD];
}

static void section_write(const struct trigram *t, const struct grams *g, int order,
                          struct buf *out)
{
    const uint64_t mask = (1u << ID_BITS) - 1;
    size_t i;
    int k;

    buf_addf(out, "\\%d-grams:\n", order);
    for (i = 0; i < g->n; i++) {
        const struct gram *x = &g->v[i];
        bool predicted = x->key != BEGIN || order > 1;

        buf_addf(out, "%.4f", predicted ? log10(x->prob) : -99.0);
        for (k = order - 1; k >= 0; k--)
            buf_addf(out, " %s", name_of(t, x->key >> (k * ID_BITS) & mask));
        if (order < 3 && x->followers > 0)
            buf_addf(out, " %.4f",
                     log10((double)x->followers / ((double)x->follower_tokens + x->followers)));
        else if (order < 3)
            buf_add_c(out, " 0.0000");
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
}

void trigram_write_arpa(struct trigram *t, struct buf *out)
{
    struct grams one = grams_count(t, 1), two = grams_count(t, 2), three = grams_count(t, 3);

    histories_count(&one, &two);
    histories_count(&two, &three);
    unigrams_weigh(&one);
    longer_weigh(&two, &one, (1ull << ID_BITS) - 1);
    longer_weigh(&three, &two, (1ull << 2 * ID_BITS) - 1);
    buf_addf(out, "\\data\\\nngram 1=%zu\nngram 2=%zu\nngram 3=%zu\n\n", one.n, two.n, three.n);
    section_write(t, &one, 1, out);
    section_write(t, &two, 2, out);
    section_write(t, &three, 3, out);
    buf_add_c(out, "\\end\\\n");
    mem_free(one.v);
    mem_free(two.v);
    mem_free(three.v);
}
