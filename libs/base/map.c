#include "base/map.h"

#include <stdint.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { SLOTS_FIRST = 16 }; /* a power of two, as every later number of slots */

struct map_slot {
    char *key; /* NULL: free */
    size_t key_len;
    uint64_t hash;
    void *value;
};

/* Open addressing, linear probing, at most three quarters full; removal moves the followers back, so
 * there are no tombstones. */
struct map {
    struct map_slot *slots;
    size_t n_slots, len;
    uint64_t seed[2];
};

static uint64_t rotl(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* SipHash-1-3 (Aumasson, Bernstein): made for tables whose keys an attacker chooses. */
static uint64_t hash_of(const struct map *m, struct str key)
{
    uint64_t v[4] = {
        m->seed[0] ^ 0x736f6d6570736575U,
        m->seed[1] ^ 0x646f72616e646f6dU,
        m->seed[0] ^ 0x6c7967656e657261U,
        m->seed[1] ^ 0x7465646279746573U,
    };
    uint64_t word, last = (uint64_t)key.n << 56;
    size_t i;

    for (i = 0; i + 8 <= key.n; i += 8) {
        memcpy(&word, key.p + i, 8);
        sip_word(v, word);
    }
    word = 0;
    if (i < key.n)
        memcpy(&word, key.p + i, key.n - i);
    sip_word(v, last | word);
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_create(void)
{
    struct map *m = MEM_NEW(struct map);

    random_bytes(m->seed, sizeof(m->seed));
    return m;
}

struct map *map_destroy(struct map *m)
{
    size_t i;

    if (!m)
        return NULL;
    for (i = 0; i < m->n_slots; i++)
        mem_free(m->slots[i].key);
    mem_free(m->slots);
    mem_free(m);
    return NULL;
}

/* The slot that holds the key, or the free one where it would go. */
static struct map_slot *slot_for(const struct map *m, struct str key, uint64_t hash)
{
    size_t mask = m->n_slots - 1, at = hash & mask;

    for (;; at = (at + 1) & mask) {
        struct map_slot *s = &m->slots[at];

        if (!s->key || (s->hash == hash && str_eq(str_n(s->key, s->key_len), key)))
            return s;
    }
}

static struct map_slot *slot_find(const struct map *m, struct str key)
{
    struct map_slot *s;

    if (m->len == 0)
        return NULL;
    s = slot_for(m, key, hash_of(m, key));
    return s->key ? s : NULL;
}

static void grow(struct map *m)
{
    struct map old = *m;
    size_t i;

    m->n_slots = old.n_slots ? old.n_slots * 2 : SLOTS_FIRST;
    m->slots = mem_calloc(m->n_slots, sizeof(*m->slots));
    for (i = 0; i < old.n_slots; i++) {
        const struct map_slot *s = &old.slots[i];

        if (s->key)
            *slot_for(m, str_n(s->key, s->key_len), s->hash) = *s;
    }
    mem_free(old.slots);
}

void *map_get(const struct map *m, struct str key)
{
    const struct map_slot *s = slot_find(m, key);

    return s ? s->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_of(m, key);
    struct map_slot *s;
    void *before;

    if (m->len >= m->n_slots / 4 * 3)
        grow(m);
    s = slot_for(m, key, hash);
    if (!s->key) {
        *s = (struct map_slot){ mem_str_dup(key), key.n, hash, NULL };
        m->len++;
    }
    before = s->value;
    s->value = value;
    return before;
}

/* Moves back each follower whose own place is not after the hole. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->n_slots - 1, at = hole;

    for (;;) {
        size_t home;

        at = (at + 1) & mask;
        if (!m->slots[at].key)
            break;
        home = m->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        m->slots[hole] = m->slots[at];
        hole = at;
    }
    m->slots[hole] = (struct map_slot){ 0 };
}

void *map_remove(struct map *m, struct str key)
{
    struct map_slot *s = slot_find(m, key);
    void *value;

    if (!s)
        return NULL;
    value = s->value;
    mem_free(s->key);
    close_hole(m, (size_t)(s - m->slots));
    m->len--;
    return value;
}

size_t map_len(const struct map *m)
{
    return m->len;
}

bool map_next(const struct map *m, struct map_iter *it, struct str *key, void **value)
{
    while (it->at < m->n_slots) {
        const struct map_slot *s = &m->slots[it->at++];

        if (!s->key)
            continue;
        *key = str_n(s->key, s->key_len);
        *value = s->value;
        return true;
    }
    return false;
}
