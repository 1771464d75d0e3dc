/* dashboard/list_page.h: GET /: the calls, latest first, a page at a time, with the page's totals.
 * Parameters: outcome (one of concierge/end_reason.h), before (cursor), limit. */
#ifndef DASHBOARD_LIST_PAGE_H
#define DASHBOARD_LIST_PAGE_H

#include <stdbool.h>

#include "base/macros.h"
#include "base/str.h"

struct arena;
struct call;
struct http_req;

/* What was asked for; shared with the JSON API. */
struct list_query {
    struct str outcome, before;
    int limit;
};
/* False: *ret_problem says what is wrong with which parameter. */
bool list_query_read(struct list_query *ret, struct http_req *r, const char **ret_problem) MUST_USE;

/* A call's outcome in words, or what it is doing. */
struct str call_outcome_words(struct arena *a, const struct call *c);
/* Class of its mark: "good", "bad", "plain" or "live". */
const char *call_outcome_class(const struct call *c);

void on_list(void *app, struct http_req *r);

#endif
