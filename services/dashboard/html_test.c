#include "dashboard/html.h"

#include <stdio.h>

#include "test.h"

enum { PAGE_MAX = 4096 };
#define DOCTYPE "<!doctype html>\n"

static void check_page(struct html *h, const char *want)
{
    struct str page;

    CHECK_OK(html_finish(h, &page));
    CHECK_STR(page, want);
    html_release(h);
}

TEST(html_escapes_whatever_stands_in_texts)
{
    struct html h;

    html_init(&h, PAGE_MAX);
    html_leaf(&h, "p", NULL, STR("<script>alert(\"1\" & '2')</script>"));
    check_page(&h, DOCTYPE
               "<p>&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;</p>");
}

TEST(html_escapes_whatever_stands_in_attributes)
{
    struct html h;

    html_init(&h, PAGE_MAX);
    html_begin(&h, "p");
    html_attr_c(&h, "title", "\" onclick=\"x()");
    html_attrf(&h, "data-n", "%d'", 5);
    html_end(&h);
    check_page(&h, DOCTYPE "<p title=\"&quot; onclick=&quot;x()\" data-n=\"5&#39;\"></p>");
}

TEST(html_puts_a_replacement_for_what_is_no_text)
{
    struct html h;

    html_init(&h, PAGE_MAX);
    html_leaf(&h, "p", NULL, str_n("a\xff\0b\x1b\xc3\xa4\xe2\x82\n\t", 11));
    check_page(&h, DOCTYPE "<p>a\xef\xbf\xbd\xef\xbf\xbd"
                           "b\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\n\t</p>");
}

TEST(html_escapes_what_was_formatted)
{
    struct html h;

    html_init(&h, PAGE_MAX);
    html_begin(&h, "p");
    html_textf(&h, "%s & %d", "<b>", 2);
    html_end(&h);
    check_page(&h, DOCTYPE "<p>&lt;b&gt; &amp; 2</p>");
}

TEST(html_addresses_stay_on_this_site)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        { "/calls/CA1", "/calls/CA1" },
        { "/", "/" },
        { "?a=1&b=\"", "?a=1&amp;b=&quot;" },
        { "#t", "#t" },
        { "//evil.example/", "#" },
        { "/\\evil.example/", "#" },
        { "/\t/evil.example/", "#" },
        { "/\n/evil.example/", "#" },
        { "https://evil.example/", "#" },
        { "javascript:alert(1)", "#" },
        { "JaVaScRiPt:alert(1)", "#" },
        { " /x", "#" },
        { "", "#" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        char want[128];
        struct html h;

        html_init(&h, PAGE_MAX);
        html_begin(&h, "a");
        html_url(&h, "href", str_c(rows[i].given));
        html_end(&h);
        snprintf(want, sizeof(want), DOCTYPE "<a href=\"%s\"></a>", rows[i].want);
        check_page(&h, want);
    }
}

TEST(html_elements_without_content_have_no_end)
{
    struct html h;

    html_init(&h, PAGE_MAX);
    html_begin(&h, "p");
    html_begin(&h, "br");
    html_end(&h);
    html_begin(&h, "option");
    html_flag(&h, "selected");
    html_end(&h);
    html_end(&h);
    check_page(&h, DOCTYPE "<p><br><option selected=\"\"></option></p>");
}

TEST(html_says_when_a_page_is_too_large)
{
    struct html h;
    struct str page = STR("untouched");

    html_init(&h, 40);
    html_leaf(&h, "p", NULL, STR("longer than what is left of forty bytes"));
    CHECK_RC(ERR_LIMIT, html_finish(&h, &page));
    CHECK_STR(page, "untouched");
    html_release(&h);
}
