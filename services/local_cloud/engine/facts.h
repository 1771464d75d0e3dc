/* local_cloud/engine/facts.h: what a model would read out of a system prompt: the business's name,
 * hours, services, questions and answers, today's date. Read by headings ("# Services") and line
 * forms; what is not found is simply not known. */
#ifndef LOCAL_CLOUD_ENGINE_FACTS_H
#define LOCAL_CLOUD_ENGINE_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum { FACTS_SERVICES_MAX = 64, FACTS_QUESTIONS_MAX = 24, FACTS_FAQ_MAX = 100 };

struct fact_service {
    struct str name, id, price, text; /* price empty: may not be named */
    int minutes;                      /* 0: not said */
    bool bookable;
};
struct fact_question { /* for leads */
    struct str name, question;
    bool needed;
};
struct fact_answer {
    struct str question, answer;
};

/* Views of the instructions. */
struct facts {
    struct str business, address, phone, emergency_text, greeting;
    struct str
        hours[7]; /* Sunday first; "09:00 to 12:30, 13:30 to 18:00", "closed"; empty: not known */
    struct fact_service services[FACTS_SERVICES_MAX];
    size_t n_services;
    struct fact_question questions[FACTS_QUESTIONS_MAX];
    size_t n_questions;
    struct fact_answer faq[FACTS_FAQ_MAX];
    size_t n_faq;
    int today; /* days since 1970; 0: not said */
    bool open_now;
    bool number_known, nobody_answered, resumed;
    struct str journal; /* "Agent: …" and "Caller: …", a line each: what was said before, resumed */
};

void facts_read(struct facts *f, struct str instructions);
/* Sentence about the opening hours; `day` as weekday, -1: the week. */
void facts_hours(const struct facts *f, int weekday, struct buf *out);
const char *facts_weekday(int weekday); /* "Sunday" is 0 */

#endif
