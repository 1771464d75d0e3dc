#include "concierge/end_reason.h"

#include <assert.h>

#include "base/macros.h"

static const struct end_reason_info reasons[END_REASONS] = {
    [END_COMPLETED] = { .name = "completed",
                        .text = "the agent said goodbye",
                        .detection =
                            "logCallOutcome was answered, and the goodbye after it was heard",
                        .heard = "the agent's goodbye, to its end",
                        .test = "bridge_lets_the_last_words_be_heard_then_ends_the_call" },
    [END_CALLER_HANGUP] = { .name = "caller_hangup",
                            .text = "the caller hung up",
                            .detection = "Twilio's stop, before an end was decided here",
                            .heard = "nothing: nobody is there",
                            .test = "bridge_takes_the_caller_hanging_up_first_cleanly" },
    [END_TRANSFERRED] = { .name = "transferred",
                          .text = "handed to a person",
                          .detection = "transferToHuman was answered with a number, and the "
                                       "promise was heard",
                          .heard = "the agent's promise, then ringing: the webhook dials",
                          .test = "bridge_hands_the_call_to_a_person_after_the_promise_was_heard" },
    [END_SILENCE] = { .name = "silence",
                      .text = "nobody spoke",
                      .detection = "limits.silence_prompts_max questions without a word after them",
                      .heard = "whether somebody is there, then a goodbye",
                      .test = "bridge_asks_a_silent_caller_then_ends_politely" },
    [END_TIME_LIMIT] = { .name = "time_limit",
                         .text = "the longest allowed call",
                         .detection = "limits.call_max_s since the stream began",
                         .heard = "that little time is left; later that the longest time is "
                                  "reached, and a goodbye",
                         .test = "bridge_ends_the_longest_call_with_a_sentence" },
    [END_ENGINE_FAILED] = { .name = "engine_failed",
                            .text = "the voice engine was lost",
                            .failed = true,
                            .alerts = true,
                            .detection = "it refuses for good, is not ready in time, lets the "
                                         "caller wait for 15 s without a word, or is lost once "
                                         "more than it is replaced",
                            .heard = "the webhook's sentence, then a person or a message",
                            .test = "bridge_hands_over_when_the_engine_dies_in_mid_call" },
    [END_STREAM_LOST] = { .name = "stream_lost",
                          .text = "the media stream broke",
                          .resumes = true,
                          .failed = true,
                          .detection = "Twilio's socket closed without a stop",
                          .heard = "a moment of silence, then the talk goes on",
                          .test = "bridge_leaves_the_call_to_be_resumed_when_the_stream_breaks" },
    [END_SHUTDOWN] = { .name = "shutdown",
                       .text = "the instance was stopped",
                       .resumes = true,
                       .detection = "SIGTERM, and the sentence being spoken is over",
                       .heard = "the sentence to its end, then the talk goes on",
                       .test = "bridge_moves_its_calls_at_shutdown_once_the_sentence_is_spoken" },
    [END_PROTOCOL] = { .name = "protocol",
                       .text = "the media stream broke its protocol",
                       .failed = true,
                       .alerts = true,
                       .detection = "a second start, another stream's message, too much junk",
                       .heard = "the webhook's sentence, then a person or a message",
                       .test = "bridge_ends_a_stream_that_starts_twice" },
};

static const struct call_outcome outcomes[] = {
    { "booked", "an appointment was booked", 100, true },
    { "rescheduled", "an appointment was moved", 95, true },
    { "cancelled", "an appointment was cancelled", 94, true },
    { "transferred", "the caller was handed to a person", 90, true },
    { "lead", "a lead was taken", 80, true },
    { "callback", "somebody will call back", 75, true },
    { "unqualified", "the caller wants what the business does not do", 70, true },
    { "no_slot", "no time suited the caller", 65, true },
    { "emergency", "the caller was sent to the emergency number", 60, true },
    { "answered", "questions were answered, nothing more was wanted", 50, true },
    { "declined", "the caller wanted nothing further", 40, true },
    { "wrong_number", "the caller wanted somebody else", 30, true },
    { "spam", "an unwanted call", 25, true },
    { "silent", "nobody spoke", 20, true },
    { "voicemail", "a message was recorded", 15, false },
    { "abandoned", "the caller hung up before anything was settled", 10, false },
    { "failed", "the agent could not go on", 5, false },
};

const struct end_reason_info *end_reason_info(enum end_reason r)
{
    assert(r < END_REASONS);
    return &reasons[r];
}

enum end_reason end_reason_find(struct str name)
{
    int i;

    for (i = 0; i < END_REASONS; i++) {
        if (str_eq_c(name, reasons[i].name))
            return (enum end_reason)i;
    }
    return END_REASONS;
}

const struct call_outcome *call_outcome_find(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(outcomes); i++) {
        if (str_eq_c(name, outcomes[i].name))
            return &outcomes[i];
    }
    return NULL;
}

const struct call_outcome *call_outcomes(size_t *n)
{
    *n = ARRAY_LEN(outcomes);
    return outcomes;
}
