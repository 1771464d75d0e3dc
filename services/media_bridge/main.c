#include "media_bridge/bridge.h"
#include "net/service.h"

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "media-bridge",
        .summary = "carries calls between Twilio's Media Streams and the voice engine",
        .keys = bridge_keys,
        .n_keys = n_bridge_keys,
        .settings_size = sizeof(struct bridge_settings),
        .routes = bridge_routes,
        .n_routes = n_bridge_routes,
        .ws_routes = bridge_ws_routes,
        .n_ws_routes = n_bridge_ws_routes,
        .create = bridge_create,
        .stop = bridge_stop,
        .destroy = bridge_destroy,
    };

    return service_main(&spec, argc, argv);
}
