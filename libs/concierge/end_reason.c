#include "concierge/end_reason.h"

#include "base/macros.h"

static const struct end_reason_info reasons[END_REASONS] = {
    [END_COMPLETED] = { "completed", "the agent said goodbye", false, false },
    [END_CALLER_HANGUP] = { "caller_hangup", "the caller hung up", false, false },
    [END_TRANSFERRED] = { "transferred", "handed to a person", false, false },
    [END_SILENCE] = { "silence", "nobody spoke", false, false },
    [END_TIME_LIMIT] = { "time_limit", "the longest allowed call", false, false },
    [END_ENGINE_FAILED] = { "engine_failed", "the voice engine was lost", false, true },
    [END_STREAM_LOST] = { "stream_lost", "the media stream broke", true, true },
    [END_SHUTDOWN] = { "shutdown", "the instance was stopped", true, false },
    [END_PROTOCOL] = { "protocol", "the media stream broke its protocol", false, true },
    [END_INTERNAL] = { "internal", "a mistake of ours", false, true },
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
    return &reasons[r < END_REASONS ? r : END_INTERNAL];
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
