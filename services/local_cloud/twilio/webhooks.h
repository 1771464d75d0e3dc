/* local_cloud/twilio/webhooks.h: requests to the application as Twilio makes them: signed, with the
 * connection overrides of the URL's fragment (ct rt tt rc rp), repeated by them. They block on threads of
 * their own, so that the application may itself ask this program meanwhile. Source: Twilio docs, Usage >
 * Webhooks > Connection overrides; Security. Not kept: cookies; redirects are followed 5 times, not 10. */
#ifndef LOCAL_CLOUD_TWILIO_WEBHOOKS_H
#define LOCAL_CLOUD_TWILIO_WEBHOOKS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct workers;

enum {
    WEBHOOK_ANSWER_MAX = 64 * 1024,
    WEBHOOK_PARAMS_MAX = 64 * 1024,
    WEBHOOK_SOUND_MAX = 8 * 1024 * 1024,
};

struct webhook_answer {
    bool ok;        /* 2xx in time */
    int error_code; /* Twilio's, when not ok: 11200, 11205, 11750… */
    struct str content_type, body;
};

/* Loop thread. `params` is a form, copied like the rest. done(arg, answer) later on the loop, exactly once;
 * NULL: nobody asks. */
void webhook_send(struct workers *w, struct str auth_token, struct str url, bool get,
                  struct str params, void (*done)(void *arg, const struct webhook_answer *answer),
                  void *arg);

/* The same for the sound of a <Play>: GET, no parameters, up to WEBHOOK_SOUND_MAX. */
void webhook_fetch_sound(struct workers *w, struct str auth_token, struct str url,
                         void (*done)(void *arg, const struct webhook_answer *answer), void *arg);

/* `ref` against the URL of the document it stands in. Lives in `a`. */
struct arena;
struct str webhook_resolve(struct arena *a, struct str base, struct str ref);

#endif
