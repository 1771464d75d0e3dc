/* dashboard/admission.h: who may see the pages. `iap`: requests that came through Identity-Aware
 * Proxy, which has asked who it is and whether they may; it adds X-Goog-IAP-JWT-Assertion and
 * drops what a client sent under that name. The token's signature (ES256, by the proxy's published
 * keys) and claims are checked here: audience, issuer, times, account.
 * `none`: no check, for one machine.
 * Source: Google Cloud, IAP > Securing your app with signed headers; Cloud Run > Configure IAP. */
#ifndef DASHBOARD_ADMISSION_H
#define DASHBOARD_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"

enum admission_kind { ADMISSION_IAP, ADMISSION_NONE };
enum { IAP_SKEW_S = 30, IAP_LIFE_MAX_S = 3600 };

struct admission_settings {
    int kind;                /* of enum admission_kind */
    struct str iap_audience; /* /projects/NUMBER/locations/REGION/services/SERVICE */
    struct str iap_keys_url; /* JWKS */
    bool allow_open;
    struct str cloud_run_service; /* K_SERVICE; set by Cloud Run */
};

#define ADMISSION_CONFIG_KEYS(type, member)                                                \
    { .name = "DASHBOARD_AUTH",                                                            \
      .kind = CONFIG_ENUM,                                                                 \
      .allowed = "iap|none",                                                               \
      .dflt = "iap",                                                                       \
      .offset = offsetof(type, member.kind),                                               \
      .help = "iap: only through Identity-Aware Proxy; none: whoever reaches the port" },  \
        { .name = "IAP_AUDIENCE",                                                          \
          .kind = CONFIG_STR,                                                              \
          .offset = offsetof(type, member.iap_audience),                                   \
          .help = "/projects/NUMBER/locations/REGION/services/SERVICE; needed with iap" }, \
        { .name = "IAP_KEYS_URL",                                                          \
          .kind = CONFIG_URL,                                                              \
          .allowed = "http|https",                                                         \
          .dflt = "https://www.gstatic.com/iap/verify/public_key-jwk",                     \
          .offset = offsetof(type, member.iap_keys_url),                                   \
          .help = "keys that the proxy's assertions are signed with" },                    \
        { .name = "DASHBOARD_ALLOW_OPEN",                                                  \
          .kind = CONFIG_BOOL,                                                             \
          .dflt = "false",                                                                 \
          .offset = offsetof(type, member.allow_open),                                     \
          .help = "lets DASHBOARD_AUTH=none stand on Cloud Run and beyond loopback" },     \
    {                                                                                      \
        .name = "K_SERVICE", .kind = CONFIG_STR,                                           \
        .offset = offsetof(type, member.cloud_run_service), .help = "set by Cloud Run"     \
    }

/* At start. ERR_INVALID names the setting: iap without audience; none on Cloud Run, or when the
 * listening address is not a loopback one, without DASHBOARD_ALLOW_OPEN. */
MUST_USE enum errc admission_check_settings(const struct admission_settings *s,
                                            struct str listen_host, struct err *err);

struct admission;
/* Borrows `s` for its life; asks nobody yet. */
struct admission *admission_create(const struct admission_settings *s) MUST_USE;
struct admission *admission_destroy(struct admission *a);
/* `assertion` is the header's value, empty: absent. ERR_DENIED says why, without the token. Other kinds:
 * the proxy's keys could not be had, nothing is known. Thread-safe. */
MUST_USE enum errc admission_check(struct admission *a, struct ctx *ctx, struct str assertion,
                                   struct err *err);

#endif
