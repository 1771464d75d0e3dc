/* The Message resource. */
#include <string.h>

#include "base/mem.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/twilio/rest_internal.h"

enum { MESSAGES_KEPT_MAX = 1000, MESSAGE_BODY_MAX = 1600 };

struct message {
    struct list_node node;
    char sid[SID_SIZE];
    char *to, *from, *service, *body, *callback; /* from or service is empty */
    int64_t created_s;
    const char *status;
};

void rest_message_free(struct list_node *n)
{
    struct message *m = CONTAINER_OF(n, struct message, node);

    mem_free(m->to);
    mem_free(m->from);
    mem_free(m->service);
    mem_free(m->body);
    mem_free(m->callback);
    mem_free(m);
}

/* Characters of GSM 03.38 beyond ASCII; those of its extension take two places. */
#define GSM_MORE "@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
#define GSM_EXTENSION "^{}\\[~]|€"

/* Places that one character takes in a message of 7-bit characters; 0: it has none. */
static size_t gsm_places(struct str c)
{
    if (str_contains(STR(GSM_EXTENSION), c))
        return 2;
    if (c.n > 1 || c.p[0] == '@' || c.p[0] == '$')
        return str_contains(STR(GSM_MORE), c);
    return c.p[0] != '`' && ((c.p[0] >= ' ' && c.p[0] < 0x7F) || c.p[0] == '\n' || c.p[0] == '\r');
}

/* 160 places in one message, 153 in each of several; with any other character 70 and 67 UTF-16 units. */
static size_t segments(struct str body)
{
    size_t gsm = 0, units = 0, n;
    bool plain = true;

    for (; (n = str_utf8_next(body)) > 0; body = str_from(body, n)) {
        size_t places = gsm_places(str_slice(body, 0, n));

        plain &= places > 0;
        gsm += places;
        units += n == 4 ? 2 : 1;
    }
    if (plain)
        return gsm <= 160 ? 1 : (gsm + 152) / 153;
    return units <= 70 ? 1 : (units + 66) / 67;
}

static size_t characters(struct str s)
{
    size_t count = 0, n;

    for (; (n = str_utf8_next(s)) > 0; s = str_from(s, n))
        count++;
    return count;
}

static void write_message(struct jw *w, const struct telephony *t, const struct message *m)
{
    jw_obj(w, NULL);
    jw_cstr(w, "sid", m->sid);
    jw_str(w, "account_sid", t->account_sid);
    jw_cstr(w, "messaging_service_sid", m->service[0] ? m->service : NULL);
    jw_cstr(w, "to", m->to);
    jw_cstr(w, "from", m->from[0] ? m->from : NULL);
    jw_cstr(w, "body", m->body);
    jw_cstr(w, "status", m->status);
    jw_cstr(w, "direction", "outbound-api");
    jw_strf(w, "num_segments", "%zu", segments(str_c(m->body)));
    jw_cstr(w, "num_media", "0");
    jw_null(w, "price");
    jw_cstr(w, "price_unit", "USD");
    jw_null(w, "error_code");
    jw_null(w, "error_message");
    jw_cstr(w, "api_version", "2010-04-01");
    rest_date(w, "date_created", m->created_s);
    rest_date(w, "date_updated", m->created_s);
    rest_date(w, "date_sent", m->created_s);
    jw_strf(w, "uri", "/2010-04-01/Accounts/" STR_FMT "/Messages/%s.json", STR_ARG(t->account_sid),
            m->sid);
    jw_obj(w, "subresource_uris");
    jw_strf(w, "media", "/2010-04-01/Accounts/" STR_FMT "/Messages/%s/Media.json",
            STR_ARG(t->account_sid), m->sid);
    jw_end(w);
    jw_end(w);
}

static void reply_message(struct http_req *r, int status, const struct telephony *t,
                          const struct message *m)
{
    struct jw w;

    jw_init(&w);
    write_message(&w, t, m);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

/* The magic numbers of Twilio's test credentials. */
static const struct {
    const char *to;
    int code;
    const char *message;
} refused_messages[] = {
    { "+15005550001", 21211, "The 'To' number +15005550001 is not a valid phone number." },
    { "+15005550002", 21612, "The message cannot be routed to this number." },
    { "+15005550003", 21408, "Permission to send an SMS has not been enabled for the region." },
    { "+15005550004", 21610, "Attempt to send to unsubscribed recipient" },
    { "+15005550009", 21614, "'To' number: +15005550009, is not a mobile number" },
};

static int check_message(const struct form *f, const char **what)
{
    size_t i;

    *what = "A 'To' phone number is required.";
    if (!form_get(f, "To").n)
        return 21604;
    *what = "The 'To' number is not a valid phone number.";
    if (!rest_e164(form_get(f, "To")))
        return 21211;
    *what = "A 'From' or 'MessagingServiceSid' parameter is required.";
    if (!form_get(f, "From").n && !form_get(f, "MessagingServiceSid").n)
        return 21603;
    *what = "Message body is required.";
    if (!form_get(f, "Body").n)
        return 21602;
    *what = "The concatenated message body exceeds the 1600 character limit";
    if (characters(form_get(f, "Body")) > MESSAGE_BODY_MAX)
        return 21617;
    *what = "Invalid StatusCallback.";
    if (!rest_url_fits(f, "StatusCallback"))
        return 21609;
    for (i = 0; i < ARRAY_LEN(refused_messages); i++) {
        *what = refused_messages[i].message;
        if (str_eq_c(form_get(f, "To"), refused_messages[i].to))
            return refused_messages[i].code;
    }
    return 0;
}

static void notify_message(struct telephony *t, const struct message *m, const char *status)
{
    struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);

    if (!m->callback[0])
        return;
    form_add(&form, "AccountSid", t->account_sid);
    form_add(&form, "ApiVersion", STR("2010-04-01"));
    if (m->from[0])
        form_add(&form, "From", str_c(m->from));
    if (m->service[0])
        form_add(&form, "MessagingServiceSid", str_c(m->service));
    form_add(&form, "MessageSid", str_c(m->sid));
    form_add(&form, "MessageStatus", str_c(status));
    form_add(&form, "SmsSid", str_c(m->sid));
    form_add(&form, "SmsStatus", str_c(status));
    form_add(&form, "To", str_c(m->to));
    webhook_send(t->workers, t->auth_token, str_c(m->callback), false, buf_str(&form), NULL, NULL);
    buf_release(&form);
}

void rest_messages_create(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    const char *what = "";
    struct message *m;
    struct form f;
    int code;

    if (!t || !rest_form(r, &f))
        return;
    code = check_message(&f, &what);
    if (code) {
        rest_fail(r, 400, code, what);
        return;
    }
    m = MEM_NEW(struct message);
    sid_make(m->sid, "SM");
    m->to = mem_str_dup(form_get(&f, "To"));
    m->from = mem_str_dup(form_get(&f, "From"));
    m->service = mem_str_dup(form_get(&f, "MessagingServiceSid"));
    m->body = mem_str_dup(form_get(&f, "Body"));
    m->callback = mem_str_dup(form_get(&f, "StatusCallback"));
    m->created_s = clock_wall_s(t->clock);
    m->status = "queued";
    list_push_front(&t->messages, &m->node);
    if (++t->n_messages > MESSAGES_KEPT_MAX) {
        struct list_node *oldest = t->messages.head.prev;

        list_remove(oldest);
        rest_message_free(oldest);
        t->n_messages--;
    }
    reply_message(r, 201, t, m);
    m->status = "delivered";
    notify_message(t, m, "sent");
    notify_message(t, m, "delivered");
}

void rest_messages_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct list_node *n, *tmp;
    struct rest_list l;

    if (!t || !rest_list_begin(&l, r, "messages"))
        return;
    LIST_EACH (&t->messages, n, tmp) {
        const struct message *m = CONTAINER_OF(n, struct message, node);

        if (rest_fits(&l, "To", m->to) && rest_fits(&l, "From", m->from) &&
            rest_fits_time(&l, r->ctx->arena, "DateSent", m->created_s) && rest_list_shows(&l))
            write_message(&l.w, t, m);
    }
    rest_list_end(&l, r);
}

/* Answers 401 or 404 itself. */
static struct message *find_message(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct list_node *n, *tmp;

    if (!t)
        return NULL;
    LIST_EACH (&t->messages, n, tmp) {
        struct message *m = CONTAINER_OF(n, struct message, node);

        if (str_eq_c(http_req_param(r, "message"), m->sid))
            return m;
    }
    rest_not_found(r);
    return NULL;
}

void rest_message_get(void *app, struct http_req *r)
{
    const struct message *m = find_message(app, r);

    if (m)
        reply_message(r, 200, ((struct local_cloud *)app)->telephony, m);
}

void rest_message_delete(void *app, struct http_req *r)
{
    struct message *m = find_message(app, r);

    if (!m)
        return;
    list_remove(&m->node);
    ((struct local_cloud *)app)->telephony->n_messages--;
    rest_message_free(&m->node);
    http_reply_empty(r, 204);
}
