/* Google's services: takes what is published, knows no document. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/json.h"
#include "load.h"

static void count_event(struct load *d, struct arena *a, const struct jval *message)
{
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
    struct load *d = app;
    struct arena a = ARENA_INIT;
    const struct jval *root = NULL, *message;
    struct json_iter it;
    struct str unused;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "messageIds");
    if (json_parse_arena(&root, &a, r->body, NULL) == ERR_OK) {
        it = json_iter(json_get(root, "messages"));
        while (json_next(&it, &unused, &message)) {
            count_event(d, &a, message);
            jw_cstr(&w, NULL, "1");
        }
    }
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, &a));
    arena_release(&a);
}

static void on_firestore(void *app, struct http_req *r)
{
    (void)app;
    if (str_ends(r->path, STR(":commit")))
        http_reply_json(r, 200,
                        STR("{\"writeResults\":[{\"updateTime\":\"2027-01-15T08:00:00Z\"}],"
                            "\"commitTime\":\"2027-01-15T08:00:00Z\"}"));
    else
        http_reply_json(r, 200, STR("[{\"readTime\":\"2027-01-15T08:00:00Z\"}]"));
}

static const struct http_route routes[] = {
    { .methods = HTTP_POST,
      .path = "/v1/projects/{p}/topics/{topic}:publish",
      .body_max = 16 * MIB,
      .handle = on_publish,
      .on_loop = true },
    { .methods = HTTP_POST,
      .path = "/v1/projects/{p}/databases/{verb*}",
      .body_max = 16 * MIB,
      .handle = on_firestore,
      .on_loop = true },
};

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
