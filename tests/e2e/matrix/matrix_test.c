/* The cells, a test each: matrix_{state}_{fault} and, two faults at once, matrix_{state}_{fault}_{fault}.
 *
 *   MATRIX=all       all of them, also under a sanitizer, where otherwise a sample is played
 *   MATRIX_SEED=n    of the sample and of the pairs */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "matrix/matrix.h"

enum {
#if defined(__SANITIZE_THREAD__)
    PAIRS = 50,
    SAMPLE = 100, /* of single faults */
#elif defined(VC_SANITIZED)
    PAIRS = 150,
    SAMPLE = 300,
#else
    PAIRS = 150,
    SAMPLE = 1000000, /* all of them */
#endif
};

struct entry {
    struct test_case test;
    const struct state *state;
    const struct fault *a, *b;
    char name[96];
};

static int64_t seed = 1;

/* Steele, Lea, Flood: SplitMix64. */
static uint64_t next_random(uint64_t *at)
{
    uint64_t z = *at += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void run(const void *arg)
{
    const struct entry *x = arg;
    static bool told;

    if (!told)
        printf("seed %lld\n", (long long)seed);
    told = true;
    cell_play(x->state, x->a, x->b);
}

static void add(const struct state *s, const struct fault *a, const struct fault *b)
{
    static struct entry *entries;
    static size_t n, max;
    struct entry *x;

    if (!entries) {
        max = n_states * n_faults + PAIRS;
        entries = mem_calloc(max, sizeof(*entries)); /* they live as long as the program */
    }
    if (n == max)
        return;
    x = &entries[n++];
    x->state = s;
    x->a = a;
    x->b = b;
    (void)snprintf(x->name, sizeof(x->name), "matrix_%s_%s%s%s", s->name, a->name, b ? "_" : "",
                   b ? b->name : "");
    x->test = (struct test_case){
        .name = x->name, .seconds_max = TEST_SECONDS_MAX, .run_with = run, .arg = x
    };
    test_register(&x->test);
}

static void add_pair(uint64_t *at)
{
    const struct state *s = &states[next_random(at) % n_states];
    size_t a = next_random(at) % n_faults, b = next_random(at) % (n_faults - 1);

    add(s, &faults[a], &faults[b + (b >= a)]);
}

__attribute__((constructor)) static void register_cells(void)
{
    bool all = str_eq_c(str_c(getenv("MATRIX")), "all"); /* NULL is the empty view */
    const char *text = getenv("MATRIX_SEED");
    uint64_t at;
    size_t i;

    if (text && str_to_i64(str_c(text), 0, INT64_MAX, &seed))
        abort();
    at = (uint64_t)seed;
    for (i = 0; i < n_states * n_faults; i++) {
        if (all || next_random(&at) % (n_states * n_faults) < SAMPLE)
            add(&states[i / n_faults], &faults[i % n_faults], NULL);
    }
    for (i = 0; i < PAIRS; i++)
        add_pair(&at);
}
