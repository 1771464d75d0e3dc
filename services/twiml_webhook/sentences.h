/* twiml_webhook/sentences.h: what Twilio's own voice says when the agent cannot: a few fixed sentences in
 * the languages that we have them in, English otherwise. All of them are true whatever happens next. */
#ifndef TWIML_WEBHOOK_SENTENCES_H
#define TWIML_WEBHOOK_SENTENCES_H

struct profile;

struct sentences {
    const char *language;         /* of <Say>, as Twilio knows it */
    const char *lost_dial;        /* the agent is gone, a person is called now */
    const char *lost_record;      /* the agent is gone, a message is taken now */
    const char *no_answer;        /* the person did not answer, the agent comes back */
    const char *no_answer_record; /* the person did not answer, a message is taken now */
    const char *message_taken;
    const char *no_message; /* nothing was recorded */
};

/* By the profile's first language that we have. */
const struct sentences *sentences_for(const struct profile *p);

#endif
