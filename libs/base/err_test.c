#include "base/err.h"

#include <string.h>

#include "test.h"

TEST(err_set_returns_the_kind_and_keeps_the_sentence)
{
    struct err err = ERR_INIT;

    err.upstream = 7;
    CHECK_RC(ERR_NOT_FOUND, err_set(&err, ERR_NOT_FOUND, "no call %d", 3));
    CHECK_INT(err.code, ERR_NOT_FOUND);
    CHECK_INT(err.upstream, 0);
    CHECK_STR(str_c(err.text), "no call 3");
}

TEST(err_functions_accept_null)
{
    CHECK_RC(ERR_IO, err_set(NULL, ERR_IO, "x"));
    CHECK_RC(ERR_IO, err_set_upstream(NULL, ERR_IO, 5, "x"));
    CHECK_RC(ERR_IO, err_wrap(NULL, ERR_IO, "x"));
}

TEST(err_wrap_stands_before_what_was_there)
{
    struct err err = ERR_INIT;

    CHECK_RC(ERR_UPSTREAM, err_set_upstream(&err, ERR_UPSTREAM, 503, "HTTP 503"));
    CHECK_RC(ERR_AGAIN, err_wrap(&err, ERR_AGAIN, "token for %s", "calendar"));
    CHECK_STR(str_c(err.text), "token for calendar: HTTP 503");
    CHECK_INT(err.code, ERR_AGAIN);
    CHECK_INT(err.upstream, 503);
}

TEST(err_wrap_of_an_empty_text_has_no_colon)
{
    struct err err = ERR_INIT;

    CHECK_RC(ERR_IO, err_wrap(&err, ERR_IO, "reading"));
    CHECK_STR(str_c(err.text), "reading");
}

TEST(err_set_may_quote_its_own_text)
{
    struct err err = ERR_INIT;

    (void)err_set(&err, ERR_IO, "disk");
    (void)err_set(&err, ERR_IO, "%s is full", err.text);
    CHECK_STR(str_c(err.text), "disk is full");
    (void)err_wrap(&err, ERR_IO, "<%s>", err.text);
    CHECK_STR(str_c(err.text), "<disk is full>: disk is full");
}

TEST(err_text_is_cut_at_its_maximum)
{
    struct err err = ERR_INIT;
    char text[2 * ERR_TEXT_MAX];
    int i;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)err_set(&err, ERR_LIMIT, "%s", text);
    CHECK_INT(strlen(err.text), ERR_TEXT_MAX - 1);
    for (i = 0; i < 3; i++) {
        (void)err_wrap(&err, ERR_LIMIT, "level %d", i);
        CHECK_INT(strlen(err.text), ERR_TEXT_MAX - 1);
    }
    CHECK(str_starts(str_c(err.text), STR("level 2: level 1: level 0: xxx")));
    (void)err_wrap(&err, ERR_LIMIT, "%s", text);
    CHECK_INT(strlen(err.text), ERR_TEXT_MAX - 1);
}

TEST(errc_names_are_lower_case_words)
{
    int i;

    CHECK_STR(str_c(errc_name(ERR_OK)), "ok");
    CHECK_STR(str_c(errc_name(ERR_NOT_FOUND)), "not_found");
    for (i = 0; i < ERRC_COUNT; i++)
        CHECK(errc_name((enum errc)i) && errc_name((enum errc)i)[0]);
    CHECK_STR(str_c(errc_name(ERRC_COUNT)), "unknown");
    CHECK_STR(str_c(errc_name((enum errc) - 1)), "unknown");
}
