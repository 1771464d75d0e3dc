#include <string.h>

#include "net/service.h"
#include "twiml_webhook/fallback.h"
#include "twiml_webhook/webhook.h"

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "twiml-webhook",
        .summary = "answers Twilio's voice webhooks with TwiML; with " FALLBACK_OPTION
                   " prints the document\nfor the number's fallback URL, to be served elsewhere, "
                   "and ends",
        .keys = webhook_keys,
        .n_keys = n_webhook_keys,
        .settings_size = sizeof(struct webhook_settings),
        .routes = webhook_routes,
        .n_routes = n_webhook_routes,
        .create = webhook_create,
        .destroy = webhook_destroy,
    };

    if (argc == 2 && strcmp(argv[1], FALLBACK_OPTION) == 0)
        return fallback_print();
    return service_main(&spec, argc, argv);
}
