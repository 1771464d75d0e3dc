#include "google/pubsub.h"

#include "google/peer_test.h"

#define UNAVAILABLE                                           \
    {                                                         \
        .status = 503, .header = "Retry-After", .value = "0", \
        .body = "{\"error\":{\"status\":\"UNAVAILABLE\"}}"    \
    }

TEST(pubsub_publish_repeats_what_may_pass)
{
    struct pubsub_attribute attribute = { STR("id"), STR("e1") };
    struct pubsub_message m = {
        .data = STR("hi"), .ordering_key = STR("CA1"), .attributes = &attribute, .n_attributes = 1
    };
    struct peer p;
    struct str *ids;

    peer_open(&p);
    PEER_SCRIPT(&p, UNAVAILABLE, { .status = 500, .body = "{}" }, { .body = "{#" },
                { .body = "{\"messageIds\":[\"7\"]}" });
    CHECK_OK(pubsub_publish(p.google, &p.ctx, STR("call-events"), &m, 1, &ids, &p.err));
    CHECK_STR(ids[0], "7");
    CHECK_INT(p.n_asked, 4);
    CHECK_STR(str_c(p.asked[3].target), "/v1/projects/p/topics/call-events:publish");
    CHECK_STR(str_c(p.asked[3].body), "{\"messages\":[{\"data\":\"aGk=\",\"orderingKey\":\"CA1\","
                                      "\"attributes\":{\"id\":\"e1\"}}]}");
    CHECK_STR(str_c(p.asked[3].content_type), "application/json");
    CHECK_STR(str_c(p.asked[3].authorization), ""); /* an emulator */
    peer_close(&p);
}

TEST(pubsub_publish_does_not_repeat_what_cannot_pass)
{
    struct pubsub_message m = { .data = STR("hi") };
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p,
                { .status = 403,
                  .body = "{\"error\":{\"status\":\"PERMISSION_DENIED\",\"message\":\"no\"}}" });
    CHECK_RC(ERR_DENIED,
             pubsub_publish(p.google, &p.ctx, STR("projects/x/topics/t"), &m, 1, NULL, &p.err));
    CHECK_INT(p.n_asked, 1);
    CHECK_STR(str_c(p.asked[0].target), "/v1/projects/x/topics/t:publish");
    CHECK_CONTAINS(str_c(p.err.text), "publish to projects/x/topics/t");
    peer_close(&p);
}

TEST(pubsub_publish_respects_the_callers_deadline)
{
    struct pubsub_message m = { .data = STR("hi") };
    struct peer p;

    peer_open(&p);
    p.ctx.clock = &p.system;
    p.ctx.deadline_mono_ms = clock_mono_ms(&p.system) - 1;
    CHECK_RC(ERR_TIMEOUT, pubsub_publish(p.google, &p.ctx, STR("t"), &m, 1, NULL, &p.err));
    CHECK_INT(p.n_asked, 0);
    peer_close(&p);
}

TEST(pubsub_push_envelopes_are_read_or_refused)
{
    static const struct {
        const char *name, *body, *data;
        enum errc rc;
    } rows[] = {
        { "whole",
          "{\"message\":{\"data\":\"aGk=\",\"messageId\":\"1\",\"publishTime\":\"2026-11-21T00:00:"
          "00Z\"},\"subscription\":\"s\"}",
          "hi", ERR_OK },
        { "url-safe, no padding", "{\"message\":{\"data\":\"_-8\",\"messageId\":\"1\"}}",
          "\xff\xef", ERR_OK },
        { "attributes only", "{\"message\":{\"attributes\":{\"a\":\"b\"},\"messageId\":\"1\"}}", "",
          ERR_OK },
        { "escaped slashes", "{\"message\":{\"data\":\"Pz8\\/\",\"messageId\":\"1\"}}", "???",
          ERR_OK },
        { "no id", "{\"message\":{\"data\":\"aGk=\"}}", "", ERR_INVALID },
        { "no message", "{\"subscription\":\"s\"}", "", ERR_INVALID },
        { "message is text", "{\"message\":\"x\"}", "", ERR_INVALID },
        { "bad base64", "{\"message\":{\"data\":\"a*b\",\"messageId\":\"1\"}}", "", ERR_INVALID },
        { "no JSON", "hello", "", ERR_INVALID },
        { "nothing", "", "", ERR_INVALID },
    };
    struct arena a = ARENA_INIT;
    struct pubsub_push push;
    enum errc rc;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rc = pubsub_push_decode(&push, &a, str_c(rows[i].body), NULL);
        if (rc != rows[i].rc || (!rc && !str_eq_c(push.data, rows[i].data)))
            FAIL_TEST("%s: %s", rows[i].name, errc_name(rc));
    }
    arena_release(&a);
}
