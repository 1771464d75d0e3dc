#include "local_cloud/speech/trigram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* Sum of the probabilities that the model gives to all words after the history "a b" (or "a", or
 * none), read back from its own text: backed-off ones included. */
static double value_of(struct str arpa, const char *gram, double *backoff)
{
    struct str line, rest = arpa;

    while (rest.n > 0) {
        struct str prob, words;
        char text[128];
        double weight = 0;
        char *blank;

        (void)str_cut(rest, '\n', &line, &rest);
        if (!str_cut(line, ' ', &prob, &words) || !str_copy(text, sizeof(text), words))
            continue;
        blank = strrchr(text, ' ');
        if (blank && str_to_double(str_c(blank + 1), &weight) == ERR_OK)
            *blank = '\0';
        if (strcmp(text, gram) == 0) {
            double v = 0;

            CHECK_OK(str_to_double(prob, &v));
            if (backoff)
                *backoff = pow(10, weight);
            return pow(10, v);
        }
    }
    if (backoff)
        *backoff = 1;
    return 0;
}

TEST(trigram_gives_each_history_probabilities_that_sum_to_one)
{
    static const char *const next[] = { "tea", "coffee", "please", "now", "</s>" };
    struct trigram *t = trigram_create();
    struct buf arpa = BUF_INIT(64 * KIB);
    double all = 0, backoff, single;
    char gram[64];
    size_t i;

    CHECK_OK(trigram_add(t, STR("tea please")));
    CHECK_OK(trigram_add(t, STR(" tea  now ")));
    CHECK_OK(trigram_add(t, STR("coffee please")));
    CHECK_OK(trigram_add(t, STR("tea please")));
    CHECK_INT(trigram_words(t), 4);
    trigram_write_arpa(t, &arpa);
    CHECK_OK(buf_status(&arpa));
    CHECK_CONTAINS(buf_str(&arpa), "ngram 1=6\n");
    (void)value_of(buf_str(&arpa), "tea", &backoff);
    for (i = 0; i < ARRAY_LEN(next); i++) {
        struct buf b = BUF_INIT(sizeof(gram) - 1);

        buf_addf(&b, "tea %s", next[i]);
        single = value_of(buf_str(&arpa), buf_cstr(&b), NULL);
        all += single > 0 ? single : backoff * value_of(buf_str(&arpa), next[i], NULL);
        buf_release(&b);
    }
    CHECK(fabs(all - 1.0) < 0.01);
    CHECK(value_of(buf_str(&arpa), "tea please", NULL) > value_of(buf_str(&arpa), "tea now", NULL));
    buf_release(&arpa);
    trigram_destroy(t);
}
