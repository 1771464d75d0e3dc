/* Twilio's REST API, 2010-04-01: Calls, Recordings, Messages. Calls belong to the loop thread, so their routes
 * answer from it; the audio of recordings is streamed by workers. Source: Twilio docs, Voice > API,
 * Messaging > API; error texts from the error dictionary. */
#include <stdio.h>
#include <string.h>

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

    return s.n >= 8 && s.n <= 16 && s.p[0] == '+' && s.p[1] >= '1' && s.p[1] <= '9' &&
           str_to_i64(str_from(s, 1), 1, INT64_MAX, &digits) == ERR_OK;
}

bool rest_is_url(struct str s)
{
    return str_istarts(s, STR("http://")) || str_istarts(s, STR("https://"));
}

bool rest_url_fits(const struct form *f, const char *key)
{
    struct str url = form_get(f, key);

    return !url.n || (rest_is_url(url) && url.n < CALL_URL_MAX);
}

bool rest_method_fits(const struct form *f, const char *key)
{
    struct str method = form_get(f, key);

    return !method.n || str_eq_c(method, "GET") || str_eq_c(method, "POST");
}

bool rest_is_get(const struct form *f, const char *key)
{
    return str_eq_c(form_get(f, key), "GET");
}

struct str rest_words(struct arena *a, const struct form *f, const char *key, const char *dflt)
{
    struct str all = STR_EMPTY;
    size_t i;

    for (i = 0; i < f->n; i++) {
        if (str_eq_c(f->pairs[i].key, key))
            all = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(all), all.n ? " " : "",
                               STR_ARG(f->pairs[i].value));
    }
    return all.n ? all : str_c(dflt);
}

/* ---- lists ---- */

static bool read_number(const struct form *q, const char *key, int64_t min, int64_t max,
                        int64_t *ret)
{
    return !form_has(q, key) || str_to_i64(form_get(q, key), min, max, ret) == ERR_OK;
}

bool rest_list_begin(struct rest_list *l, struct http_req *r, const char *name)
{
    *l = (struct rest_list){ .size = REST_PAGE_DEFAULT };
    if (form_parse(&l->query, r->ctx->arena, r->query) ||
        !read_number(&l->query, "PageSize", 1, INT32_MAX, &l->size) ||
        !read_number(&l->query, "Page", 0, INT32_MAX, &l->page)) {
        rest_fail(r, 400, 20001, "The query cannot be read");
        return false;
    }
    l->size = MIN(l->size, REST_PAGE_MAX);
    jw_init(&l->w);
    jw_obj(&l->w, NULL);
    jw_arr(&l->w, name);
    return true;
}

bool rest_fits(const struct rest_list *l, const char *key, const char *value)
{
    return !form_get(&l->query, key).n || str_eq_c(form_get(&l->query, key), value);
}

/* A time, or a day, which is its midnight. */
static bool read_time(struct arena *a, struct str text, int64_t *ret_s)
{
    int64_t us;

    if (text.n == strlen("2026-11-21"))
        text = arena_printf(a, STR_FMT "T00:00:00Z", STR_ARG(text));
    if (time_parse_rfc3339(text, &us))
        return false;
    *ret_s = us / 1000000;
    return true;
}

bool rest_fits_time(const struct rest_list *l, struct arena *a, const char *key, int64_t s)
{
    enum { DAY_S = 86400 };
    static const char *const ends[] = { "", "<", ">" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(ends); i++) {
        struct str text = form_get(&l->query, arena_printf(a, "%s%s", key, ends[i]).p);
        int64_t limit;

        if (!text.n)
            continue;
        if (!s || !read_time(a, text, &limit))
            return false;
        if ((i == 0 && s / DAY_S != limit / DAY_S) || (i == 1 && s > limit) ||
            (i == 2 && s < limit))
            return false;
    }
    return true;
}

bool rest_list_shows(struct rest_list *l)
{
    bool shows = l->seen >= l->page * l->size && l->shown < l->size;

    l->seen++;
    l->shown += shows;
    return shows;
}

/* The address of a page: what was asked, with another number. */
static void page_uri(struct rest_list *l, struct http_req *r, const char *key, int64_t page)
{
    struct buf uri = BUF_INIT(64 * KIB);
    char number[24];
    size_t i;

    buf_addf(&uri, STR_FMT "?", STR_ARG(r->path));
    for (i = 0; i < l->query.n; i++) {
        const struct form_pair *p = &l->query.pairs[i];

        if (!str_eq_c(p->key, "Page") && !str_eq_c(p->key, "PageSize") &&
            !str_eq_c(p->key, "PageToken"))
            form_add(&uri, url_encode_text(r->ctx->arena, p->key).p, p->value);
    }
    snprintf(number, sizeof(number), "%lld", (long long)l->size);
    form_add(&uri, "PageSize", str_c(number));
    snprintf(number, sizeof(number), "%lld", (long long)page);
    form_add(&uri, "Page", str_c(number));
    jw_str(&l->w, key, buf_str(&uri));
    buf_release(&uri);
}

void rest_list_end(struct rest_list *l, struct http_req *r)
{
    int64_t start = l->page * l->size;

    jw_end(&l->w);
    page_uri(l, r, "uri", l->page);
    page_uri(l, r, "first_page_uri", 0);
    if (l->seen > start + l->size)
        page_uri(l, r, "next_page_uri", l->page + 1);
    else
        jw_null(&l->w, "next_page_uri");
    if (l->page)
        page_uri(l, r, "previous_page_uri", l->page - 1);
    else
        jw_null(&l->w, "previous_page_uri");
    jw_i64(&l->w, "start", start);
    jw_i64(&l->w, "end", start + MAX(l->shown - 1, 0));
    jw_i64(&l->w, "page", l->page);
    jw_i64(&l->w, "page_size", l->size);
    jw_end(&l->w);
    http_reply_json(r, 200, jw_finish(&l->w, r->ctx->arena));
}

/* ---- routes ---- */

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
    { HTTP_DELETE, ACCOUNT "/Calls/{call}.json", 0, NULL, rest_call_delete, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}/Recordings.json", FORM_MAX, NULL,
      rest_call_recordings_create, true },
    { HTTP_GET, ACCOUNT "/Calls/{call}/Recordings.json", 0, NULL, rest_call_recordings_list, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}/Recordings/{recording}.json", FORM_MAX, NULL,
      rest_call_recording_update, true },
    { HTTP_GET, ACCOUNT "/Calls/{call}/Recordings/{recording}.json", 0, NULL,
      rest_call_recording_get, true },
    { HTTP_DELETE, ACCOUNT "/Calls/{call}/Recordings/{recording}.json", 0, NULL,
      rest_recording_delete, true },
    { HTTP_GET, ACCOUNT "/Recordings.json", 0, NULL, rest_recordings_list, true },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}.json", 0, NULL, rest_recording_get, true },
    { HTTP_DELETE, ACCOUNT "/Recordings/{recording}.json", 0, NULL, rest_recording_delete, true },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}.wav", 0, NULL, rest_recording_audio, false },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}", 0, NULL, rest_recording_audio, false },
    { HTTP_POST, ACCOUNT "/Messages.json", FORM_MAX, NULL, rest_messages_create, true },
    { HTTP_GET, ACCOUNT "/Messages.json", 0, NULL, rest_messages_list, true },
    { HTTP_GET, ACCOUNT "/Messages/{message}.json", 0, NULL, rest_message_get, true },
    { HTTP_DELETE, ACCOUNT "/Messages/{message}.json", 0, NULL, rest_message_delete, true },
    { HTTP_ANY, "/2010-04-01/Accounts/{account}/{rest*}", FORM_MAX, NULL, on_unknown, true },
};
