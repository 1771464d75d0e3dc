#include "local_cloud/engine/facts.h"

#include "base/macros.h"
#include "local_cloud/engine/understand.h"

enum { DAY_MINUTES = 24 * 60 };

static const char *const weekday_names[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                             "Thursday", "Friday", "Saturday" };

const char *facts_weekday(int weekday)
{
    return weekday_names[weekday];
}

/* "Name: value" → the value. */
static bool value_of(struct str line, const char *name, struct str *ret)
{
    struct str key, value;

    if (!str_cut(line, ':', &key, &value) || !str_ieq_c(str_trim(key), name))
        return false;
    *ret = str_trim(value);
    return true;
}

static void business_line(struct facts *f, struct str line)
{
    if (!value_of(line, "Name", &f->business) && !value_of(line, "Address", &f->address))
        (void)value_of(line, "Telephone", &f->phone); /* any other line is of no use here */
}

static void hours_line(struct facts *f, struct str line)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(weekday_names); i++)
        (void)value_of(line, weekday_names[i], &f->hours[i]); /* one of them fits */
}

/* "- Check-up (id check-up), 30 minutes, price: …, with Doctor Weber. A general examination." */
static void service_line(struct facts *f, struct str line)
{
    struct fact_service s = { .bookable = !str_contains(line, STR("cannot be booked")) };
    size_t id = str_find(line, STR(" (id ")), price = str_find(line, STR("price: ")), at, end;
    int64_t minutes = 0;

    if (f->n_services == FACTS_SERVICES_MAX)
        return;
    s.name = str_trim(str_slice(line, 0, id < line.n ? id : str_find_char(line, ',')));
    if (id < line.n) {
        s.id = str_from(line, id + 5);
        s.id = str_slice(s.id, 0, str_find_char(s.id, ')'));
    }
    at = str_find(line, STR(" minutes"));
    if (at < line.n) {
        size_t from = at;

        while (from > 0 && line.p[from - 1] >= '0' && line.p[from - 1] <= '9')
            from--;
        if (!str_to_i64(str_slice(line, from, at), 0, DAY_MINUTES, &minutes))
            s.minutes = (int)minutes;
    }
    if (price < line.n) {
        s.price = str_from(line, price + 7);
        end = MIN(str_find(s.price, STR(", with ")), str_find(s.price, STR(", cannot be booked")));
        s.price = str_slice(s.price, 0, MIN(end, str_find(s.price, STR(". "))));
    }
    at = str_find(line, STR(". "));
    s.text = str_trim(str_from(line, MIN(at + 2, line.n)));
    f->services[f->n_services++] = s;
}

/* "- people (needed): How many people is it for?" */
static void question_line(struct facts *f, struct str line)
{
    struct fact_question *q = &f->questions[f->n_questions];
    struct str name, question;

    if (f->n_questions == FACTS_QUESTIONS_MAX || !str_cut(line, ':', &name, &question))
        return;
    q->needed = str_contains(name, STR("(needed)"));
    q->name = str_trim(str_slice(name, 0, str_find_char(name, '(')));
    q->question = str_trim(question);
    f->n_questions++;
}

static void faq_line(struct facts *f, struct str line)
{
    struct str value;

    if (value_of(line, "Q", &value) && f->n_faq < FACTS_FAQ_MAX)
        f->faq[f->n_faq++] = (struct fact_answer){ .question = value };
    else if (value_of(line, "A", &value) && f->n_faq > 0)
        f->faq[f->n_faq - 1].answer = value;
}

static void emergency_line(struct facts *f, struct str line)
{
    size_t at = str_find_char(line, '"');

    if (at < line.n && f->emergency_text.n == 0) {
        f->emergency_text = str_from(line, at + 1);
        f->emergency_text = str_slice(f->emergency_text, 0, str_find_char(f->emergency_text, '"'));
    }
}

/* The first date as 2026-11-24. */
static int date_in(struct str line)
{
    int64_t y, m, d;
    size_t i;

    for (i = 0; i + 10 <= line.n; i++) {
        struct str s = str_slice(line, i, i + 10);

        if (s.p[4] == '-' && s.p[7] == '-' && !str_to_i64(str_slice(s, 0, 4), 1970, 2999, &y) &&
            !str_to_i64(str_slice(s, 5, 7), 1, 12, &m) &&
            !str_to_i64(str_slice(s, 8, 10), 1, 31, &d))
            return day_from_civil((int)y, (int)m, (int)d);
    }
    return 0;
}

static void call_line(struct facts *f, struct str line)
{
    if (str_starts(line, STR("Today is"))) {
        f->today = date_in(line);
        f->open_now = str_contains(line, STR("is open now"));
    }
    f->number_known |= str_contains(line, STR("number is known"));
    f->nobody_answered |= str_contains(line, STR("nobody answered"));
    f->resumed |= str_contains(line, STR("line was interrupted"));
}

static void opening_line(struct facts *f, struct str line)
{
    f->greeting = line;
}

static const struct section {
    const char *heading;
    void (*line)(struct facts *f, struct str line);
} sections[] = {
    { "The business", business_line },
    { "Opening hours", hours_line },
    { "Services", service_line },
    { "Qualifying questions", question_line },
    { "Questions and answers", faq_line },
    { "Emergency", emergency_line },
    { "This call", call_line },
    { "Already spoken at the start", opening_line },
};

static const struct section *section_find(struct str heading)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(sections); i++) {
        if (str_ieq_c(heading, sections[i].heading))
            return &sections[i];
    }
    return NULL;
}

void facts_read(struct facts *f, struct str instructions)
{
    const struct section *section = NULL;
    struct str line, rest = instructions;

    *f = (struct facts){ .open_now = true };
    while (rest.n > 0) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last may lack its end */
        line = str_trim(line);
        if (str_starts(line, STR("#"))) {
            while (str_starts(line, STR("#")))
                line = str_from(line, 1);
            section = section_find(str_trim(line));
            continue;
        }
        if (str_starts(line, STR("- ")))
            line = str_from(line, 2);
        if (section && line.n > 0)
            section->line(f, line);
        if (f->resumed && f->journal.n == 0)
            f->journal = rest;
    }
}

static bool is_closed(struct str hours)
{
    return str_ieq_c(hours, "closed");
}

static void spans_write(struct buf *out, struct str hours)
{
    struct str span, rest = hours;
    bool first = true;

    while (rest.n > 0) {
        (void)str_cut(rest, ',', &span, &rest); /* the last has no comma behind it */
        buf_addf(out, "%sfrom " STR_FMT, first ? "" : " and ", STR_ARG(str_trim(span)));
        first = false;
    }
}

static void state_write(struct buf *out, struct str hours)
{
    if (is_closed(hours)) {
        buf_add_c(out, "closed.");
        return;
    }
    buf_add_c(out, "open ");
    spans_write(out, hours);
    buf_add_char(out, '.');
}

void facts_hours(const struct facts *f, int weekday, struct buf *out)
{
    int day = 1, last;

    if (f->hours[1].n == 0) {
        buf_add_c(out, "I am sorry, I do not know the opening hours.");
        return;
    }
    if (weekday >= 0) {
        buf_addf(out, "On %s we are ", weekday_names[weekday]);
        state_write(out, f->hours[weekday]);
        return;
    }
    /* Days with the same hours together, from Monday on; Sunday is the seventh. */
    while (day <= 7) {
        struct str hours = f->hours[day % 7];

        for (last = day; last < 7 && str_eq(f->hours[(last + 1) % 7], hours); last++)
            ;
        buf_addf(out, "%s%s %s", day > 1 ? " " : "", day == last ? "On" : "From",
                 weekday_names[day % 7]);
        if (day != last)
            buf_addf(out, " to %s", weekday_names[last % 7]);
        buf_add_c(out, " we are ");
        state_write(out, hours);
        day = last + 1;
    }
}
