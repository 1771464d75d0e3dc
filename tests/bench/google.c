#include "google.h"

void google_publish(struct http_req *r, void *app,
                    void (*event)(void *app, struct arena *a, const struct jval *message))
{
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
            if (event)
                event(app, &a, message);
            jw_cstr(&w, NULL, "1");
        }
    }
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, &a));
    arena_release(&a);
}

void google_firestore(void *app, struct http_req *r)
{
    (void)app;
    if (str_ends(r->path, STR(":commit")))
        http_reply_json(r, 200,
                        STR("{\"writeResults\":[{\"updateTime\":\"2027-01-15T08:00:00Z\"}],"
                            "\"commitTime\":\"2027-01-15T08:00:00Z\"}"));
    else
        http_reply_json(r, 200, STR("[{\"readTime\":\"2027-01-15T08:00:00Z\"}]"));
}
