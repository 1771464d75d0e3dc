/* What the receptionist says: questions of its stages, and answers out of the instructions. */
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "local_cloud/engine/reception_internal.h"

static const struct {
    enum hearing hearing;
    const char *question;
} stages[STAGES] = {
    [ST_REQUEST] = { HEAR_REQUEST, "How can I help you?" },
    [ST_SERVICE] = { HEAR_REQUEST, "Which service would you like?" },
    [ST_WHEN] = { HEAR_WHEN, "Which day and time would suit you?" },
    [ST_OFFER] = { HEAR_WHEN, "Which of these times would you like?" },
    [ST_NAME] = { HEAR_NAME, "May I have your name, please?" },
    [ST_CHECK] = { HEAR_YES_NO, "Is that right?" },
    [ST_CHANGE] = { HEAR_ANYTHING, "What should be different?" },
    [ST_MORE] = { HEAR_MORE, "Is there anything else I can do for you?" },
    [ST_CALLBACK] = { HEAR_YES_NO, "Shall somebody call you back?" },
    [ST_PHONE] = { HEAR_PHONE, "On which number can we reach you?" },
    [ST_WINDOW] = { HEAR_DETAILS, "When is a good time to call you?" },
    [ST_AGREED] = { HEAR_YES_NO, "Is that all right?" },
    [ST_LEAD] = { HEAR_DETAILS, "" },
    [ST_OVER] = { HEAR_ANYTHING, "" },
};

enum hearing reception_stage_hearing(enum stage stage)
{
    return stages[stage].hearing;
}

const char *reception_stage_question(enum stage stage)
{
    return stages[stage].question;
}

void reception_say(struct receptionist *r, const char *text)
{
    if (r->said.n > 0 && text[0])
        buf_add_char(&r->said, ' ');
    buf_add_c(&r->said, text);
}

void reception_say_str(struct receptionist *r, struct str text)
{
    if (r->said.n > 0 && text.n > 0)
        buf_add_char(&r->said, ' ');
    buf_add_str(&r->said, text);
}

static struct str lead_question(const struct receptionist *r)
{
    return r->facts.questions[r->talk.lead_at].question;
}

void reception_ask(struct receptionist *r, enum stage stage)
{
    r->talk.stage = stage;
    if (stage == ST_LEAD)
        reception_say_str(r, lead_question(r));
    else
        reception_say(r, stages[stage].question);
}

void reception_say_services(struct receptionist *r)
{
    size_t i, n = 0;

    for (i = 0; i < r->facts.n_services; i++) {
        if (!r->facts.services[i].bookable)
            continue;
        buf_addf(&r->said, "%s" STR_FMT,
                 n++         ? ", or "
                 : r->said.n ? " We have "
                             : "We have ",
                 STR_ARG(r->facts.services[i].name));
    }
    if (n)
        buf_add_char(&r->said, '.');
}

bool reception_asks(const char *text)
{
    return strchr(text, '?') != NULL;
}

/* Speaks the tool's sentence, and asks what comes next unless it does so itself. */
void reception_say_and_ask(struct receptionist *r, enum stage stage)
{
    bool asked = reception_asks(r->talk.last_say);

    reception_say(r, r->talk.last_say);
    if (asked)
        r->talk.stage = stage;
    else
        reception_ask(r, stage);
}

static void price_say(struct receptionist *r)
{
    const struct fact_service *s = r->talk.service < 0 ? NULL : &r->facts.services[r->talk.service];

    if (!s) {
        reception_say_services(r);
        reception_say(r, "The price depends on the service.");
    } else if (s->price.n == 0) {
        reception_say(r, "I am sorry, I cannot name a price for that on the phone.");
    } else {
        buf_addf(&r->said, "%sThe price of a " STR_FMT " is " STR_FMT ".", r->said.n ? " " : "",
                 STR_ARG(s->name), STR_ARG(s->price));
    }
}

bool reception_say_faq(struct receptionist *r)
{
    const struct fact_answer *best = NULL;
    double most = 0.45;
    size_t i;

    for (i = 0; i < r->facts.n_faq; i++) {
        double like = understand_likeness(str_c(r->talk.words), r->facts.faq[i].question);

        if (like > most) {
            most = like;
            best = &r->facts.faq[i];
        }
    }
    if (best)
        reception_say_str(r, best->answer);
    return best != NULL;
}

bool reception_answer_question(struct receptionist *r, const struct meaning *m)
{
    const struct fact_service *s = r->talk.service < 0 ? NULL : &r->facts.services[r->talk.service];

    switch (m->question) {
    case QUESTION_NONE:
        return false;
    case QUESTION_HOURS:
        facts_hours(&r->facts,
                    m->wish.from_day && m->wish.from_day == m->wish.to_day
                        ? day_weekday(m->wish.from_day)
                        : -1,
                    &r->said);
        break;
    case QUESTION_PRICE:
        price_say(r);
        break;
    case QUESTION_DURATION:
        if (s && s->minutes)
            buf_addf(&r->said, "A " STR_FMT " takes %d minutes.", STR_ARG(s->name), s->minutes);
        else
            reception_say(r, "That depends on the service.");
        break;
    case QUESTION_ADDRESS:
        if (r->facts.address.n)
            buf_addf(&r->said, "We are at " STR_FMT ".", STR_ARG(r->facts.address));
        else
            reception_say(r, "I am sorry, I do not know that.");
        break;
    case QUESTION_OTHER:
        if (!reception_say_faq(r))
            reception_say(r,
                          "I am sorry, I do not know that. Somebody can call you back about it.");
        break;
    }
    r->talk.answered = true;
    return true;
}
