/* dashboard/dashboard.h: the operator's pages: the list of calls and one call's page, their JSON,
 * and the recording. Reads Firestore and Cloud Storage, writes nothing. What it shows is personal
 * data: every route but the assets and the health checks goes through dashboard_admit(). See
 * docs/dashboard.md. */
#ifndef DASHBOARD_DASHBOARD_H
#define DASHBOARD_DASHBOARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "dashboard/admission.h"
#include "dashboard/assets.h"
#include "google/google.h"
#include "net/service.h"

struct profile;

struct dashboard_settings {
    struct service_settings common;
    struct google_settings google;
    struct admission_settings admission;
    struct str profile_path;
};

struct dashboard {
    const struct dashboard_settings *settings;
    const struct profile *profile;
    const struct clock *clock;
    struct google *google;
    struct admission *admission;
    char assets_version[ASSETS_VERSION_LEN + 1];
    _Atomic uint64_t refused; /* requests that were not admitted */
};

extern const struct config_key dashboard_keys[];
extern const size_t n_dashboard_keys;
extern const struct http_route dashboard_routes[];
extern const size_t n_dashboard_routes;

MUST_USE enum errc dashboard_create(void **ret, struct service *s, struct err *err);
void dashboard_destroy(void *d);

#endif
