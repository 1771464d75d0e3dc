/* twilio/settings.h: the settings of everything that talks with Twilio, and the ids it uses. A service
 * puts a struct twilio_settings into its own settings and TWILIO_CONFIG_KEYS() into its key table. */
#ifndef TWILIO_SETTINGS_H
#define TWILIO_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/str.h"

enum { TWILIO_SID_LEN = 34, TWILIO_TOKENS_MAX = 4 };

struct twilio_settings {
    struct str account_sid;
    struct str auth_token;      /* one, or several separated by commas while they are rotated */
    struct str api_base;        /* origin of the REST API, without a path */
    struct str public_base_url; /* the origin that Twilio calls and therefore signs */
};

/* `type` is the service's settings struct, `field` its struct twilio_settings. */
#define TWILIO_CONFIG_KEYS(type, field)                                                          \
    { .name = "TWILIO_ACCOUNT_SID",                                                              \
      .kind = CONFIG_STR,                                                                        \
      .offset = offsetof(type, field.account_sid),                                               \
      .required = true,                                                                          \
      .help = "account whose numbers and calls these are (AC…)" },                               \
        { .name = "TWILIO_AUTH_TOKEN",                                                           \
          .kind = CONFIG_SECRET,                                                                 \
          .offset = offsetof(type, field.auth_token),                                            \
          .required = true,                                                                      \
          .help = "its auth token; the first of several, comma-separated, signs REST requests, " \
                  "any of "                                                                      \
                  "them verifies a signature" },                                                 \
        { .name = "TWILIO_API_BASE",                                                             \
          .kind = CONFIG_URL,                                                                    \
          .offset = offsetof(type, field.api_base),                                              \
          .dflt = "https://api.twilio.com",                                                      \
          .allowed = "http|https",                                                               \
          .help = "origin of Twilio's REST API" },                                               \
    {                                                                                            \
        .name = "PUBLIC_BASE_URL", .kind = CONFIG_URL,                                           \
        .offset = offsetof(type, field.public_base_url), .required = true,                       \
        .allowed = "http|https", .help = "origin under which Twilio reaches us, as it signs it"  \
    }

/* The tokens of `auth_token`, blanks trimmed, empty ones left out; at most TWILIO_TOKENS_MAX, later ones
 * are ignored. The list lives in `a`, the texts where `auth_token` lives. */
struct str_list twilio_tokens(struct str auth_token, struct arena *a);

/* Two letters (`prefix`: "CA", "RE", "MZ", "AC"…) and 32 hexadecimal digits. What passes may stand in a
 * URL, a document name or JSON as it is. */
bool twilio_sid_valid(struct str sid, const char *prefix);

#endif
