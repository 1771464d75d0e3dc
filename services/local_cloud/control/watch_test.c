#include "local_cloud/control/watch.h"

#include <pthread.h>

#include "test.h"

TEST(watch_take_gives_the_lines_of_its_call_in_order)
{
    struct watches *all = watches_create();
    struct watch *one = watch_open(all), *other = watch_open(all);
    struct buf out = BUF_INIT(1024);

    watch_set_call(one, STR("CA1"));
    watch_set_call(other, STR("CA2"));
    CHECK(watches_put(all, STR("CA1"), STR("a")));
    watch_put(one, STR("b"));
    CHECK(!watches_put(all, STR("CA3"), STR("nobody's")));
    while (watch_take(one, &out, 0))
        buf_add_char(&out, ' ');
    CHECK_STR(buf_str(&out), "a b ");
    CHECK(!watch_take(other, &out, 0));
    buf_release(&out);
    watches_destroy(all);
}

static void *put_later(void *arg)
{
    watch_put(arg, STR("late"));
    return NULL;
}

TEST(watch_take_waits_for_a_line_from_another_thread)
{
    struct watches *all = watches_create();
    struct watch *one = watch_open(all);
    struct buf out = BUF_INIT(1024);
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, put_later, one), 0);
    CHECK(watch_take(one, &out, 30000));
    CHECK_STR(buf_str(&out), "late");
    pthread_join(thread, NULL);
    buf_release(&out);
    watches_destroy(all);
}

TEST(watch_drops_lines_beyond_its_limit)
{
    struct watches *all = watches_create();
    struct watch *one = watch_open(all);
    struct buf out = BUF_INIT(64 * KIB);
    size_t i, n = 0;

    for (i = 0; i < WATCH_LINES_MAX + 10; i++)
        watch_put(one, STR("x"));
    while (watch_take(one, &out, 0))
        n++;
    CHECK_INT(n, WATCH_LINES_MAX);
    buf_release(&out);
    watches_destroy(all);
}
