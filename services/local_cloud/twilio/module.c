/* The telephone side as a module of this program: its <Say> speaks with the engine's synthesiser. */
#include "local_cloud/engine/engine.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/twilio/call.h"

static enum errc engine_voice(void *arg, struct str language, struct str text, struct buf *out,
                              struct err *err)
{
    (void)language; /* it speaks English only */
    return engine_say(arg, STR("slt"), text, out, err);
}

static void started(struct local_cloud *lc)
{
    if (lc->engine)
        telephony_set_voice(lc->telephony, engine_voice, lc->engine);
}

const struct local_module telephony_module = {
    .name = "telephony",
    .routes = telephony_routes,
    .n_routes = TELEPHONY_ROUTES,
    .create = telephony_create,
    .started = started,
    .destroy = telephony_destroy,
};
