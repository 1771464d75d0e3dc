#include "concierge/event.h"

#include "google/pubsub.h"

enum { SOURCE_MAX = 32 };

static const char *const type_names[EVENT_TYPES] = {
    [EVENT_CALL_RINGING] = "call.ringing",
    [EVENT_CALL_STARTED] = "call.started",
    [EVENT_CALL_TURN] = "call.turn",
    [EVENT_CALL_TOOL] = "call.tool",
    [EVENT_CALL_LATENCY] = "call.latency",
    [EVENT_CALL_USAGE] = "call.usage",
    [EVENT_CALL_HANDOFF] = "call.handoff",
    [EVENT_CALL_ENDED] = "call.ended",
    [EVENT_CALL_STATUS] = "call.status",
    [EVENT_CALL_DIALED] = "call.dialed",
    [EVENT_RECORDING_AVAILABLE] = "recording.available",
    [EVENT_RECORDING_STORED] = "recording.stored",
    [EVENT_TRANSCRIPT_READY] = "transcript.ready",
    [EVENT_SUMMARY_READY] = "summary.ready",
    [EVENT_CALLBACK_REQUESTED] = "callback.requested",
    [EVENT_CALLBACK_DONE] = "callback.done",
    [EVENT_BOOKING_CHANGED] = "booking.changed",
    [EVENT_LEAD_CAPTURED] = "lead.captured",
};

const char *event_type_name(enum event_type t)
{
    return t < EVENT_TYPES ? type_names[t] : "";
}

enum event_type event_type_find(struct str name)
{
    int i;

    for (i = 0; i < EVENT_TYPES; i++) {
        if (str_eq_c(name, type_names[i]))
            return (enum event_type)i;
    }
    return EVENT_TYPES;
}

bool event_has_words(enum event_type t)
{
    return t == EVENT_CALL_TURN || t == EVENT_CALL_TOOL || t == EVENT_CALL_HANDOFF ||
           t == EVENT_CALL_ENDED || t == EVENT_SUMMARY_READY || t == EVENT_CALLBACK_REQUESTED;
}

void event_begin(struct jw *w, const struct event_head *h)
{
    char time[TIME_TEXT_MAX];

    time_rfc3339(time, h->time_us);
    jw_init(w);
    jw_obj(w, NULL);
    jw_cstr(w, "specversion", "1.0");
    jw_strf(w, "id", STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(h->call_sid), STR_ARG(h->source),
            STR_ARG(h->seq));
    jw_strf(w, "source", "/" STR_FMT, STR_ARG(h->source));
    jw_cstr(w, "type", event_type_name(h->type));
    jw_str(w, "subject", h->call_sid);
    jw_cstr(w, "time", time);
    jw_cstr(w, "datacontenttype", "application/json");
    jw_obj(w, "data");
}

struct str event_end(struct jw *w, struct arena *a)
{
    jw_end(w);
    jw_end(w);
    return jw_finish(w, a);
}

/* Subjects and ids become document names. */
static bool name_safe(struct str s, size_t max)
{
    size_t i;

    if (!s.n || s.n > max)
        return false;
    for (i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

/* {subject}/{source}/{seq} */
static enum errc check_names(const struct event *e, struct err *err)
{
    struct str subject, rest, source, seq;

    if (!name_safe(e->subject, 64) || str_contains(e->subject, STR("/")))
        return err_set(err, ERR_INVALID, "subject is no call SID");
    if (!name_safe(e->source, SOURCE_MAX) || str_contains(e->source, STR("/")))
        return err_set(err, ERR_INVALID, "source is none of ours");
    if (!name_safe(e->id, EVENT_ID_MAX) || !str_cut(e->id, '/', &subject, &rest) ||
        !str_cut(rest, '/', &source, &seq) || !str_eq(subject, e->subject) ||
        !str_eq(source, e->source) || !seq.n)
        return err_set(err, ERR_INVALID, "id is not {subject}/{source}/{seq}");
    return ERR_OK;
}

enum errc event_parse(struct event *ret, struct arena *a, struct str text, struct err *err)
{
    const struct jval *v;
    struct event e = { 0 };
    enum errc rc;

    if (text.n > EVENT_BYTES_MAX)
        return err_set(err, ERR_INVALID, "event of %zu bytes, at most %d are taken", text.n,
                       EVENT_BYTES_MAX);
    rc = json_parse_arena(&v, a, text, err);
    if (rc)
        return err_wrap(err, ERR_INVALID, "event");
    if (!str_eq(json_str(json_get(v, "specversion")), STR("1.0")))
        return err_set(err, ERR_INVALID, "event: specversion is not 1.0");
    e.id = json_str(json_get(v, "id"));
    e.source = json_str(json_get(v, "source"));
    if (str_starts(e.source, STR("/")))
        e.source = str_from(e.source, 1);
    e.subject = json_str(json_get(v, "subject"));
    e.data = json_get(v, "data");
    rc = check_names(&e, err);
    if (rc)
        return err_wrap(err, rc, "event");
    if (time_parse_rfc3339(json_str(json_get(v, "time")), &e.time_us))
        return err_set(err, ERR_INVALID, "event: time is not RFC 3339");
    if (!json_is_obj(e.data))
        return err_set(err, ERR_INVALID, "event: data is no object");
    e.type = event_type_find(json_str(json_get(v, "type")));
    if (e.type == EVENT_TYPES)
        return err_set(err, ERR_UNSUPPORTED, "event of unknown type \"" STR_FMT "\"",
                       STR_ARG(str_slice(json_str(json_get(v, "type")), 0, 64)));
    *ret = e;
    return ERR_OK;
}

enum errc event_publish(struct ctx *ctx, struct google *g, struct str topic,
                        const struct event_head *h, struct str text, struct err *err)
{
    const struct pubsub_attribute attributes[] = {
        { STR("type"), str_c(event_type_name(h->type)) },
        { STR("id"), arena_printf(ctx->arena, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(h->call_sid),
                                  STR_ARG(h->source), STR_ARG(h->seq)) },
    };
    const struct pubsub_message m = {
        .data = text,
        .ordering_key = h->call_sid,
        .attributes = attributes,
        .n_attributes = ARRAY_LEN(attributes),
    };
    enum errc rc = pubsub_publish(g, ctx, topic, &m, 1, NULL, err);

    return rc ? err_wrap(err, rc, "publish %s", event_type_name(h->type)) : ERR_OK;
}
