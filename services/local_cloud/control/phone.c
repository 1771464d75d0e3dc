#include "local_cloud/control/phone.h"

#include <string.h>

#include "base/buf.h"
#include "base/embed.h"
#include "base/json.h"
#include "base/mem.h"
#include "local_cloud/control/control.h"
#include "local_cloud/control/watch.h"
#include "local_cloud/engine/engine.h"
#include "local_cloud/twilio/telephony.h"

EMBED(phone_html, "services/local_cloud/control/phone.html");
EMBED(phone_js, "services/local_cloud/control/phone.js");

enum {
    MIC_MAX_BYTES = 8000, /* a second of the browser's audio waits at most; older is dropped */
    TYPED_MAX_BYTES = 30 * 8000, /* of synthesised speech */
    TYPED_TEXT_MAX = 500,
    POLL_MS = 50, /* for what has happened */
};

/* One browser. Lives until its socket is closed and its call is over. Loop thread. */
struct phone {
    struct local_cloud *lc;
    struct ws_conn *ws;      /* NULL: gone */
    struct phone_call *call; /* NULL: none */
    struct watch *watch;
    struct timer poll;
    struct buf mic, typed;
    size_t typed_sent;
    bool speaking; /* a worker makes speech for us */
};

static void phone_release_if_over(struct phone *p)
{
    if (p->ws || p->call || p->speaking)
        return;
    timer_stop(&p->poll);
    watch_close(p->watch);
    buf_release(&p->mic);
    buf_release(&p->typed);
    mem_free(p);
}

static void on_poll(void *arg)
{
    struct phone *p = arg;
    struct buf line = BUF_INIT(2 * MIB);

    while (p->ws && watch_take(p->watch, &line, 0)) {
        if (ws_send_text(p->ws, buf_str(&line)))
            break; /* a browser that does not read loses lines, not the call */
        buf_reset(&line);
    }
    buf_release(&line);
    timer_start(&p->poll, POLL_MS);
}

/* ---- the caller ---- */

static void on_answered(void *arg)
{
    (void)arg; /* control_on_phone_event() tells */
}

static void on_hears(void *arg, const uint8_t *ulaw, int64_t at_ms)
{
    struct phone *p = arg;

    (void)at_ms;
    if (p->ws && ws_send_binary(p->ws, ulaw, PHONE_FRAME_BYTES))
        return; /* queue full: the browser misses 20 ms */
}

static bool on_says(void *arg, uint8_t *ulaw, int64_t at_ms)
{
    struct phone *p = arg;
    struct str typed = str_from(buf_str(&p->typed), p->typed_sent);

    (void)at_ms;
    if (typed.n >= PHONE_FRAME_BYTES) {
        memcpy(ulaw, typed.p, PHONE_FRAME_BYTES);
        p->typed_sent += PHONE_FRAME_BYTES;
        return true;
    }
    buf_reset(&p->typed);
    p->typed_sent = 0;
    if (p->mic.n < PHONE_FRAME_BYTES)
        return false;
    memcpy(ulaw, p->mic.p, PHONE_FRAME_BYTES);
    buf_drop_front(&p->mic, PHONE_FRAME_BYTES);
    return true;
}

static void on_ended(void *arg, const char *reason)
{
    struct phone *p = arg;

    p->call = NULL;
    watch_tell(p->watch, "ended", "detail", str_c(reason));
    phone_release_if_over(p);
}

static void place(struct phone *p)
{
    static const struct caller_ops ops = { on_answered, on_hears, on_says, on_ended };
    const struct phone_call_opts o = { .from = STR("+4915112345678"),
                                       .to = STR("+4930555100"),
                                       .caller = &ops,
                                       .caller_arg = p,
                                       .on_event = control_on_phone_event,
                                       .event_arg = p->lc->control };
    struct err err = ERR_INIT;

    if (p->call)
        return;
    buf_reset(&p->mic);
    if (telephony_place(p->lc->telephony, &o, &p->call, &err)) {
        watch_tell(p->watch, "failed", "detail", str_c(err.text));
        return;
    }
    watch_set_call(p->watch, phone_call_sid(p->call));
    watch_tell(p->watch, "placed", "callSid", phone_call_sid(p->call));
}

/* ---- typed words ---- */

struct utterance {
    struct phone *phone;
    char *text;
    struct buf speech;
};

static void speak_run(void *arg, struct ctx *ctx)
{
    struct utterance *u = arg;

    if (engine_say(u->phone->lc->engine, STR("rms"), str_c(u->text), &u->speech, NULL))
        buf_reset(&u->speech); /* too long: nothing is said */
    (void)ctx;
}

static void speak_done(void *arg)
{
    struct utterance *u = arg;
    struct phone *p = u->phone;

    p->speaking = false;
    buf_add_str(&p->typed, buf_str(&u->speech));
    buf_release(&u->speech);
    mem_free(u->text);
    mem_free(u);
    phone_release_if_over(p);
}

static void say(struct phone *p, struct str text)
{
    struct utterance *u;

    if (!p->call || p->speaking || !text.n || text.n > TYPED_TEXT_MAX)
        return;
    u = MEM_NEW(struct utterance);
    u->phone = p;
    u->text = mem_str_dup(text);
    buf_init(&u->speech, TYPED_MAX_BYTES);
    p->speaking = !workers_submit(p->lc->service->workers, speak_run, speak_done, u);
    if (!p->speaking) {
        mem_free(u->text);
        mem_free(u);
    }
}

/* ---- the socket ---- */

static void on_command(struct phone *p, struct str text)
{
    struct json *doc = NULL;
    struct str what;

    if (json_parse(&doc, text, NULL))
        return;
    what = json_str(json_get(json_root(doc), "do"));
    if (str_eq_c(what, "call"))
        place(p);
    else if (str_eq_c(what, "say"))
        say(p, json_str(json_get(json_root(doc), "text")));
    else if (str_eq_c(what, "hang_up") && p->call)
        telephony_hang_up(p->call);
    else if (str_eq_c(what, "dtmf") && p->call)
        telephony_dtmf(p->call, json_str(json_get(json_root(doc), "digits")));
    json_destroy(doc);
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct phone *p = arg;

    if (!binary) {
        on_command(p, data);
        return;
    }
    if (data.n != PHONE_FRAME_BYTES)
        return;
    if (p->mic.n + data.n > MIC_MAX_BYTES)
        buf_drop_front(&p->mic, PHONE_FRAME_BYTES);
    buf_add_str(&p->mic, data);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct phone *p = arg;

    (void)code, (void)reason, (void)err; /* however it closed, the phone is on the hook */
    p->ws = NULL;
    if (p->call)
        telephony_hang_up(p->call);
    phone_release_if_over(p);
}

static int admit(void *app, const struct ws_upgrade *u, void **arg)
{
    (void)app, (void)u, (void)arg;
    return 0;
}

static void accept_line(void *app, struct ws_conn *c, struct ws_events *events, void **arg)
{
    struct local_cloud *lc = app;
    struct phone *p = MEM_NEW(struct phone);

    p->lc = lc;
    p->ws = c;
    p->watch = watch_open(control_watches(lc->control));
    buf_init(&p->mic, MIC_MAX_BYTES + PHONE_FRAME_BYTES);
    buf_init(&p->typed, TYPED_MAX_BYTES);
    timer_init(&p->poll, lc->service->loop, on_poll, p);
    timer_start(&p->poll, POLL_MS);
    events->on_message = on_message;
    events->on_closed = on_closed;
    *arg = p;
}

static void on_page(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/html; charset=utf-8", EMBEDDED(phone_html));
}

static void on_script(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/javascript; charset=utf-8", EMBEDDED(phone_js));
}

static enum errc create(struct local_cloud *lc, struct err *err)
{
    (void)lc, (void)err;
    return ERR_OK;
}

static void destroy(struct local_cloud *lc)
{
    (void)lc;
}

static const struct http_route routes[] = {
    { HTTP_GET, "/phone", 0, NULL, on_page, true },
    { HTTP_GET, "/phone.js", 0, NULL, on_script, true },
};
static const struct ws_route ws_routes[] = {
    { .path = "/phone/line", .message_max = 64 * KIB, .admit = admit, .accept = accept_line },
};

const struct local_module phone_module = {
    .name = "phone",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .ws_routes = ws_routes,
    .n_ws_routes = ARRAY_LEN(ws_routes),
    .create = create,
    .destroy = destroy,
};
