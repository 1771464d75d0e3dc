#include "dashboard/api.h"
#include "dashboard/assets.h"
#include "dashboard/call_page.h"
#include "dashboard/dashboard.h"
#include "dashboard/list_page.h"
#include "dashboard/page.h"
#include "dashboard/recording.h"

/* Nobody's data. A changed file has another address, so it may be kept. */
static void on_asset(void *app, struct http_req *r)
{
    struct asset a;

    (void)app;
    http_reply_header(r, "X-Content-Type-Options", STR("nosniff"));
    if (!asset_find(&a, http_req_param(r, "name"))) {
        http_reply_error(r, 404, "no such address");
        return;
    }
    http_reply_header(r, "Cache-Control", STR("public, max-age=31536000, immutable"));
    http_reply(r, 200, a.content_type, a.data);
}

static void on_unknown(void *app, struct http_req *r)
{
    page_say(app, r, 404, "There is nothing at this address",
             STR("The link may be old, or a letter of it is missing."));
}

const struct http_route dashboard_routes[] = {
    { HTTP_GET, "/", 0, dashboard_admit, on_list, false },
    { HTTP_GET, "/calls/{sid}", 0, dashboard_admit, on_call, false },
    { HTTP_GET, "/calls/{sid}/recording", 0, dashboard_admit, on_recording, false },
    { HTTP_GET, "/calls/{sid}/transcript", 0, dashboard_admit, on_transcript, false },
    { HTTP_GET, "/api/calls", 0, dashboard_admit, on_api_calls, false },
    { HTTP_GET, "/api/calls/{sid}", 0, dashboard_admit, on_api_call, false },
    { HTTP_GET, "/api/{rest*}", 0, dashboard_admit, on_api_unknown, false },
    { HTTP_GET, "/assets/{name}", 0, NULL, on_asset, false },
    { HTTP_GET, "/{rest*}", 0, dashboard_admit, on_unknown, false },
};
const size_t n_dashboard_routes = ARRAY_LEN(dashboard_routes);
