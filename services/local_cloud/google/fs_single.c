/* Calls for single documents. Source: Firestore REST, projects.databases.documents. */
#include "base/crypto.h"
#include "local_cloud/google/firestore_internal.h"

enum { AUTO_ID_CHARS = 20 };

static bool get_document(struct fs_call *c)
{
    struct fs_stored *d = fs_load(&c->view, c->parent);
    struct fs_mask *mask = ARENA_NEW(c->arena, struct fs_mask);

    if (!fs_mask_of_query(c, mask))
        return false;
    if (!d)
        return failure_set(&c->f, GOOGLE_NOT_FOUND, "Document \"" STR_FMT "\" not found.",
                           STR_ARG(c->parent));
    fs_doc_write(&c->out, c->arena, NULL, d, mask->paths, mask->n);
    return true;
}

bool fs_get_or_list(struct fs_call *c)
{
    size_t segments;

    if (!fs_name_check(c->parent, c->root, &segments, &c->f))
        return false;
    return segments % 2 ? fs_list_documents(c) : get_document(c);
}

/* Runs one write and answers with the document as it is then, or with nothing after a delete. */
static bool write_and_show(struct fs_call *c, struct jw *write, struct str name)
{
    struct fs_mask *mask = ARENA_NEW(c->arena, struct fs_mask);
    struct str text = jw_finish(write, c->arena);
    const struct jval *v;
    struct fs_stored *d;
    struct jw unused;
    bool good;

    if (!fs_mask_of_query(c, mask))
        return false;
    if (json_parse_arena(&v, c->arena, text, NULL))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
    jw_init(&unused);
    jw_arr(&unused, NULL);
    good = fs_write_one(c, v, fs_txs_now_us(c->db->txs), &unused);
    jw_release(&unused);
    if (!good)
        return false;
    d = fs_load(&c->view, name);
    if (d) {
        fs_doc_write(&c->out, c->arena, NULL, d, mask->paths, mask->n);
    } else {
        jw_obj(&c->out, NULL);
        jw_end(&c->out);
    }
    return true;
}

static void write_update(struct jw *w, struct str name, const struct jval *document)
{
    jw_obj(w, "update");
    jw_str(w, "name", name);
    if (json_get(document, "fields"))
        jw_val(w, "fields", json_get(document, "fields"));
    jw_end(w);
}

bool fs_create_document(struct fs_call *c)
{
    struct str id = form_get(&c->query, "documentId"), name;
    struct jw w;

    if (id.n == 0)
        id = random_id_text(c->arena, AUTO_ID_CHARS);
    if (!fs_id_check(id, "Resource id", &c->f))
        return false;
    name = arena_printf(c->arena, STR_FMT "/" STR_FMT, STR_ARG(c->parent), STR_ARG(id));
    jw_init(&w);
    jw_obj(&w, NULL);
    write_update(&w, name, c->body);
    jw_obj(&w, "currentDocument");
    jw_bool(&w, "exists", false);
    jw_end(&w);
    jw_end(&w);
    return write_and_show(c, &w, name);
}

static void write_precondition(struct jw *w, const struct form *query)
{
    struct str exists = form_get(query, "currentDocument.exists");
    struct str time = form_get(query, "currentDocument.updateTime");

    if (exists.n == 0 && time.n == 0)
        return;
    jw_obj(w, "currentDocument");
    if (exists.n)
        jw_bool(w, "exists", str_eq(exists, STR("true")));
    else
        jw_str(w, "updateTime", time);
    jw_end(w);
}

bool fs_patch_document(struct fs_call *c)
{
    struct jw w;
    bool masked = false;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    write_update(&w, c->parent, c->body);
    for (i = 0; i < c->query.n; i++) {
        if (!str_eq(c->query.pairs[i].key, STR("updateMask.fieldPaths")))
            continue;
        if (!masked) {
            jw_obj(&w, "updateMask");
            jw_arr(&w, "fieldPaths");
        }
        masked = true;
        jw_str(&w, NULL, c->query.pairs[i].value);
    }
    if (masked) {
        jw_end(&w);
        jw_end(&w);
    }
    write_precondition(&w, &c->query);
    jw_end(&w);
    return write_and_show(c, &w, c->parent);
}

bool fs_delete_document(struct fs_call *c)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "delete", c->parent);
    write_precondition(&w, &c->query);
    jw_end(&w);
    return write_and_show(c, &w, c->parent);
}
