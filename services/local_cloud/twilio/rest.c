/* Twilio's REST API, 2010-04-01: Calls, Recordings, Messages. Calls belong to the loop thread, so their routes
 * answer from it; the audio of recordings is streamed by workers. Source: Twilio docs, Voice > API,
 * Messaging > API; error texts from the error dictionary. */
#include "base/crypto.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/twilio/rest_internal.h"

#define FORM_MAX (64 * KIB)

/* ---- answers ---- */

void rest_fail(struct http_req *r, int status, int code, const char *message)
{
    struct jw w;

    if (status == 401)
        http_reply_header(r, "WWW-Authenticate", STR("Basic realm=\"Twilio API\""));
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "code", code);
    jw_cstr(&w, "message", message);
    jw_strf(&w, "more_info", "https://www.twilio.com/docs/errors/%d", code);
    jw_i64(&w, "status", status);
    jw_end(&w);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

void rest_not_found(struct http_req *r)
{
    struct str what = arena_printf(
        r->ctx->arena, "The requested resource " STR_FMT " was not found", STR_ARG(r->path));

    rest_fail(r, 404, 20404, what.p); /* ends with a NUL */
}

struct telephony *rest_admit(void *app, struct http_req *r)
{
    struct telephony *t = ((struct local_cloud *)app)->telephony;
    struct str value = http_req_header(r, "Authorization"), text, user, password;
    char request_id[SID_SIZE];

    sid_make(request_id, "RQ");
    http_reply_header(r, "Twilio-Request-Id", str_c(request_id));
    if (!str_istarts(value, STR("Basic ")) ||
        base64_bytes(r->ctx->arena, str_trim(str_from(value, 6)), &text) ||
        !str_cut(text, ':', &user, &password) || !t->auth_token.n ||
        !ct_equal(user, t->account_sid) || !ct_equal(password, t->auth_token)) {
        rest_fail(r, 401, 20003, "Authenticate");
        return NULL;
    }
    if (!str_eq(http_req_param(r, "account"), t->account_sid)) {
        rest_not_found(r);
        return NULL;
    }
    return t;
}

bool rest_form(struct http_req *r, struct form *f)
{
    if (form_parse(f, r->ctx->arena, r->body) == ERR_OK)
        return true;
    rest_fail(r, 400, 20001, "The form cannot be read");
    return false;
}

void rest_date(struct jw *w, const char *key, int64_t s)
{
    char text[TIME_TEXT_MAX];

    if (!s) {
        jw_null(w, key);
        return;
    }
    time_rfc2822(text, s);
    jw_cstr(w, key, text);
}

bool rest_e164(struct str s)
{
    int64_t digits;

    return s.n >= 8 && s.n <= 16 && s.p[0] == '+' && s.p[1] != '-' &&
           str_to_i64(str_from(s, 1), 1, INT64_MAX, &digits) == ERR_OK;
}

bool rest_is_url(struct str s)
{
    return str_istarts(s, STR("http://")) || str_istarts(s, STR("https://"));
}

void rest_list_begin(struct jw *w, const char *name)
{
    jw_init(w);
    jw_obj(w, NULL);
    jw_arr(w, name);
}

void rest_list_end(struct http_req *r, struct jw *w, size_t n)
{
    jw_end(w);
    jw_strf(w, "first_page_uri", STR_FMT "?PageSize=%d&Page=0", STR_ARG(r->path), REST_PAGE_MAX);
    jw_i64(w, "start", 0);
    jw_i64(w, "end", n ? (int64_t)n - 1 : 0);
    jw_null(w, "next_page_uri");
    jw_null(w, "previous_page_uri");
    jw_i64(w, "page", 0);
    jw_i64(w, "page_size", REST_PAGE_MAX);
    jw_str(w, "uri", r->target);
    jw_end(w);
    http_reply_json(r, 200, jw_finish(w, r->ctx->arena));
}

bool rest_fits(const struct form *query, const char *key, const char *value)
{
    return !form_has(query, key) || str_eq_c(form_get(query, key), value);
}

static void on_unknown(void *app, struct http_req *r)
{
    if (rest_admit(app, r))
        rest_not_found(r);
}

#define ACCOUNT "/2010-04-01/Accounts/{account}"

const struct http_route telephony_routes[TELEPHONY_ROUTES] = {
    { HTTP_POST, ACCOUNT "/Calls.json", FORM_MAX, NULL, rest_calls_create, true },
    { HTTP_GET, ACCOUNT "/Calls.json", 0, NULL, rest_calls_list, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}.json", FORM_MAX, NULL, rest_call_update, true },
    { HTTP_GET, ACCOUNT "/Calls/{call}.json", 0, NULL, rest_call_get, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}/Recordings.json", FORM_MAX, NULL,
      rest_call_recordings_create, true },
    { HTTP_GET, ACCOUNT "/Calls/{call}/Recordings.json", 0, NULL, rest_call_recordings_list, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}/Recordings/{recording}.json", FORM_MAX, NULL,
      rest_call_recording_update, true },
    { HTTP_GET, ACCOUNT "/Recordings.json", 0, NULL, rest_recordings_list, true },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}.json", 0, NULL, rest_recording_get, true },
    { HTTP_DELETE, ACCOUNT "/Recordings/{recording}.json", 0, NULL, rest_recording_delete, true },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}.wav", 0, NULL, rest_recording_audio, false },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}", 0, NULL, rest_recording_audio, false },
    { HTTP_POST, ACCOUNT "/Messages.json", FORM_MAX, NULL, rest_messages_create, true },
    { HTTP_GET, ACCOUNT "/Messages.json", 0, NULL, rest_messages_list, true },
    { HTTP_GET, ACCOUNT "/Messages/{message}.json", 0, NULL, rest_message_get, true },
    { HTTP_ANY, "/2010-04-01/Accounts/{account}/{rest*}", FORM_MAX, NULL, on_unknown, true },
};
