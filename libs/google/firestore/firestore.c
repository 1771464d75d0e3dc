#include "google/firestore.h"

#include "base/url.h"
#include "google/firestore/firestore_internal.h"

enum { GARBLED_MAX = 3 }; /* answers to one question that are no JSON */

struct str firestore_root(struct google *g, struct arena *a)
{
    return arena_printf(a, "projects/" STR_FMT "/databases/(default)/documents",
                        STR_ARG(google_project(g)));
}

struct str firestore_name(struct google *g, struct arena *a, struct str path)
{
    return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(firestore_root(g, a)), STR_ARG(path));
}

struct str firestore_url(struct google *g, struct arena *a, struct str parent, const char *verb)
{
    struct buf url = BUF_INIT(16 * KIB);
    struct str head, rest = parent, text;

    buf_addf(&url, "/v1/" STR_FMT, STR_ARG(firestore_root(g, a)));
    while (rest.n) {
        (void)str_cut(rest, '/', &head, &rest); /* without a slash the rest is the last segment */
        buf_add_char(&url, '/');
        url_encode(&url, head);
    }
    buf_addf(&url, ":%s", verb);
    text = arena_str(a, buf_str(&url));
    buf_release(&url);
    return text;
}

enum errc firestore_check_path(struct str path, struct err *err)
{
    struct str head, rest = path;
    size_t segments = 1;
    bool more;

    do {
        more = str_cut(rest, '/', &head, &rest);
        if (head.n == 0 || str_eq(head, STR(".")) || str_eq(head, STR("..")))
            return err_set(err, ERR_INVALID, "document path \"" STR_FMT "\" has a bad segment",
                           STR_ARG(path));
        segments += more;
    } while (more);
    if (segments % 2)
        return err_set(err, ERR_INVALID, "\"" STR_FMT "\" names a collection, not a document",
                       STR_ARG(path));
    return ERR_OK;
}

static struct str last_segment(struct str path)
{
    size_t slash;

    while ((slash = str_find_char(path, '/')) < path.n)
        path = str_from(path, slash + 1);
    return path;
}

struct fs_doc firestore_doc(struct google *g, struct arena *a, const struct jval *document)
{
    struct str name = json_str(json_get(document, "name"));
    struct str root = firestore_root(g, a);
    struct fs_doc d = { .exists = true };

    d.path = str_starts(name, root) ? str_from(name, root.n + 1) : name;
    d.id = last_segment(d.path);
    d.fields = json_get(document, "fields");
    d.create_time = json_str(json_get(document, "createTime"));
    d.update_time = json_str(json_get(document, "updateTime"));
    return d;
}

enum errc firestore_ask(struct google *g, struct ctx *ctx, struct str url, struct str body,
                        const struct jval **ret, struct err *err)
{
    struct google_call call = {
        .api = GOOGLE_FIRESTORE,
        .method = "POST",
        .path = url,
        .body = body,
        .timeout_ms = google_attempt_ms(ctx, FIRESTORE_TIMEOUT_MS),
        .attempts = FIRESTORE_ATTEMPTS,
        .idempotent = true,
        .body_max = FIRESTORE_ANSWER_MAX,
    };
    const struct jval *item, *error;
    struct http_response r = { .status = 0 };
    struct json_iter it;
    struct str unused;
    int garbled = 0;
    enum errc rc;

    do
        rc = google_call(g, ctx, &call, &r, err);
    while (!rc && (rc = google_json(ctx, &r, ret, err)) && ++garbled < GARBLED_MAX);
    if (rc)
        return rc;
    it = json_iter(json_is_arr(*ret) ? *ret : NULL);
    while (json_next(&it, &unused, &item)) { /* a stream that broke after its good status */
        error = json_get(item, "error");
        if (error)
            return err_set(err, ERR_UPSTREAM, "Firestore: " STR_FMT,
                           STR_ARG(json_str(json_get(error, "message"))));
    }
    return ERR_OK;
}

static struct str batch_body(struct google *g, struct arena *a, const struct str *paths, size_t n)
{
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "documents");
    for (i = 0; i < n; i++)
        jw_str(&w, NULL, firestore_name(g, a, paths[i]));
    jw_end(&w);
    jw_end(&w);
    return jw_finish(&w, a);
}

enum errc firestore_get_all(struct google *g, struct ctx *ctx, const struct str *paths, size_t n,
                            struct fs_doc *ret, struct err *err)
{
    const struct jval *root, *item, *found;
    struct json_iter it;
    struct str unused;
    struct fs_doc doc;
    enum errc rc;
    size_t i, k;

    if (n == 0)
        return ERR_OK;
    if (n > FIRESTORE_GET_MAX)
        return err_set(err, ERR_LIMIT, "%zu documents in one get, at most %d", n,
                       FIRESTORE_GET_MAX);
    for (i = 0; i < n; i++) {
        rc = firestore_check_path(paths[i], err);
        if (rc)
            return rc;
    }
    /* Not GET: ids need no encoding in a body, and several cost one request. */
    rc = firestore_ask(g, ctx, firestore_url(g, ctx->arena, STR_EMPTY, "batchGet"),
                       batch_body(g, ctx->arena, paths, n), &root, err);
    if (rc)
        return err_wrap(err, rc, "get " STR_FMT, STR_ARG(paths[0]));
    for (k = 0; k < n; k++)
        ret[k] = (struct fs_doc){ .path = paths[k], .id = last_segment(paths[k]) };
    it = json_iter(root);
    while (json_next(&it, &unused, &item)) {
        found = json_get(item, "found");
        if (!found)
            continue;
        doc = firestore_doc(g, ctx->arena, found);
        for (k = 0; k < n; k++) {
            if (str_eq(paths[k], doc.path))
                ret[k] = doc;
        }
    }
    return ERR_OK;
}

enum errc firestore_get(struct google *g, struct ctx *ctx, struct str path, struct fs_doc *ret,
                        struct err *err)
{
    return firestore_get_all(g, ctx, &path, 1, ret, err);
}
