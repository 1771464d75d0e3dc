/* What the files of Twilio's REST API share: one file for each resource, rest.c has what all of them use and
 * the table of routes. */
#ifndef LOCAL_CLOUD_TWILIO_REST_INTERNAL_H
#define LOCAL_CLOUD_TWILIO_REST_INTERNAL_H

#include "base/json.h"
#include "base/url.h"
#include "local_cloud/twilio/call.h"
#include "net/http_server.h"

enum { REST_PAGE_MAX = 1000 };

/* ---- rest.c ---- */

void rest_fail(struct http_req *r, int status, int code, const char *message);
void rest_not_found(struct http_req *r);
/* Basic: the account and its token. Answers 401 or 404 itself. */
struct telephony *rest_admit(void *app, struct http_req *r) MUST_USE;
bool rest_form(struct http_req *r, struct form *f) MUST_USE;
void rest_date(struct jw *w, const char *key, int64_t s); /* 0: null */
bool rest_e164(struct str s);
bool rest_is_url(struct str s);
void rest_list_begin(struct jw *w, const char *name);
void rest_list_end(struct http_req *r, struct jw *w, size_t n);
bool rest_fits(const struct form *query, const char *key, const char *value);

/* ---- rest_calls.c ---- */

struct phone_call *rest_call(struct telephony *t, struct http_req *r);
void rest_calls_create(void *app, struct http_req *r);
void rest_call_get(void *app, struct http_req *r);
void rest_call_update(void *app, struct http_req *r);
void rest_calls_list(void *app, struct http_req *r);

/* ---- rest_recordings.c ---- */

void rest_call_recordings_create(void *app, struct http_req *r);
void rest_call_recording_update(void *app, struct http_req *r);
void rest_call_recordings_list(void *app, struct http_req *r);
void rest_recordings_list(void *app, struct http_req *r);
void rest_recording_get(void *app, struct http_req *r);
void rest_recording_delete(void *app, struct http_req *r);
void rest_recording_audio(void *app, struct http_req *r);

/* ---- rest_messages.c ---- */

void rest_messages_create(void *app, struct http_req *r);
void rest_messages_list(void *app, struct http_req *r);
void rest_message_get(void *app, struct http_req *r);

#endif
