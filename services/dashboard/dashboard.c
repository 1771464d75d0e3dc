#include "dashboard/dashboard.h"

#include "base/mem.h"
#include "concierge/profile.h"

const struct config_key dashboard_keys[] = {
    GOOGLE_CONFIG_KEYS(struct dashboard_settings, google),
    ADMISSION_CONFIG_KEYS(struct dashboard_settings, admission),
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .offset = offsetof(struct dashboard_settings, profile_path),
      .required = true,
      .help = "path of the business profile" },
};
const size_t n_dashboard_keys = ARRAY_LEN(dashboard_keys);

enum errc dashboard_create(void **ret, struct service *s, struct err *err)
{
    const struct dashboard_settings *settings = s->settings;
    struct dashboard *d = MEM_NEW(struct dashboard);
    enum errc rc;

    d->settings = settings;
    d->clock = s->clock;
    assets_version(d->assets_version);
    d->admission = admission_create(&settings->admission);
    rc = admission_check_settings(&settings->admission, settings->common.listen_host, err);
    if (!rc)
        rc = profile_load(&d->profile, s->arena, arena_cstr(s->arena, settings->profile_path), err);
    if (!rc)
        rc = google_create(&d->google, settings->common.project, &settings->google, s->clock, err);
    if (rc) {
        dashboard_destroy(d);
        return rc;
    }
    *ret = d;
    return ERR_OK;
}

void dashboard_destroy(void *app)
{
    struct dashboard *d = app;

    if (!d)
        return;
    d->google = google_destroy(d->google);
    d->admission = admission_destroy(d->admission);
    mem_free(d);
}
