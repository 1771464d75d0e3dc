/* local_cloud/engine/conversation.h: the items of one Realtime conversation, in order.
 * Source: OpenAI API reference, Realtime GA, conversation items. */
#ifndef LOCAL_CLOUD_ENGINE_CONVERSATION_H
#define LOCAL_CLOUD_ENGINE_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/list.h"
#include "base/str.h"
#include "local_cloud/engine/fields.h"

enum {
    API_ID_MAX = 40,            /* of ids made here or chosen by the client, NUL included */
    CLIENT_ID_MAX = 32,         /* characters of a client's item id */
    ITEM_TEXT_MAX = 512 * 1024, /* bytes of an item's text: more is refused */
    CONVERSATION_ITEMS_MAX = 4096,
};

enum item_kind { ITEM_MESSAGE, ITEM_FUNCTION_CALL, ITEM_FUNCTION_OUTPUT };
enum item_role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

struct item {
    struct list_node node;
    char id[API_ID_MAX];
    enum item_kind kind;
    enum item_role role;
    const char *status;   /* "completed", "incomplete", "in_progress" */
    bool audio;           /* its content is audio: `text` is the transcript */
    bool part;            /* it has content at all */
    bool cut;             /* the client has cut it off: what is still said of it is not kept */
    struct buf text;      /* message's text, call's arguments, or output */
    char *name, *call_id; /* of function items; owned */
    int64_t audio_ms;     /* length of its audio: what was said, or sent and not cut off */
    bool transcribed;     /* the client has its transcript; until then that is null */
    bool hearing;         /* being understood just now */
    bool seen;            /* the receptionist knows it… */
    const void *seen_by;  /* …since this response */
    double confidence;
};

struct conversation {
    struct list items;
    size_t n;
};

void conversation_init(struct conversation *c);
void conversation_release(struct conversation *c);

void api_id(char out[API_ID_MAX], const char *prefix); /* "item_" and random characters */

/* Not in the conversation yet; `prefix` gives it an id. */
struct item *item_create(enum item_kind kind, enum item_role role, const char *prefix) MUST_USE;
struct item *item_destroy(struct item *i); /* takes it off its list */
/* From conversation.item.create's "item". NULL: *e says why. */
struct item *item_from_client(const struct jval *v, struct api_error *e);
/* The object, under `key` (NULL in arrays). */
void item_write(struct jw *w, const char *key, const struct item *i);
/* Its content part {type,text|transcript}, as in response.content_part events. */
void item_part_write(struct jw *w, const struct item *i, bool with_text);

struct item *conversation_find(const struct conversation *c, struct str id); /* NULL: absent */
/* At the end, or behind `after` ("root": at the front). False: no such item, or too many. */
bool conversation_insert(struct conversation *c, struct item *i, struct str after,
                         struct api_error *e);
/* Id of the item before it; empty: it is the first. */
struct str conversation_previous(const struct conversation *c, const struct item *i);
/* Cuts an assistant's audio and the words beyond it. False: *e, as OpenAI says it. */
bool conversation_truncate(struct conversation *c, struct str id, int64_t content_index,
                           int64_t audio_end_ms, struct api_error *e);

#endif
