#include "net/service.h"
#include "twiml_webhook/webhook.h"

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "twiml-webhook",
        .summary = "answers Twilio's voice webhooks with TwiML",
        .keys = webhook_keys,
        .n_keys = n_webhook_keys,
        .settings_size = sizeof(struct webhook_settings),
        .routes = webhook_routes,
        .n_routes = n_webhook_routes,
        .create = webhook_create,
        .destroy = webhook_destroy,
    };

    return service_main(&spec, argc, argv);
}
