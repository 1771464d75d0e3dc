#include "local_cloud/engine/understand.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* Tuesday, 2026-11-24. */
static int today(void)
{
    return day_from_civil(2026, 11, 24);
}

static const struct {
    const char *said;
    const char *from, *to; /* "" : no day */
    int minute;
    enum day_part part;
} wishes[] = {
    { "thursday morning please", "2026-11-26", "2026-11-26", -1, PART_MORNING },
    { "on friday at two thirty in the afternoon", "2026-11-27", "2026-11-27", 14 * 60 + 30,
      PART_ANY },
    { "tomorrow at half past nine", "2026-11-25", "2026-11-25", 9 * 60 + 30, PART_ANY },
    { "the day after tomorrow", "2026-11-26", "2026-11-26", -1, PART_ANY },
    { "today at quarter to five", "2026-11-24", "2026-11-24", 16 * 60 + 45, PART_ANY },
    { "next tuesday", "2026-12-01", "2026-12-01", -1, PART_ANY },
    { "tuesday", "2026-12-01", "2026-12-01", -1, PART_ANY },
    { "monday", "2026-11-30", "2026-11-30", -1, PART_ANY },
    { "next friday", "2026-12-04", "2026-12-04", -1, PART_ANY },
    { "this friday", "2026-11-27", "2026-11-27", -1, PART_ANY },
    { "saturday after next", "2026-12-05", "2026-12-05", -1, PART_ANY },
    { "friday next week", "2026-12-04", "2026-12-04", -1, PART_ANY },
    { "next week", "2026-11-30", "2026-12-06", -1, PART_ANY },
    { "some time this week in the afternoon", "2026-11-24", "2026-11-29", -1, PART_AFTERNOON },
    { "the twenty sixth of november at ten o'clock", "2026-11-26", "2026-11-26", 600, PART_ANY },
    { "on the third", "2026-12-03", "2026-12-03", -1, PART_ANY },
    { "december the twenty fourth", "2026-12-24", "2026-12-24", -1, PART_ANY },
    { "january fifth", "2027-01-05", "2027-01-05", -1, PART_ANY },
    { "the 27th at 14:30", "2026-11-27", "2026-11-27", 14 * 60 + 30, PART_ANY },
    { "monday the thirtieth at noon", "2026-11-30", "2026-11-30", 720, PART_ANY },
    { "no the twenty seventh not the twenty sixth", "2026-11-27", "2026-11-27", -1, PART_ANY },
    { "no at three not at four", "", "", 15 * 60, PART_ANY },
    { "nine oh five", "", "", 9 * 60 + 5, PART_ANY },
    { "at fourteen thirty", "", "", 14 * 60 + 30, PART_ANY },
    { "eight p.m.", "", "", 20 * 60, PART_ANY },
    { "twelve thirty", "", "", 12 * 60 + 30, PART_ANY },
    { "in the evening", "", "", -1, PART_EVENING },
    { "about forty people", "", "", -1, PART_ANY },
    { "good morning", "", "", -1, PART_ANY },
};

TEST(understand_days_and_times)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(wishes); i++) {
        struct meaning m;
        char text[2][16] = { "", "" };
        int y, mon, d, days[2], k;

        understand(&m, str_c(wishes[i].said), today(), false);
        days[0] = m.wish.from_day;
        days[1] = m.wish.to_day;
        for (k = 0; k < 2; k++) {
            day_to_civil(days[k], &y, &mon, &d);
            if (days[k])
                (void)snprintf(text[k], sizeof(text[k]), "%04d-%02d-%02d", y % 10000, mon % 100,
                               d % 100);
        }
        if (strcmp(text[0], wishes[i].from) != 0 || strcmp(text[1], wishes[i].to) != 0 ||
            m.wish.minute != wishes[i].minute || m.wish.part != wishes[i].part)
            FAIL_TEST("\"%s\": %s to %s, minute %d, part %d", wishes[i].said, text[0], text[1],
                      m.wish.minute, (int)m.wish.part);
    }
}

TEST(understand_relative_days_at_the_turn_of_the_year)
{
    struct meaning m;

    understand(&m, STR("tomorrow"), day_from_civil(2026, 12, 31), false);
    CHECK_INT(m.wish.from_day, day_from_civil(2027, 1, 1));
    understand(&m, STR("the thirty first"), day_from_civil(2027, 2, 1), false);
    CHECK_INT(m.wish.from_day, day_from_civil(2027, 3, 31));
    understand(&m, STR("february the twenty ninth"), day_from_civil(2027, 3, 1), false);
    CHECK(m.wish.from_day > 0);
}

TEST(understand_choices_only_where_something_was_offered)
{
    struct meaning m;

    understand(&m, STR("yes the first one please"), today(), true);
    CHECK_INT(m.choice, 1);
    CHECK(m.yes && !m.has_wish);
    understand(&m, STR("the second"), today(), true);
    CHECK_INT(m.choice, 2);
    CHECK(!m.has_wish);
    understand(&m, STR("the last one"), today(), true);
    CHECK_INT(m.choice, -1);
    understand(&m, STR("the second of december"), today(), true);
    CHECK_INT(m.wish.from_day, day_from_civil(2026, 12, 2));
}

TEST(understand_yes_and_no_and_mixtures)
{
    static const struct {
        const char *said;
        bool yes, no;
    } rows[] = {
        { "yes that is correct", true, false }, { "yeah", true, false },
        { "okay go ahead", true, false },       { "no", false, true },
        { "that's not right", false, true },    { "no none of these", false, true },
        { "i don't mind", false, false },       { "no that's fine", true, true },
        { "on thursday", false, false },
    };
    struct meaning m;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        understand(&m, str_c(rows[i].said), today(), false);
        if (m.yes != rows[i].yes || m.no != rows[i].no)
            FAIL_TEST("\"%s\": yes %d no %d", rows[i].said, m.yes, m.no);
    }
}

TEST(understand_what_leads_away_from_the_form)
{
    struct meaning m;

    understand(&m, STR("can i talk to a person please"), today(), false);
    CHECK(m.person && !m.robot);
    understand(&m, STR("are you a real person"), today(), false);
    CHECK(m.robot && !m.person);
    understand(&m, STR("my father collapsed"), today(), false);
    CHECK(m.emergency);
    understand(&m, STR("i will call my lawyer"), today(), false);
    CHECK(m.legal);
    understand(&m, STR("no that is all thank you"), today(), false);
    CHECK(m.bye);
    understand(&m, STR("how much is a check up"), today(), false);
    CHECK_INT(m.question, QUESTION_PRICE);
    understand(&m, STR("are you open on saturday"), today(), false);
    CHECK_INT(m.question, QUESTION_HOURS);
    understand(&m, STR("i want a quote for our company"), today(), false);
    CHECK(m.large);
}

TEST(understand_digits_spoken_in_groups)
{
    struct meaning m;

    understand(&m, STR("zero three zero double five oh treble two"), today(), false);
    CHECK_STR(str_c(m.digits), "030550222");
    understand(&m, STR("plus four nine three zero one two"), today(), false);
    CHECK_STR(str_c(m.digits), "+493012");
    understand(&m, STR("one please"), today(), false);
    CHECK_STR(str_c(m.digits), "");
    understand(&m, STR("this one is fine"), today(), false);
    CHECK(m.this_number);
}

TEST(understand_names_and_their_spelling)
{
    static const struct {
        const char *said, *name;
    } rows[] = {
        { "my name is anna miller", "Anna Miller" },
        { "it's john smith please", "John Smith" },
        { "yes hello this is peter schneider", "Peter Schneider" },
        { "shane s h a y n e", "Shayne" },
        { "anna miller m u double l e r", "Anna Muller" },
        { "yes", "" },
    };
    char name[SAID_NAME_MAX + 1];
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        understand_name(name, str_c(rows[i].said));
        CHECK_STR(str_c(name), rows[i].name);
    }
}

TEST(understand_numbers_as_people_say_them)
{
    static const struct {
        const char *said;
        long number;
    } rows[] = { { "about forty people", 40 },    { "two hundred and fifty", 250 },
                 { "ten thousand euros", 10000 }, { "a hundred", 100 },
                 { "seventy five", 75 },          { "250", 250 } };
    long n;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK(understand_number(str_c(rows[i].said), &n));
        CHECK_INT(n, rows[i].number);
    }
    CHECK(!understand_number(STR("i do not know"), &n));
}

TEST(understand_survives_long_and_odd_words)
{
    struct meaning m;
    char name[SAID_NAME_MAX + 1], text[4000];
    size_t i;

    for (i = 0; i < sizeof(text); i++)
        text[i] = "a 9:x'double .twenty the"[i % 24];
    understand(&m, str_n(text, sizeof(text)), today(), false);
    understand_name(name, str_n(text, sizeof(text)));
    for (i = 0; i < sizeof(text); i++)
        text[i] = "double nine plus z "[i % 19];
    understand(&m, str_n(text, sizeof(text)), today(), false);
    CHECK(strlen(m.digits) <= SAID_DIGITS_MAX);
    CHECK(understand_names(STR("a check up please"), STR("Check-up")));
    CHECK(!understand_names(STR("a consultation"), STR("Check-up")));
}
