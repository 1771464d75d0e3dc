#include "local_cloud/engine/conversation.h"

#include <ctype.h>
#include <stdio.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"

enum { ID_RANDOM = 21 };

static const char *const role_names[] = { "system", "user", "assistant" };
static const char *const kind_names[] = { "message", "function_call", "function_call_output" };

static const struct field item_fields[] = {
    { .name = "id", .kind = FIELD_STR },
    { .name = "object", .kind = FIELD_CHOICE, .allowed = "realtime.item" },
    { .name = "type",
      .kind = FIELD_CHOICE,
      .required = true,
      .allowed = "message|function_call|function_call_output" },
    { .name = "status", .kind = FIELD_CHOICE, .allowed = "completed|incomplete|in_progress" },
    { .name = "role", .kind = FIELD_CHOICE, .allowed = "system|user|assistant" },
    { .name = "content", .kind = FIELD_LIST },
    { .name = "call_id", .kind = FIELD_STR },
    { .name = "name", .kind = FIELD_STR },
    { .name = "arguments", .kind = FIELD_STR },
    { .name = "output", .kind = FIELD_STR },
};

void conversation_init(struct conversation *c)
{
    list_init(&c->items);
    c->n = 0;
}

void conversation_release(struct conversation *c)
{
    struct list_node *node;

    while ((node = list_first(&c->items)))
        item_destroy(CONTAINER_OF(node, struct item, node));
    c->n = 0;
}

void api_id(char out[API_ID_MAX], const char *prefix)
{
    char random[ID_RANDOM];

    random_id(random, sizeof(random));
    (void)snprintf(out, API_ID_MAX, "%s%.*s", prefix, ID_RANDOM,
                   random); /* our prefixes are short */
}

struct item *item_create(enum item_kind kind, enum item_role role, const char *prefix)
{
    struct item *i = MEM_NEW(struct item);

    api_id(i->id, prefix);
    i->kind = kind;
    i->role = role;
    i->status = "completed";
    buf_init(&i->text, ITEM_TEXT_MAX);
    return i;
}

struct item *item_destroy(struct item *i)
{
    if (!i)
        return NULL;
    list_remove(&i->node);
    buf_release(&i->text);
    mem_free(i->name);
    mem_free(i->call_id);
    mem_free(i);
    return NULL;
}

static bool id_check(struct str id, struct api_error *e)
{
    size_t i;

    if (id.n > CLIENT_ID_MAX)
        return api_error_set(
            e, "string_above_max_length", "item.id",
            "Invalid 'item.id': string too long. Expected a string with maximum length %d, but "
            "got a string with length %zu instead.",
            CLIENT_ID_MAX, id.n);
    for (i = 0; i < id.n; i++) {
        if (!isalnum((unsigned char)id.p[i]) && id.p[i] != '_' && id.p[i] != '-')
            return api_error_set(
                e, "invalid_value", "item.id",
                "Invalid 'item.id': expected an ID that contains letters, numbers, underscores, "
                "or dashes, but this value contained additional characters.");
    }
    return true;
}

/* What each role may say. */
static bool part_allowed(enum item_role role, struct str type)
{
    if (role == ROLE_ASSISTANT)
        return str_eq_c(type, "output_text");
    return str_eq_c(type, "input_text") || (role == ROLE_USER && str_eq_c(type, "input_audio"));
}

static bool content_read(struct item *i, const struct jval *content, struct api_error *e)
{
    char param[64];
    size_t k;

    if (json_len(content) == 0)
        return api_error_set(e, "missing_required_parameter", "item.content",
                             "Missing required parameter: 'item.content'.");
    for (k = 0; k < json_len(content); k++) {
        const struct jval *part = json_at(content, k);
        struct str type = json_str(json_get(part, "type"));

        (void)snprintf(param, sizeof(param), "item.content[%zu].type", k); /* always fits */
        if (!part_allowed(i->role, type))
            return api_error_set(e, "invalid_value", param,
                                 "Invalid value: '" STR_FMT "'. Supported values are: %s.",
                                 STR_ARG(str_slice(type, 0, 64)),
                                 i->role == ROLE_ASSISTANT ? "'output_text'"
                                                           : "'input_text' and 'input_audio'");
        if (str_eq_c(type, "input_audio")) {
            buf_add_str(&i->text, json_str(json_get(part, "transcript")));
            i->audio = true;
            i->transcribed |= json_is_str(json_get(part, "transcript"));
        } else {
            buf_add_str(&i->text, json_str(json_get(part, "text")));
        }
    }
    i->part = true;
    return true;
}

static bool function_read(struct item *i, const struct jval *v, struct api_error *e)
{
    const char *text = i->kind == ITEM_FUNCTION_CALL ? "arguments" : "output";
    const char *const needed[] = { "call_id", text, i->kind == ITEM_FUNCTION_CALL ? "name" : text };
    char param[32];
    size_t k;

    for (k = 0; k < ARRAY_LEN(needed); k++) {
        (void)snprintf(param, sizeof(param), "item.%s", needed[k]); /* always fits */
        if (!json_get(v, needed[k]))
            return api_error_set(e, "missing_required_parameter", param,
                                 "Missing required parameter: '%s'.", param);
    }
    i->call_id = mem_str_dup(json_str(json_get(v, "call_id")));
    if (i->kind == ITEM_FUNCTION_CALL)
        i->name = mem_str_dup(json_str(json_get(v, "name")));
    buf_add_str(&i->text, json_str(json_get(v, text)));
    return true;
}

static size_t index_of(const char *const *names, size_t n, struct str name)
{
    size_t i;

    for (i = 0; i < n && !str_eq_c(name, names[i]); i++)
        ;
    return i;
}

struct item *item_from_client(const struct jval *v, struct api_error *e)
{
    struct str id = json_str(json_get(v, "id"));
    struct item *i;
    bool good;

    if (!fields_check(item_fields, ARRAY_LEN(item_fields), v, "item", e) || !id_check(id, e))
        return NULL;
    i = item_create(ITEM_MESSAGE, ROLE_SYSTEM, "item_");
    i->kind =
        (enum item_kind)index_of(kind_names, ARRAY_LEN(kind_names), json_str(json_get(v, "type")));
    if (id.n > 0)
        (void)str_copy(i->id, sizeof(i->id), id); /* its length is checked */
    if (i->kind != ITEM_MESSAGE) {
        good = function_read(i, v, e);
    } else if (!json_get(v, "role")) {
        good = api_error_set(e, "missing_required_parameter", "item.role",
                             "Missing required parameter: 'item.role'.");
    } else {
        i->role = (enum item_role)index_of(role_names, ARRAY_LEN(role_names),
                                           json_str(json_get(v, "role")));
        good = content_read(i, json_get(v, "content"), e);
    }
    if (good && buf_status(&i->text))
        good =
            api_error_set(e, "string_above_max_length", "item", "Invalid 'item': text too long.");
    return good ? i : item_destroy(i);
}

void item_part_write(struct jw *w, const struct item *i, bool with_text)
{
    bool out = i->role == ROLE_ASSISTANT;
    struct str text = with_text ? buf_str(&i->text) : STR("");

    if (i->audio) {
        jw_cstr(w, "type", out ? "output_audio" : "input_audio");
        if (!out && !i->transcribed)
            jw_null(w, "transcript");
        else
            jw_str(w, "transcript", text);
    } else {
        jw_cstr(w, "type", out ? "output_text" : "input_text");
        jw_str(w, "text", text);
    }
}

void item_write(struct jw *w, const char *key, const struct item *i)
{
    jw_obj(w, key);
    jw_cstr(w, "id", i->id);
    jw_cstr(w, "object", "realtime.item");
    jw_cstr(w, "type", kind_names[i->kind]);
    jw_cstr(w, "status", i->status);
    if (i->kind == ITEM_MESSAGE) {
        jw_cstr(w, "role", role_names[i->role]);
        jw_arr(w, "content");
        if (i->part) {
            jw_obj(w, NULL);
            item_part_write(w, i, true);
            jw_end(w);
        }
        jw_end(w);
    } else {
        if (i->name)
            jw_cstr(w, "name", i->name);
        jw_cstr(w, "call_id", i->call_id);
        jw_str(w, i->kind == ITEM_FUNCTION_CALL ? "arguments" : "output", buf_str(&i->text));
    }
    jw_end(w);
}

struct item *conversation_find(const struct conversation *c, struct str id)
{
    struct list_node *node;

    for (node = list_first(&c->items); node; node = list_next(&c->items, node)) {
        struct item *i = CONTAINER_OF(node, struct item, node);

        if (str_eq_c(id, i->id))
            return i;
    }
    return NULL;
}

static void insert_behind(struct list_node *at, struct list_node *n)
{
    n->prev = at;
    n->next = at->next;
    at->next->prev = n;
    at->next = n;
}

bool conversation_insert(struct conversation *c, struct item *i, struct str after,
                         struct api_error *e)
{
    struct item *before = NULL;

    if (c->n >= CONVERSATION_ITEMS_MAX)
        return api_error_set(e, "conversation_too_long", "",
                             "The conversation has too many items.");
    if (conversation_find(c, str_c(i->id)))
        return api_error_set(e, "item_create_duplicate_item_id", "item.id",
                             "Error adding item: an item with id '%s' already exists.", i->id);
    if (after.n > 0 && !str_eq_c(after, "root")) {
        before = conversation_find(c, after);
        if (!before)
            return api_error_set(e, "item_create_invalid_previous_item_id", "previous_item_id",
                                 "Error adding item: the previous item with id '" STR_FMT
                                 "' does not exist.",
                                 STR_ARG(str_slice(after, 0, 64)));
    }
    if (before)
        insert_behind(&before->node, &i->node);
    else if (after.n > 0)
        list_push_front(&c->items, &i->node);
    else
        list_push_back(&c->items, &i->node);
    c->n++;
    return true;
}

struct str conversation_previous(const struct conversation *c, const struct item *i)
{
    if (!i->node.prev || i->node.prev == &c->items.head)
        return STR_EMPTY;
    return str_c(CONTAINER_OF(i->node.prev, struct item, node)->id);
}

/* As many words as were heard: the audio's share of the text, down to a word's end. */
static void words_cut(struct item *i, int64_t heard_ms)
{
    size_t keep =
        i->audio_ms > 0 ? (size_t)((double)i->text.n * (double)heard_ms / (double)i->audio_ms) : 0;

    keep = MIN(keep, i->text.n);
    while (keep > 0 && keep < i->text.n && i->text.p[keep] != ' ')
        keep--;
    buf_truncate(&i->text, keep);
}

bool conversation_truncate(struct conversation *c, struct str id, int64_t content_index,
                           int64_t audio_end_ms, struct api_error *e)
{
    struct item *i = conversation_find(c, id);

    if (!i)
        return api_error_set(e, "item_truncate_invalid_item_id", "item_id",
                             "Error truncating item: the item with id '" STR_FMT
                             "' does not exist.",
                             STR_ARG(str_slice(id, 0, 64)));
    if (i->kind != ITEM_MESSAGE || i->role != ROLE_ASSISTANT || !i->audio || content_index != 0)
        return api_error_set(
            e, "unsupported_content_type", "content_index",
            "Error truncating item: only model output audio messages can be truncated.");
    if (audio_end_ms > i->audio_ms)
        return api_error_set(e, "invalid_value", "audio_end_ms",
                             "Audio content of %lldms is already shorter than %lldms",
                             (long long)i->audio_ms, (long long)audio_end_ms);
    words_cut(i, audio_end_ms);
    i->audio_ms = audio_end_ms;
    i->cut = true;
    return true;
}
