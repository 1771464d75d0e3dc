#include "base/map.h"

#include <stdint.h>
#include <stdio.h>

#include "test.h"

TEST(map_put_replaces_and_returns_what_was_there)
{
    struct map *m = map_create();
    int a, b;

    CHECK(!map_get(m, STR("k")));
    CHECK(!map_remove(m, STR("k")));
    CHECK(!map_put(m, STR("k"), &a));
    CHECK(map_put(m, STR("k"), &b) == &a);
    CHECK(map_get(m, STR("k")) == &b);
    CHECK_INT(map_len(m), 1);
    CHECK(map_remove(m, STR("k")) == &b);
    CHECK_INT(map_len(m), 0);
    CHECK(!map_get(m, STR("k")));
    m = map_destroy(m);
    CHECK(!m);
    CHECK(!map_destroy(NULL));
}

TEST(map_keys_are_bytes_and_copied)
{
    struct map *m = map_create();
    char key[] = "abc";
    int a, b, c;

    map_put(m, str_c(key), &a);
    key[0] = 'x';
    CHECK(map_get(m, STR("abc")) == &a);
    CHECK(!map_get(m, STR("xbc")));
    map_put(m, STR_EMPTY, &b);
    map_put(m, str_n("\0", 1), &c);
    CHECK(map_get(m, STR("")) == &b);
    CHECK(map_get(m, str_n("\0", 1)) == &c);
    map_destroy(m);
}

static struct str number_key(char out[16], int i)
{
    int n = snprintf(out, 16, "key-%d", i);

    return str_n(out, (size_t)n);
}

TEST(map_finds_all_of_many_keys_after_many_removals)
{
    enum { COUNT = 5000 };
    static int values[COUNT];
    struct map *m = map_create();
    char key[16];
    int i, round;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < COUNT; i++)
            CHECK(!map_put(m, number_key(key, i), &values[i]));
        for (i = 0; i < COUNT; i += 3)
            CHECK(map_remove(m, number_key(key, i)) == &values[i]);
        for (i = 0; i < COUNT; i++)
            CHECK(map_get(m, number_key(key, i)) == (i % 3 ? &values[i] : NULL));
        CHECK_INT(map_len(m), COUNT - (COUNT + 2) / 3);
        for (i = 0; i < COUNT; i++)
            (void)map_remove(m, number_key(key, i)); /* a third is gone already */
        CHECK_INT(map_len(m), 0);
    }
    map_destroy(m);
}

TEST(map_next_visits_each_key_once)
{
    enum { COUNT = 100 };
    bool seen[COUNT] = { false };
    struct map *m = map_create();
    struct map_iter it = MAP_ITER_INIT;
    char text[16];
    struct str key;
    void *value;
    int i, n = 0;

    CHECK(!map_next(m, &it, &key, &value));
    for (i = 0; i < COUNT; i++)
        map_put(m, number_key(text, i), &seen[i]);
    while (map_next(m, &it, &key, &value)) {
        bool *flag = value;

        CHECK(!*flag);
        CHECK(str_eq(key, number_key(text, (int)(flag - seen))));
        *flag = true;
        n++;
    }
    CHECK_INT(n, COUNT);
    map_destroy(m);
}
