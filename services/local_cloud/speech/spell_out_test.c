#include "local_cloud/speech/spell_out.h"

#include "test.h"

static const struct {
    const char *text, *spoken;
} rows[] = {
    { "no numbers here", "no numbers here" },
    { "at 9:30", "at nine thirty" },
    { "at 9:00", "at nine o'clock" },
    { "at 14:00", "at two pee em" },
    { "at 13:05.", "at one oh five pee em." },
    { "3 pm", "three pee em" },
    { "2:30 p.m. please", "two thirty pee em please" },
    { "10am", "ten ay em" },
    { "from 09:00 to 12:30", "from nine o'clock to twelve thirty pee em" },
    { "the 27th, not the 26th", "the twenty seventh, not the twenty sixth" },
    { "on 2026-11-26", "on November twenty sixth" },
    { "45 minutes", "forty five minutes" },
    { "call 112 now", "call one one two now" },
    { "in 2026", "in twenty twenty six" },
    { "$120", "one hundred and twenty dollars" },
    { "\xe2\x82\xac"
      "35.50",
      "thirty five euros and fifty cents" },
    { "1500 people", "one thousand five hundred people" },
    { "2500 people", "two thousand five hundred people" },
    { "10%", "ten percent" },
    { "3.5 hours", "three point five hours" },
    { "room 12b", "room twelve b" },
    { "it\xe2\x80\x99s", "it's" },
    { "0", "zero" },
    { "007", "zero zero seven" },
};

TEST(spell_out_writes_numbers_as_they_are_said)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(256);

        spell_out(&out, str_c(rows[i].text));
        CHECK_STR(buf_str(&out), rows[i].spoken);
        buf_release(&out);
    }
}

TEST(spell_out_says_phone_numbers_digit_by_digit)
{
    struct buf out = BUF_INIT(256);

    spell_out(&out, STR("+49 30 555"));
    CHECK_STR(buf_str(&out), "plus four nine, three zero, five five five");
    buf_release(&out);
}

TEST(spell_out_survives_any_bytes)
{
    static const char odd[] =
        "1:2:3:44 99999999999999999999 4. 5.. -- $ \xe2\x82 +7 12:345 1.2.3 0:0";
    struct buf out = BUF_INIT(2048);

    spell_out(&out, str_n(odd, sizeof(odd) - 1));
    CHECK_OK(buf_status(&out));
    buf_release(&out);
}
