#include "tool_gateway/gateway.h"

#include <string.h>

#include "concierge/fake_cloud_test.h"
#include "tool_gateway/ledger.h"

/* The gateway on its real route, beside a fake Firestore and Pub/Sub. The clinic, Tuesday 10:00. */
struct desk {
    struct fake_cloud cloud;
    struct gateway_settings settings;
    struct gateway *gateway;
    struct fake_service service;
    int calls; /* makes tool call ids */
    const char *call_sid, *from;
};

struct result {
    int http_status;
    struct str status, say, reason;
    const struct jval *output, *control;
    bool replayed;
};

static const struct str emails[] = { { "bridge@p.example", 16 } };
static const struct str audiences[] = { { "http://gateway", 14 } };

static void desk_open_at(struct desk *d, const char *now)
{
    struct err err = ERR_INIT;

    memset(d, 0, sizeof(*d));
    fake_cloud_open(&d->cloud, now);
    d->call_sid = "CA1";
    d->from = "+491701234567";
    d->settings.service.project = STR("p");
    d->settings.google = d->cloud.settings;
    d->settings.profile_path = STR(VC_SOURCE_DIR "/evals/profiles/clinic.yaml");
    d->settings.slot_key = STR("0123456789abcdef");
    d->settings.events_topic = STR("call-events");
    d->settings.oidc = (struct oidc_settings){ .audiences = { audiences, 1 },
                                               .emails = { emails, 1 },
                                               .certs_url = STR("http://127.0.0.1:1/certs"),
                                               .check = OIDC_CLAIMS };
    if (gateway_create(&d->gateway, &d->settings, &d->cloud.clock.clock, &d->cloud.arena, &err))
        FAIL_TEST("%s", err.text);
    fake_service_open(&d->service, &d->cloud, gateway_routes, gateway_n_routes, d->gateway);
}

static void desk_open(struct desk *d)
{
    desk_open_at(d, "2026-11-24T09:00:00Z");
}

static void desk_close(struct desk *d)
{
    fake_service_close(&d->service);
    d->gateway = gateway_destroy(d->gateway);
    fake_cloud_close(&d->cloud);
}

static struct http_response post(struct desk *d, struct ctx *ctx, const char *path, struct str body,
                                 const char *audience)
{
    const struct http_header headers[] = {
        { STR("Content-Type"), STR("application/json") },
        { STR("Authorization"),
          arena_printf(
              ctx->arena, "Bearer " STR_FMT,
              STR_ARG(fake_token(&d->cloud, ctx->arena, audience ? audience : "http://gateway",
                                 "bridge@p.example"))) },
    };
    struct http_request req = {
        .method = "POST",
        .url = arena_printf(ctx->arena, "http://127.0.0.1:%d%s",
                            http_server_port(d->service.server), path),
        .headers = headers,
        .n_headers = audience && !*audience ? 1 : 2,
        .body = body,
        .timeout_ms = 30000,
    };
    struct http_response res = { 0 };
    struct err err = ERR_INIT;

    if (http_do(ctx->http, ctx->arena, &req, &res, &err))
        FAIL_TEST("%s", err.text);
    return res;
}

static struct result read_result(struct arena *a, const struct http_response *res)
{
    struct result r = { .http_status = res->status };
    const struct jval *v = NULL;

    CHECK_OK(json_parse_arena(&v, a, res->body, NULL));
    r.output = json_get(v, "output");
    r.control = json_get(v, "control");
    r.status = json_str(json_get(v, "status"));
    r.say = json_str(json_get(r.output, "say"));
    r.reason = json_str(json_get(r.output, "reason"));
    r.replayed = json_bool_or(json_get(v, "replayed"), false);
    if (res->status == 200)
        CHECK(r.say.n > 0);
    return r;
}

static struct str request_body(struct desk *d, const char *id, const char *args)
{
    return arena_printf(&d->cloud.arena,
                        "{\"callSid\":\"%s\",\"toolCallId\":\"%s\",\"arguments\":%s,"
                        "\"context\":{\"from\":\"%s\",\"language\":\"en\"}}",
                        d->call_sid, id, args, d->from);
}

static struct result call_as(struct desk *d, const char *id, const char *tool, const char *args)
{
    struct str path = arena_printf(&d->cloud.arena, "/tools/%s", tool);
    struct http_response res = post(d, &d->cloud.ctx, path.p, request_body(d, id, args), NULL);

    return read_result(&d->cloud.arena, &res);
}

static struct result call(struct desk *d, const char *tool, const char *args)
{
    return call_as(d, arena_printf(&d->cloud.arena, "call_%d", ++d->calls).p, tool, args);
}

static struct result find(struct desk *d, const char *date, const char *time)
{
    return call(d, "findAvailability",
                arena_printf(&d->cloud.arena,
                             "{\"service\":\"check-up\",\"dateFrom\":\"%s\",\"time\":\"%s\"}", date,
                             time)
                    .p);
}

static struct result hold(struct desk *d, const struct result *found)
{
    struct str id = json_str(json_path(found->output, "slots.0.slotId"));

    CHECK(id.n > 0);
    return call(d, "holdSlot",
                arena_printf(&d->cloud.arena,
                             "{\"slotId\":\"" STR_FMT "\",\"name\":\"Anna Schmidt\"}", STR_ARG(id))
                    .p);
}

static const char *book_args(struct desk *d, const struct result *held, bool confirmed)
{
    return arena_printf(&d->cloud.arena,
                        "{\"slotId\":\"" STR_FMT "\",\"confirmationId\":\"" STR_FMT
                        "\",\"name\":\"Anna Schmidt\",\"confirmed\":%s}",
                        STR_ARG(json_str(json_get(held->output, "slotId"))),
                        STR_ARG(json_str(json_get(held->output, "confirmationId"))),
                        confirmed ? "true" : "false")
        .p;
}

static void think(struct desk *d)
{
    clock_fake_advance_ms(&d->cloud.clock, 4000);
}

/* Longer than the server keeps an idle connection: its closing would race with the next request. */
static void wait_long(struct desk *d, int64_t seconds)
{
    clock_fake_advance_ms(&d->cloud.clock, seconds * 1000);
    http_client_destroy(d->cloud.http);
    d->cloud.http = d->cloud.ctx.http = http_client_create(NULL, &d->cloud.clock.clock);
}

#define CHECK_STATUS(r, want) CHECK_STR((r).status, want)

/* --- booking --------------------------------------------------------------------------------------- */

TEST(a_booking_that_is_asked_for_twice_is_one_event)
{
    struct desk d;
    struct result r, held;
    const struct jval *first = NULL, *second = NULL;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    think(&d);
    CHECK_STATUS(call_as(&d, "b1", "bookAppointment", book_args(&d, &held, true)), "ok");
    CHECK_STATUS(call_as(&d, "b2", "bookAppointment", book_args(&d, &held, true)), "ok");
    CHECK_INT(d.cloud.n_events, 2); /* sent twice, under the same id */
    CHECK_OK(json_parse_arena(&first, &d.cloud.arena, d.cloud.events[0], NULL));
    CHECK_OK(json_parse_arena(&second, &d.cloud.arena, d.cloud.events[1], NULL));
    CHECK(str_eq(json_str(json_get(first, "id")), json_str(json_get(second, "id"))));
    CHECK_CONTAINS(json_str(json_get(first, "id")), "CA1/gateway/booked-");
    desk_close(&d);
}

TEST(a_caller_books_the_time_that_was_asked_for)
{
    struct desk d;
    struct result r, held;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    CHECK_STATUS(r, "ok");
    CHECK_STR(
        r.say,
        "Friday, November twenty seventh at two thirty in the afternoon is free. Shall I take it?");
    held = hold(&d, &r);
    CHECK_STATUS(held, "ok");
    CHECK_STR(held.say,
              "So that is Friday, November twenty seventh at two thirty in the afternoon, Check-up "
              "with Doctor Weber, for Anna Schmidt. Is that right?");
    think(&d);
    r = call(&d, "bookAppointment", book_args(&d, &held, true));
    CHECK_STATUS(r, "ok");
    CHECK_CONTAINS(r.say, "You are booked: Friday, November twenty seventh");
    CHECK_INT(fake_cloud_count(&d.cloud, "localCalendars/weber/events/"), 1);
    CHECK_INT(fake_cloud_events(&d.cloud, "booking.changed"), 1);
    r = call(&d, "logCallOutcome", "{\"outcome\":\"booked\",\"summary\":\"Check-up booked.\"}");
    CHECK_STATUS(r, "ok");
    CHECK(json_bool_or(json_get(r.control, "end_call"), false));
    CHECK_STR(json_str(json_get(r.control, "outcome")), "booked");
    desk_close(&d);
}

static struct str deleted_on(struct desk *d, struct str path)
{
    const struct jval *doc = fake_cloud_doc(&d->cloud, arena_cstr(&d->cloud.arena, path));

    return str_slice(json_str(json_get(doc, "ttlAt")), 0, 10);
}

/* The clinic keeps records for 365 days and texts for 90. The calendar itself is the business's own. */
TEST(everything_that_a_call_leaves_behind_has_its_day_of_deletion)
{
    static const struct {
        const char *folder, *day;
    } rows[] = {
        { "bookings/", "2027-11-27" }, /* from the appointment on */
        { "agenda/", "2027-11-28" },   { "callbacks/", "2027-11-24" },
        { "leads/", "2027-11-24" },    { "toolInvocations/", "2027-11-24" },
        { "policy/", "2027-02-22" },
    };
    struct desk d;
    struct result r, held;
    size_t i, k, n = 0;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    think(&d);
    CHECK_STATUS(call(&d, "bookAppointment", book_args(&d, &held, true)), "ok");
    (void)call(&d, "transferToHuman", "{\"reason\":\"caller_asked\",\"summary\":\"s\"}");
    (void)call(&d, "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}");
    (void)call(&d, "qualifyLead", "{\"need\":\"Ten flu shots.\"}");
    for (i = 0; i < d.cloud.n_docs; i++) {
        struct str path = d.cloud.docs[i].path;

        if (!d.cloud.docs[i].there || str_starts(path, STR("localCalendars/")))
            continue;
        for (k = 0; k < ARRAY_LEN(rows) && !str_starts(path, str_c(rows[k].folder)); k++)
            ;
        if (k == ARRAY_LEN(rows) || !str_eq_c(deleted_on(&d, path), rows[k].day))
            FAIL_TEST(STR_FMT ": " STR_FMT, STR_ARG(path), STR_ARG(deleted_on(&d, path)));
        n++;
    }
    CHECK(n >= ARRAY_LEN(rows));
    desk_close(&d);
}

TEST(a_booking_in_the_same_breath_as_its_hold_is_refused)
{
    struct desk d;
    struct result r, held;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    r = call(&d, "bookAppointment", book_args(&d, &held, true));
    CHECK_STATUS(r, "refused");
    CHECK_STR(r.reason, "no_read_back");
    CHECK_CONTAINS(r.say, "Is that right?");
    think(&d);
    r = call(&d, "bookAppointment", book_args(&d, &held, false));
    CHECK_STR(r.reason, "not_confirmed");
    CHECK_INT(fake_cloud_count(&d.cloud, "localCalendars/"), 0);
    desk_close(&d);
}

TEST(an_invented_slot_and_the_slot_of_another_call_are_refused)
{
    struct desk d;
    struct result r, found;
    struct str id;

    desk_open(&d);
    r = call(&d, "holdSlot",
             "{\"slotId\":\"check-up.weber.20261127T1330Z.30.zzzzzz.0123456789abcdef\"}");
    CHECK_STATUS(r, "refused");
    CHECK_STR(r.reason, "slot_unknown");
    found = find(&d, "2026-11-27", "14:30");
    id = json_str(json_path(found.output, "slots.0.slotId"));
    d.call_sid = "CA2";
    r = call(&d, "holdSlot",
             arena_printf(&d.cloud.arena, "{\"slotId\":\"" STR_FMT "\"}", STR_ARG(id)).p);
    CHECK_STR(r.reason, "slot_unknown");
    d.call_sid = "CA1";
    wait_long(&d, SLOT_LIFE_S);
    r = call(&d, "holdSlot",
             arena_printf(&d.cloud.arena, "{\"slotId\":\"" STR_FMT "\"}", STR_ARG(id)).p);
    CHECK_STR(r.reason, "slot_expired");
    desk_close(&d);
}

TEST(the_caller_who_comes_second_hears_other_times)
{
    struct desk d;
    struct result r, held, mine;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    d.call_sid = "CA2";
    mine = find(&d, "2026-11-27", "14:30");
    d.call_sid = "CA1";
    held = hold(&d, &r);
    CHECK_STATUS(held, "ok");
    d.call_sid = "CA2";
    r = hold(&d, &mine);
    CHECK_STATUS(r, "refused");
    CHECK_STR(r.reason, "taken");
    CHECK_CONTAINS(r.say, "that time has just been taken. I still have");
    CHECK_INT(json_len(json_get(r.output, "slots")), 3);
    desk_close(&d);
}

TEST(a_time_that_staff_took_during_the_read_back_is_not_confirmed)
{
    struct desk d;
    struct result r, held;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    think(&d);
    fake_cloud_busy(&d.cloud, "weber", "2026-11-27T13:30:00Z", "2026-11-27T14:00:00Z");
    r = call(&d, "bookAppointment", book_args(&d, &held, true));
    CHECK_STATUS(r, "refused");
    CHECK_STR(r.reason, "taken");
    CHECK_CONTAINS(r.say, "has just been taken");
    CHECK_INT(fake_cloud_events(&d.cloud, "booking.changed"), 0);
    desk_close(&d);
}

TEST(what_is_not_free_is_said_truthfully)
{
    static const struct {
        const char *args, *says;
    } rows[] = {
        { "{\"service\":\"check-up\",\"dateFrom\":\"2026-12-25\"}",
          "We are closed on Friday, December twenty fifth, Christmas Day. The nearest that I have "
          "is Monday, "
          "December twenty eighth at nine in the morning" },
        { "{\"service\":\"check-up\",\"dateFrom\":\"2026-11-27\",\"time\":\"08:00\"}",
          "At eight in the morning we cannot do that, it is outside our hours." },
        { "{\"service\":\"consultation\",\"dateFrom\":\"2026-11-27\",\"time\":\"17:30\"}",
          "At five thirty in the afternoon we cannot do that" },
        { "{\"service\":\"check-up\",\"dateFrom\":\"2027-12-01\"}",
          "further ahead than I can book" },
        { "{\"service\":\"check-up\",\"dateFrom\":\"2026-11-20\"}", "That day is past." },
        { "{\"service\":\"company-programme\"}", "cannot be booked on the phone" },
        { "{\"service\":\"check-up\",\"staff\":\"amari\"}", "Doctor Amari does not do that." },
    };
    struct desk d;
    size_t i;

    desk_open(&d);
    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_CONTAINS(call(&d, "findAvailability", rows[i].args).say, rows[i].says);
    desk_close(&d);
}

TEST(an_expired_hold_is_said_to_have_lapsed)
{
    struct desk d;
    struct result r, held;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    wait_long(&d, 181);
    r = call(&d, "bookAppointment", book_args(&d, &held, true));
    CHECK_STR(r.reason, "hold_expired");
    CHECK_INT(fake_cloud_count(&d.cloud, "localCalendars/"), 0);
    desk_close(&d);
}

TEST(when_the_calendar_is_down_the_caller_hears_so_and_nothing_is_booked)
{
    struct desk d;
    struct result r, held;

    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    think(&d);
    d.cloud.fail_path = "localCalendars";
    d.cloud.n_requests = 0;
    d.cloud.fail_from = 1;
    r = call(&d, "bookAppointment", book_args(&d, &held, true));
    CHECK_STATUS(r, "failed");
    CHECK_CONTAINS(r.say, "I cannot reach our calendar right now");
    r = find(&d, "2026-11-27", "15:30");
    CHECK_STATUS(r, "failed");
    fake_cloud_heal(&d.cloud);
    r = call(&d, "bookAppointment", book_args(&d, &held, true));
    CHECK_STATUS(r, "ok");
    CHECK_INT(fake_cloud_count(&d.cloud, "localCalendars/"), 1);
    desk_close(&d);
}

/* --- the ledger ------------------------------------------------------------------------------------ */

TEST(a_repeat_of_each_tool_call_gets_the_first_result_and_acts_once)
{
    struct desk d;
    struct result first, again, held;
    const char *args;

    desk_open(&d);
    first = call_as(&d, "f1", "findAvailability",
                    "{\"service\":\"check-up\",\"dateFrom\":\"2026-11-26\"}");
    again = call_as(&d, "f1", "findAvailability",
                    "{\"service\":\"check-up\",\"dateFrom\":\"2026-11-26\"}");
    CHECK(!first.replayed && again.replayed);
    CHECK(str_eq(json_val_text(&d.cloud.arena, json_path(first.output, "slots.0.slotId")),
                 json_val_text(&d.cloud.arena, json_path(again.output, "slots.0.slotId"))));
    args = arena_printf(&d.cloud.arena, "{\"slotId\":\"" STR_FMT "\"}",
                        STR_ARG(json_str(json_path(first.output, "slots.0.slotId"))))
               .p;
    held = call_as(&d, "h1", "holdSlot", args);
    again = call_as(&d, "h1", "holdSlot", args);
    CHECK(again.replayed);
    CHECK(str_eq(json_str(json_get(held.output, "confirmationId")),
                 json_str(json_get(again.output, "confirmationId"))));
    think(&d);
    first = call_as(&d, "b1", "bookAppointment", book_args(&d, &held, true));
    again = call_as(&d, "b1", "bookAppointment", book_args(&d, &held, true));
    CHECK_STATUS(first, "ok");
    CHECK(again.replayed);
    CHECK(str_eq(first.say, again.say));
    CHECK_INT(fake_cloud_count(&d.cloud, "localCalendars/"), 1);
    CHECK_INT(fake_cloud_events(&d.cloud, "booking.changed"), 1);
    (void)call_as(&d, "q1", "qualifyLead", "{\"need\":\"a quote\",\"postcode\":\"10115\"}");
    CHECK(
        call_as(&d, "q1", "qualifyLead", "{\"need\":\"a quote\",\"postcode\":\"10115\"}").replayed);
    CHECK_INT(fake_cloud_count(&d.cloud, "leads/"), 1);
    (void)call_as(&d, "t1", "transferToHuman", "{\"reason\":\"caller_asked\",\"summary\":\"s\"}");
    again = call_as(&d, "t1", "transferToHuman", "{\"reason\":\"caller_asked\",\"summary\":\"s\"}");
    CHECK(again.replayed);
    CHECK_STR(json_str(json_path(again.control, "transfer.number")), "+4930555101");
    (void)call_as(&d, "r1", "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}");
    CHECK(
        call_as(&d, "r1", "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}").replayed);
    CHECK_INT(fake_cloud_events(&d.cloud, "callback.requested"), 1);
    (void)call_as(&d, "l1", "logCallOutcome", "{\"outcome\":\"booked\",\"summary\":\"s\"}");
    again = call_as(&d, "l1", "logCallOutcome", "{\"outcome\":\"booked\",\"summary\":\"s\"}");
    CHECK(again.replayed);
    CHECK(json_bool_or(json_get(again.control, "end_call"), false));
    CHECK_INT(fake_cloud_count(&d.cloud, "toolInvocations/"), 7);
    desk_close(&d);
}

TEST(every_invocation_is_on_record_with_its_result)
{
    struct desk d;
    const struct jval *doc;

    desk_open(&d);
    (void)call_as(&d, "x1", "findAvailability", "{\"service\":\"massage\"}");
    doc = fake_cloud_doc(&d.cloud, "toolInvocations/CA1:x1");
    CHECK_STR(json_str(json_get(doc, "name")), "findAvailability");
    CHECK_STR(json_str(json_get(doc, "state")), "done");
    CHECK_STR(json_str(json_get(doc, "status")), "refused");
    CHECK_STR(json_str(json_path(doc, "arguments.service")), "massage");
    CHECK_CONTAINS(json_str(json_path(doc, "output.problem")), "there is no service \"massage\"");
    CHECK(json_is_int(json_get(doc, "latencyMs")));
    CHECK_STR(str_slice(json_str(json_get(doc, "ttlAt")), 0, 10), "2027-11-24");
    desk_close(&d);
}

/* A request takes effect and its answer is lost, n = 1, 2 …: the tool goes on, and counts once. */
TEST(a_lost_answer_is_not_a_failed_tool)
{
    static const struct {
        const char *tool, *arguments, *want; /* in the output, or what follows it */
    } cases[] = {
        { "transferToHuman", "{\"reason\":\"caller_asked\",\"summary\":\"s\"}", "Front desk" },
        { "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}", "Somebody will call" },
        { "qualifyLead", "{\"need\":\"A health day\",\"name\":\"Ann\"}", "\"knownContact\":false" },
        { "logCallOutcome", "{\"outcome\":\"answered\",\"summary\":\"s\"}",
          "Thank you for calling" },
    };
    size_t i;
    int n, asked;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        for (n = 1, asked = 1; n <= asked; n++) {
            struct desk d;
            struct result r;

            desk_open(&d);
            d.cloud.lose_at = n;
            d.cloud.lost_unclear = true;
            r = call_as(&d, "x1", cases[i].tool, cases[i].arguments);
            asked = (int)d.cloud.n_requests;
            CHECK_STATUS(r, "ok");
            CHECK_CONTAINS(json_val_text(&d.cloud.arena, r.output), cases[i].want);
            CHECK_STR(
                json_str(json_get(fake_cloud_doc(&d.cloud, "toolInvocations/CA1:x1"), "state")),
                "done");
            desk_close(&d);
        }
        CHECK(asked >= 3);
    }
}

struct repeater {
    struct desk *d;
    struct str body;
    struct result result;
    struct fake_client client;
};

static void *repeat(void *arg)
{
    struct repeater *r = arg;
    struct http_response res;

    res = post(r->d, &r->client.ctx, "/tools/requestCallback", r->body, NULL);
    r->result = read_result(&r->client.arena, &res);
    return NULL;
}

TEST(the_same_call_sent_several_times_at_once_acts_once)
{
    enum { SENDERS = 4 };
    struct desk d;
    struct repeater r[SENDERS];
    pthread_t threads[SENDERS];
    int i, first = 0;

    desk_open(&d);
    for (i = 0; i < SENDERS; i++) {
        r[i] = (struct repeater){ .d = &d };
        fake_client_open(&r[i].client, &d.cloud);
        r[i].body = request_body(&d, "same", "{\"reason\":\"other\",\"summary\":\"s\"}");
    }
    for (i = 0; i < SENDERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, repeat, &r[i]), 0);
    for (i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_STATUS(r[i].result, "ok");
        first += !r[i].result.replayed;
    }
    for (i = 0; i < SENDERS; i++)
        fake_client_close(&r[i].client);
    CHECK_INT(first, 1);
    CHECK_INT(fake_cloud_events(&d.cloud, "callback.requested"), 1);
    desk_close(&d);
}

TEST(a_call_whose_runner_crashed_is_taken_over_after_its_lease)
{
    struct desk d;
    struct result r, held;
    int n, steps;

    /* How many requests a booking takes when all goes well. */
    desk_open(&d);
    r = find(&d, "2026-11-27", "14:30");
    held = hold(&d, &r);
    think(&d);
    fake_cloud_heal(&d.cloud);
    CHECK_STATUS(call_as(&d, "b", "bookAppointment", book_args(&d, &held, true)), "ok");
    steps = (int)d.cloud.n_requests;
    desk_close(&d);
    CHECK(steps > 6);
    for (n = 1; n <= steps; n++) {
        desk_open(&d);
        r = find(&d, "2026-11-27", "14:30");
        held = hold(&d, &r);
        think(&d);
        fake_cloud_heal(&d.cloud);
        d.cloud.fail_from = n;
        (void)call_as(&d, "b", "bookAppointment", book_args(&d, &held, true));
        fake_cloud_heal(&d.cloud);
        clock_fake_advance_ms(&d.cloud.clock,
                              LEDGER_LEASE_MS + 1); /* past the lease, within the hold */
        r = call_as(&d, "b", "bookAppointment", book_args(&d, &held, true));
        if (str_eq_c(r.status, "failed")) { /* the outcome of the first try was kept */
            CHECK(r.replayed);
            r = call_as(&d, "b2", "bookAppointment", book_args(&d, &held, true));
        }
        CHECK_STATUS(r, "ok");
        CHECK_INT(fake_cloud_count(&d.cloud, "localCalendars/"), 1);
        CHECK_INT(fake_cloud_count(&d.cloud, "bookings/"), 1);
        desk_close(&d);
    }
}

TEST(an_id_that_was_used_for_another_tool_is_a_conflict)
{
    struct desk d;

    desk_open(&d);
    (void)call_as(&d, "x", "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}");
    CHECK_INT(call_as(&d, "x", "qualifyLead", "{\"need\":\"n\"}").http_status, 409);
    desk_close(&d);
}

TEST(without_the_store_nothing_is_done_and_it_is_said)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    d.cloud.fail_from = 1;
    r = call(&d, "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}");
    CHECK_INT(r.http_status, 200);
    CHECK_STATUS(r, "failed");
    CHECK_CONTAINS(r.say, "cannot reach our system");
    CHECK_INT(fake_cloud_count(&d.cloud, ""), 0);
    desk_close(&d);
}

TEST(an_outage_of_pubsub_does_not_change_the_answer)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    d.cloud.pubsub_down = true;
    r = call(&d, "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "ok");
    CHECK_INT(fake_cloud_count(&d.cloud, "callbacks/"), 1);
    desk_close(&d);
}

TEST(an_event_that_cannot_be_published_leaves_nobodys_words_in_the_log)
{
    struct desk d;
    struct str log;

    desk_open(&d);
    d.cloud.pubsub_down = true;
    (void)call_as(&d, "q1", "requestCallback",
                  "{\"reason\":\"other\",\"summary\":\"Asks about her knee.\","
                  "\"window\":\"after work\"}");
    (void)call_as(&d, "q2", "qualifyLead", "{\"need\":\"Ten flu shots.\",\"name\":\"Ada Kern\"}");
    log = fake_cloud_log(&d.cloud);
    CHECK_CONTAINS(log, "type=callback.requested seq=q1 ");
    CHECK_CONTAINS(log, "lead.captured");
    CHECK(!str_contains(log, STR("knee")));
    CHECK(!str_contains(log, STR("after work")));
    CHECK(!str_contains(log, STR("flu shots")));
    CHECK(!str_contains(log, STR("Kern")));
    CHECK(!str_contains(log, STR("1701234567")));
    desk_close(&d);
}

/* --- people ---------------------------------------------------------------------------------------- */

TEST(in_opening_hours_the_caller_is_connected_and_each_number_is_tried_once)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    r = call(&d, "transferToHuman",
             "{\"reason\":\"caller_asked\",\"summary\":\"Wants a person.\"}");
    CHECK_STATUS(r, "ok");
    CHECK_STR(json_str(json_path(r.control, "transfer.number")), "+4930555101");
    CHECK_STR(json_str(json_path(r.control, "transfer.summary")), "Wants a person.");
    CHECK_CONTAINS(r.say, "I am connecting you now: Front desk.");
    r = call(&d, "transferToHuman", "{\"reason\":\"caller_asked\",\"summary\":\"s\"}");
    CHECK_STR(json_str(json_path(r.control, "transfer.number")), "+4930555102");
    r = call(&d, "transferToHuman", "{\"reason\":\"caller_asked\",\"summary\":\"s\"}");
    CHECK_INT(json_str(json_path(r.control, "transfer.number")).n, 0);
    CHECK_CONTAINS(r.say, "nobody can take the call right now. Somebody will call you back");
    desk_close(&d);
}

TEST(when_closed_a_callback_is_queued_and_number_and_window_are_read_back)
{
    struct desk d;
    struct result r;
    const struct jval *doc;

    desk_open_at(&d, "2026-11-24T19:00:00Z");
    r = call(&d, "transferToHuman",
             "{\"reason\":\"caller_asked\",\"summary\":\"Wants a person.\"}");
    CHECK_STATUS(r, "ok");
    CHECK_INT(json_str(json_path(r.control, "transfer.number")).n, 0);
    CHECK_STR(
        r.say,
        "We are closed at the moment, so I cannot connect you. Somebody will call you back on the "
        "number ending in four five six seven, tomorrow, Wednesday, November twenty fifth between "
        "nine in the morning and twelve thirty in the afternoon. Is that all right?");
    doc = fake_cloud_doc(&d.cloud, "callbacks/CA1");
    CHECK_STR(json_str(json_get(doc, "number")), "+491701234567");
    CHECK_STR(json_str(json_get(doc, "windowStart")), "2026-11-25T08:00:00.000000Z");
    CHECK_STR(json_str(json_get(doc, "state")), "open");
    CHECK_INT(fake_cloud_events(&d.cloud, "callback.requested"), 1);
    CHECK(!str_contains(d.cloud.events[0], STR("701234567")));
    desk_close(&d);
}

TEST(a_withheld_number_is_asked_for_and_read_back_whole)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    d.from = "anonymous";
    r = call(&d, "requestCallback", "{\"reason\":\"other\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "refused");
    CHECK_STR(r.reason, "number_missing");
    CHECK_INT(fake_cloud_count(&d.cloud, "callbacks/"), 0);
    r = call(&d, "requestCallback",
             "{\"reason\":\"other\",\"summary\":\"s\",\"phone\":\"030 double five 12 34 7\","
             "\"window\":\"tomorrow after five\"}");
    CHECK_STATUS(r, "ok");
    CHECK_STR(
        r.say,
        "Somebody will call you back on plus four nine three, zero five five, one two three, four "
        "seven, tomorrow after five. Is that all right?");
    desk_close(&d);
}

TEST(in_an_emergency_the_emergency_number_comes_first)
{
    struct desk d;
    struct result r;

    desk_open_at(&d, "2026-11-24T19:00:00Z");
    r = call(&d, "transferToHuman", "{\"reason\":\"emergency\",\"summary\":\"Collapsed.\"}");
    CHECK(str_starts(r.say, STR("Please call one one two right now.")));
    desk_close(&d);
}

/* --- leads ----------------------------------------------------------------------------------------- */

static const char whole_lead[] =
    "{\"need\":\"Check-ups for forty people\",\"name\":\"Ben Okafor\","
    "\"postcode\":\"10115\",\"service\":\"company-programme\","
    "\"fields\":{\"people\":40,\"wanted_by\":\"February\",\"budget\":\"1 million\"}}";

TEST(a_lead_with_all_answers_is_qualified_reviewed_and_called_back)
{
    struct desk d;
    struct result r;
    const struct jval *doc;
    struct str path = STR_EMPTY;
    size_t i;

    desk_open(&d);
    r = call(&d, "qualifyLead", whole_lead);
    CHECK_STATUS(r, "ok");
    CHECK(json_bool_or(json_get(r.output, "qualified"), false));
    CHECK_CONTAINS(r.say, "Thank you, I have taken that down. Somebody will call you back");
    for (i = 0; i < d.cloud.n_docs; i++) {
        if (str_starts(d.cloud.docs[i].path, STR("leads/")))
            path = d.cloud.docs[i].path;
    }
    doc = fake_cloud_doc(&d.cloud, arena_cstr(&d.cloud.arena, path));
    CHECK(json_bool_or(json_get(doc, "review"), false));
    CHECK_STR(json_str(json_path(doc, "fields.people")), "40");
    CHECK(json_path(doc, "fields.budget") == NULL); /* not one of the business's questions */
    CHECK_INT(fake_cloud_events(&d.cloud, "lead.captured"), 1);
    CHECK_INT(fake_cloud_count(&d.cloud, "callbacks/"), 1);
    desk_close(&d);
}

TEST(what_a_lead_lacks_is_asked_for_and_the_rest_is_kept)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    r = call(&d, "qualifyLead",
             "{\"need\":\"Check-ups for a company\",\"fields\":{\"people\":40}}");
    CHECK_STATUS(r, "ok");
    CHECK_STR(r.say, "When would you like it to begin?");
    CHECK_INT(json_len(json_get(r.output, "missing")), 3);
    CHECK_INT(fake_cloud_count(&d.cloud, "leads/"), 1);
    CHECK_INT(fake_cloud_count(&d.cloud, "callbacks/"), 0);
    (void)call(&d, "qualifyLead", whole_lead);
    CHECK_INT(fake_cloud_count(&d.cloud, "leads/"), 1);
    desk_close(&d);
}

TEST(a_lead_from_outside_the_area_is_told_so_and_promised_nothing)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    r = call(&d, "qualifyLead", "{\"need\":\"Check-ups\",\"postcode\":\"80331\"}");
    CHECK_STR(r.say, "I am sorry, we do not serve that area.");
    CHECK(!json_bool_or(json_get(r.output, "qualified"), true));
    CHECK_INT(fake_cloud_count(&d.cloud, "callbacks/"), 0);
    desk_close(&d);
}

TEST(a_known_number_calls_again_and_stays_one_contact)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    (void)call(&d, "qualifyLead", whole_lead);
    d.call_sid = "CA2";
    r = call(&d, "qualifyLead", "{\"need\":\"Vaccinations too\",\"name\":\"Ben Okafor\"}");
    CHECK(json_bool_or(json_get(r.output, "knownContact"), false));
    CHECK_INT(fake_cloud_count(&d.cloud, "leads/"), 1);
    desk_close(&d);
}

/* --- the end --------------------------------------------------------------------------------------- */

TEST(an_outcome_of_booked_needs_a_booking)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    r = call(&d, "logCallOutcome", "{\"outcome\":\"booked\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "refused");
    CHECK_STR(r.reason, "not_booked");
    CHECK(json_is_null(r.control));
    r = call(&d, "logCallOutcome", "{\"outcome\":\"no_slot\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "ok");
    r = call(&d, "logCallOutcome", "{\"outcome\":\"answered\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "refused");
    CHECK_STR(json_str(json_get(r.control, "outcome")), "no_slot");
    desk_close(&d);
}

TEST(a_transfer_that_found_nobody_may_be_followed_by_another_outcome)
{
    struct desk d;
    struct result r;

    desk_open(&d);
    r = call(&d, "logCallOutcome", "{\"outcome\":\"transferred\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "ok");
    r = find(&d, "2026-11-27", "14:30");
    CHECK_STATUS(hold(&d, &r), "ok");
    r = call(&d, "logCallOutcome", "{\"outcome\":\"callback\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "ok");
    CHECK_STR(json_str(json_get(r.control, "outcome")), "callback");
    r = call(&d, "logCallOutcome", "{\"outcome\":\"transferred\",\"summary\":\"s\"}");
    CHECK_STATUS(r, "refused");
    desk_close(&d);
}

/* --- bad input ------------------------------------------------------------------------------------- */

TEST(malformed_requests_are_400_and_wrong_arguments_a_sentence)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"toolCallId\":\"a\",\"arguments\":{}}",
        "{\"callSid\":\"CA1\",\"arguments\":{}}",
        "{\"callSid\":\"CA1\",\"toolCallId\":\"a\"}",
        "{\"callSid\":\"CA/1\",\"toolCallId\":\"a\",\"arguments\":{}}"
    };
    struct desk d;
    size_t i;

    desk_open(&d);
    for (i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_INT(post(&d, &d.cloud.ctx, "/tools/holdSlot", str_c(bad[i]), NULL).status, 400);
    CHECK_STR(call(&d, "holdSlot", "\"{broken\"").reason, "arguments");
    CHECK_STR(call(&d, "holdSlot", "{}").reason, "arguments");
    CHECK_STR(
        call(&d, "findAvailability", "{\"service\":\"check-up\",\"dateFrom\":\"tomorrow\"}").reason,
        "arguments");
    CHECK_STR(call(&d, "deleteEverything", "{}").reason, "unknown_tool");
    desk_close(&d);
}

TEST(requests_without_the_right_token_are_turned_away)
{
    struct desk d;
    struct str body;

    desk_open(&d);
    body = request_body(&d, "a", "{\"reason\":\"other\",\"summary\":\"s\"}");
    CHECK_INT(post(&d, &d.cloud.ctx, "/tools/requestCallback", body, "").status, 401);
    CHECK_INT(post(&d, &d.cloud.ctx, "/tools/requestCallback", body, "http://other").status, 401);
    CHECK_INT(fake_cloud_count(&d.cloud, ""), 0);
    desk_close(&d);
}
