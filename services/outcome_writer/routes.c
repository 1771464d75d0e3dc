#include "outcome_writer/writer.h"

#include "base/macros.h"
#include "google/pubsub.h"

/* Answers decide what Pub/Sub does: 204 acknowledges; 4xx and 5xx are delivered again, and after the
 * subscription's number of attempts end in the dead-letter topic, which alerts. So
 *   stored, or stored before               204
 *   an event of a type that we do not know  204 and a warning: a newer service may send it, and it is no
 *                                           loss to this one
 *   no event at all, or one too large       400 and an error: it goes to the dead letters, where a person
 *                                           sees it; nothing is dropped silently
 *   the store is busy or down               503: again later */
static void on_push(void *app, struct http_req *r)
{
    struct writer *w = app;
    struct ctx *ctx = r->ctx;
    struct pubsub_push push;
    struct event e;
    struct err err = ERR_INIT;
    bool repeat = false;
    enum errc rc;

    ctx->deadline_mono_ms = clock_mono_ms(ctx->clock) + PUSH_DEADLINE_MS;
    rc = pubsub_push_decode(&push, ctx->arena, r->body, &err);
    if (!rc)
        rc = event_parse(&e, ctx->arena, push.data, &err);
    if (rc == ERR_UNSUPPORTED) {
        log_warn(&ctx->log, "ignored: %s", err.text);
        http_reply_empty(r, 204);
        return;
    }
    if (rc) {
        log_error(&ctx->log, "no event, left to the dead letters: %s", err.text);
        http_reply_error(r, 400, "%s", err.text);
        return;
    }
    ctx->log = log_with_call(&ctx->log, e.subject);
    rc = writer_take(w, ctx, &e, &repeat, &err);
    if (rc == ERR_LIMIT || rc == ERR_INVALID) {
        log_error(&ctx->log, "event cannot be stored, left to the dead letters: type=%s %s",
                  event_type_name(e.type), err.text);
        http_reply_error(r, 400, "%s", err.text);
    } else if (rc) {
        log_warn(&ctx->log, "event not stored yet: type=%s attempt=%lld %s",
                 event_type_name(e.type), (long long)push.delivery_attempt, err.text);
        http_reply_error(r, 503, "not stored yet");
    } else {
        log_info(&ctx->log, "event type=%s repeat=%d", event_type_name(e.type), repeat);
        http_reply_empty(r, 204);
    }
}

static enum errc admit(void *app, struct http_req *r)
{
    struct writer *w = app;

    return oidc_admit(w->oidc, r);
}

const struct http_route writer_routes[] = {
    { HTTP_POST, "/push/events", PUSH_BODY_MAX, admit, on_push, false },
};
const size_t writer_n_routes = ARRAY_LEN(writer_routes);
