/* dashboard/call_page.h: GET /calls/{sid}: everything that is on record about one call. */
#ifndef DASHBOARD_CALL_PAGE_H
#define DASHBOARD_CALL_PAGE_H

struct http_req;

void on_call(void *app, struct http_req *r);

#endif
