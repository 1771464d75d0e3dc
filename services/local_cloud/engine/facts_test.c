#include "local_cloud/engine/facts.h"

#include "local_cloud/engine/understand.h"
#include "test.h"

static const char prompt[] = "You are Clara.\n# The business\nName: Lindenhof Clinic\nAddress: "
                             "Lindenstrasse 12\n# Opening hours\n- Sunday: "
                             "closed\n- Monday: 09:00 to 12:30, 13:30 to 18:00\n- Tuesday: 09:00 "
                             "to 12:30, 13:30 to 18:00\n- Wednesday: 09:00 to "
                             "12:30, 13:30 to 18:00\n- Thursday: 09:00 to 12:30, 13:30 to 18:00\n- "
                             "Friday: 09:00 to 14:00\n- Saturday: closed\n"
                             "# Services\n- Check-up (id check-up), 30 minutes, price: sixty "
                             "euros, with Doctor Weber. A general look.\n- Company "
                             "programme (id company), no price may be named, cannot be booked on "
                             "the phone: qualifyLead\n# Qualifying "
                             "questions\n- people (needed): How many people is it for?\n- site: "
                             "Where?\n# Questions and answers\nQ: Where can I "
                             "park?\nA: Behind the building.\n# How you speak\n- Short "
                             "sentences.\n# Emergency\n- If somebody is in danger, "
                             "your very first words are: \"Please call one one two.\" Then call "
                             "transferToHuman.\n# This call\nToday is "
                             "Tuesday, 2026-11-24 (Tuesday). The time is 20:00 in Europe/Berlin. "
                             "The business is closed now.\nThe caller's number "
                             "is known; it ends in 4567.";

TEST(facts_are_read_from_a_prompt)
{
    static struct facts f;

    facts_read(&f, str_c(prompt));
    CHECK_STR(f.business, "Lindenhof Clinic");
    CHECK_STR(f.address, "Lindenstrasse 12");
    CHECK_INT(f.n_services, 2);
    CHECK_STR(f.services[0].name, "Check-up");
    CHECK_STR(f.services[0].id, "check-up");
    CHECK_STR(f.services[0].price, "sixty euros");
    CHECK_INT(f.services[0].minutes, 30);
    CHECK(f.services[0].bookable);
    CHECK(!f.services[1].bookable);
    CHECK_INT(f.services[1].price.n, 0);
    CHECK_INT(f.n_questions, 2);
    CHECK(f.questions[0].needed && !f.questions[1].needed);
    CHECK_STR(f.faq[0].answer, "Behind the building.");
    CHECK_STR(f.emergency_text, "Please call one one two.");
    CHECK_INT(f.today, day_from_civil(2026, 11, 24));
    CHECK(!f.open_now && f.number_known && !f.resumed);
}

TEST(facts_tell_the_opening_hours_day_by_day_or_together)
{
    static struct facts f;
    struct buf out = BUF_INIT(2000);

    facts_read(&f, str_c(prompt));
    facts_hours(&f, -1, &out);
    CHECK_STR(buf_str(&out),
              "From Monday to Thursday we are open from 09:00 to 12:30 and from 13:30 to 18:00. On "
              "Friday we "
              "are open from 09:00 to 14:00. From Saturday to Sunday we are closed.");
    buf_reset(&out);
    facts_hours(&f, 6, &out);
    CHECK_STR(buf_str(&out), "On Saturday we are closed.");
    buf_release(&out);
}

TEST(facts_of_any_other_prompt_are_just_not_known)
{
    static struct facts f;
    struct buf out = BUF_INIT(2000);

    facts_read(&f, STR("You are a pirate. # Services\n- \n#\n# Services\n-\n- (id \n- x (id y"));
    CHECK_INT(f.today, 0);
    CHECK(f.open_now);
    facts_hours(&f, -1, &out);
    CHECK_CONTAINS(buf_str(&out), "do not know");
    buf_release(&out);
}
