#include "crm/local.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "google/firestore.h"

enum { ID_BYTES = 10 };

struct local_crm {
    struct crm head;
    struct google *google;
};

struct save_job {
    const struct crm_lead *lead;
    bool known;
};

static struct local_crm *local_of(struct crm *c)
{
    return CONTAINER_OF(c, struct local_crm, head);
}

static enum errc local_create(struct crm **ret, const struct crm_env *env, struct err *err)
{
    struct local_crm *l;

    if (!env->google)
        return err_set(err, ERR_INVALID, "crm maker local needs Firestore");
    l = MEM_NEW(struct local_crm);
    l->head.ops = &crm_local;
    l->google = env->google;
    *ret = &l->head;
    return ERR_OK;
}

static void local_destroy(struct crm *c)
{
    mem_free(local_of(c));
}

static struct str lead_id(struct arena *a, struct str key)
{
    char text[2 * ID_BYTES + 1];
    uint8_t digest[SHA256_LEN];

    sha256(digest, key);
    hex_encode(text, digest, ID_BYTES);
    return arena_str(a, str_c(text));
}

static bool list_has(const struct jval *list, struct str text)
{
    struct json_iter it = json_iter(list);
    const struct jval *v;

    while (json_next(&it, NULL, &v)) {
        if (str_eq(fs_val_str(v), text))
            return true;
    }
    return false;
}

/* The list with `text` at its end, the oldest dropped. */
static void write_list(struct fsw *w, const char *key, const struct jval *old, struct str text)
{
    size_t n = json_len(old), i = n >= CRM_LOCAL_CALLS_MAX ? n - CRM_LOCAL_CALLS_MAX + 1 : 0;

    fsw_arr(w, key);
    for (; i < n; i++) {
        struct str s = fs_val_str(json_at(old, i));

        if (!str_eq(s, text))
            fsw_str(w, NULL, s);
    }
    fsw_str(w, NULL, text);
    fsw_end(w);
}

static void write_text(struct fsw *w, const char *key, struct str v)
{
    if (v.n)
        fsw_str(w, key, v);
}

/* Answers of earlier calls stay unless they are given anew. */
static void write_fields(struct fsw *w, const struct jval *old, const struct crm_lead *lead)
{
    struct json_iter it = json_iter(old);
    const struct jval *v;
    struct str key;
    size_t i;

    fsw_map(w, "fields");
    while (json_next(&it, &key, &v)) {
        for (i = 0; i < lead->n_fields && !str_eq(lead->fields[i].name, key); i++)
            ;
        if (i == lead->n_fields)
            fsw_key_val(w, key, v);
    }
    for (i = 0; i < lead->n_fields; i++)
        fsw_key_str(w, lead->fields[i].name, lead->fields[i].value);
    fsw_end(w);
}

static enum errc save_lead(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                           struct firestore_commit *c, struct err *err)
{
    struct save_job *job = arg;
    const struct crm_lead *lead = job->lead;
    const struct jval *old = docs[0].fields;
    struct fsw *w;

    (void)ctx;
    (void)err;
    if (list_has(fs_arr(old, "writes"), lead->write_key)) {
        job->known = json_len(fs_arr(old, "writes")) > 1; /* by others than this one */
        return ERR_OK;
    }
    job->known = docs[0].exists;
    w = firestore_merge(c, docs[0].path, fs_pre_unchanged(&docs[0]));
    write_text(w, "name", lead->name);
    write_text(w, "phone", lead->phone);
    write_text(w, "email", lead->email);
    write_text(w, "postcode", lead->postcode);
    write_text(w, "need", lead->need);
    write_text(w, "service", lead->service);
    write_fields(w, fs_map(old, "fields"), lead);
    fsw_bool(w, "qualified", lead->qualified);
    fsw_bool(w, "review", lead->review);
    fsw_str(w, "reason", lead->reason);
    fsw_str(w, "callSid", lead->call_sid);
    write_list(w, "calls", fs_arr(old, "calls"), lead->call_sid);
    write_list(w, "writes", fs_arr(old, "writes"), lead->write_key);
    if (!docs[0].exists)
        fsw_time(w, "createdAt", lead->at_us);
    fsw_time(w, "updatedAt", lead->at_us);
    fsw_ttl(w, lead->at_us, lead->keep_days);
    return ERR_OK;
}

static enum errc local_save(struct crm *c, struct ctx *ctx, const struct crm_lead *lead,
                            struct str *ret_id, bool *ret_known, struct err *err)
{
    struct str id = lead_id(ctx->arena, lead->key);
    struct str path = arena_printf(ctx->arena, "leads/" STR_FMT, STR_ARG(id));
    struct save_job job = { .lead = lead };
    enum errc rc = firestore_update(local_of(c)->google, ctx, &path, 1, save_lead, &job, err);

    if (rc)
        return rc;
    *ret_id = id;
    *ret_known = job.known;
    return ERR_OK;
}

const struct crm_ops crm_local = {
    .name = "local",
    .create = local_create,
    .save = local_save,
    .destroy = local_destroy,
};
