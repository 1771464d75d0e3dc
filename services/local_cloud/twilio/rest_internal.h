/* What the files of Twilio's REST API share: one file for each resource, rest.c has what all of them use and
 * the table of routes. */
#ifndef LOCAL_CLOUD_TWILIO_REST_INTERNAL_H
#define LOCAL_CLOUD_TWILIO_REST_INTERNAL_H

#include "base/json.h"
#include "base/url.h"
#include "local_cloud/twilio/call.h"
#include "net/http_server.h"

enum { REST_PAGE_DEFAULT = 50, REST_PAGE_MAX = 1000 };

/* ---- rest.c ---- */

void rest_fail(struct http_req *r, int status, int code, const char *message);
void rest_not_found(struct http_req *r);
/* Basic: the account and its token. Answers 401 or 404 itself. */
struct telephony *rest_admit(void *app, struct http_req *r) MUST_USE;
bool rest_form(struct http_req *r, struct form *f) MUST_USE;
void rest_date(struct jw *w, const char *key, int64_t s); /* 0: null */
bool rest_e164(struct str s);
bool rest_is_url(struct str s);
/* Absolute, and of a length that is kept. Absent: fine. */
bool rest_url_fits(const struct form *f, const char *key);
/* GET, POST or absent. */
bool rest_method_fits(const struct form *f, const char *key);
bool rest_is_get(const struct form *f, const char *key);
/* The values of a repeated field, or of one that holds several, with blanks between them. */
struct str rest_words(struct arena *a, const struct form *f, const char *key, const char *dflt);

/* A list is one page of what fits the query, newest first. */
struct rest_list {
    struct form query;
    struct jw w;
    int64_t page, size;
    int64_t seen, shown; /* of what fits */
};
/* Reads Page and PageSize. False: it has answered 400. */
bool rest_list_begin(struct rest_list *l, struct http_req *r, const char *name) MUST_USE;
bool rest_fits(const struct rest_list *l, const char *key, const char *value);
/* `key` (that day), `key<` and `key>` (up to, from that time or day). s 0: it has no such time. */
bool rest_fits_time(const struct rest_list *l, struct arena *a, const char *key, int64_t s);
/* For each that fits: true when it is on the page and to be written. */
bool rest_list_shows(struct rest_list *l);
void rest_list_end(struct rest_list *l, struct http_req *r);

/* ---- rest_calls.c ---- */

struct phone_call *rest_call(struct telephony *t, struct http_req *r);
void rest_calls_create(void *app, struct http_req *r);
void rest_call_get(void *app, struct http_req *r);
void rest_call_update(void *app, struct http_req *r);
void rest_call_delete(void *app, struct http_req *r);
void rest_calls_list(void *app, struct http_req *r);

/* ---- rest_recordings.c ---- */

void rest_call_recordings_create(void *app, struct http_req *r);
void rest_call_recording_update(void *app, struct http_req *r);
void rest_call_recording_get(void *app, struct http_req *r);
void rest_call_recordings_list(void *app, struct http_req *r);
void rest_recordings_list(void *app, struct http_req *r);
void rest_recording_get(void *app, struct http_req *r);
void rest_recording_delete(void *app, struct http_req *r); /* the account's, or a call's */
void rest_recording_audio(void *app, struct http_req *r);

/* ---- rest_messages.c ---- */

void rest_messages_create(void *app, struct http_req *r);
void rest_messages_list(void *app, struct http_req *r);
void rest_message_get(void *app, struct http_req *r);
void rest_message_delete(void *app, struct http_req *r);

#endif
