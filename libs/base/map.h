/* base/map.h: string keys to pointers. Keys are copied, values belong to the caller. Hashing is seeded
 * for each map, so a peer who chooses keys cannot choose collisions. Not thread-safe. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct map;

struct map *map_create(void) MUST_USE;
struct map *map_destroy(struct map *m); /* NULL is fine; returns NULL; values are not touched */
void *map_get(const struct map *m, struct str key); /* NULL when absent */
/* Returns the value it replaced, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
void *map_remove(struct map *m, struct str key); /* returns the value, or NULL */
size_t map_len(const struct map *m);

/* Order is arbitrary; the map must not change meanwhile. */
struct map_iter {
    size_t at;
};
#define MAP_ITER_INIT \
    {                 \
        0             \
    }
bool map_next(const struct map *m, struct map_iter *it, struct str *key, void **value);

#endif
