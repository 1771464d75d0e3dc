#include "dashboard/dashboard.h"
#include "net/service.h"

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "dashboard",
        .summary = "shows the operator the calls",
        .keys = dashboard_keys,
        .n_keys = n_dashboard_keys,
        .settings_size = sizeof(struct dashboard_settings),
        .routes = dashboard_routes,
        .n_routes = n_dashboard_routes,
        .create = dashboard_create,
        .destroy = dashboard_destroy,
    };

    return service_main(&spec, argc, argv);
}
