#include "media_bridge/tools.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "google/token.h"
#include "media_bridge/bridge.h"
#include "net/http_client.h"

struct tools {
    struct bridge *bridge;
    struct str call_sid, from, language; /* live in `arena` */
    struct arena arena;
    struct log log;
    void (*on_done)(void *arg, const struct tool_done *d);
    void *arg;
    struct map *seen; /* call ids */
    struct list jobs; /* not yet answered */
    size_t n_jobs;
};

/* Belongs to the worker until it is done; `tools` is NULL once nobody waits for it. */
struct job {
    struct list_node node;
    struct bridge *bridge;
    struct tools *tools;
    struct arena arena; /* the request's texts, then the reply's */
    struct log log;
    struct str call_sid, from, language, call_id, name, arguments;
    int64_t begun_ms, deadline_ms; /* the loop's clock */
    struct timer limit;
    struct list_node turn; /* of tools_share.waiting */
    bool waiting;
    bool submitted; /* a worker will call us back */
    bool answered;
    struct tool_reply reply;
    struct err err;
};

struct tools *tools_create(struct bridge *b, struct str call_sid, struct str from,
                           struct str language, const struct log *log,
                           void (*on_done)(void *arg, const struct tool_done *d), void *arg)
{
    struct tools *t = MEM_NEW(struct tools);

    t->bridge = b;
    arena_init(&t->arena);
    t->call_sid = arena_str(&t->arena, call_sid);
    t->from = arena_str(&t->arena, from);
    t->language = arena_str(&t->arena, language);
    t->log = *log;
    t->on_done = on_done;
    t->arg = arg;
    t->seen = map_create();
    list_init(&t->jobs);
    return t;
}

void tools_share_init(struct tools_share *s, int workers)
{
    *s = (struct tools_share){ .max = MAX(workers / 2, 1) };
    list_init(&s->waiting);
}

static void wait_no_more(struct job *j)
{
    if (j->waiting)
        list_remove(&j->turn);
    j->waiting = false;
}

static void job_free(struct job *j)
{
    timer_stop(&j->limit);
    arena_release(&j->arena);
    mem_free(j);
}

static void detach(struct job *j)
{
    timer_stop(&j->limit);
    wait_no_more(j);
    list_remove(&j->node);
    if (j->tools)
        j->tools->n_jobs--;
    j->tools = NULL;
}

struct tools *tools_destroy(struct tools *t)
{
    struct list_node *at, *next;

    if (!t)
        return NULL;
    LIST_EACH (&t->jobs, at, next) {
        struct job *j = CONTAINER_OF(at, struct job, node);

        detach(j);
        if (!j->submitted)
            job_free(j);
    }
    map_destroy(t->seen);
    arena_release(&t->arena);
    mem_free(t);
    return NULL;
}

size_t tools_pending(const struct tools *t)
{
    return t->n_jobs;
}

/* Gives the one output. The job may be freed after this, not by this. */
static void answer(struct job *j, const struct tool_reply *reply)
{
    struct tools *t = j->tools;
    struct tool_done done = { j->call_id, j->name, j->arguments, reply,
                              loop_now_ms(j->bridge->service->loop) - j->begun_ms };

    if (j->answered || !t)
        return;
    j->answered = true;
    detach(j);
    t->on_done(t->arg, &done);
}

static void answer_unavailable(struct job *j)
{
    struct tool_reply reply = { .tool_call_id = j->call_id, .status = TOOL_FAILED };
    struct arena arena = ARENA_INIT;

    reply.output = tool_output_unavailable(&arena);
    answer(j, &reply);
    arena_release(&arena);
}

/* The job was never submitted, or its worker is stuck: the engine has its answer, the rest is in time. */
static void on_limit(void *arg)
{
    struct job *j = arg;
    bool submitted = j->submitted;

    if (submitted || j->waiting)
        log_warn(&j->log, "tool not answered in time name=" STR_FMT " id=" STR_FMT,
                 STR_ARG(j->name), STR_ARG(j->call_id));
    answer_unavailable(j);
    if (!submitted)
        job_free(j);
}

/* ---- on the worker ---- */

/* Not cancelled when the caller hangs up: the record must say what became of a booking. */
static enum errc post(struct job *j, struct ctx *ctx, struct str token, struct http_response *ret,
                      struct err *err)
{
    const struct tool_request request = { .call_sid = j->call_sid,
                                          .tool_call_id = j->call_id,
                                          .arguments_text = j->arguments,
                                          .from = j->from,
                                          .language = j->language };
    const struct http_header headers[] = {
        { STR("Content-Type"), STR("application/json") },
        { STR("Authorization"), arena_printf(ctx->arena, "Bearer " STR_FMT, STR_ARG(token)) },
    };
    struct http_request http = {
        .method = "POST",
        .url = arena_printf(ctx->arena, STR_FMT "/tools/" STR_FMT,
                            STR_ARG(j->bridge->settings->tool_gateway_url), STR_ARG(j->name)),
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = tool_request_text(ctx->arena, &request),
        .body_max = TOOL_REPLY_BYTES_MAX,
        /* An answer that never comes leaves time to ask again: then the ledger has it. */
        .timeout_ms = (int)(j->deadline_ms - j->begun_ms) / TOOLS_PARTS,
        .attempts = TOOLS_ATTEMPTS,
        .idempotent = true,
        .deadline_mono_ms = j->deadline_ms,
    };

    return http_do(ctx->http, ctx->arena, &http, ret, err);
}

static enum errc ask(struct job *j, struct ctx *ctx, struct str token, struct err *err)
{
    struct http_response response;
    enum errc rc = post(j, ctx, token, &response, err);

    if (rc)
        return rc;
    if (response.status != 200)
        return err_set_upstream(err, http_status_errc(response.status), response.status,
                                "tool gateway answered %d", response.status);
    rc = tool_reply_parse(&j->reply, &j->arena, arena_str(&j->arena, response.body), err);
    return rc ? err_wrap(err, ERR_INTERNAL, "answer of the tool gateway") : ERR_OK;
}

static enum errc run_tool(struct job *j, struct ctx *worker, struct err *err)
{
    struct ctx ctx = *worker;
    struct str token;
    int asked = 0;
    enum errc rc;

    ctx.log = j->log;
    ctx.deadline_mono_ms = j->deadline_ms;
    rc = token_identity(google_tokens(j->bridge->google), &ctx,
                        j->bridge->settings->tool_gateway_url, &token, err);
    if (rc)
        return rc;
    do /* again when the answer was noise: what was done stands in the ledger */
        rc = ask(j, &ctx, token, err);
    while (rc == ERR_INTERNAL && ++asked < TOOLS_NOISE_MAX);
    return rc;
}

static void job_run(void *arg, struct ctx *ctx)
{
    struct job *j = arg;
    struct err err = ERR_INIT;
    enum errc rc = run_tool(j, ctx, &err);

    if (!rc)
        return; /* though an attempt before the last may have left its error */
    j->err = err;
    j->err.code = rc;
}

/* ---- on the loop again ---- */

static void job_done(void *arg);

/* False: no worker takes it. */
static bool submit(struct job *j)
{
    j->submitted = bridge_submit(j->bridge, job_run, job_done, j) == ERR_OK;
    j->bridge->tools.running += j->submitted;
    return j->submitted;
}

static bool take_turn(struct job *j)
{
    struct tools_share *s = &j->bridge->tools;

    if (s->running < s->max)
        return submit(j);
    list_push_back(&s->waiting, &j->turn);
    j->waiting = true;
    return true;
}

static void next_turn(struct tools_share *s)
{
    struct list_node *first;

    while (s->running < s->max && (first = list_first(&s->waiting))) {
        struct job *j = CONTAINER_OF(first, struct job, turn);

        wait_no_more(j);
        if (!submit(j))
            timer_start(&j->limit, 0);
    }
}

static void job_done(void *arg)
{
    struct job *j = arg;
    struct tools_share *share = &j->bridge->tools;

    share->running--;
    if (j->err.code)
        log_error(&j->log, "tool failed name=" STR_FMT " id=" STR_FMT " error=\"%s\"",
                  STR_ARG(j->name), STR_ARG(j->call_id), j->err.text);
    else if (!j->tools)
        log_info(&j->log,
                 "tool's result came after its time name=" STR_FMT " id=" STR_FMT " status=%s",
                 STR_ARG(j->name), STR_ARG(j->call_id), tool_status_name(j->reply.status));
    if (j->err.code)
        answer_unavailable(j);
    else
        answer(j, &j->reply);
    job_free(j);
    next_turn(share);
}

/* What becomes a path must be a name. */
static bool name_ok(struct str name)
{
    size_t i;

    for (i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return name.n > 0 && name.n <= 64;
}

static struct job *job_create(struct tools *t, struct str call_id, struct str name,
                              struct str arguments)
{
    struct job *j = MEM_NEW(struct job);
    struct loop *loop = t->bridge->service->loop;

    j->bridge = t->bridge;
    j->tools = t;
    arena_init(&j->arena);
    j->log = t->log;
    j->call_sid = arena_str(&j->arena, t->call_sid);
    j->from = arena_str(&j->arena, t->from);
    j->language = arena_str(&j->arena, t->language);
    j->call_id = arena_str(&j->arena, call_id);
    j->name = arena_str(&j->arena, name);
    j->arguments = arena_str(&j->arena, arguments);
    j->begun_ms = loop_now_ms(loop);
    j->deadline_ms = j->begun_ms + t->bridge->settings->tool_deadline_ms;
    timer_init(&j->limit, loop, on_limit, j);
    list_push_back(&t->jobs, &j->node);
    t->n_jobs++;
    return j;
}

bool tools_run(struct tools *t, struct str call_id, struct str name, struct str arguments)
{
    bool taken = false;
    struct job *j;

    if (map_get(t->seen, call_id)) {
        log_warn(&t->log, "tool asked for twice id=" STR_FMT, STR_ARG(call_id));
        return false;
    }
    j = job_create(t, call_id, name, arguments);
    if (map_len(t->seen) < TOOLS_PER_CALL_MAX && t->n_jobs <= TOOLS_AT_ONCE_MAX && name_ok(name) &&
        arguments.n <= TOOL_REQUEST_BYTES_MAX / 2)
        taken = take_turn(j);
    if (map_len(t->seen) < (size_t)TOOLS_PER_CALL_MAX * 2)
        (void)map_put(t->seen, call_id, t); /* any value that is not NULL */
    if (!taken)
        log_error(&t->log, "tool not run name=" STR_FMT " pending=%zu", STR_ARG(name), t->n_jobs);
    timer_start(&j->limit, taken ? t->bridge->settings->tool_deadline_ms + TOOLS_GRACE_MS : 0);
    return true;
}
