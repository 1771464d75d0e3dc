#include "twiml_webhook/answers.h"

#include <stdio.h>

#include "concierge/live_call.h"
#include "concierge/profile.h"
#include "twilio/twiml.h"
#include "twilio/webhook.h"
#include "twiml_webhook/sentences.h"

enum {
    URL_BYTES_MAX = 1024,
    DIAL_TIMEOUT_S = 25,
    MESSAGE_MAX_S = 180,
    MESSAGE_SILENCE_S = 5,
};

/* Twilio's connection overrides: a repeat costs the caller less than the fallback. The fragment is no part
 * of the signature. 4xx are repeated too: Cloud Run answers 429 while it has no instance to give. */
#define RETRY_CONTROL "#rc=2&ct=2000&rt=5000&rp=all"
#define RETRY_CALLBACK "#rc=5&rp=all"

/* A URL of ours in the caller's buffer; too long a base URL leaves it empty, which the writer refuses. */
static struct str url(char out[URL_BYTES_MAX], const struct answers *a, const char *rest)
{
    int n = snprintf(out, URL_BYTES_MAX, STR_FMT "%s", STR_ARG(a->base_url), rest);

    return n > 0 && n < URL_BYTES_MAX ? str_c(out) : STR_EMPTY;
}

static void say(struct twiml *t, const struct answers *a, const char *text)
{
    const struct sentences *s = sentences_for(a->profile);

    twiml_say(t, &(struct twiml_voice){ .language = str_c(s->language) }, str_c(text));
}

enum next_step next_step(const struct live_call *call, int attempt, int *ret_attempt)
{
    if (call)
        attempt = MAX(attempt, call->attempt);
    *ret_attempt = attempt + 1;
    if (!call || call->state == LIVE_CALL_LIVE)
        return attempt < RESUMES_MAX ? NEXT_STREAM : NEXT_LOST;
    if (call->state == LIVE_CALL_TRANSFER && twilio_number_known(call->transfer.number))
        return NEXT_TRANSFER; /* what is no number could not be dialled: error 13224 */
    return call->state == LIVE_CALL_ENDED ? NEXT_HANGUP : NEXT_LOST;
}

void answer_stream(struct twiml *t, const struct answers *a, const struct stream_answer *s)
{
    char action[URL_BYTES_MAX], callback[URL_BYTES_MAX], path[64];
    struct twiml_parameter parameters[2] = { { STR("token"), s->token } };
    size_t n = 1;

    if (s->record)
        twiml_start_recording(
            t, &(struct twiml_recording){ .status_callback =
                                              url(callback, a, "/voice/recording" RETRY_CALLBACK),
                                          .status_events = STR("in-progress completed absent") });
    if (s->wait)
        twiml_pause(t, 1);
    if (s->after)
        parameters[n++] = (struct twiml_parameter){ STR("after"), str_c(s->after) };
    (void)snprintf(path, sizeof(path), "/voice/continue?attempt=%d" RETRY_CONTROL, s->attempt);
    twiml_connect_stream(t, &(struct twiml_stream){ .action = url(action, a, path),
                                                    .url = a->bridge_url,
                                                    .parameters = parameters,
                                                    .n_parameters = n });
}

void answer_back_from_dial(struct twiml *t, const struct answers *a, const struct stream_answer *s)
{
    say(t, a, sentences_for(a->profile)->no_answer);
    answer_stream(t, a, s);
}

void answer_transfer(struct twiml *t, const struct answers *a, const struct dial_answer *d)
{
    const struct twiml_number number = { .number = d->number };
    char action[URL_BYTES_MAX], path[80];

    (void)snprintf(path, sizeof(path), "/voice/dialed?attempt=%d%s" RETRY_CONTROL, d->attempt,
                   d->lost ? "&lost=1" : "");
    twiml_dial(t, &(struct twiml_dial){ .action = url(action, a, path),
                                        .caller_id = d->caller_id,
                                        .timeout_s = DIAL_TIMEOUT_S,
                                        .numbers = &number,
                                        .n_numbers = 1 });
}

static void take_message(struct twiml *t, const struct answers *a)
{
    char action[URL_BYTES_MAX];

    twiml_record(t,
                 &(struct twiml_record){ .action = url(action, a, "/voice/voicemail" RETRY_CONTROL),
                                         .max_length_s = MESSAGE_MAX_S,
                                         .timeout_s = MESSAGE_SILENCE_S });
    /* Reached when nothing was said: Twilio then does not ask the action. */
    answer_message_taken(t, a, false);
}

void answer_lost(struct twiml *t, const struct answers *a, bool open_now, struct str caller_id)
{
    const struct sentences *s = sentences_for(a->profile);

    if (open_now && a->profile->escalation.n_numbers) {
        say(t, a, s->lost_dial);
        answer_transfer(t, a,
                        &(struct dial_answer){ .number = a->profile->escalation.numbers[0].number,
                                               .caller_id = caller_id,
                                               .lost = true });
        return;
    }
    say(t, a, s->lost_record);
    take_message(t, a);
}

void answer_no_answer(struct twiml *t, const struct answers *a)
{
    say(t, a, sentences_for(a->profile)->no_answer_record);
    take_message(t, a);
}

void answer_message_taken(struct twiml *t, const struct answers *a, bool taken)
{
    const struct sentences *s = sentences_for(a->profile);

    say(t, a, taken ? s->message_taken : s->no_message);
    twiml_hangup(t);
}

void answer_goodbye(struct twiml *t, const struct answers *a)
{
    say(t, a, sentences_for(a->profile)->no_answer);
    twiml_hangup(t);
}

void answer_static(struct twiml *t, const struct answers *a)
{
    const struct profile *p = a->profile;

    if (p->escalation.n_numbers) {
        const struct twiml_number number = { .number = p->escalation.numbers[0].number };

        say(t, a, sentences_for(p)->lost_dial);
        twiml_dial(t, &(struct twiml_dial){
                          .timeout_s = DIAL_TIMEOUT_S, .numbers = &number, .n_numbers = 1 });
    }
    answer_goodbye(t, a); /* reached when nobody has answered; who was talking has hung up */
}
