#include "base/buf.h"

#include <string.h>

#include "test.h"

TEST(buf_grows_by_appending)
{
    struct buf b = BUF_INIT(1000);

    CHECK_STR(str_c(buf_cstr(&b)), "");
    CHECK_STR(buf_str(&b), "");
    buf_add_c(&b, "a");
    buf_add_char(&b, '=');
    buf_addf(&b, "%d", 12);
    buf_add_str(&b, STR(";"));
    buf_add(&b, "\0x", 2);
    CHECK_INT(b.n, 7);
    CHECK(memcmp(b.p, "a=12;\0x", 8) == 0);
    CHECK_OK(buf_status(&b));
    buf_release(&b);
    CHECK_INT(b.max, 1000);
    CHECK_INT(b.n, 0);
}

TEST(buf_takes_exactly_its_maximum)
{
    struct buf b = BUF_INIT(5);

    buf_add_c(&b, "12345");
    CHECK_OK(buf_status(&b));
    CHECK_STR(buf_str(&b), "12345");
    buf_add_char(&b, '6');
    CHECK_RC(ERR_LIMIT, buf_status(&b));
    CHECK_STR(buf_str(&b), "12345");
    buf_release(&b);
    CHECK_OK(buf_status(&b));
}

TEST(buf_adds_nothing_after_an_overflow_until_reset)
{
    struct buf b = BUF_INIT(5);

    buf_add_c(&b, "123");
    buf_addf(&b, "%s", "too long");
    buf_add_char(&b, '4'); /* would fit, but after a gap */
    CHECK_STR(buf_str(&b), "123");
    buf_truncate(&b, 0);
    CHECK_RC(ERR_LIMIT, buf_status(&b));
    buf_reset(&b);
    CHECK_OK(buf_status(&b));
    buf_add_c(&b, "12345");
    CHECK_STR(buf_str(&b), "12345");
    buf_release(&b);
}

TEST(buf_with_a_maximum_of_zero_takes_nothing)
{
    struct buf b;

    buf_init(&b, 0);
    buf_add_c(&b, "");
    buf_addf(&b, "%s", "");
    CHECK_OK(buf_status(&b));
    buf_add_char(&b, 'x');
    CHECK_RC(ERR_LIMIT, buf_status(&b));
    CHECK_INT(b.n, 0);
    buf_release(&b);
}

TEST(buf_reserve_keeps_the_text_where_it_is)
{
    struct buf b = BUF_INIT(100000);
    const char *p;
    int i;

    buf_add_c(&b, "x");
    buf_reserve(&b, 50000);
    p = b.p;
    for (i = 0; i < 50000; i++)
        buf_add_char(&b, 'y');
    CHECK(b.p == p);
    CHECK_INT(b.n, 50001);
    buf_reserve(&b, SIZE_MAX); /* up to the maximum */
    CHECK_OK(buf_status(&b));
    CHECK(b.cap > b.max);
    buf_release(&b);
}

TEST(buf_drop_front_and_truncate_are_clamped)
{
    struct buf b = BUF_INIT(100);

    buf_drop_front(&b, 5);
    buf_truncate(&b, 5);
    buf_add_c(&b, "hello world");
    buf_drop_front(&b, 6);
    CHECK_STR(str_c(buf_cstr(&b)), "world");
    buf_truncate(&b, 99);
    CHECK_STR(buf_str(&b), "world");
    buf_truncate(&b, 2);
    CHECK_STR(str_c(buf_cstr(&b)), "wo");
    buf_drop_front(&b, 99);
    CHECK_STR(str_c(buf_cstr(&b)), "");
    buf_release(&b);
}

TEST(buf_reset_keeps_the_memory)
{
    struct buf b = BUF_INIT(100);
    const char *p;

    buf_add_c(&b, "hello");
    p = b.p;
    buf_reset(&b);
    CHECK_STR(str_c(buf_cstr(&b)), "");
    buf_add_c(&b, "again");
    CHECK(b.p == p);
    buf_release(&b);
    buf_release(&b);
}
