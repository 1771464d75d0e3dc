/* twilio/webhook.h: the parameters of Twilio's voice webhooks, read into one struct. Source: Twilio docs,
 * Voice > TwiML > Twilio's request; <Dial>, <Record>, recording and status callbacks. Unknown parameters are
 * ignored; new ones appear without notice. Absent texts are empty, absent numbers -1. */
#ifndef TWILIO_WEBHOOK_H
#define TWILIO_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct twilio_webhook {
    struct str call_sid, account_sid;
    struct str from; /* as sent: E.164, client:…, sip:…, or a word for a withheld number */
    struct str to;
    struct str
        call_status; /* queued initiated ringing in-progress completed busy failed no-answer canceled */
    struct str direction;             /* inbound outbound-api outbound-dial */
    struct str error_code, error_url; /* of a fallback request */
    /* status callbacks */
    int64_t sequence, call_duration_s;
    /* <Dial> action */
    struct str dial_call_status, dial_call_sid;
    int dial_bridged; /* 1, 0, -1: not said */
    int64_t dial_duration_s;
    /* recordings; <Record> action */
    struct str recording_sid, recording_url, recording_status, recording_start_time;
    int64_t recording_duration_s, recording_channels;
    struct str digits; /* <Gather>, <Record>: "hangup" when the caller hung up */
};

/* Reads a form body. Views live in `a`. ERR_INVALID: CallSid or AccountSid is missing or no SID, or a
 * RecordingSid that is none. ERR_LIMIT: too many parameters. */
MUST_USE enum errc twilio_webhook_parse(struct twilio_webhook *ret, struct arena *a,
                                        struct str body, struct err *err);
/* True for a number that can be called back: + and 7 to 15 digits, and not one of the placeholders that
 * carriers put in place of a withheld number (+266696687 and its like spell ANONYMOUS and so on). */
bool twilio_number_known(struct str number);
/* completed, busy, failed, no-answer, canceled: no other follows, whatever arrives later. */
bool twilio_call_status_final(struct str call_status);

#endif
