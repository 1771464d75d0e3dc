#include "local_cloud/twilio/call.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/url.h"

struct fetch {
    struct phone_call *call;
    uint64_t epoch;
    char *url;
};

static void run_document(struct phone_call *c, struct xml_node *root, struct str url);

/* ---- failures ---- */

static void application_error_said(struct phone_call *c)
{
    call_end(c, c->answered_ms ? CALL_COMPLETED : CALL_FAILED, "failed");
}

/* The fallback is asked once; without it the caller hears what Twilio says. */
static void document_failed(struct phone_call *c, int error_code, struct str url)
{
    struct buf extra = BUF_INIT(WEBHOOK_PARAMS_MAX);
    char code[16];

    log_warn(&c->log, "error %d: no TwiML from " STR_FMT, error_code, STR_ARG(url));
    if (!c->fallback_url[0] || c->in_fallback || c->fallbacks++ == FALLBACKS_MAX) {
        call_answer(c);
        call_say(c, STR_EMPTY, STR("We are sorry. An application error has occurred. Goodbye."),
                 application_error_said);
        return;
    }
    c->in_fallback = true;
    snprintf(code, sizeof(code), "%d", error_code);
    form_add(&extra, "ErrorCode", str_c(code));
    form_add(&extra, "ErrorUrl", url);
    call_fetch(c, str_c(c->fallback_url), c->fallback_get, &extra);
    buf_release(&extra);
}

/* ---- fetching ---- */

static void on_answer(void *arg, const struct webhook_answer *answer)
{
    struct fetch *f = arg;
    struct phone_call *c = f->call;

    c->pending--;
    if (!c->t->closing && !c->over && f->epoch == c->epoch) {
        if (!answer->ok)
            document_failed(c, answer->error_code, str_c(f->url));
        else
            call_run_twiml(c, answer->body, str_c(f->url));
    }
    mem_free(f->url);
    mem_free(f);
}

void call_fetch(struct phone_call *c, struct str url, bool get, const struct buf *extra)
{
    struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);
    struct fetch *f = MEM_NEW(struct fetch);

    f->call = c;
    f->epoch = ++c->epoch;
    f->url = mem_str_dup(url);
    call_params(c, &form);
    if (extra && extra->n) {
        buf_add_char(&form, '&');
        buf_add_str(&form, buf_str(extra));
    }
    c->pending++;
    webhook_send(c->t->workers, c->t->auth_token, url, get, buf_str(&form), on_answer, f);
    buf_release(&form);
}

void call_fetch_ref(struct phone_call *c, struct str ref, bool get, const struct buf *extra)
{
    struct arena a = ARENA_INIT;

    call_fetch(c, webhook_resolve(&a, str_c(c->document_url), ref), get, extra);
    arena_release(&a);
}

/* ---- going through it ---- */

void call_run_twiml(struct phone_call *c, struct str text, struct str url)
{
    struct arena fresh = ARENA_INIT;
    struct xml_node *root = NULL;
    struct err err = ERR_INIT;
    char *kept_url = mem_str_dup(url); /* may be the document's own */

    if (xml_parse(&root, &fresh, arena_str(&fresh, text), &err) ||
        !str_eq_c(root->name, "Response")) {
        log_warn(&c->log, "document refused error=\"%s\"",
                 err.code ? err.text : "the root is no <Response>");
        arena_release(&fresh);
        document_failed(c, 12100, str_c(kept_url));
    } else {
        arena_release(&c->document);
        c->document = fresh;
        c->in_fallback = false;
        run_document(c, root, str_c(kept_url));
    }
    mem_free(kept_url);
}

static void begin_verb(struct phone_call *c)
{
    const struct xml_node *n;

    for (n = c->verb; n; n = c->verb = n->next, c->epoch++) {
        if (verb_begin(c, n))
            return;
        log_warn(&c->log, "warning 12200: unknown verb " STR_FMT, STR_ARG(n->name));
    }
    if (c->gather.on) {
        verb_nested_done(c);
    } else {
        call_answer(c);
        call_end(c, CALL_COMPLETED, "agent"); /* end of the document */
    }
}

static void run_document(struct phone_call *c, struct xml_node *root, struct str url)
{
    c->epoch++;
    if (!str_copy(c->document_url, sizeof(c->document_url), url))
        c->document_url[0] = '\0';
    c->verb = root->first_child;
    begin_verb(c);
}

void call_next(struct phone_call *c)
{
    if (c->over)
        return;
    c->epoch++;
    c->verb = c->verb ? c->verb->next : NULL;
    begin_verb(c);
}

void call_interrupt(struct phone_call *c)
{
    c->epoch++;
    timer_stop(&c->verb_timer);
    c->playing = false;
    buf_reset(&c->play);
    if (c->message.on && c->message.rec) {
        struct recording_info info;

        recording_finish(c->message.rec, &info);
    }
    c->message = (struct message_taking){ .on = false };
    c->gather = (struct gather){ .on = false };
    dial_stop(c);
    verb_stream_stop(c);
    c->verb = NULL;
}
