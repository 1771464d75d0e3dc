/* The part of Cloud Storage that the bridge uses. */
#include "base/crypto.h"
#include "base/url.h"
#include "support/world.h"

static struct cloud_object *object_find(struct world *w, struct str name)
{
    int i;

    for (i = 0; i < w->n_objects; i++) {
        if (str_eq_c(name, w->objects[i].name))
            return &w->objects[i];
    }
    return NULL;
}

static struct str crc_text(struct arena *a, const struct cloud_object *o)
{
    uint32_t crc = crc32c(0, o->data.p, o->data.n) ^ (o->wrong_crc ? 1 : 0);
    uint8_t bytes[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16 & 0xff),
                         (uint8_t)(crc >> 8 & 0xff), (uint8_t)(crc & 0xff) };

    return base64_text(a, str_n(bytes, sizeof(bytes)));
}

void object_read(void *app, struct http_req *r)
{
    struct world *w = app;
    struct cloud_object *o;
    struct str data = STR_EMPTY, crc = STR_EMPTY;

    pthread_mutex_lock(&w->mutex);
    w->object_reads++;
    cloud_hold(w, NULL, &w->hold_objects);
    o = object_find(w, http_req_param(r, "name"));
    if (o) {
        data = arena_str(r->ctx->arena, buf_str(&o->data));
        crc = crc_text(r->ctx->arena, o);
    }
    pthread_mutex_unlock(&w->mutex);
    if (!o) {
        http_reply_json(r, 404, STR("{\"error\":{\"code\":404,\"message\":\"No such object\"}}"));
        return;
    }
    http_reply_header(r, "x-goog-hash",
                      arena_printf(r->ctx->arena, "crc32c=" STR_FMT, STR_ARG(crc)));
    http_reply(r, 200, "audio/wav", data);
}

/* What stands between the second blank line of a multipart body and its last boundary. */
static struct str content_of(struct str body)
{
    struct str boundary = str_slice(body, 0, str_find(body, STR("\r\n")));
    int i;

    for (i = 0; i < 2; i++)
        body = str_from(body, str_find(body, STR("\r\n\r\n")) + 4);
    return str_slice(body, 0, body.n - boundary.n - 6); /* \r\n before, --\r\n after it */
}

void object_write(void *app, struct http_req *r)
{
    struct world *w = app;
    struct cloud_object *o;
    struct form query;
    struct str name, crc;

    CHECK_OK(form_parse(&query, r->ctx->arena, r->query));
    name = form_get(&query, "name");
    pthread_mutex_lock(&w->mutex);
    w->object_writes++;
    o = object_find(w, name);
    if (o && form_has(&query, "ifGenerationMatch")) {
        pthread_mutex_unlock(&w->mutex);
        http_reply_json(r, 412, STR("{\"error\":{\"code\":412,\"message\":\"there\"}}"));
        return;
    }
    if (!o) {
        CHECK(w->n_objects < WORLD_OBJECTS_MAX);
        o = &w->objects[w->n_objects++];
        CHECK(str_copy(o->name, sizeof(o->name), name));
        buf_init(&o->data, 16 * MIB);
    }
    buf_reset(&o->data);
    o->wrong_crc = false;
    buf_add_str(&o->data, content_of(r->body));
    crc = crc_text(r->ctx->arena, o);
    pthread_mutex_unlock(&w->mutex);
    http_reply_json(r, 200,
                    arena_printf(r->ctx->arena,
                                 "{\"name\":\"" STR_FMT
                                 "\",\"generation\":\"1\",\"crc32c\":\"" STR_FMT "\"}",
                                 STR_ARG(name), STR_ARG(crc)));
}

void world_release_objects(struct world *w)
{
    pthread_mutex_lock(&w->mutex);
    w->hold_objects = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void objects_free(struct world *w)
{
    int i;

    for (i = 0; i < w->n_objects; i++)
        buf_release(&w->objects[i].data);
}
