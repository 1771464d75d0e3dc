/* dashboard/api.h: the same records as JSON: GET /api/calls and GET /api/calls/{sid}. See
 * docs/dashboard.md. */
#ifndef DASHBOARD_API_H
#define DASHBOARD_API_H

struct http_req;

void on_api_calls(void *app, struct http_req *r);
void on_api_call(void *app, struct http_req *r);
void on_api_unknown(void *app, struct http_req *r);

#endif
