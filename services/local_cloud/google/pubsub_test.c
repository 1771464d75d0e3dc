#include "google/pubsub.h"

#include <string.h>

#include "base/json.h"
#include "google/oidc.h"
#include "google/rest.h"
#include "local_cloud/google/cloud_test.h"

#define PROJECT "/v1/projects/test-project"
#define TOPIC "\"topic\":\"projects/test-project/topics/events\""

static void make(struct test_cloud *t, const char *subscription_rest)
{
    struct str body =
        arena_printf(&t->arena, "{" TOPIC ",\"pushConfig\":{\"pushEndpoint\":\"" STR_FMT "\"%s}",
                     STR_ARG(cloud_url(t, "/receive")), subscription_rest);

    CHECK_INT(cloud_ask(t, "PUT", PROJECT "/topics/events", "{\"labels\":{}}").status, 200);
    CHECK_INT(cloud_ask(t, "PUT", PROJECT "/subscriptions/push", body.p).status, 200);
}

static struct str publish(struct test_cloud *t, const char *data, const char *key)
{
    struct pubsub_attribute type = { STR("type"), STR("call.ended") };
    struct pubsub_message m = {
        .data = str_c(data), .ordering_key = str_c(key), .attributes = &type, .n_attributes = 1
    };
    struct str *ids;

    CHECK_OK(pubsub_publish(t->google, &t->ctx, STR("events"), &m, 1, &ids, &t->err));
    return ids[0];
}

static struct pubsub_push pushed(struct test_cloud *t, size_t i)
{
    struct pubsub_push p;

    CHECK_OK(pubsub_push_decode(&p, &t->arena, str_c(t->pushes[i].body), &t->err));
    return p;
}

TEST(pubsub_pushes_what_is_published_in_its_envelope)
{
    struct test_cloud t;
    struct pubsub_push p;
    struct str id;

    cloud_open(&t, NULL);
    make(&t, "}");
    id = publish(&t, "hello \xff", "CA1");
    cloud_wait_pushes(&t, 1);
    p = pushed(&t, 0);
    CHECK_STR(p.data, "hello \xff");
    CHECK(str_eq(p.message_id, id));
    CHECK_STR(p.ordering_key, "CA1");
    CHECK_STR(pubsub_push_attribute(&p, "type"), "call.ended");
    CHECK_STR(p.subscription, "projects/test-project/subscriptions/push");
    CHECK(p.publish_time_us > 0);
    CHECK_INT(p.delivery_attempt, 0);
    CHECK_STR(str_c(t.pushes[0].authorization), "");
    CHECK_CONTAINS(str_c(t.pushes[0].agent), "CloudPubSub");
    cloud_close(&t);
}

TEST(pubsub_pushes_carry_a_token_that_verifies)
{
    struct str audience = STR("https://writer.example"),
               email = STR("pusher@x.iam.gserviceaccount.com");
    struct oidc_settings settings = { .audiences = { &audience, 1 }, .emails = { &email, 1 } };
    struct oidc_claims claims;
    struct oidc *oidc;
    struct test_cloud t;

    cloud_open(&t, NULL);
    settings.certs_url = cloud_url(&t, "/oauth2/v3/certs");
    CHECK_OK(oidc_create(&oidc, &settings, &t.err));
    make(&t, ",\"oidcToken\":{\"serviceAccountEmail\":\"pusher@x.iam.gserviceaccount.com\","
             "\"audience\":\"https://writer.example\"}}");
    publish(&t, "x", "");
    cloud_wait_pushes(&t, 1);
    CHECK(str_starts(str_c(t.pushes[0].authorization), STR("Bearer ")));
    CHECK_OK(
        oidc_verify(oidc, &t.ctx, str_from(str_c(t.pushes[0].authorization), 7), &claims, &t.err));
    CHECK_STR(claims.email, "pusher@x.iam.gserviceaccount.com");
    oidc = oidc_destroy(oidc);
    cloud_close(&t);
}

TEST(pubsub_keeps_the_order_of_a_key_across_failures)
{
    static const char *const order[] = { "1", "1", "1", "2", "3" };
    struct test_cloud t;
    size_t i;

    cloud_open(&t, NULL);
    make(&t, "},\"enableMessageOrdering\":true");
    t.statuses[0] = 500;
    t.statuses[1] = 403;
    publish(&t, "1", "CA1");
    publish(&t, "2", "CA1");
    publish(&t, "3", "CA1");
    cloud_wait_pushes(&t, ARRAY_LEN(order));
    for (i = 0; i < ARRAY_LEN(order); i++)
        CHECK_STR(pushed(&t, i).data, order[i]);
    cloud_close(&t);
}

TEST(pubsub_takes_all_five_codes_as_acknowledgement)
{
    static const int codes[] = { 200, 201, 202, 204 };
    struct test_cloud t;
    size_t i;

    cloud_open(&t, NULL);
    make(&t, "},\"enableMessageOrdering\":true");
    for (i = 0; i < ARRAY_LEN(codes); i++)
        t.statuses[i] = codes[i];
    for (i = 0; i < ARRAY_LEN(codes);
         i++) /* one key: a repeat would stand in the way of the next */
        publish(&t, "x", "k");
    cloud_wait_pushes(&t, ARRAY_LEN(codes));
    for (i = 1; i < ARRAY_LEN(codes); i++)
        CHECK(!str_eq(pushed(&t, i).message_id, pushed(&t, i - 1).message_id));
    cloud_close(&t);
}

TEST(pubsub_gives_up_after_the_attempts_of_its_dead_letter_policy)
{
    struct test_cloud t;
    struct http_response r;
    int i;

    cloud_open(&t, NULL);
    CHECK_INT(cloud_ask(&t, "PUT", PROJECT "/topics/dead", "{}").status, 200);
    CHECK_INT(cloud_ask(&t, "PUT", PROJECT "/subscriptions/morgue",
                        "{\"topic\":\"projects/test-project/topics/dead\"}")
                  .status,
              200);
    make(&t, "},\"deadLetterPolicy\":{\"deadLetterTopic\":\"projects/test-project/topics/"
             "dead\",\"maxDeliveryAttempts\":5},"
             "\"retryPolicy\":{\"minimumBackoff\":\"0.01s\",\"maximumBackoff\":\"0.02s\"},"
             "\"enableMessageOrdering\":true");
    for (i = 0; i < 5; i++)
        t.statuses[i] = 500;
    publish(&t, "poison", "k");
    publish(&t, "next", "k");
    cloud_wait_pushes(&t, 6); /* the sixth is the next message: the first has left */
    CHECK_INT(pushed(&t, 4).delivery_attempt, 5);
    CHECK_STR(pushed(&t, 5).data, "next");
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/morgue:pull", "{\"maxMessages\":10}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"data\":\"cG9pc29u\"");
    CHECK_CONTAINS(r.body, "\"CloudPubSubDeadLetterSourceDeliveryCount\":\"5\"");
    CHECK_CONTAINS(r.body, "\"CloudPubSubDeadLetterSourceSubscription\":\"push\"");
    CHECK_CONTAINS(r.body, "\"orderingKey\":\"k\"");
    cloud_close(&t);
}

TEST(pubsub_pull_leases_until_acknowledged)
{
    struct test_cloud t;
    struct http_response r;
    const struct jval *v;
    struct str ack;

    cloud_open(&t, NULL);
    CHECK_INT(cloud_ask(&t, "PUT", PROJECT "/topics/events", "{}").status, 200);
    CHECK_INT(cloud_ask(&t, "PUT", PROJECT "/subscriptions/pull", "{" TOPIC "}").status, 200);
    publish(&t, "one", "");
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/pull:pull", "{\"maxMessages\":10}");
    CHECK_OK(json_parse_arena(&v, &t.arena, r.body, &t.err));
    ack = json_str(json_path(v, "receivedMessages.0.ackId"));
    CHECK(ack.n > 0);
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/pull:pull", "{\"maxMessages\":10}");
    CHECK_STR(r.body, "{}"); /* leased */
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/pull:modifyAckDeadline",
                  arena_printf(&t.arena, "{\"ackIds\":[\"" STR_FMT "\"],\"ackDeadlineSeconds\":0}",
                               STR_ARG(ack))
                      .p);
    CHECK_INT(r.status, 200);
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/pull:pull", "{\"maxMessages\":10}");
    CHECK_OK(json_parse_arena(&v, &t.arena, r.body, &t.err));
    ack = json_str(json_path(v, "receivedMessages.0.ackId"));
    CHECK(ack.n > 0); /* given back */
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/pull:acknowledge",
                  arena_printf(&t.arena, "{\"ackIds\":[\"" STR_FMT "\"]}", STR_ARG(ack)).p);
    CHECK_STR(r.body, "{}");
    cloud_close(&t);
}

TEST(pubsub_refuses_as_google_does)
{
    static const struct {
        const char *name, *method, *path, *body;
        int status;
    } rows[] = {
        { "short name", "PUT", PROJECT "/topics/t", "{}", 400 },
        { "topic twice", "PUT", PROJECT "/topics/events", "{}", 409 },
        { "no such topic", "POST", PROJECT "/topics/none:publish",
          "{\"messages\":[{\"data\":\"eA==\"}]}", 404 },
        { "no messages", "POST", PROJECT "/topics/events:publish", "{}", 400 },
        { "empty message", "POST", PROJECT "/topics/events:publish", "{\"messages\":[{}]}", 400 },
        { "bad base64", "POST", PROJECT "/topics/events:publish",
          "{\"messages\":[{\"data\":\"a*b\"}]}", 400 },
        { "subscription of no topic", "PUT", PROJECT "/subscriptions/sub",
          "{\"topic\":\"projects/test-project/topics/none\"}", 404 },
        { "deadline too long", "PUT", PROJECT "/subscriptions/sub",
          "{" TOPIC ",\"ackDeadlineSeconds\":601}", 400 },
        { "too few attempts", "PUT", PROJECT "/subscriptions/sub",
          "{" TOPIC ",\"deadLetterPolicy\":{\"deadLetterTopic\":\"x\",\"maxDeliveryAttempts\":2}}",
          400 },
        { "endpoint is no URL", "PUT", PROJECT "/subscriptions/sub",
          "{" TOPIC ",\"pushConfig\":{\"pushEndpoint\":\"x\"}}", 400 },
        { "pull of a push subscription", "POST", PROJECT "/subscriptions/push:pull",
          "{\"maxMessages\":1}", 400 },
        { "pull of nothing", "POST", PROJECT "/subscriptions/push:pull", "{}", 400 },
        { "unknown subscription", "GET", PROJECT "/subscriptions/none", NULL, 404 },
    };
    struct test_cloud t;
    struct http_response r;
    size_t i;

    cloud_open(&t, NULL);
    make(&t, "}");
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        r = cloud_ask(&t, rows[i].method, rows[i].path, rows[i].body);
        if (r.status != rows[i].status || !str_contains(r.body, STR("\"error\"")))
            FAIL_TEST("%s: %d " STR_FMT, rows[i].name, r.status, STR_ARG(r.body));
    }
    cloud_close(&t);
}

TEST(pubsub_subscription_can_be_changed)
{
    struct test_cloud t;
    struct http_response r;

    cloud_open(&t, NULL);
    make(&t, "}");
    r = cloud_ask(
        &t, "PATCH", PROJECT "/subscriptions/push",
        "{\"subscription\":{\"ackDeadlineSeconds\":77},\"updateMask\":\"ack_deadline_seconds\"}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"ackDeadlineSeconds\":77");
    CHECK_CONTAINS(r.body, "/receive");
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/push:modifyPushConfig",
                  "{\"pushConfig\":{}}");
    CHECK_INT(r.status, 200);
    CHECK_STR(r.body, "{}");
    publish(&t, "now pulled", "");
    r = cloud_ask(&t, "POST", PROJECT "/subscriptions/push:pull", "{\"maxMessages\":1}");
    CHECK_CONTAINS(r.body, "\"receivedMessages\"");
    CHECK_STR(cloud_ask(&t, "GET", PROJECT "/topics/events/subscriptions", NULL).body,
              "{\"subscriptions\":[\"projects/test-project/subscriptions/push\"]}");
    CHECK_INT(cloud_ask(&t, "DELETE", PROJECT "/subscriptions/push", NULL).status, 200);
    CHECK_INT(cloud_ask(&t, "DELETE", PROJECT "/topics/events", NULL).status, 200);
    CHECK_STR(cloud_ask(&t, "GET", PROJECT "/topics", NULL).body, "{}");
    cloud_close(&t);
}

TEST(pubsub_publish_to_a_missing_topic_is_not_found)
{
    struct pubsub_message m = { .data = STR("x") };
    struct test_cloud t;

    cloud_open(&t, NULL);
    CHECK_RC(ERR_NOT_FOUND, pubsub_publish(t.google, &t.ctx, STR("none"), &m, 1, NULL, &t.err));
    CHECK_INT(t.err.upstream, GOOGLE_NOT_FOUND);
    m.data = STR_EMPTY;
    CHECK_RC(ERR_INVALID, pubsub_publish(t.google, &t.ctx, STR("none"), &m, 1, NULL, &t.err));
    cloud_close(&t);
}
