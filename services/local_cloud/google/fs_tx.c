#include "local_cloud/google/fs_tx.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "local_cloud/google/firestore.h"

enum { ID_BYTES = 18, MAKER_BYTES = 10 };

struct fs_read {
    struct list_node node;
    struct str name;
    int64_t update_us;
    bool is_scan; /* name is a key of `changes` */
};

struct fs_tx {
    struct list_node node;
    struct arena arena;
    struct str id;
    struct list reads;
    int64_t begun_us;
    bool read_only;
};

struct fs_txs {
    const struct clock *clock;
    struct list open;           /* oldest first */
    size_t n, n_readers;        /* of them read-only */
    uint8_t maker[MAKER_BYTES]; /* how every id of ours begins */
    uint64_t made;
    int64_t last_us;
    struct map *changes; /* collection, or "group id", to the time of its last change */
};

struct fs_txs *fs_txs_create(const struct clock *clock)
{
    struct fs_txs *t = MEM_NEW(struct fs_txs);

    t->clock = clock;
    list_init(&t->open);
    t->changes = map_create();
    random_bytes(t->maker, sizeof(t->maker));
    return t;
}

struct fs_txs *fs_txs_destroy(struct fs_txs *t)
{
    struct map_iter it = MAP_ITER_INIT;
    struct list_node *node;
    struct str key;
    void *value;

    if (!t)
        return NULL;
    while ((node = list_first(&t->open)))
        fs_tx_end(t, CONTAINER_OF(node, struct fs_tx, node));
    while (map_next(t->changes, &it, &key, &value))
        mem_free(value);
    t->changes = map_destroy(t->changes);
    mem_free(t);
    return NULL;
}

int64_t fs_txs_now_us(struct fs_txs *t)
{
    t->last_us = MAX(clock_wall_us(t->clock), t->last_us + 1);
    return t->last_us;
}

void fs_tx_end(struct fs_txs *t, struct fs_tx *x)
{
    list_remove(&x->node);
    t->n--;
    t->n_readers -= x->read_only;
    arena_release(&x->arena);
    mem_free(x);
}

static void forget_old(struct fs_txs *t)
{
    int64_t limit_us = clock_wall_us(t->clock) - (int64_t)FIRESTORE_TRANSACTION_S * 1000000;
    struct list_node *node;

    while ((node = list_first(&t->open))) {
        struct fs_tx *x = CONTAINER_OF(node, struct fs_tx, node);

        if (t->n < FIRESTORE_TRANSACTIONS_MAX && x->begun_us > limit_us)
            return;
        fs_tx_end(t, x);
    }
}

struct fs_tx *fs_tx_begin(struct fs_txs *t, bool read_only)
{
    struct fs_tx *x = MEM_NEW(struct fs_tx);
    uint8_t id[ID_BYTES];

    forget_old(t);
    arena_init(&x->arena);
    list_init(&x->reads);
    t->made++;
    memcpy(id, t->maker, sizeof(t->maker));
    memcpy(id + sizeof(t->maker), &t->made, sizeof(t->made));
    x->id = base64_text(&x->arena, str_n(id, sizeof(id)));
    x->begun_us = fs_txs_now_us(t);
    x->read_only = read_only;
    list_push_back(&t->open, &x->node);
    t->n++;
    t->n_readers += read_only;
    return x;
}

struct str fs_tx_id(const struct fs_tx *x)
{
    return x->id;
}

bool fs_tx_read_only(const struct fs_tx *x)
{
    return x->read_only;
}

int64_t fs_tx_at_us(const struct fs_tx *x)
{
    return x->read_only ? x->begun_us : FS_NOW;
}

bool fs_txs_made(const struct fs_txs *t, struct str id)
{
    struct arena a = ARENA_INIT;
    struct str raw = STR_EMPTY;
    bool good = !base64_bytes(&a, id, &raw) && raw.n == ID_BYTES &&
                memcmp(raw.p, t->maker, sizeof(t->maker)) == 0;

    arena_release(&a);
    return good;
}

bool fs_txs_has_readers(struct fs_txs *t)
{
    forget_old(t);
    return t->n_readers > 0;
}

struct fs_tx *fs_tx_find(struct fs_txs *t, struct str id)
{
    struct list_node *node, *next;

    forget_old(t);
    LIST_EACH (&t->open, node, next) {
        struct fs_tx *x = CONTAINER_OF(node, struct fs_tx, node);

        if (str_eq(x->id, id))
            return x;
    }
    return NULL;
}

static struct fs_read *add_read(struct fs_tx *x)
{
    struct fs_read *r = ARENA_NEW(&x->arena, struct fs_read);

    list_push_back(&x->reads, &r->node);
    return r;
}

void fs_tx_read(struct fs_tx *x, struct str name, int64_t update_us)
{
    struct fs_read *r;

    if (x->read_only)
        return;
    r = add_read(x);
    r->name = arena_str(&x->arena, name);
    r->update_us = update_us;
}

static struct str group_key(struct arena *a, struct str collection)
{
    return arena_printf(a, "group " STR_FMT, STR_ARG(collection));
}

void fs_tx_scanned(struct fs_txs *t, struct fs_tx *x, struct str parent, struct str collection,
                   bool all_descendants)
{
    struct fs_read *r;

    if (x->read_only)
        return;
    r = add_read(x);
    r->is_scan = true;
    r->name = all_descendants ? group_key(&x->arena, collection)
                              : arena_printf(&x->arena, STR_FMT "/" STR_FMT, STR_ARG(parent),
                                             STR_ARG(collection));
    r->update_us = fs_txs_now_us(t);
}

bool fs_tx_holds(struct fs_txs *t, const struct fs_view *view, const struct fs_tx *x)
{
    struct list_node *node, *next;

    LIST_EACH (&x->reads, node, next) {
        const struct fs_read *r = CONTAINER_OF(node, struct fs_read, node);
        const int64_t *changed_us;
        struct fs_stored *d;

        if (r->is_scan) {
            changed_us = map_get(t->changes, r->name);
            if (changed_us && *changed_us > r->update_us)
                return false;
            continue;
        }
        d = fs_load(view, r->name);
        if ((d ? d->update_us : 0) != r->update_us)
            return false;
    }
    return true;
}

static void note_change(struct fs_txs *t, struct str key, int64_t now_us)
{
    int64_t *at = map_get(t->changes, key);

    if (!at) {
        at = MEM_NEW(int64_t);
        (void)map_put(t->changes, key, at); /* there was none */
    }
    *at = now_us;
}

void fs_txs_changed(struct fs_txs *t, struct str name, int64_t now_us)
{
    struct str parent = fs_parent_of(name);
    struct arena a = ARENA_INIT;

    note_change(t, parent, now_us);
    note_change(t, group_key(&a, fs_leaf_of(parent)), now_us);
    arena_release(&a);
}
