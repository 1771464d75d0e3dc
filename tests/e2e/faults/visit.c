#include "faults/visit.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/macros.h"
#include "net/http_client.h"

enum { VISIT_MS = 60000, BODY_MAX = 16 * 1024 * 1024 };

static const struct page {
    const char *path, *rest; /* around the call's SID; rest NULL: the path is whole */
    bool same;               /* the same bytes each time: pages say how long ago things were */
} pages[] = {
    { "/", NULL, false },
    { "/calls/", "", false },
    { "/api/calls", NULL, false },
    { "/api/calls/", "", true },
    { "/calls/", "/recording", true },
    { "/calls/", "/transcript", true },
};

struct look {
    enum errc rc;
    int status;
    struct str body;
};

static struct look look_at(struct http_client *http, struct arena *a, int port,
                           const struct page *p, const char *call_sid)
{
    struct http_request req = { .method = "GET", .timeout_ms = VISIT_MS, .body_max = BODY_MAX };
    struct http_response res = { .status = 0 };
    struct look ret;

    req.stall_ms = VISIT_MS;
    req.url = arena_printf(a, "http://127.0.0.1:%d%s%s%s", port, p->path, p->rest ? call_sid : "",
                           p->rest ? p->rest : "");
    ret.rc = http_do(http, a, &req, &res, NULL);
    ret.status = ret.rc ? 0 : res.status;
    ret.body = ret.rc ? STR_EMPTY : res.body;
    return ret;
}

static void judge_looks(const struct page *p, const struct look *first, const struct look *second,
                        const char *call_sid, struct buf *findings)
{
    const char *rest = p->rest ? p->rest : "";

    if (first->status != 200 && first->status < 500 && !first->rc)
        buf_addf(findings, "    %s…%s answered %d while a request failed\n", p->path, rest,
                 first->status);
    if (second->status != 200)
        buf_addf(findings, "    %s…%s answered %d afterwards\n", p->path, rest, second->status);
    if (first->status == 200 && p->same && !str_eq(first->body, second->body))
        buf_addf(findings, "    %s…%s gave something else while a request failed\n", p->path, rest);
    if (first->status == 200 && !p->same && !str_contains(first->body, str_c(call_sid)))
        buf_addf(findings, "    %s…%s hides that a request failed\n", p->path, rest);
}

void visit_dashboard(int port, const char *call_sid, void (*between)(void *arg), void *arg,
                     struct buf *findings)
{
    const struct clock clock = clock_system(0);
    struct http_client *http = http_client_create(NULL, &clock);
    struct look looks[2][ARRAY_LEN(pages)];
    struct arena a = ARENA_INIT;
    size_t i, round;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < ARRAY_LEN(pages); i++)
            looks[round][i] = look_at(http, &a, port, &pages[i], call_sid);
        if (round == 0)
            between(arg);
    }
    for (i = 0; i < ARRAY_LEN(pages); i++)
        judge_looks(&pages[i], &looks[0][i], &looks[1][i], call_sid, findings);
    http_client_destroy(http);
    arena_release(&a);
}
