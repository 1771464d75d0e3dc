/* The local makers of calendar and CRM. They lie below this layer and are tested here, where there is a
 * Firestore to test them with. */
#include "calendar/calendar.h"
#include "concierge/fake_cloud_test.h"
#include "crm/crm.h"

static struct calendar_event an_event(const char *id)
{
    return (struct calendar_event){ .calendar = STR("weber"),
                                    .id = str_c(id),
                                    .when = { 1795680000, 1795681800 },
                                    .time_zone = STR("Europe/Berlin"),
                                    .summary = STR("Check-up"),
                                    .call_sid = STR("CA1") };
}

TEST(an_event_is_busy_once_and_a_repeat_of_its_id_a_conflict)
{
    struct fake_cloud f;
    struct calendar *c = NULL;
    struct calendar_event e = an_event("abc");
    struct time_range day = { 1795680000 - 3600, 1795680000 + 3600 };
    struct busy_list busy;
    struct err err = ERR_INIT;

    fake_cloud_open(&f, "2026-11-24T09:00:00Z");
    CHECK_OK(calendar_create(&c, STR("local"), &(struct calendar_env){ f.google }, &err));
    CHECK_RC(ERR_NOT_FOUND, calendar_find(c, &f.ctx, STR("weber"), STR("abc"), &err));
    CHECK_OK(calendar_book(c, &f.ctx, &e, &err));
    CHECK_RC(ERR_CONFLICT, calendar_book(c, &f.ctx, &e, &err));
    CHECK_OK(calendar_find(c, &f.ctx, STR("weber"), STR("abc"), &err));
    CHECK_OK(calendar_free_busy(c, &f.ctx, STR("weber"), day, &busy, &err));
    CHECK_INT(busy.n, 1);
    CHECK_INT(busy.items[0].from_s, e.when.from_s);
    CHECK_INT(busy.items[0].to_s, e.when.to_s);
    CHECK_OK(calendar_free_busy(c, &f.ctx, STR("amari"), day, &busy, &err));
    CHECK_INT(busy.n, 0);
    day.to_s = e.when.from_s; /* touching is not overlapping */
    CHECK_OK(calendar_free_busy(c, &f.ctx, STR("weber"), day, &busy, &err));
    CHECK_INT(busy.n, 0);
    CHECK_OK(calendar_cancel(c, &f.ctx, STR("weber"), STR("abc"), &err));
    CHECK_RC(ERR_NOT_FOUND, calendar_cancel(c, &f.ctx, STR("weber"), STR("abc"), &err));
    c = calendar_destroy(c);
    fake_cloud_close(&f);
}

TEST(an_event_that_began_days_ago_is_still_busy)
{
    struct fake_cloud f;
    struct calendar *c = NULL;
    struct time_range hour = { 1795680000, 1795683600 };
    struct busy_list busy;
    struct err err = ERR_INIT;

    fake_cloud_open(&f, "2026-11-24T09:00:00Z");
    CHECK_OK(calendar_create(&c, STR("local"), &(struct calendar_env){ f.google }, &err));
    fake_cloud_busy(&f, "weber", "2026-11-20T00:00:00Z", "2026-11-30T00:00:00Z");
    CHECK_OK(calendar_free_busy(c, &f.ctx, STR("weber"), hour, &busy, &err));
    CHECK_INT(busy.n, 1);
    hour.to_s += (int64_t)100 * 86400;
    CHECK_RC(ERR_LIMIT, calendar_free_busy(c, &f.ctx, STR("weber"), hour, &busy, &err));
    c = calendar_destroy(c);
    fake_cloud_close(&f);
}

TEST(makers_that_do_not_exist_are_named_with_those_that_do)
{
    struct calendar *c = NULL;
    struct crm *m = NULL;
    struct err err = ERR_INIT;

    CHECK_RC(ERR_INVALID,
             calendar_create(&c, STR("outlook"), &(struct calendar_env){ NULL }, &err));
    CHECK_CONTAINS(str_c(err.text), "\"outlook\" must be one of local");
    CHECK_RC(ERR_INVALID, crm_create(&m, STR("rolodex"), &(struct crm_env){ NULL }, &err));
    CHECK_CONTAINS(str_c(err.text), "\"rolodex\" must be one of local");
}

static const struct jval *only_lead(struct fake_cloud *f)
{
    size_t i;

    CHECK_INT(fake_cloud_count(f, "leads/"), 1);
    for (i = 0; i < f->n_docs; i++) {
        if (str_starts(f->docs[i].path, STR("leads/")))
            return fake_cloud_doc(f, arena_cstr(&f->arena, f->docs[i].path));
    }
    return NULL;
}

TEST(one_person_is_one_contact_and_keeps_what_was_said_before)
{
    static const struct crm_field first[] = { { { "people", 6 }, { "40", 2 } },
                                              { { "site", 4 }, { "here", 4 } } };
    static const struct crm_field second[] = { { { "people", 6 }, { "50", 2 } } };
    struct fake_cloud f;
    struct crm *c = NULL;
    struct crm_lead lead = { .key = STR("+491701234567"),
                             .name = STR("Ben"),
                             .phone = STR("+491701234567"),
                             .need = STR("Check-ups"),
                             .fields = first,
                             .n_fields = ARRAY_LEN(first),
                             .call_sid = STR("CA1"),
                             .write_key = STR("CA1:1"),
                             .at_us = 1000000,
                             .keep_days = 1 };
    struct str id, again;
    struct err err = ERR_INIT;
    const struct jval *d;
    bool known = true;

    fake_cloud_open(&f, "2026-11-24T09:00:00Z");
    CHECK_OK(crm_create(&c, STR("local"), &(struct crm_env){ f.google }, &err));
    CHECK_OK(crm_save(c, &f.ctx, &lead, &id, &known, &err));
    CHECK(!known);
    lead.name = STR_EMPTY;
    lead.need = STR("Vaccinations");
    lead.fields = second;
    lead.n_fields = ARRAY_LEN(second);
    lead.call_sid = STR("CA2");
    lead.write_key = STR("CA2:1");
    lead.at_us = 2000000;
    CHECK_OK(crm_save(c, &f.ctx, &lead, &again, &known, &err));
    CHECK(known);
    CHECK(str_eq(id, again));
    lead.need = STR("a repeat that comes late changes nothing");
    CHECK_OK(crm_save(c, &f.ctx, &lead, &again, &known, &err));
    d = only_lead(&f);
    CHECK_STR(json_str(json_get(d, "name")), "Ben");
    CHECK_STR(json_str(json_get(d, "need")), "Vaccinations");
    CHECK_STR(json_str(json_path(d, "fields.people")), "50");
    CHECK_STR(json_str(json_path(d, "fields.site")), "here");
    CHECK_INT(json_len(json_get(d, "calls")), 2);
    CHECK_STR(json_str(json_get(d, "ttlAt")), "1970-01-02T00:00:02.000000Z");
    CHECK_STR(json_str(json_get(d, "createdAt")), "1970-01-01T00:00:01.000000Z");
    c = crm_destroy(c);
    fake_cloud_close(&f);
}
