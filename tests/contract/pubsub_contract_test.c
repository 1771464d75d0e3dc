#include "google/pubsub.h"

#include "base/json.h"
#include "google/rest.h"
#include "sides_test.h"

static const char *text(struct side *s, const char *fmt, const char *rest)
{
    struct arena *a = &s->cloud->arena;

    return arena_printf(a, "{\"topic\":\"projects/" STR_FMT "/topics/%s\"%s}", STR_ARG(s->project),
                        fmt, rest)
        .p;
}

static void make_topic(struct side *s, const char *name)
{
    CHECK_INT(
        side_ask(s, NEEDS_PUBSUB, "PUT", arena_printf(&s->cloud->arena, "/topics/%s", name).p, "{}")
            .status,
        200);
}

/* To this process's receiver; `rest` goes on inside the subscription. */
static void make_push(struct side *s, const char *rest)
{
    const char *push =
        arena_printf(&s->cloud->arena, ",\"pushConfig\":{\"pushEndpoint\":\"" STR_FMT "\"}%s",
                     STR_ARG(cloud_url(s->cloud, "/receive")), rest)
            .p;

    make_topic(s, "events");
    CHECK_INT(
        side_ask(s, NEEDS_PUBSUB, "PUT", "/subscriptions/push", text(s, "events", push)).status,
        200);
}

/* So that an emulator does not go on calling a port that is gone. */
static void drop_push(struct side *s)
{
    CHECK_INT(side_ask(s, NEEDS_PUBSUB, "DELETE", "/subscriptions/push", NULL).status, 200);
}

static struct str publish(struct side *s, const char *data, const char *key)
{
    struct pubsub_attribute type = { STR("type"), STR("call.ended") };
    struct pubsub_message m = {
        .data = str_c(data), .ordering_key = str_c(key), .attributes = &type, .n_attributes = 1
    };
    struct str *ids;

    CHECK_OK(pubsub_publish(s->google, &s->cloud->ctx, STR("events"), &m, 1, &ids, &s->err));
    return ids[0];
}

static struct pubsub_push pushed(struct side *s, size_t i)
{
    struct pubsub_push p;

    CHECK_OK(pubsub_push_decode(&p, &s->cloud->arena, str_c(s->cloud->pushes[i].body), &s->err));
    return p;
}

static void envelope(struct side *s)
{
    struct pubsub_push p;
    struct str id;

    make_push(s, "");
    id = publish(s, "bin\xff\x01", "");
    cloud_wait_pushes(s->cloud, 1);
    p = pushed(s, 0);
    CHECK_STR(p.data, "bin\xff\x01");
    CHECK(str_eq(p.message_id, id));
    CHECK_STR(pubsub_push_attribute(&p, "type"), "call.ended");
    CHECK(str_ends(p.subscription, STR("/subscriptions/push")));
    CHECK(p.publish_time_us > 0);
    drop_push(s);
}

CONTRACT(contract_pubsub_push_envelope)
{
    on_each_side(NEEDS_PUBSUB, envelope);
}

static void order(struct side *s)
{
    static const char *const want[] = { "1", "1", "2", "3" };
    size_t i;

    make_push(s, ",\"enableMessageOrdering\":true");
    s->cloud->statuses[0] = 500;
    publish(s, "1", "CA1");
    publish(s, "2", "CA1");
    publish(s, "3", "CA1");
    cloud_wait_pushes(s->cloud, ARRAY_LEN(want));
    for (i = 0; i < ARRAY_LEN(want); i++)
        CHECK_STR(pushed(s, i).data, want[i]);
    drop_push(s);
}

CONTRACT(contract_pubsub_keeps_the_order_of_a_key_across_a_failure)
{
    on_each_side(NEEDS_PUBSUB, order);
}

static void dead_letters(struct side *s)
{
    struct http_response r;
    const struct jval *v;
    const char *policy;
    int i, waits;

    make_topic(s, "dead");
    CHECK_INT(side_ask(s, NEEDS_PUBSUB, "PUT", "/subscriptions/morgue", text(s, "dead", "")).status,
              200);
    policy = arena_printf(&s->cloud->arena,
                          ",\"deadLetterPolicy\":{\"deadLetterTopic\":\"projects/" STR_FMT
                          "/topics/dead\",\"maxDeliveryAttempts\":5}",
                          STR_ARG(s->project))
                 .p;
    make_push(s, policy);
    for (i = 0; i < 5; i++)
        s->cloud->statuses[i] = 500;
    publish(s, "poison", "");
    cloud_wait_pushes(s->cloud, 5);
    for (waits = 0; waits < 100; waits++) { /* a pull may answer before the message has moved */
        r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/morgue:pull",
                     "{\"maxMessages\":1,\"returnImmediately\":true}");
        CHECK_INT(r.status, 200);
        CHECK_OK(json_parse_arena(&v, &s->cloud->arena, r.body, &s->err));
        if (json_len(json_get(v, "receivedMessages")))
            break;
        publish(s, "next", ""); /* something to wait for, answered well */
        cloud_wait_pushes(s->cloud, 6 + (size_t)waits);
    }
    CHECK_STR(json_str(json_path(v, "receivedMessages.0.message.data")), "cG9pc29u");
    CHECK_STR(
        json_str(json_path(
            v, "receivedMessages.0.message.attributes.CloudPubSubDeadLetterSourceSubscription")),
        "push");
    CHECK_STR(json_str(json_path(v, "receivedMessages.0.message.attributes.type")), "call.ended");
    drop_push(s);
}

CONTRACT(contract_pubsub_gives_up_to_the_dead_letter_topic)
{
    on_each_side(NEEDS_PUBSUB, dead_letters);
}

static void pull(struct side *s)
{
    struct http_response r;
    const struct jval *v;
    struct str ack;

    make_topic(s, "events");
    CHECK_INT(side_ask(s, NEEDS_PUBSUB, "PUT", "/subscriptions/pull", text(s, "events", "")).status,
              200);
    publish(s, "one", "");
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/pull:pull", "{\"maxMessages\":10}");
    CHECK_OK(json_parse_arena(&v, &s->cloud->arena, r.body, &s->err));
    ack = json_str(json_path(v, "receivedMessages.0.ackId"));
    CHECK(ack.n > 0);
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/pull:modifyAckDeadline",
                 arena_printf(&s->cloud->arena,
                              "{\"ackIds\":[\"" STR_FMT "\"],\"ackDeadlineSeconds\":0}",
                              STR_ARG(ack))
                     .p);
    CHECK_INT(r.status, 200);
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/pull:pull", "{\"maxMessages\":10}");
    CHECK_OK(json_parse_arena(&v, &s->cloud->arena, r.body, &s->err));
    ack = json_str(json_path(v, "receivedMessages.0.ackId"));
    CHECK(ack.n > 0); /* given back at once */
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/pull:acknowledge",
                 arena_printf(&s->cloud->arena, "{\"ackIds\":[\"" STR_FMT "\"]}", STR_ARG(ack)).p);
    CHECK_INT(r.status, 200);
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/pull:pull",
                 "{\"maxMessages\":10,\"returnImmediately\":true}");
    CHECK_OK(json_parse_arena(&v, &s->cloud->arena, r.body, &s->err));
    CHECK_INT(json_len(json_get(v, "receivedMessages")), 0);
}

CONTRACT(contract_pubsub_pull_and_acknowledge)
{
    on_each_side(NEEDS_PUBSUB, pull);
}

static void refusals(struct side *s)
{
    static const struct {
        const char *method, *path, *body;
        int status;
    } rows[] = {
        { "PUT", "/topics/ab", "{}", 400 },
        { "PUT", "/topics/events", "{}", 409 },
        { "GET", "/topics/none", NULL, 404 },
        { "POST", "/topics/none:publish", "{\"messages\":[{\"data\":\"eA==\"}]}", 404 },
        { "POST", "/topics/events:publish", "{\"messages\":[{}]}", 400 },
        { "POST", "/topics/events:publish", "{\"messages\":[{\"data\":\"a*b\"}]}", 400 },
        { "GET", "/subscriptions/none", NULL, 404 },
        { "POST", "/subscriptions/none:pull", "{\"maxMessages\":1,\"returnImmediately\":true}",
          404 },
        { "DELETE", "/subscriptions/none", NULL, 404 },
    };
    struct pubsub_message m = { .data = STR("x") };
    struct http_response r;
    size_t i;

    make_topic(s, "events");
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        r = side_ask(s, NEEDS_PUBSUB, rows[i].method, rows[i].path, rows[i].body);
        if (r.status != rows[i].status)
            FAIL_TEST("%s: %s %s: %d " STR_FMT, s->name, rows[i].method, rows[i].path, r.status,
                      STR_ARG(r.body));
    }
    CHECK_RC(ERR_NOT_FOUND,
             pubsub_publish(s->google, &s->cloud->ctx, STR("none"), &m, 1, NULL, &s->err));
    CHECK_INT(s->err.upstream, GOOGLE_NOT_FOUND);
}

CONTRACT(contract_pubsub_refusals)
{
    on_each_side(NEEDS_PUBSUB, refusals);
}

static void changes(struct side *s)
{
    struct http_response r;

    make_push(s, "");
    r = side_ask(s, NEEDS_PUBSUB, "PATCH", "/subscriptions/push",
                 arena_printf(&s->cloud->arena,
                              "{\"subscription\":{\"name\":\"projects/" STR_FMT
                              "/subscriptions/push\",\"ackDeadlineSeconds\":77},"
                              "\"updateMask\":\"ackDeadlineSeconds\"}",
                              STR_ARG(s->project))
                     .p);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "77");
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/push:modifyPushConfig",
                 "{\"pushConfig\":{}}");
    CHECK_INT(r.status, 200);
    publish(s, "now pulled", "");
    r = side_ask(s, NEEDS_PUBSUB, "POST", "/subscriptions/push:pull", "{\"maxMessages\":1}");
    CHECK_CONTAINS(r.body, "receivedMessages");
    drop_push(s);
}

CONTRACT(contract_pubsub_subscription_changes)
{
    on_each_side(NEEDS_PUBSUB, changes);
}
