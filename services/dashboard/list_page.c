#include "dashboard/list_page.h"

#include "base/url.h"
#include "concierge/end_reason.h"
#include "concierge/profile.h"
#include "dashboard/calls.h"
#include "dashboard/page.h"
#include "dashboard/words.h"
#include "google/firestore.h"

enum { COLUMNS = 5, GOOD_RANK_MIN = 75, LIVE_MAX_S = 4 * 3600 };

/* --- what was asked ----------------------------------------------------- */

bool list_query_read(struct list_query *ret, struct http_req *r, const char **ret_problem)
{
    int64_t limit = CALLS_LIMIT_DEFAULT;
    struct list_query q;
    struct form form;

    if (form_parse(&form, r->ctx->arena, r->query)) {
        *ret_problem = "too many parameters";
        return false;
    }
    q.outcome = form_get(&form, "outcome");
    q.before = form_get(&form, "before");
    if (q.outcome.n && !call_outcome_find(q.outcome)) {
        *ret_problem = "outcome: no such outcome";
        return false;
    }
    if (form_has(&form, "limit") &&
        str_to_i64(form_get(&form, "limit"), 1, CALLS_LIMIT_MAX, &limit)) {
        *ret_problem = "limit: a number from 1 to 200";
        return false;
    }
    q.limit = (int)limit;
    *ret = q;
    return true;
}

static struct str list_url(struct arena *a, const struct list_query *q, struct str before)
{
    struct buf url = BUF_INIT(1024);
    struct str text;

    buf_add_char(&url, '/');
    if (q->outcome.n || before.n || q->limit != CALLS_LIMIT_DEFAULT)
        buf_add_char(&url, '?');
    if (q->outcome.n)
        form_add(&url, "outcome", q->outcome);
    if (q->limit != CALLS_LIMIT_DEFAULT)
        form_add(&url, "limit", arena_printf(a, "%d", q->limit));
    if (before.n)
        form_add(&url, "before", before);
    text = arena_str(a, buf_str(&url));
    buf_release(&url);
    return text;
}

/* --- outcomes ----------------------------------------------------------- */

struct str call_outcome_words(struct arena *a, const struct call *c)
{
    const struct call_outcome *o = call_outcome_find(c->outcome);

    if (!call_is_over(c) && !o)
        return str_eq_c(c->status, "ringing") ? STR("Ringing") : STR("In conversation");
    if (o)
        return words_sentence(a, str_c(o->text));
    return c->outcome.n ? words_of_name(a, c->outcome) : STR("Outcome not on record");
}

const char *call_outcome_class(const struct call *c)
{
    const struct call_outcome *o = call_outcome_find(c->outcome);

    if (!call_is_over(c))
        return "live";
    if (!o)
        return "plain";
    if (str_eq_c(c->outcome, "failed"))
        return "bad";
    return o->rank >= GOOD_RANK_MIN ? "good" : "plain";
}

/* --- the parts of the page ---------------------------------------------- */

static void write_filter(struct page *p, const struct list_query *q)
{
    struct html *h = p->h;
    size_t i, n;
    const struct call_outcome *all = call_outcomes(&n);

    html_begin(h, "form");
    html_attr_c(h, "class", "filter");
    html_attr_c(h, "method", "get");
    html_url(h, "action", STR("/"));
    html_begin(h, "label");
    html_attr_c(h, "for", "outcome");
    html_text_c(h, "Outcome");
    html_end(h);
    html_begin(h, "select");
    html_attr_c(h, "id", "outcome");
    html_attr_c(h, "name", "outcome");
    html_begin(h, "option");
    html_attr_c(h, "value", "");
    html_text_c(h, "All outcomes");
    html_end(h);
    for (i = 0; i < n; i++) {
        html_begin(h, "option");
        html_attr_c(h, "value", all[i].name);
        if (str_eq_c(q->outcome, all[i].name))
            html_flag(h, "selected");
        html_text(h, words_sentence(p->a, str_c(all[i].text)));
        html_end(h);
    }
    html_end(h);
    html_leaf(h, "button", NULL, STR("Show"));
    html_end(h);
}

static void write_total(struct page *p, const char *name, struct str value)
{
    html_begin(p->h, "div");
    html_leaf(p->h, "dt", NULL, str_c(name));
    html_leaf(p->h, "dd", NULL, value);
    html_end(p->h);
}

static void write_totals(struct page *p, const struct call_page *calls)
{
    int64_t talked_ms = 0, cost = 0;
    size_t i, good = 0;

    for (i = 0; i < calls->n; i++) {
        const struct call *c = &calls->items[i];

        talked_ms += MAX(c->duration_ms, 0);
        cost += MAX(c->cost.total, 0);
        good += str_eq_c(str_c(call_outcome_class(c)), "good");
    }
    html_begin(p->h, "dl");
    html_attr_c(p->h, "class", "totals");
    html_attr_c(p->h, "aria-label", "Totals of this page");
    write_total(p, "Calls on this page", arena_printf(p->a, "%zu", calls->n));
    write_total(p, "Led to something", arena_printf(p->a, "%zu", good));
    write_total(p, "Time on the phone", words_duration(p->a, talked_ms));
    html_begin(p->h, "div");
    html_leaf(p->h, "dt", NULL, STR("Cost"));
    html_begin(p->h, "dd");
    page_money(p, cost);
    html_end(p->h);
    html_end(p->h);
    html_end(p->h);
}

static void begin_cell(struct page *p, const char *class_name)
{
    html_begin(p->h, "td");
    html_attr_c(p->h, "class", class_name);
}

static void write_outcome_cell(struct page *p, const struct call *c)
{
    struct json_iter it = json_iter(c->flags);
    const struct jval *flag;
    struct str key;

    begin_cell(p, "what");
    html_begin(p->h, "a");
    html_url(p->h, "href", arena_printf(p->a, "/calls/" STR_FMT, STR_ARG(c->sid)));
    html_attrf(p->h, "class", "outcome %s", call_outcome_class(c));
    html_text(p->h, call_outcome_words(p->a, c));
    html_end(p->h);
    while (json_next(&it, &key, &flag))
        html_leaf(p->h, "span", "flag", words_of_name(p->a, fs_val_str(flag)));
    if (c->summary.n)
        html_leaf(p->h, "p", "summary", c->summary);
    html_end(p->h);
}

static void write_row(struct page *p, const struct call *c)
{
    char exact[TIME_TEXT_MAX];

    time_rfc3339(exact, c->started_us);
    html_begin(p->h, "tr");
    begin_cell(p, "when");
    html_begin(p->h, "time");
    html_attr_c(p->h, "datetime", exact);
    html_text(p->h, words_time(p->a, p->d->profile->zone, c->started_us));
    html_end(p->h);
    html_end(p->h);
    begin_cell(p, "who");
    html_text(p->h, c->from.n ? c->from : STR("Number withheld"));
    html_end(p->h);
    write_outcome_cell(p, c);
    begin_cell(p, "long");
    html_text(p->h,
              c->duration_ms >= 0 ? words_duration(p->a, c->duration_ms) : STR("\xe2\x80\x93"));
    html_end(p->h);
    begin_cell(p, "cost");
    if (c->cost.total >= 0)
        page_money(p, c->cost.total);
    html_end(p->h);
    html_end(p->h);
}

/* One tbody for each local day. */
static void write_rows(struct page *p, const struct call_page *calls)
{
    struct str day, last = STR_EMPTY;
    size_t i;

    for (i = 0; i < calls->n; i++) {
        day = words_day(p->a, p->d->profile->zone, calls->items[i].started_us, p->now_us);
        if (!str_eq(day, last)) {
            if (last.n)
                html_end(p->h);
            html_begin(p->h, "tbody");
            html_begin(p->h, "tr");
            html_attr_c(p->h, "class", "day");
            html_begin(p->h, "th");
            html_attrf(p->h, "colspan", "%d", COLUMNS);
            html_attr_c(p->h, "scope", "rowgroup");
            html_text(p->h, day);
            html_end(p->h);
            html_end(p->h);
            last = day;
        }
        write_row(p, &calls->items[i]);
    }
    if (last.n)
        html_end(p->h);
}

static void write_table(struct page *p, const struct call_page *calls)
{
    static const char *const columns[COLUMNS] = { "Time", "Caller", "Outcome", "Length", "Cost" };
    struct html *h = p->h;
    size_t i;

    html_begin(h, "table");
    html_attr_c(h, "class", "calls");
    html_leaf(h, "caption", "hidden", STR("Calls, latest first"));
    html_begin(h, "thead");
    html_begin(h, "tr");
    for (i = 0; i < COLUMNS; i++) {
        html_begin(h, "th");
        html_attr_c(h, "scope", "col");
        html_text_c(h, columns[i]);
        html_end(h);
    }
    html_end(h);
    html_end(h);
    write_rows(p, calls);
    html_end(h);
}

static void write_paging(struct page *p, const struct list_query *q, const struct call_page *calls)
{
    if (!q->before.n && !calls->next.n)
        return;
    html_begin(p->h, "nav");
    html_attr_c(p->h, "class", "paging");
    html_attr_c(p->h, "aria-label", "Pages");
    if (q->before.n)
        page_link(p, list_url(p->a, q, STR_EMPTY), "first", "\xe2\x86\x90 Latest calls");
    if (calls->next.n)
        page_link(p, list_url(p->a, q, calls->next), "next", "Older calls \xe2\x86\x92");
    html_end(p->h);
}

static void write_nothing(struct page *p, const struct list_query *q)
{
    const struct profile *profile = p->d->profile;

    html_begin(p->h, "div");
    html_attr_c(p->h, "class", "nothing");
    if (q->before.n) {
        html_leaf(p->h, "p", NULL, STR("There are no older calls."));
    } else if (q->outcome.n) {
        html_leaf(p->h, "p", NULL, STR("No call on record came out like that."));
        html_begin(p->h, "p");
        page_link(p, STR("/"), NULL, "All calls");
        html_end(p->h);
    } else {
        html_leaf(p->h, "p", NULL, STR("No calls yet."));
        html_begin(p->h, "p");
        if (profile->phone.n)
            html_textf(p->h, "Ring " STR_FMT ": the call appears here as soon as it is answered.",
                       STR_ARG(profile->phone));
        else
            html_text_c(p->h, "A call appears here as soon as it is answered.");
        html_end(p->h);
    }
    html_end(p->h);
}

/* --- the page ----------------------------------------------------------- */

/* A call whose end was never reported is not waited for. */
static bool going_on(const struct call_page *calls, int64_t now_us)
{
    size_t i;

    for (i = 0; i < calls->n; i++) {
        const struct call *c = &calls->items[i];

        if (!call_is_over(c) && now_us - c->started_us < LIVE_MAX_S * 1000000LL)
            return true;
    }
    return false;
}

static void show_list(struct dashboard *d, struct http_req *r, const struct list_query *q,
                      const struct call_page *calls)
{
    const struct page_head head = { STR("Calls"),
                                    !q->before.n && going_on(calls, clock_wall_us(d->clock)) };
    struct page p = page_begin(d, r, &head);

    html_begin(p.h, "div");
    html_attr_c(p.h, "class", "heading");
    html_leaf(p.h, "h1", NULL, STR("Calls"));
    write_filter(&p, q);
    html_end(p.h);
    if (calls->n) {
        write_totals(&p, calls);
        write_table(&p, calls);
    } else {
        write_nothing(&p, q);
    }
    write_paging(&p, q, calls);
    page_send(&p, 200);
}

void on_list(void *app, struct http_req *r)
{
    struct dashboard *d = app;
    struct err err = ERR_INIT;
    struct call_page calls = { 0 };
    struct list_query q;
    const char *problem;
    enum errc rc;

    if (!list_query_read(&q, r, &problem)) {
        page_say(d, r, 400, "This address is not quite right", str_c(problem));
        return;
    }
    rc = calls_list(d->google, r->ctx, q.outcome, q.before, q.limit, &calls, &err);
    if (rc == ERR_INVALID && q.before.n && err.upstream == 0)
        page_say(d, r, 400, "This address is not quite right", str_c(err.text));
    else if (rc)
        page_failed(d, r, &err);
    else
        show_list(d, r, &q, &calls);
}
