#include "local_cloud/twilio/telephony.h"

#include "base/mem.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/settings.h"
#include "local_cloud/twilio/call.h"
#include "twilio/settings.h"

enum { REQUESTS_AT_ONCE = 16 };

enum errc telephony_create(struct local_cloud *lc, struct err *err)
{
    const struct local_settings *s = local_settings_of(lc->service);
    struct str_list tokens = twilio_tokens(s->auth_token, lc->service->arena);
    struct telephony *t = MEM_NEW(struct telephony);
    enum errc rc;

    t->lc = lc;
    t->loop = lc->service->loop;
    t->clock = lc->service->clock;
    t->log = lc->service->log;
    t->account_sid = s->account_sid;
    t->auth_token = tokens.n ? tokens.items[0] : STR_EMPTY;
    t->calls = map_create();
    list_init(&t->live);
    list_init(&t->over);
    list_init(&t->messages);
    lc->telephony = t;
    rc = workers_create(&t->workers, t->loop, REQUESTS_AT_ONCE, lc->service->tls, &t->log, err);
    return rc ? rc : recordings_create(&t->recordings, lc->store, t->workers, err);
}

static void free_calls(struct list *l)
{
    struct list_node *n;

    while ((n = list_first(l)))
        call_free(CONTAINER_OF(n, struct phone_call, node));
}

void telephony_destroy(struct local_cloud *lc)
{
    struct telephony *t = lc->telephony;
    struct list_node *n;

    if (!t)
        return;
    t->closing = true;
    t->workers = workers_destroy(t->workers); /* requests come back to their calls here */
    free_calls(&t->live);
    free_calls(&t->over);
    while ((n = list_pop_front(&t->messages)))
        rest_message_free(n);
    t->recordings = recordings_destroy(t->recordings);
    t->calls = map_destroy(t->calls);
    mem_free(t);
    lc->telephony = NULL;
}

void telephony_set_voice(struct telephony *t, telephony_voice_fn voice, void *arg)
{
    t->voice = voice;
    t->voice_arg = arg;
}

/* A URL of the application, as the number's settings hold it. */
static void set_url(char out[CALL_URL_MAX], struct str base, const char *path)
{
    struct buf url = BUF_INIT(CALL_URL_MAX - 1);

    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    buf_addf(&url, STR_FMT "%s", STR_ARG(base), path);
    (void)str_copy(out, CALL_URL_MAX, buf_str(&url)); /* the buffer is no longer */
    buf_release(&url);
}

enum errc telephony_place(struct telephony *t, const struct phone_call_opts *o,
                          struct phone_call **ret, struct err *err)
{
    struct str base = local_settings_of(t->lc->service)->public_base_url;
    struct phone_call *c;

    if (t->n_live >= TELEPHONY_CALLS_MAX)
        return err_set(err, ERR_LIMIT, "%d calls are running already", TELEPHONY_CALLS_MAX);
    if (!o->to.n || o->to.n >= CALL_NUMBER_MAX || o->from.n >= CALL_NUMBER_MAX)
        return err_set(err, ERR_INVALID, "a call needs a number of at most %d characters",
                       CALL_NUMBER_MAX - 1);
    c = call_create(t, o, "inbound");
    /* As docs/twiml-webhook.md has them at the number. */
    set_url(c->voice_url, base, "/voice/incoming#rc=2&ct=2000&rt=5000&rp=all");
    set_url(c->fallback_url, base, "/voice/fallback#rc=2&rp=all");
    set_url(c->callback.url, base, "/voice/status#rc=5&rp=all");
    c->callback.completed = true;
    call_begin(c);
    *ret = c;
    return ERR_OK;
}

struct str phone_call_sid(const struct phone_call *c)
{
    return str_c(c->sid);
}

void telephony_hang_up(struct phone_call *c)
{
    if (!c->over)
        timer_start(&c->hang_up, 0); /* not from inside a caller's handler */
}

void telephony_dtmf(struct phone_call *c, struct str digits)
{
    size_t i;

    for (i = 0; i < digits.n && c->n_dtmf < sizeof(c->dtmf); i++) {
        if (str_find_char(STR("0123456789*#ABCD"), digits.p[i]) < 16)
            c->dtmf[c->n_dtmf++] = digits.p[i];
    }
}

size_t telephony_calls(const struct telephony *t)
{
    return t->n_live;
}
