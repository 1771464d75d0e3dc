/* Pub/Sub's deliveries: what a push holds, what acknowledges it, and what happens if nothing does. */
#include <stdlib.h>

#include "base/crypto.h"
#include "receiver_test.h"

enum { DEADLINE_S = 10 };

/* ---- making ---- */

static void make_topic(struct side *s, const char *name)
{
    (void)side_json(s, "PUT", arena_printf(&s->arena, "/topics/%s", name).p,
                    STR("{}")); /* is 200 */
}

static void make_subscription(struct side *s, const char *name, const char *topic, struct str rest)
{
    (void)side_json(s, "PUT", arena_printf(&s->arena, "/subscriptions/%s", name).p,
                    arena_printf(&s->arena,
                                 "{\"topic\":\"projects/" STR_FMT "/topics/%s\"" STR_FMT "}",
                                 STR_ARG(s->project), topic, STR_ARG(rest))); /* is 200 */
}

/* To the receiver; `rest` goes on inside the subscription. */
static void make_push(struct side *s, const struct receiver *r, const char *rest)
{
    make_topic(s, "events");
    make_subscription(s, "push", "events",
                      arena_printf(&s->arena,
                                   ",\"pushConfig\":{\"pushEndpoint\":\"" STR_FMT "\"}%s",
                                   STR_ARG(receiver_url(s, r)), rest));
}

/* So that an emulator does not go on calling a port that is gone. */
static void drop(struct side *s, const char *subscription)
{
    EXPECT_INT(s,
               side_ask(s, "DELETE", arena_printf(&s->arena, "/subscriptions/%s", subscription).p,
                        STR_EMPTY)
                   .status,
               200);
}

static struct str publish(struct side *s, const char *data, const char *key)
{
    struct pubsub_attribute type = { STR("type"), STR("call.ended") };
    struct pubsub_message m = {
        .data = str_c(data), .ordering_key = str_c(key), .attributes = &type, .n_attributes = 1
    };
    struct str *ids;

    EXPECT_OK(s, pubsub_publish(s->google, &s->ctx, STR("events"), &m, 1, &ids, &s->err));
    return ids[0];
}

static int always_good(struct str data, int n)
{
    (void)data;
    (void)n;
    return 204;
}

static int always_bad(struct str data, int n)
{
    (void)n;
    return str_eq(data, STR("sentinel")) && n > 3 ? 204 : 500;
}

/* ---- the envelope ---- */

static struct push_seen one_push(struct side *s, struct receiver *r, const char *rest,
                                 const char *key, struct str *id)
{
    make_push(s, r, rest);
    *id = publish(s, "bin\xff\x01", key);
    receiver_wait(s, r, NULL, 1);
    drop(s, "push");
    return receiver_seen(s, r, NULL, 0);
}

static bool has_line(struct str head, const char *line)
{
    struct str at, rest = head;

    while (str_cut(rest, '\n', &at, &rest)) {
        if (str_ieq_c(str_trim(at), line))
            return true;
    }
    return false;
}

static void envelope(struct side *s)
{
    struct receiver *r = receiver_open(s, always_good);
    const struct jval *v, *m;
    struct str id;
    struct push_seen p = one_push(s, r, "", "", &id);

    EXPECT(s, str_starts(p.head, STR("POST /receive?who=a%20b HTTP/1.1\r\n")));
    EXPECT(s, has_line(p.head, "Content-Type: application/json"));
    EXPECT_OK(s, json_parse_arena(&v, &s->arena, p.body, &s->err));
    m = json_get(v, "message");
    EXPECT_STR(s, json_str(json_get(m, "data")), "Ymlu/wE=");
    EXPECT(s, str_eq(json_str(json_get(m, "messageId")), id));
    EXPECT(s, str_eq(json_str(json_get(m, "message_id")), id));
    EXPECT(s, json_str(json_get(m, "publishTime")).n > 0);
    EXPECT(s, str_eq(json_str(json_get(m, "publish_time")), json_str(json_get(m, "publishTime"))));
    EXPECT_STR(s, json_str(json_path(m, "attributes.type")), "call.ended");
    EXPECT(s, !json_get(m, "orderingKey") && !json_get(v, "deliveryAttempt"));
    EXPECT_STR(
        s, json_str(json_get(v, "subscription")),
        arena_printf(&s->arena, "projects/" STR_FMT "/subscriptions/push", STR_ARG(s->project)).p);
}

static void production_envelope(struct side *s)
{
    struct receiver *r = receiver_open(s, always_good);
    const struct jval *v, *claims;
    struct str id, head, token, rest, payload;
    struct push_seen p;
    const char *more;

    make_topic(s, "dead");
    more = arena_printf(&s->arena,
                        ",\"enableMessageOrdering\":true,\"deadLetterPolicy\":{\"deadLetterTopic\":"
                        "\"projects/" STR_FMT "/topics/dead\"}",
                        STR_ARG(s->project))
               .p;
    make_push(s, r, more);
    (void)side_json(s, "POST", "/subscriptions/push:modifyPushConfig",
                    arena_printf(&s->arena,
                                 "{\"pushConfig\":{\"pushEndpoint\":\"" STR_FMT
                                 "\",\"oidcToken\":{\"serviceAccountEmail\":\"a@b.example\","
                                 "\"audience\":\"https://writer.example\"}}}",
                                 STR_ARG(receiver_url(s, r)))); /* is 200 */
    id = publish(s, "x", "CA1");
    receiver_wait(s, r, "x", 1);
    p = receiver_seen(s, r, "x", 0);
    EXPECT(s, str_eq(p.message_id, id));
    EXPECT_OK(s, json_parse_arena(&v, &s->arena, p.body, &s->err));
    EXPECT_STR(s, json_str(json_path(v, "message.orderingKey")), "CA1");
    EXPECT_INT(s, json_i64_or(json_get(v, "deliveryAttempt"), 0), 1);
    EXPECT(s, has_line(p.head, "User-Agent: CloudPubSub-Google"));
    token = str_from(p.head, str_find(p.head, STR("Authorization: Bearer ")) + 22);
    token = str_slice(token, 0, str_find_char(token, '\r'));
    EXPECT(s, str_cut(token, '.', &head, &rest) && str_cut(rest, '.', &payload, &rest) && rest.n);
    EXPECT_OK(s, base64_bytes(&s->arena, payload, &payload));
    EXPECT_OK(s, json_parse_arena(&claims, &s->arena, payload, &s->err));
    EXPECT_STR(s, json_str(json_get(claims, "aud")), "https://writer.example");
    EXPECT_STR(s, json_str(json_get(claims, "email")), "a@b.example");
    EXPECT_STR(s, json_str(json_get(claims, "iss")), "https://accounts.google.com");
}

/* ---- what acknowledges ---- */

/* A message is its own answer, once; "500" fails three times, so that every other has had its second
 * chance before it is through. */
static int says_its_data(struct str data, int n)
{
    int64_t status;

    if (str_to_i64(data, 100, 599, &status) || n > (status == 500 ? 3 : 1))
        return 204;
    return (int)status;
}

static void expect_codes(struct side *s, const int *good, size_t n_good, const int *bad,
                         size_t n_bad)
{
    struct receiver *r = receiver_open(s, says_its_data);
    size_t i;

    make_push(s, r, "");
    for (i = 0; i < n_good; i++)
        publish(s, arena_printf(&s->arena, "%d", good[i]).p, "");
    for (i = 0; i < n_bad; i++)
        publish(s, arena_printf(&s->arena, "%d", bad[i]).p, "");
    publish(s, "500", "");
    for (i = 0; i < n_bad; i++)
        receiver_wait(s, r, arena_printf(&s->arena, "%d", bad[i]).p, 2);
    receiver_wait(s, r, "500", 4);
    drop(s, "push");
    for (i = 0; i < n_good; i++)
        EXPECT_INT(s, receiver_count(r, arena_printf(&s->arena, "%d", good[i]).p), 1);
    for (i = 0; i < n_bad; i++)
        EXPECT_INT(s, receiver_count(r, arena_printf(&s->arena, "%d", bad[i]).p), 2);
}

static void codes(struct side *s)
{
    static const int good[] = { 200, 201, 204 };
    static const int bad[] = { 205, 206, 300, 302, 304, 400, 401, 403, 404,
                               408, 409, 410, 429, 501, 502, 503, 504 };

    expect_codes(s, good, ARRAY_LEN(good), bad, ARRAY_LEN(bad));
}

static void production_codes(struct side *s)
{
    static const int good[] = { 202 }, bad[] = { 203 };

    expect_codes(s, good, ARRAY_LEN(good), bad, ARRAY_LEN(bad));
}

static int lost_once(struct str data, int n)
{
    (void)data;
    return n == 1 ? ANSWER_NONE : 204;
}

static void lost_answer(struct side *s)
{
    struct receiver *r = receiver_open(s, lost_once);
    struct str id;

    make_push(s, r, "");
    id = publish(s, "x", "");
    receiver_wait(s, r, "x", 2);
    drop(s, "push");
    EXPECT(s, str_eq(receiver_seen(s, r, "x", 0).message_id, id));
    EXPECT(s, str_eq(receiver_seen(s, r, "x", 1).message_id, id)); /* the same, by its id */
}

static int held_once(struct str data, int n)
{
    (void)data;
    return n == 1 ? ANSWER_HELD : 204;
}

static void too_slow(struct side *s)
{
    struct receiver *r = receiver_open(s, held_once);
    int64_t gap_ms;

    make_push(s, r, ",\"ackDeadlineSeconds\":10");
    publish(s, "x", "");
    receiver_wait(s, r, "x", 2);
    drop(s, "push");
    gap_ms = receiver_seen(s, r, "x", 1).at_ms - receiver_seen(s, r, "x", 0).at_ms;
    EXPECT(s, gap_ms >= DEADLINE_S * 1000 - 500);
}

/* ---- again and again ---- */

static int bad_thrice(struct str data, int n)
{
    (void)data;
    return n <= 3 ? 503 : 204;
}

static void backs_off(struct side *s)
{
    struct receiver *r = receiver_open(s, bad_thrice);
    size_t i;

    make_push(s, r, ",\"retryPolicy\":{\"minimumBackoff\":\"1s\",\"maximumBackoff\":\"2s\"}");
    publish(s, "x", "");
    receiver_wait(s, r, "x", 4);
    drop(s, "push");
    for (i = 1; i < 4; i++)
        EXPECT(s, receiver_seen(s, r, "x", i).at_ms - receiver_seen(s, r, "x", i - 1).at_ms >= 900);
}

static void backs_off_further(struct side *s)
{
    static const int64_t least_ms[] = { 200, 400, 500 };
    struct receiver *r = receiver_open(s, bad_thrice);
    size_t i;

    make_push(s, r, ",\"retryPolicy\":{\"minimumBackoff\":\"0.2s\",\"maximumBackoff\":\"0.5s\"}");
    publish(s, "x", "");
    receiver_wait(s, r, "x", 4);
    for (i = 1; i < 4; i++)
        EXPECT(s, receiver_seen(s, r, "x", i).at_ms - receiver_seen(s, r, "x", i - 1).at_ms >=
                      least_ms[i - 1] - 5);
}

static int first_of_a_bad(struct str data, int n)
{
    return str_eq(data, STR("a1")) && n <= 2 ? 500 : 204;
}

/* One key waits for its first message; the others do not wait for that key. */
static void keeps_order(struct side *s)
{
    static const char *const want_a[] = { "a1", "a1", "a1", "a2", "a3" };
    static const char *const want_b[] = { "b1", "b2", "b3" };
    struct receiver *r = receiver_open(s, first_of_a_bad);
    struct push_seen p;
    size_t i, a = 0, b = 0;

    make_push(s, r, ",\"enableMessageOrdering\":true");
    publish(s, "a1", "A");
    publish(s, "a2", "A");
    publish(s, "a3", "A");
    publish(s, "b1", "B");
    publish(s, "b2", "B");
    publish(s, "b3", "B");
    receiver_wait(s, r, "a3", 1);
    receiver_wait(s, r, "b3", 1);
    drop(s, "push");
    for (i = 0; i < receiver_count(r, NULL); i++) {
        p = receiver_seen(s, r, NULL, i);
        if (p.data.p[0] == 'a')
            EXPECT_STR(s, p.data, a < ARRAY_LEN(want_a) ? want_a[a++] : "no more");
        else
            EXPECT_STR(s, p.data, b < ARRAY_LEN(want_b) ? want_b[b++] : "no more");
    }
    EXPECT(s, receiver_seen(s, r, "b3", 0).at_ms < receiver_seen(s, r, "a1", 2).at_ms);
}

/* ---- giving up ---- */

static const struct jval *from_morgue(struct side *s, struct receiver *r)
{
    const struct jval *v = NULL;
    size_t i;

    for (i = 0; i < 200; i++) { /* a pull may answer before the message has moved */
        v = side_json(s, "POST", "/subscriptions/morgue:pull",
                      STR("{\"maxMessages\":10,\"returnImmediately\":true}"));
        if (json_len(json_get(v, "receivedMessages")))
            return v;
        publish(s, arena_printf(&s->arena, "next%zu", i).p, ""); /* something to wait for */
        receiver_wait(s, r, arena_printf(&s->arena, "next%zu", i).p, 1);
    }
    return v;
}

static int poison_is_bad(struct str data, int n)
{
    (void)n;
    return str_eq(data, STR("poison")) ? 500 : 204;
}

static void dead_letter(struct side *s, const char *rest)
{
    struct receiver *r = receiver_open(s, poison_is_bad);
    const struct jval *v, *m;
    struct str id;

    make_topic(s, "dead");
    make_subscription(s, "morgue", "dead", STR_EMPTY);
    make_push(s, r,
              arena_printf(&s->arena,
                           ",\"deadLetterPolicy\":{\"deadLetterTopic\":\"projects/" STR_FMT
                           "/topics/dead\",\"maxDeliveryAttempts\":5}%s",
                           STR_ARG(s->project), rest)
                  .p);
    id = publish(s, "poison", "k");
    publish(s, "after", "k");
    receiver_wait(s, r, "poison", 5);
    receiver_wait(s, r, "after", 1);
    v = from_morgue(s, r);
    drop(s, "push");
    EXPECT_INT(s, receiver_count(r, "poison"), 5);
    EXPECT_INT(s, json_len(json_get(v, "receivedMessages")), 1);
    m = json_path(v, "receivedMessages.0.message");
    EXPECT_STR(s, json_str(json_get(m, "data")), "cG9pc29u");
    EXPECT_STR(s, json_str(json_get(m, "orderingKey")), "k");
    EXPECT(s, !str_eq(json_str(json_get(m, "messageId")), id));
    m = json_get(m, "attributes");
    EXPECT_STR(s, json_str(json_get(m, "type")), "call.ended");
    EXPECT_STR(s, json_str(json_get(m, "CloudPubSubDeadLetterSourceDeliveryCount")), "5");
    EXPECT_STR(s, json_str(json_get(m, "CloudPubSubDeadLetterSourceSubscription")), "push");
    EXPECT(s, str_eq(json_str(json_get(m, "CloudPubSubDeadLetterSourceSubscriptionProject")),
                     s->project));
    EXPECT(s, json_str(json_get(m, "CloudPubSubDeadLetterSourceTopicPublishTime")).n > 0);
}

static void dead_letters(struct side *s)
{
    dead_letter(s, "");
}

static void ordered_dead_letters(struct side *s)
{
    dead_letter(s, ",\"enableMessageOrdering\":true,\"retryPolicy\":{\"minimumBackoff\":\"0.01s\","
                   "\"maximumBackoff\":\"0.02s\"}");
}

/* ---- ends ---- */

/* Once a sentinel of another subscription has been repeated for so long, nothing more is to come. */
static void expect_silence(struct side *s, struct receiver *gone)
{
    struct receiver *r = receiver_open(s, always_bad);
    size_t before;

    make_subscription(s, "other", "events",
                      arena_printf(&s->arena, ",\"pushConfig\":{\"pushEndpoint\":\"" STR_FMT "\"}",
                                   STR_ARG(receiver_url(s, r))));
    publish(s, "sentinel", "");
    receiver_wait(s, r, "sentinel", 1); /* what was in flight has arrived */
    before = receiver_count(gone, NULL);
    receiver_wait(s, r, "sentinel", 4);
    drop(s, "other");
    EXPECT_INT(s, receiver_count(gone, NULL), before);
}

static void deleted(struct side *s)
{
    struct receiver *r = receiver_open(s, always_bad);

    make_push(s, r, "");
    publish(s, "x", "");
    receiver_wait(s, r, "x", 2);
    drop(s, "push");
    expect_silence(s, r);
}

static void pulled_instead(struct side *s)
{
    struct receiver *r = receiver_open(s, always_bad);
    const struct jval *v;

    make_push(s, r, "");
    publish(s, "x", "");
    receiver_wait(s, r, "x", 1);
    (void)side_json(s, "POST", "/subscriptions/push:modifyPushConfig",
                    STR("{\"pushConfig\":{}}")); /* is 200 */
    expect_silence(s, r);
    v = side_json(s, "POST", "/subscriptions/push:pull", STR("{\"maxMessages\":10}"));
    EXPECT(s, json_len(json_get(v, "receivedMessages")) >= 1); /* x, and the sentinel */
    drop(s, "push");
}

static void no_filters(struct side *s)
{
    make_topic(s, "events");
    EXPECT_INT(s,
               side_ask(s, "PUT", "/subscriptions/filtered",
                        arena_printf(&s->arena,
                                     "{\"topic\":\"projects/" STR_FMT
                                     "/topics/events\",\"filter\":\"attributes.type = \\\"x\\\"\"}",
                                     STR_ARG(s->project)))
                   .status,
               501);
}

/* ---- sizes ---- */

static struct str text_of(struct side *s, size_t n)
{
    char *text = arena_alloc(&s->arena, n);
    size_t i;

    for (i = 0; i < n; i++)
        text[i] = 'x';
    return str_n(text, n);
}

static int publish_raw(struct side *s, size_t messages, size_t attributes, size_t key, size_t value,
                       size_t ordering_key)
{
    struct jw w;
    size_t i, k;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "messages");
    for (i = 0; i < messages; i++) {
        jw_obj(&w, NULL);
        jw_str(&w, "data", STR("eA=="));
        jw_str(&w, "orderingKey", text_of(s, ordering_key));
        jw_obj(&w, "attributes");
        for (k = 0; k < attributes; k++)
            jw_key_str(
                &w,
                str_slice(arena_printf(&s->arena, "%03zu" STR_FMT, k, STR_ARG(text_of(s, key))), 0,
                          key),
                text_of(s, value));
        jw_end(&w);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    return side_ask(s, "POST", "/topics/events:publish", jw_finish(&w, &s->arena)).status;
}

static void sizes_taken(struct side *s)
{
    make_topic(s, "events");
    EXPECT_INT(s, publish_raw(s, 1000, 1, 3, 1, 1), 200);
    EXPECT_INT(s, publish_raw(s, 1, 100, 3, 1, 1), 200);
    EXPECT_INT(s, publish_raw(s, 1, 1, 256, 1024, 1024), 200);
}

static void sizes_refused(struct side *s)
{
    make_topic(s, "events");
    EXPECT_INT(s, publish_raw(s, 1001, 1, 3, 1, 1), 400);
    EXPECT_INT(s, publish_raw(s, 1, 101, 3, 1, 1), 400);
    EXPECT_INT(s, publish_raw(s, 1, 1, 257, 1, 1), 400);
    EXPECT_INT(s, publish_raw(s, 1, 1, 3, 1025, 1), 400);
    EXPECT_INT(s, publish_raw(s, 1, 1, 3, 1, 1025), 400);
}

TEST_CHECKS(contract_pubsub_push, NEEDS_PUBSUB,
            { "a push that is too slow comes again", NULL, too_slow, NULL },
            { "a message is given up to the dead-letter topic", NULL, dead_letters, NULL },
            { "200, 201 and 204 acknowledge, others do not", NULL, codes, NULL },
            { "pushes stop when their subscription goes", NULL, deleted, NULL },
            { "pushes stop when their subscription is pulled from", NULL, pulled_instead, NULL },
            { "repeats wait for the least backoff", NULL, backs_off, NULL },
            { "a key keeps its order over failures, others go on", NULL, keeps_order, NULL },
            { "a lost answer makes a duplicate with the same id", NULL, lost_answer, NULL },
            { "the envelope", NULL, envelope, NULL },
            { "the sizes that publish takes", NULL, sizes_taken, NULL },
            { "ordering key, delivery attempt and token of a push",
              "Google's emulator sends none of them", production_envelope, NULL },
            { "202 acknowledges, 203 does not", "Google's emulator has it the other way round",
              production_codes, NULL },
            { "repeats wait longer each time", "Google's emulator has an interval of its own",
              backs_off_further, NULL },
            { "ordered messages are given up as well",
              "Google's emulator dies of the pair of ordering and dead letters",
              ordered_dead_letters, NULL },
            { "a filter is refused, not passed over", "Google's emulator passes over it",
              no_filters, NULL },
            { "the sizes that publish refuses", "Google's emulator does not check them",
              sizes_refused, NULL })
