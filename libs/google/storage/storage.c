#include "google/storage.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/url.h"
#include "google/storage/storage_internal.h"

struct str storage_object_path(struct arena *a, struct str bucket, struct str name)
{
    return arena_printf(a, "/storage/v1/b/" STR_FMT "/o/" STR_FMT,
                        STR_ARG(url_encode_text(a, bucket)), STR_ARG(url_encode_text(a, name)));
}

struct str storage_upload_path(struct arena *a, const struct storage_target *to, const char *type)
{
    return arena_printf(a, "/upload/storage/v1/b/" STR_FMT "/o?uploadType=%s&name=" STR_FMT "%s",
                        STR_ARG(url_encode_text(a, to->bucket)), type,
                        STR_ARG(url_encode_text(a, to->name)),
                        to->create_only ? "&ifGenerationMatch=0" : "");
}

struct str storage_target_json(struct arena *a, const struct storage_target *to,
                               const uint32_t *crc32c)
{
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "name", to->name);
    if (to->content_type.n)
        jw_str(&w, "contentType", to->content_type);
    if (crc32c)
        jw_str(&w, "crc32c", storage_crc_text(a, *crc32c));
    if (to->n_metadata) {
        jw_obj(&w, "metadata");
        for (i = 0; i < to->n_metadata; i++)
            jw_key_str(&w, to->metadata[i].key, to->metadata[i].value);
        jw_end(&w);
    }
    jw_end(&w);
    return jw_finish(&w, a);
}

struct str storage_crc_text(struct arena *a, uint32_t crc32c)
{
    uint8_t bytes[4] = { (uint8_t)(crc32c >> 24), (uint8_t)(crc32c >> 16 & 0xff),
                         (uint8_t)(crc32c >> 8 & 0xff), (uint8_t)(crc32c & 0xff) };

    return base64_text(a, str_n(bytes, sizeof(bytes)));
}

enum errc storage_crc_parse(struct arena *a, struct str text, uint32_t *ret)
{
    struct str raw;
    const uint8_t *p;

    if (base64_bytes(a, text, &raw) || raw.n != 4)
        return ERR_INVALID;
    p = (const uint8_t *)raw.p;
    *ret = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    return ERR_OK;
}

struct storage_object storage_object_read(struct arena *a, const struct jval *resource)
{
    const struct jval *metadata = json_get(resource, "metadata");
    struct json_iter it = json_iter(metadata);
    struct storage_meta *list = ARENA_ARRAY(a, struct storage_meta, json_len(metadata));
    struct storage_object o = {
        .bucket = json_str(json_get(resource, "bucket")),
        .name = json_str(json_get(resource, "name")),
        .content_type = json_str(json_get(resource, "contentType")),
        .size = json_i64_or(json_get(resource, "size"), 0),
        .generation = json_i64_or(json_get(resource, "generation"), 0),
        .metadata = list,
    };
    const struct jval *value;
    struct str key;

    while (json_next(&it, &key, &value))
        list[o.n_metadata++] = (struct storage_meta){ key, json_str(value) };
    o.has_crc32c =
        storage_crc_parse(a, json_str(json_get(resource, "crc32c")), &o.crc32c) == ERR_OK;
    if (time_parse_rfc3339(json_str(json_get(resource, "timeCreated")), &o.created_us))
        o.created_us = 0; /* informative only */
    return o;
}

bool storage_worth_retrying(int status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

enum errc storage_stat(struct google *g, struct ctx *ctx, struct str bucket, struct str name,
                       struct storage_object *ret, struct err *err)
{
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "GET",
        .path = storage_object_path(ctx->arena, bucket, name),
        .timeout_ms = STORAGE_TIMEOUT_MS,
        .attempts = STORAGE_ATTEMPTS,
        .idempotent = true,
        .body_max = STORAGE_ANSWER_MAX,
    };
    const struct jval *resource;
    struct http_response r = { .status = 0 };
    enum errc rc;

    rc = google_call(g, ctx, &call, &r, err);
    if (!rc)
        rc = google_json(ctx, &r, &resource, err);
    if (rc)
        return err_wrap(err, rc, "object " STR_FMT "/" STR_FMT, STR_ARG(bucket), STR_ARG(name));
    *ret = storage_object_read(ctx->arena, resource);
    return ERR_OK;
}

enum errc storage_delete(struct google *g, struct ctx *ctx, struct str bucket, struct str name,
                         struct err *err)
{
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "DELETE",
        .path = storage_object_path(ctx->arena, bucket, name),
        .timeout_ms = STORAGE_TIMEOUT_MS,
        .attempts = STORAGE_ATTEMPTS,
        .idempotent = true,
        .body_max = STORAGE_ANSWER_MAX,
    };
    struct http_response r = { .status = 0 };
    enum errc rc;

    rc = google_call(g, ctx, &call, &r, err);
    if (rc == ERR_NOT_FOUND && r.attempts > 1)
        rc = ERR_OK; /* the answer to our own first attempt was lost */
    return rc ? err_wrap(err, rc, "delete " STR_FMT "/" STR_FMT, STR_ARG(bucket), STR_ARG(name))
              : ERR_OK;
}

static struct str put_body(struct ctx *ctx, const struct storage_target *to, struct str data,
                           uint32_t crc, struct str boundary)
{
    struct buf b = BUF_INIT(data.n + 64 * KIB);
    struct str type = to->content_type.n ? to->content_type : STR("application/octet-stream");
    struct str text;

    buf_addf(&b, "--" STR_FMT "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n",
             STR_ARG(boundary));
    buf_add_str(&b, storage_target_json(ctx->arena, to, &crc));
    buf_addf(&b, "\r\n--" STR_FMT "\r\nContent-Type: " STR_FMT "\r\n\r\n", STR_ARG(boundary),
             STR_ARG(type));
    buf_add_str(&b, data);
    buf_addf(&b, "\r\n--" STR_FMT "--\r\n", STR_ARG(boundary));
    text = buf_status(&b) ? STR_EMPTY : arena_str(ctx->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

/* 412 to a repeat may be the success of an attempt whose answer was lost. */
static enum errc put_refused(struct google *g, struct ctx *ctx, const struct storage_target *to,
                             int attempts, uint32_t crc, struct storage_object *ret)
{
    struct storage_object there = { 0 };

    if (attempts < 2 || storage_stat(g, ctx, to->bucket, to->name, &there, NULL) ||
        !there.has_crc32c || there.crc32c != crc)
        return ERR_CONFLICT;
    *ret = there;
    return ERR_OK;
}

enum errc storage_put(struct google *g, struct ctx *ctx, const struct storage_target *to,
                      struct str data, struct storage_object *ret, struct err *err)
{
    uint32_t crc = crc32c(0, data.p, data.n);
    struct str boundary = random_id_text(ctx->arena, 26);
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "POST",
        .path = storage_upload_path(ctx->arena, to, "multipart"),
        .content_type =
            arena_printf(ctx->arena, "multipart/related; boundary=" STR_FMT, STR_ARG(boundary)).p,
        .body = put_body(ctx, to, data, crc, boundary),
        .timeout_ms = STORAGE_CHUNK_TIMEOUT_MS,
        .attempts = STORAGE_ATTEMPTS,
        .idempotent = true, /* the same bytes under the same name */
        .body_max = STORAGE_ANSWER_MAX,
    };
    const struct jval *resource;
    struct http_response r = { .status = 0 };
    enum errc rc;

    if (call.body.n == 0)
        return err_set(err, ERR_LIMIT, "metadata of " STR_FMT " too large", STR_ARG(to->name));
    rc = google_call(g, ctx, &call, &r, err);
    if (rc == ERR_CONFLICT) {
        rc = put_refused(g, ctx, to, r.attempts, crc, ret);
        if (!rc)
            return ERR_OK;
    }
    if (!rc)
        rc = google_json(ctx, &r, &resource, err);
    if (rc)
        return err_wrap(err, rc, "put " STR_FMT "/" STR_FMT, STR_ARG(to->bucket),
                        STR_ARG(to->name));
    *ret = storage_object_read(ctx->arena, resource);
    if (!ret->has_crc32c || ret->crc32c != crc)
        return err_set(err, ERR_UPSTREAM, "put " STR_FMT "/" STR_FMT ": not what was sent",
                       STR_ARG(to->bucket), STR_ARG(to->name));
    return ERR_OK;
}
