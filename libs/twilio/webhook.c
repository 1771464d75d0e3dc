#include "twilio/webhook.h"

#include "base/url.h"
#include "twilio/settings.h"

static int64_t number_of(const struct form *f, const char *key)
{
    int64_t v;

    return str_to_i64(form_get(f, key), 0, INT32_MAX, &v) ? -1 : v;
}

static int truth_of(struct str s)
{
    if (str_ieq_c(s, "true"))
        return 1;
    return str_ieq_c(s, "false") ? 0 : -1;
}

enum errc twilio_webhook_parse(struct twilio_webhook *ret, struct arena *a, struct str body,
                               struct err *err)
{
    struct twilio_webhook w;
    struct form f;
    enum errc rc;

    rc = form_parse(&f, a, body);
    if (rc)
        return err_set(err, rc, "webhook: the form cannot be read");
    w = (struct twilio_webhook){
        .call_sid = form_get(&f, "CallSid"),
        .account_sid = form_get(&f, "AccountSid"),
        .from = form_get(&f, "From"),
        .to = form_get(&f, "To"),
        .call_status = form_get(&f, "CallStatus"),
        .direction = form_get(&f, "Direction"),
        .error_code = form_get(&f, "ErrorCode"),
        .error_url = form_get(&f, "ErrorUrl"),
        .sequence = number_of(&f, "SequenceNumber"),
        .call_duration_s = number_of(&f, "CallDuration"),
        .dial_call_status = form_get(&f, "DialCallStatus"),
        .dial_call_sid = form_get(&f, "DialCallSid"),
        .dial_bridged = truth_of(form_get(&f, "DialBridged")),
        .dial_duration_s = number_of(&f, "DialCallDuration"),
        .recording_sid = form_get(&f, "RecordingSid"),
        .recording_url = form_get(&f, "RecordingUrl"),
        .recording_status = form_get(&f, "RecordingStatus"),
        .recording_start_time = form_get(&f, "RecordingStartTime"),
        .recording_duration_s = number_of(&f, "RecordingDuration"),
        .recording_channels = number_of(&f, "RecordingChannels"),
        .digits = form_get(&f, "Digits"),
    };
    if (!twilio_sid_valid(w.call_sid, "CA"))
        return err_set(err, ERR_INVALID, "webhook: no CallSid");
    if (!twilio_sid_valid(w.account_sid, "AC"))
        return err_set(err, ERR_INVALID, "webhook: no AccountSid");
    if (w.recording_sid.n && !twilio_sid_valid(w.recording_sid, "RE"))
        return err_set(err, ERR_INVALID, "webhook: RecordingSid is no SID");
    *ret = w;
    return ERR_OK;
}

bool twilio_number_known(struct str number)
{
    /* The words on a telephone's keys. */
    static const char *const placeholders[] = {
        "+266696687",   /* ANONYMOUS */
        "+7378742833",  /* RESTRICTED */
        "+2562533",     /* BLOCKED */
        "+8656696",     /* UNKNOWN */
        "+86282452253", /* UNAVAILABLE */
        "+7748283",     /* PRIVATE */
    };
    size_t i;

    if (number.n < 8 || number.n > 16 || number.p[0] != '+')
        return false;
    for (i = 1; i < number.n; i++) {
        if (number.p[i] < '0' || number.p[i] > '9')
            return false;
    }
    for (i = 0; i < ARRAY_LEN(placeholders); i++) {
        if (str_eq_c(number, placeholders[i]))
            return false;
    }
    return true;
}

bool twilio_call_status_final(struct str call_status)
{
    static const char *const final[] = { "completed", "busy", "failed", "no-answer", "canceled" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(final); i++) {
        if (str_eq_c(call_status, final[i]))
            return true;
    }
    return false;
}
