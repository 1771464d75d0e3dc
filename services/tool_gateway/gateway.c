#include "tool_gateway/gateway.h"

#include "base/macros.h"
#include "base/mem.h"

enum errc gateway_create(struct gateway **ret, const struct gateway_settings *settings,
                         const struct clock *clock, struct arena *arena, struct err *err)
{
    struct gateway *g = MEM_NEW(struct gateway);
    struct str path = settings->profile_path;
    enum errc rc = ERR_OK;

    g->settings = settings;
    if (settings->slot_key.n < SLOT_KEY_MIN_BYTES)
        rc = err_set(err, ERR_INVALID, "SLOT_KEY must have at least %d bytes", SLOT_KEY_MIN_BYTES);
    if (!rc)
        rc = profile_load(&g->profile, arena, arena_cstr(arena, path), err);
    if (!rc)
        rc = google_create(&g->google, settings->service.project, &settings->google, clock, err);
    if (!rc)
        rc = oidc_create(&g->oidc, &settings->oidc, err);
    if (!rc)
        rc = calendar_create(&g->calendar, g->profile->calendar.maker,
                             &(struct calendar_env){ g->google }, err);
    if (!rc)
        rc = crm_create(&g->crm, g->profile->crm.maker, &(struct crm_env){ g->google }, err);
    if (rc) {
        gateway_destroy(g);
        return rc;
    }
    g->booking = (struct booking){ g->google, g->calendar, g->profile, settings->slot_key };
    *ret = g;
    return ERR_OK;
}

struct gateway *gateway_destroy(struct gateway *g)
{
    if (!g)
        return NULL;
    g->crm = crm_destroy(g->crm);
    g->calendar = calendar_destroy(g->calendar);
    g->oidc = oidc_destroy(g->oidc);
    g->google = google_destroy(g->google);
    mem_free(g);
    return NULL;
}
