/* local_cloud/engine/understand.h: what a caller's words mean, by rules over the words that the
 * recogniser gives. English. Days are counted since 1970-01-01 (0: none), times are minutes of the
 * day (-1: none). */
#ifndef LOCAL_CLOUD_ENGINE_UNDERSTAND_H
#define LOCAL_CLOUD_ENGINE_UNDERSTAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum day_part { PART_ANY, PART_MORNING, PART_AFTERNOON, PART_EVENING };

struct wish {
    int from_day, to_day;
    int minute;
    enum day_part part;
    bool soon; /* the earliest, any time: no wish is a wish, too */
};

enum question {
    QUESTION_NONE,
    QUESTION_HOURS,
    QUESTION_PRICE,
    QUESTION_DURATION,
    QUESTION_ADDRESS,
    QUESTION_OTHER
};

enum { SAID_DIGITS_MAX = 24, SAID_LETTERS_MAX = 32, SAID_NAME_MAX = 80 };

struct meaning {
    bool yes, no; /* both: a mixed answer */
    bool hesitates;
    bool bye, person, robot, emergency, legal, complaint, billing, again, privacy, probing;
    bool booking; /* wants an appointment, whichever */
    bool change;  /* of an appointment that exists */
    bool large;   /* a quote, a company, a project: not for the calendar */
    bool pushes;  /* insists, asks for more */
    bool this_number;
    enum question question;
    struct wish wish;
    bool has_wish;
    int choice; /* 1, 2, 3: of what was offered; -1: the last; 0: none */
    char digits[SAID_DIGITS_MAX + 1];
    char letters[SAID_LETTERS_MAX + 1]; /* spelt */
};

/* `today` is what relative days count from. offered: something to choose from was just offered, so
 * "the first one" is no date. */
void understand(struct meaning *m, struct str words, int today, bool offered);
/* A name out of "my name is anna weber": "Anna Weber"; a spelling corrects its last word. Empty:
 * none. */
void understand_name(char out[SAID_NAME_MAX + 1], struct str words);
/* The first number, "two hundred and fifty" or "250". False: there is none. */
bool understand_number(struct str words, long *ret);
/* Whether the words name the phrase ("check up" names "Check-up"). */
bool understand_names(struct str words, struct str phrase);
/* Words that mean something in both, as a share of the question's: for answering from a list. */
double understand_likeness(struct str words, struct str question);

int day_from_civil(int year, int month, int day);
void day_to_civil(int days, int *year, int *month, int *day);
int day_weekday(int days); /* 0: Sunday */

#endif
