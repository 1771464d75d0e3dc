/* Google's services, and what the bridge tells them of its calls. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "google.h"
#include "load.h"

static void count_event(void *app, struct arena *a, const struct jval *message)
{
    struct load *d = app;
    const struct jval *v = NULL;
    struct str data;

    if (!str_eq_c(json_str(json_path(message, "attributes.type")), "call.ended") ||
        base64_bytes(a, json_str(json_get(message, "data")), &data) ||
        json_parse_arena(&v, a, data, NULL))
        return;
    d->ended++;
    d->underruns_told += json_i64_or(json_path(v, "data.counters.underruns"), 0);
}

static void on_publish(void *app, struct http_req *r)
{
    google_publish(r, app, count_event);
}

static const struct http_route routes[] = { GOOGLE_ROUTES(on_publish) };

void cloud_open(struct load *d)
{
    const struct http_server_opts opts = { .host = "127.0.0.1",
                                           .routes = routes,
                                           .n_routes = ARRAY_LEN(routes),
                                           .app = d,
                                           .log = &d->log };
    struct err err = ERR_INIT;

    if (http_server_create(&d->cloud, d->loop, &opts, &err)) {
        fprintf(stderr, "bridge_bench: %s\n", err.text);
        exit(1);
    }
}
