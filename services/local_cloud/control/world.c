#include "local_cloud/control/world.h"

#include "calendar/calendar.h"
#include "concierge/event.h"
#include "concierge/zone.h"

enum { DOCUMENTS_MAX = 100, US_PER_S = 1000000 };

/* ---- before ---- */

static enum errc local_to_utc(const struct profile *p, struct str text, int64_t *ret_s,
                              struct err *err)
{
    struct str day, clock;
    struct date date;
    int minute;

    if (!str_cut(text, 'T', &day, &clock) || date_parse(day, &date) || minute_parse(clock, &minute))
        return err_set(err, ERR_INVALID, "\"" STR_FMT "\" is no local time like 2026-11-26T09:00",
                       STR_ARG(text));
    *ret_s = zone_utc(p->zone, date, minute);
    return ERR_OK;
}

static enum errc add_busy(struct ctx *ctx, struct calendar *calendar, const struct profile *p,
                          const struct scenario_busy *busy, size_t number, struct err *err)
{
    struct calendar_event e = { .calendar = busy->calendar,
                                .time_zone = p->time_zone,
                                .summary = busy->title };
    enum errc rc;

    e.id = arena_printf(ctx->arena, "scenario%zu", number);
    rc = local_to_utc(p, busy->start, &e.when.from_s, err);
    if (!rc)
        rc = local_to_utc(p, busy->end, &e.when.to_s, err);
    if (!rc)
        rc = calendar_book(calendar, ctx, &e, err);
    return rc == ERR_CONFLICT ? ERR_OK : rc; /* there since an earlier call */
}

enum errc world_prepare(struct ctx *ctx, struct google *g, const struct profile *p,
                        const struct scenario *s, struct err *err)
{
    struct calendar_env env = { g };
    struct calendar *calendar = NULL;
    enum errc rc = calendar_create(&calendar, STR("local"), &env, err);
    size_t i;

    for (i = 0; !rc && i < s->n_busy; i++)
        rc = add_busy(ctx, calendar, p, &s->busy[i], i, err);
    calendar_destroy(calendar);
    return rc;
}

/* ---- after ---- */

static enum errc of_call(struct ctx *ctx, struct google *g, const char *collection,
                         struct str call_sid, struct fs_docs *ret, struct err *err)
{
    const struct fs_filter filter = { "callSid", FS_EQ, FS_STR(call_sid) };
    const struct firestore_query q = {
        .collection = collection, .filters = &filter, .n_filters = 1, .limit = DOCUMENTS_MAX
    };

    return firestore_query(g, ctx, &q, ret, err);
}

static struct str pointer(const struct fs_doc *call, const char *what)
{
    return fs_str(fs_map(call->fields, what), "object");
}

bool world_written(struct ctx *ctx, struct google *g, struct str call_sid)
{
    struct fs_doc call;

    return !firestore_get(g, ctx, arena_printf(ctx->arena, "calls/" STR_FMT, STR_ARG(call_sid)),
                          &call, NULL) &&
           fs_str(call.fields, "endReason").n && pointer(&call, "recording").n &&
           pointer(&call, "transcript").n;
}

enum errc world_record(struct ctx *ctx, struct google *g, struct str call_sid, struct str *ret,
                       struct err *err)
{
    static const char *const collections[] = { "bookings", "leads", "callbacks" };
    struct fs_doc call;
    struct fs_docs docs;
    enum errc rc;
    struct jw w;
    size_t i, k;

    rc = firestore_get(g, ctx, arena_printf(ctx->arena, "calls/" STR_FMT, STR_ARG(call_sid)), &call,
                       err);
    if (rc)
        return rc;
    jw_init(&w);
    jw_obj(&w, NULL);
    fs_fields_json(&w, "call", call.fields);
    for (i = 0; !rc && i < ARRAY_LEN(collections); i++) {
        rc = of_call(ctx, g, collections[i], call_sid, &docs, err);
        jw_arr(&w, collections[i]);
        for (k = 0; !rc && k < docs.n; k++)
            fs_fields_json(&w, NULL, docs.items[k].fields);
        jw_end(&w);
    }
    jw_end(&w);
    if (rc)
        jw_release(&w);
    else
        *ret = jw_finish(&w, ctx->arena);
    return rc;
}

struct judge {
    struct ctx *ctx;
    struct google *google;
    const struct profile *profile;
    const struct scenario *scenario;
    const struct world_seen *seen;
    struct str call_sid;
    struct buf *findings;
    struct err *err;
};

static void judge_text(struct judge *j, const struct jval *call, const char *key, struct str want)
{
    struct str got = fs_str(call, key);

    if (want.n && !str_eq(got, want))
        buf_addf(j->findings, "%s is \"" STR_FMT "\", expected \"" STR_FMT "\"\n", key,
                 STR_ARG(got), STR_ARG(want));
}

static enum errc judge_call(struct judge *j)
{
    const struct scenario_expect *x = &j->scenario->expect;
    struct fs_doc call;
    enum errc rc = firestore_get(
        j->google, j->ctx, arena_printf(j->ctx->arena, "calls/" STR_FMT, STR_ARG(j->call_sid)),
        &call, j->err);

    if (rc)
        return rc;
    if (!call.exists) {
        buf_add_c(j->findings, "the call has no record\n");
        return ERR_OK;
    }
    judge_text(j, call.fields, "outcome", x->outcome);
    judge_text(j, call.fields, "endReason", x->end_reason);
    if (!pointer(&call, "recording").n)
        buf_add_c(j->findings, "the record points to no recording\n");
    if (!pointer(&call, "transcript").n)
        buf_add_c(j->findings, "the record points to no transcript\n");
    return ERR_OK;
}

static struct str booking_local(struct judge *j, const struct fs_doc *doc)
{
    char text[LOCAL_TEXT_MAX];
    int64_t at_us = fs_time_or(doc->fields, "start", 0);

    local_text(text, zone_local(j->profile->zone, at_us / US_PER_S));
    return arena_str(j->ctx->arena, str_c(text));
}

static bool booking_expected(struct judge *j, const struct fs_doc *doc)
{
    const struct scenario_expect *x = &j->scenario->expect;
    struct str start = booking_local(j, doc), service = fs_str(doc->fields, "service");
    size_t i;

    for (i = 0; i < x->n_bookings; i++) {
        if (str_starts(start, x->bookings[i].start) &&
            (!x->bookings[i].service.n || str_eq(service, x->bookings[i].service)))
            return true;
    }
    return false;
}

static enum errc judge_bookings(struct judge *j)
{
    struct fs_docs docs;
    enum errc rc;
    size_t i;

    if (!j->scenario->expect.check_bookings)
        return ERR_OK;
    rc = of_call(j->ctx, j->google, "bookings", j->call_sid, &docs, j->err);
    if (rc)
        return rc;
    if (docs.n != j->scenario->expect.n_bookings)
        buf_addf(j->findings, "%zu bookings, expected %zu\n", docs.n,
                 j->scenario->expect.n_bookings);
    for (i = 0; i < docs.n; i++) {
        if (!booking_expected(j, &docs.items[i]))
            buf_addf(j->findings, "booked " STR_FMT " at " STR_FMT ", which was not expected\n",
                     STR_ARG(fs_str(docs.items[i].fields, "service")),
                     STR_ARG(booking_local(j, &docs.items[i])));
    }
    return ERR_OK;
}

static enum errc judge_count(struct judge *j, const char *collection, int want,
                             struct fs_docs *docs)
{
    enum errc rc = of_call(j->ctx, j->google, collection, j->call_sid, docs, j->err);

    if (!rc && want >= 0 && docs->n != (size_t)want)
        buf_addf(j->findings, "%zu %s, expected %d\n", docs->n, collection, want);
    return rc;
}

static enum errc judge_leads(struct judge *j)
{
    const struct scenario_expect *x = &j->scenario->expect;
    struct fs_docs docs;
    enum errc rc = judge_count(j, "leads", x->leads, &docs);

    if (!rc && x->lead_review >= 0 && docs.n &&
        fs_bool_or(docs.items[0].fields, "review", false) != (x->lead_review == 1))
        buf_addf(j->findings, "the lead %s marked for review\n", x->lead_review ? "is not" : "is");
    return rc;
}

/* ---- what was seen ---- */

static size_t tool_calls(const struct judge *j, struct str name)
{
    size_t i, n = 0;

    for (i = 0; i < j->seen->n_events; i++) {
        const struct jval *e = j->seen->events[i], *data = json_get(e, "data");

        if (str_eq_c(json_str(json_get(e, "type")), "call.tool") &&
            str_eq(json_str(json_get(data, "name")), name) &&
            str_eq_c(json_str(json_get(data, "status")), "ok"))
            n++;
    }
    return n;
}

static void judge_tools(struct judge *j)
{
    const struct scenario_expect *x = &j->scenario->expect;
    size_t i, n;

    for (i = 0; i < x->n_tools_called; i++) {
        if (!tool_calls(j, x->tools_called[i]))
            buf_addf(j->findings, STR_FMT " was not called\n", STR_ARG(x->tools_called[i]));
    }
    for (i = 0; i < x->n_tools_once; i++) {
        n = tool_calls(j, x->tools_once[i]);
        if (n != 1)
            buf_addf(j->findings, STR_FMT " succeeded %zu times, expected once\n",
                     STR_ARG(x->tools_once[i]), n);
    }
    for (i = 0; i < x->n_tools_never; i++) {
        if (tool_calls(j, x->tools_never[i]))
            buf_addf(j->findings, STR_FMT " was called\n", STR_ARG(x->tools_never[i]));
    }
}

static size_t agent_turns(const struct judge *j, struct str pattern, bool interrupted)
{
    size_t i, n = 0;

    for (i = 0; i < j->seen->n_events; i++) {
        const struct jval *e = j->seen->events[i], *data = json_get(e, "data");

        if (!str_eq_c(json_str(json_get(e, "type")), "call.turn") ||
            !str_eq_c(json_str(json_get(data, "role")), "agent"))
            continue;
        if (interrupted ? json_bool_or(json_get(data, "interrupted"), false)
                        : scenario_matches(pattern, json_str(json_get(data, "text"))))
            n++;
    }
    return n;
}

static void judge_words(struct judge *j)
{
    const struct scenario_expect *x = &j->scenario->expect;
    size_t i, n;

    for (i = 0; i < x->n_agent_says; i++) {
        if (!agent_turns(j, x->agent_says[i], false))
            buf_addf(j->findings, "the agent never said /" STR_FMT "/\n",
                     STR_ARG(x->agent_says[i]));
    }
    for (i = 0; i < x->n_agent_never_says; i++) {
        if (agent_turns(j, x->agent_never_says[i], false))
            buf_addf(j->findings, "the agent said /" STR_FMT "/\n",
                     STR_ARG(x->agent_never_says[i]));
    }
    n = agent_turns(j, STR_EMPTY, true);
    if (x->interrupted_min >= 0 && n < (size_t)x->interrupted_min)
        buf_addf(j->findings, "%zu agent turns were interrupted, expected at least %d\n", n,
                 x->interrupted_min);
}

static void judge_dialed(struct judge *j)
{
    const struct scenario_expect *x = &j->scenario->expect;
    size_t i;

    if (!x->check_dialed)
        return;
    if (j->seen->n_dialed != x->n_dialed)
        buf_addf(j->findings, "%zu numbers were dialled, expected %zu\n", j->seen->n_dialed,
                 x->n_dialed);
    for (i = 0; i < MIN(j->seen->n_dialed, x->n_dialed); i++) {
        if (!str_eq(j->seen->dialed[i], x->dialed[i]))
            buf_addf(j->findings, STR_FMT " was dialled, expected " STR_FMT "\n",
                     STR_ARG(j->seen->dialed[i]), STR_ARG(x->dialed[i]));
    }
}

enum errc world_judge(struct ctx *ctx, struct google *g, const struct profile *p,
                      const struct scenario *s, struct str call_sid, const struct world_seen *seen,
                      struct buf *findings, struct err *err)
{
    struct judge j = { ctx, g, p, s, seen, call_sid, findings, err };
    struct fs_docs docs;
    enum errc rc = judge_call(&j);

    if (!rc)
        rc = judge_bookings(&j);
    if (!rc)
        rc = judge_leads(&j);
    if (!rc)
        rc = judge_count(&j, "callbacks", s->expect.callbacks, &docs);
    if (rc)
        return rc;
    judge_tools(&j);
    judge_words(&j);
    judge_dialed(&j);
    return buf_status(findings);
}
