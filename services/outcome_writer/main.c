#include "outcome_writer/writer.h"

static const struct config_key keys[] = {
    GOOGLE_CONFIG_KEYS(struct writer_settings, google),
    OIDC_CONFIG_KEYS(struct writer_settings, oidc),
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .required = true,
      .offset = offsetof(struct writer_settings, profile_path),
      .help = "YAML file of the business" },
    { .name = "PRICES",
      .kind = CONFIG_STR,
      .offset = offsetof(struct writer_settings, prices_path),
      .help = "JSON file of prices that replaces rows of the built-in table" },
};

static enum errc create(void **app, struct service *s, struct err *err)
{
    struct writer *w = NULL;
    enum errc rc = writer_create(&w, s->settings, s->clock, s->arena, err);

    *app = w;
    return rc;
}

static void destroy(void *app)
{
    writer_destroy(app);
}

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "outcome-writer",
        .summary = "Brings events into the calls' records, each once, whatever their order.",
        .keys = keys,
        .n_keys = ARRAY_LEN(keys),
        .settings_size = sizeof(struct writer_settings),
        .routes = writer_routes,
        .n_routes = writer_n_routes,
        .create = create,
        .destroy = destroy,
    };

    return service_main(&spec, argc, argv);
}
