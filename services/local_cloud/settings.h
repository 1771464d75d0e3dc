/* local_cloud/settings.h: settings of the whole program, filled from the environment (see main.c for the
 * table). What is not set is chosen: secrets at random, addresses from the port. */
#ifndef LOCAL_CLOUD_SETTINGS_H
#define LOCAL_CLOUD_SETTINGS_H

#include "net/service.h"

struct local_settings {
    struct service_settings common;
    struct str state;           /* LOCAL_STATE: SQLite file; empty: in memory */
    struct str account_sid;     /* TWILIO_ACCOUNT_SID */
    struct str auth_token;      /* TWILIO_AUTH_TOKEN: signs webhooks, opens REST */
    struct str public_base_url; /* PUBLIC_BASE_URL: where our webhook is, as Twilio signs it */
    struct str service_account; /* LOCAL_SERVICE_ACCOUNT: email of tokens and pushes */
    struct str profile;         /* BUSINESS_PROFILE, handed to the services */
    struct str services_dir;    /* LOCAL_SERVICES_DIR: our programs; empty: none are started */
    struct str scenarios_dir;   /* LOCAL_SCENARIOS_DIR */
    struct str
        openai_api_key; /* OPENAI_API_KEY: with it the real engine and transcription are used */
    bool show_log;      /* LOCAL_SHOW_LOG: every line of every service */
    struct str record;  /* LOCAL_RECORD: all traffic, see record.h; empty: none */
};

/* service->settings of this program. */
static inline const struct local_settings *local_settings_of(const struct service *s)
{
    return s->settings;
}

#endif
