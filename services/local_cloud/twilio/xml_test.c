#include "local_cloud/twilio/xml.h"

#include "local_cloud/twilio/webhooks.h"
#include "test.h"

TEST(xml_reads_elements_attributes_and_text)
{
    struct arena a = ARENA_INIT;
    struct xml_node *root = NULL;

    CHECK_OK(xml_parse(&root, &a,
                       STR("\xEF\xBB\xBF<?xml version=\"1.0\"?><!-- hi --><Response>\n <Dial "
                           "action='/d?a=1&amp;b=2' "
                           "timeout=\"20\">+49<Number>30&#49;&#x32;</Number><![CDATA[<&]]></Dial>"
                           "<Hangup/>\n</Response> <!-- bye -->"),
                       NULL));
    CHECK_STR(root->name, "Response");
    CHECK_STR(root->first_child->name, "Dial");
    CHECK_STR(xml_attr(root->first_child, "action", ""), "/d?a=1&b=2");
    CHECK_STR(xml_attr(root->first_child, "absent", "none"), "none");
    CHECK_STR(root->first_child->text, "+49<&");
    CHECK_STR(root->first_child->first_child->text, "3012");
    CHECK_STR(root->first_child->next->name, "Hangup");
    CHECK(root->first_child->next->next == NULL);
    arena_release(&a);
}

TEST(xml_that_is_not_well_formed_is_refused)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "nothing", "" },
        { "only text", "hello" },
        { "no end", "<a>" },
        { "wrong end", "<a></b>" },
        { "two roots", "<a/><b/>" },
        { "text behind", "<a/>x" },
        { "attribute without quotes", "<a b=c/>" },
        { "attribute without value", "<a b/>" },
        { "attribute without end", "<a b=\"c/>" },
        { "attributes without a blank", "<a b=\"1\"c=\"2\"/>" },
        { "repeated attribute", "<a b=\"1\" b=\"2\"/>" },
        { "a < in an attribute", "<a b=\"<\"/>" },
        { "bare ampersand", "<a>x & y</a>" },
        { "unknown entity", "<a>&nbsp;</a>" },
        { "reference to a control character", "<a>&#1;</a>" },
        { "reference beyond Unicode", "<a>&#x110000;</a>" },
        { "reference without digits", "<a>&#x;</a>" },
        { "control character", "<a>\x01</a>" },
        { "document type", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>" },
        { "comment without end", "<a><!-- </a>" },
        { "CDATA without end", "<a><![CDATA[ </a>" },
        { "not UTF-8", "<a>\xFF</a>" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        struct xml_node *root = NULL;

        if (xml_parse(&root, &a, str_c(rows[i].text), &err) != ERR_INVALID || !err.text[0])
            FAIL_TEST("%s", rows[i].name);
    }
    arena_release(&a);
}

TEST(xml_nesting_has_a_limit)
{
    struct arena a = ARENA_INIT;
    struct xml_node *root = NULL;
    struct buf text = BUF_INIT(1 * MIB);
    int i;

    for (i = 0; i < 100000; i++)
        buf_add_c(&text, "<a>");
    CHECK_RC(ERR_INVALID, xml_parse(&root, &a, buf_str(&text), NULL));
    buf_release(&text);
    arena_release(&a);
}

TEST(urls_in_a_document_are_relative_to_it)
{
    static const struct {
        const char *base, *ref, *want;
    } rows[] = {
        { "https://a.example.com/voice/in?x=1#rc=1", "/b", "https://a.example.com/b" },
        { "https://a.example.com/voice/in?x=1", "next?y=2",
          "https://a.example.com/voice/next?y=2" },
        { "https://a.example.com/voice/in?x=1#rc=1", "", "https://a.example.com/voice/in?x=1" },
        { "https://a.example.com/voice/in?x=1", "?y=2", "https://a.example.com/voice/in?y=2" },
        { "https://a.example.com", "b", "https://a.example.com/b" },
        { "https://a.example.com:8443/v/x", "/b#rc=2", "https://a.example.com:8443/b#rc=2" },
        { "https://a.example.com/v", "https://b.example.com/c", "https://b.example.com/c" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(webhook_resolve(&a, str_c(rows[i].base), str_c(rows[i].ref)), rows[i].want);
    arena_release(&a);
}
