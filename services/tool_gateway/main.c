#include "tool_gateway/gateway.h"

static const struct config_key keys[] = {
    GOOGLE_CONFIG_KEYS(struct gateway_settings, google),
    OIDC_CONFIG_KEYS(struct gateway_settings, oidc),
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .required = true,
      .offset = offsetof(struct gateway_settings, profile_path),
      .help = "YAML file of the business" },
    { .name = "SLOT_KEY",
      .kind = CONFIG_SECRET,
      .required = true,
      .offset = offsetof(struct gateway_settings, slot_key),
      .help = "key that signs offered times, at least 16 bytes" },
    { .name = "EVENTS_TOPIC",
      .kind = CONFIG_STR,
      .dflt = "call-events",
      .offset = offsetof(struct gateway_settings, events_topic),
      .help = "Pub/Sub topic of events" },
};

static enum errc create(void **app, struct service *s, struct err *err)
{
    struct gateway *g = NULL;
    enum errc rc = gateway_create(&g, s->settings, s->clock, s->arena, err);

    *app = g;
    return rc;
}

static void destroy(void *app)
{
    gateway_destroy(app);
}

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "tool-gateway",
        .summary =
            "Runs the tools that the model calls: checks arguments, applies policy, acts once.",
        .keys = keys,
        .n_keys = ARRAY_LEN(keys),
        .settings_size = sizeof(struct gateway_settings),
        .routes = gateway_routes,
        .n_routes = gateway_n_routes,
        .create = create,
        .destroy = destroy,
    };

    return service_main(&spec, argc, argv);
}
