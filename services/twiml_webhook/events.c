#include "twiml_webhook/events.h"

#include "twilio/webhook.h"

enum { NUMBER_TEXT_MAX = 32 };

void webhook_event_begin(struct webhook *w, struct jw *jw, struct event_head *h,
                         enum event_type type, struct str call_sid, struct str seq)
{
    *h = (struct event_head){ .type = type,
                              .call_sid = call_sid,
                              .source = STR("webhook"),
                              .seq = seq,
                              .time_us = clock_wall_us(w->clock) };
    event_begin(jw, h);
}

bool webhook_event_end(struct webhook *w, struct http_req *r, struct jw *jw,
                       const struct event_head *h, struct str topic, int wait_ms)
{
    struct ctx ctx = *r->ctx;
    struct err err = ERR_INIT;
    struct str text = event_end(jw, ctx.arena);

    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + wait_ms;
    if (event_publish(&ctx, w->google, topic, h, text, &err) == ERR_OK)
        return true;
    if (event_has_words(h->type))
        log_error(&r->ctx->log, "event not published error=\"%s\" type=%s seq=" STR_FMT, err.text,
                  event_type_name(h->type), STR_ARG(h->seq));
    else
        log_error(&r->ctx->log, "event not published, kept here only error=\"%s\" event=" STR_FMT,
                  err.text, STR_ARG(text));
    return false;
}

void webhook_event_number(struct jw *jw, const char *key, struct str number)
{
    char masked[NUMBER_TEXT_MAX] = "";

    if (twilio_number_known(number))
        log_mask_number(masked, sizeof(masked), number);
    jw_cstr(jw, key, masked);
}
