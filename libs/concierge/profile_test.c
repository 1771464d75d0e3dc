#include "concierge/profile.h"

#include "base/clock.h"
#include "concierge/hours.h"
#include "test.h"

static const char head[] = "name: Shop\n"
                           "time_zone: Europe/Berlin\n"
                           "disclosure: An AI speaks, and this call is recorded.\n"
                           "greeting: Hello.\n";
static const char rest[] = "hours: {monday: [\"09:00-12:00\"]}\n"
                           "staff:\n"
                           "  - {id: anna, name: Anna, calendar: one}\n"
                           "services:\n"
                           "  - {id: cut, name: Cut, duration_min: 30, performed_by: [anna]}\n";

static enum errc parse(struct arena *a, const struct profile **p, struct err *err, const char *text)
{
    return profile_parse(p, a, str_c(text), "shop.yaml", ".", err);
}

static const struct profile *clinic(struct arena *a)
{
    const struct profile *p = NULL;
    struct err err = ERR_INIT;

    if (profile_load(&p, a, VC_SOURCE_DIR "/evals/profiles/clinic.yaml", &err))
        FAIL_TEST("%s", err.text);
    return p;
}

static int64_t utc(const char *rfc3339)
{
    int64_t us = 0;

    CHECK_OK(time_parse_rfc3339(str_c(rfc3339), &us));
    return us / 1000000;
}

TEST(the_sample_clinic_is_read_with_all_that_stands_in_it)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);

    CHECK_STR(p->name, "Lindenhof Clinic");
    CHECK_INT(p->n_services, 4);
    CHECK_INT(p->services[1].duration_min, 60);
    CHECK_STR(p->services[1].staff[0]->calendar, "weber");
    CHECK(!p->services[3].bookable);
    CHECK_INT(p->week[0].n, 2);
    CHECK_INT(p->week[0].spans[0].to_min, 750);
    CHECK_INT(p->week[5].n, 0);
    CHECK_INT(p->qualification.n_fields, 4);
    CHECK_INT(p->qualification.fields[2].n_choices, 2);
    CHECK_STR(p->escalation.numbers[0].number, "+4930555101");
    CHECK_INT(p->autonomy, AUTONOMY_BOOK);
    CHECK(p->redaction.card);
    CHECK_INT(p->recording.consent, CONSENT_ANNOUNCE);
    CHECK_INT(p->n_languages, 2);
    arena_release(&a);
}

TEST(a_short_profile_takes_sensible_defaults)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = NULL;
    struct err err = ERR_INIT;
    struct str text = arena_printf(&a, "%s%s", head, rest);

    CHECK_OK(parse(&a, &p, &err, text.p));
    CHECK_STR(p->voice.engine, "openai_realtime");
    CHECK_INT(p->voice.speed * 100, 100);
    CHECK_INT(p->booking.offers_max, 3);
    CHECK_STR(p->calendar.maker, "local");
    CHECK(p->services[0].bookable);
    CHECK_STR(p->languages[0], "en");
    arena_release(&a);
}

/* What stands here goes before REALTIME_MODEL and its like: it must not be filled in by itself. */
TEST(models_and_voice_are_the_profiles_only_where_it_names_them)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = NULL, *c = clinic(&a);
    struct err err = ERR_INIT;

    CHECK_OK(parse(&a, &p, &err, arena_printf(&a, "%s%s", head, rest).p));
    CHECK_INT(p->voice.model.n + p->voice.name.n + p->transcription.model.n, 0);
    CHECK_STR(c->voice.model, "gpt-realtime-2.1");
    CHECK_STR(c->voice.name, "marin");
    CHECK_STR(c->transcription.model, "gpt-transcribe");
    arena_release(&a);
}

TEST(services_and_staff_are_found_by_id_and_by_name)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);

    CHECK(profile_service_find(p, STR("check-up")) == &p->services[0]);
    CHECK(profile_service_find(p, STR("CONSULTATION")) == &p->services[1]);
    CHECK(profile_service_find(p, STR("massage")) == NULL);
    CHECK(profile_staff_find(p, STR("doctor amari")) == &p->staff[1]);
    CHECK(profile_staff_of_calendar(p, STR("weber")) == &p->staff[0]);
    arena_release(&a);
}

/* Each row replaces or adds lines; the sentence names file, line, column, key and what is allowed. */
TEST(each_mistake_is_named_with_its_place)
{
    static const struct {
        const char *what, *yaml, *says;
    } rows[] = {
        { "unknown key", "colour: red",
          "shop.yaml:5:1: unknown key \"colour\"; allowed: name, kind" },
        { "repeated key", "name: Twice", "second time" },
        { "unknown zone",
          "name: S\ntime_zone: Europe/Atlantis\ndisclosure: x\ngreeting: y\n"
          "hours: {}\nservices: []\n",
          "shop.yaml:2:12: time_zone: \"Europe/Atlantis\" is no time zone" },
        { "missing key", "name: S\n", "shop.yaml:1:1: key \"time_zone\" is missing" },
        { "number too large", "booking: {lead_time_min: 99999}",
          "shop.yaml:5:26: booking.lead_time_min: \"99999\" must be a whole number from 0 to "
          "43200" },
        { "no number", "booking: {hold_s: soon}",
          "booking.hold_s: \"soon\" must be a whole number" },
        { "no choice", "autonomy: all", "autonomy: \"all\" must be one of capture|lookup|book" },
        { "no boolean", "redaction: {phone: maybe}",
          "redaction.phone: \"maybe\" must be true or false" },
        { "list wanted", "languages: en", "languages: must be a list" },
        { "text wanted", "kind: [a]", "kind: must be text, not a list" },
        { "bad number", "escalation: {numbers: [{name: A, number: \"030 123\"}]}",
          "escalation.numbers.number: \"030 123\" must be a number with country code" },
        { "bad date", "holidays: [{date: 2026-02-30}]",
          "holidays.date: \"2026-02-30\" must be a date like 2026-12-24" },
        { "voice speed", "voice: {speed: 2}", "voice.speed: must be a number from 0.25 to 1.5" },
        { "missing ics", "holidays_file: none.ics", "holidays_file: " },
        { "no yaml", "a: [", "shop.yaml: line" },
        { "field twice",
          "qualification: {fields: [{name: a, question: A}, {name: a, question: B}]}",
          "qualification.fields: \"a\" is given twice" },
        { "choice without choices",
          "qualification: {fields: [{name: a, question: A, kind: choice}]}",
          "\"a\": choices go with kind: choice" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct profile *p = NULL;
        struct err err = ERR_INIT;
        struct str text = str_starts(str_c(rows[i].yaml), STR("name: S"))
                              ? /* a whole file */
                              str_c(rows[i].yaml)
                              : arena_printf(&a, "%s%s\n%s", head, rows[i].yaml, rest);

        if (parse(&a, &p, &err, text.p) != ERR_INVALID ||
            !str_contains(str_c(err.text), str_c(rows[i].says)))
            FAIL_TEST("%s: \"%s\"", rows[i].what, err.text);
    }
    arena_release(&a);
}

TEST(each_mistake_in_hours_and_services_is_named)
{
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "hours: {monday: [\"12:00-09:00\"]}\nservices: [{id: a, name: A, bookable: false}]\n",
          "hours.monday: \"12:00-09:00\" must be a span like" },
        { "hours: {monday: [\"09:00-12:00\", \"11:00-13:00\"]}\nservices: [{id: a, name: A, "
          "bookable: false}]\n",
          "in order and apart" },
        { "hours: {monday: closed}\nservices: [{id: a, name: A, bookable: false}]\n",
          "at least one day must be open" },
        { "hours: {monday: [\"09:00-12:00\"]}\nservices: []\n",
          "services: must hold at least one" },
        { "hours: {monday: [\"09:00-12:00\"]}\nservices: [{id: a, name: A, duration_min: 30, "
          "performed_by: [x]}]\n",
          "\"x\" is nobody's id under staff" },
        { "hours: {monday: [\"09:00-12:00\"]}\nservices: [{id: a, name: A, duration_min: 30}]\n",
          "needs performed_by, or bookable: false" },
        { "hours: {monday: [\"09:00-12:00\"]}\nservices: [{id: a b, name: A, bookable: false}]\n",
          "at most 40 of a-z" },
        { "hours: {monday: [\"09:00-12:00\"]}\nservices: [{id: a, name: A, bookable: false}, {id: "
          "a, name: B, "
          "bookable: false}]\n",
          "id \"a\" is given twice" },
        { "hours: {monday: [\"09:00-12:00\"]}\nservices: [{id: a, name: A, size: 3}]\n",
          "services: unknown key \"size\"" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct profile *p = NULL;
        struct err err = ERR_INIT;
        struct str text = arena_printf(&a, "%s%s", head, rows[i].yaml);

        if (parse(&a, &p, &err, text.p) != ERR_INVALID ||
            !str_contains(str_c(err.text), str_c(rows[i].says)))
            FAIL_TEST("%s \"%s\"", rows[i].yaml, err.text);
    }
    arena_release(&a);
}

TEST(a_profile_that_is_not_there_is_named)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = NULL;
    struct err err = ERR_INIT;

    CHECK_RC(ERR_NOT_FOUND, profile_load(&p, &a, "/nowhere/shop.yaml", &err));
    CHECK_CONTAINS(str_c(err.text), "/nowhere/shop.yaml");
    arena_release(&a);
}

/* --- hours ---------------------------------------------------------------------------------- */

TEST(the_clinic_is_open_in_its_hours_and_closed_at_lunch)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);

    CHECK(hours_open_at(p, utc("2026-11-24T09:00:00Z")));  /* 10:00 */
    CHECK(!hours_open_at(p, utc("2026-11-24T11:30:00Z"))); /* 12:30 sharp */
    CHECK(!hours_open_at(p, utc("2026-11-24T12:00:00Z"))); /* 13:00 */
    CHECK(hours_open_at(p, utc("2026-11-24T12:30:00Z")));
    CHECK(!hours_open_at(p, utc("2026-11-24T19:00:00Z")));
    CHECK(!hours_open_at(p, utc("2026-11-28T09:00:00Z"))); /* Saturday */
    arena_release(&a);
}

TEST(holidays_close_and_exceptions_rule)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);
    struct time_range spans[PROFILE_DAY_SPANS_MAX];

    CHECK_INT(hours_of_day(p, (struct date){ 2026, 12, 25 }, spans), 0);
    CHECK_STR(hours_exception(p, (struct date){ 2026, 12, 25 })->name, "Christmas Day");
    CHECK_INT(hours_of_day(p, (struct date){ 2026, 12, 24 }, spans), 1);
    CHECK_INT(spans[0].to_s, utc("2026-12-24T11:30:00Z"));
    CHECK_INT(hours_of_day(p, (struct date){ 2026, 12, 31 }, spans), 0);
    CHECK_INT(hours_of_day(p, (struct date){ 2026, 11, 24 }, spans), 2);
    arena_release(&a);
}

TEST(holidays_of_the_ics_file_recur_and_single_ones_count)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);

    CHECK_STR(hours_exception(p, (struct date){ 2029, 10, 3 })->name, "Day of German Unity");
    CHECK_STR(hours_exception(p, (struct date){ 2027, 3, 26 })->name, "Good Friday");
    CHECK(hours_exception(p, (struct date){ 2027, 3, 27 }) == NULL);
    CHECK(hours_exception(p, (struct date){ 2026, 12, 25 })->holiday);
    CHECK(!hours_exception(p, (struct date){ 2026, 12, 24 })->holiday);
    arena_release(&a);
}

TEST(the_next_opening_jumps_over_nights_weekends_and_holidays)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);
    struct time_range next;

    CHECK(hours_next(p, utc("2026-11-24T19:00:00Z"), &next));
    CHECK_INT(next.from_s, utc("2026-11-25T08:00:00Z"));
    CHECK(hours_next(p, utc("2026-11-27T17:00:00Z"), &next));
    CHECK_INT(next.from_s, utc("2026-11-30T08:00:00Z"));
    CHECK(hours_next(p, utc("2026-12-24T12:00:00Z"), &next));
    CHECK_INT(next.from_s, utc("2026-12-28T08:00:00Z"));
    arena_release(&a);
}

TEST(opening_hours_keep_their_wall_clock_over_the_change_to_summer_time)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);
    struct time_range spans[PROFILE_DAY_SPANS_MAX];

    CHECK_INT(hours_of_day(p, (struct date){ 2027, 3, 25 }, spans), 2);
    CHECK_INT(spans[0].from_s, utc("2027-03-25T08:00:00Z"));
    CHECK_INT(hours_of_day(p, (struct date){ 2027, 3, 30 }, spans), 2);
    CHECK_INT(spans[0].from_s, utc("2027-03-30T07:00:00Z"));
    arena_release(&a);
}

TEST(bookable_begins_after_the_lead_time_and_ends_with_the_horizon)
{
    struct arena a = ARENA_INIT;
    const struct profile *p = clinic(&a);
    struct time_range r = hours_bookable(p, utc("2026-11-24T09:00:00Z"));

    CHECK_INT(r.from_s, utc("2026-11-24T10:00:00Z"));
    CHECK_INT(r.to_s, utc("2027-01-23T23:00:00Z"));
    arena_release(&a);
}
