/* The parts of Google's and Twilio's APIs and of the tool gateway that the bridge uses. Handlers run on the
 * cloud's own workers. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "support/world.h"

static void keep_line(struct buf *b, struct str a, struct str text)
{
    buf_add_str(b, a);
    buf_add_char(b, ' ');
    buf_add_str(b, text);
    buf_add_char(b, '\n');
}

static bool is_held(const struct world *w, const struct cloud_hold *h)
{
    if (h->flag)
        return *h->flag;
    if (!h->mode)
        return w->tool_mode == TOOL_HELD;
    return *h->mode == CLOUD_SILENT ||
           (*h->mode == CLOUD_SLOW && clock_mono_ms(&w->fake.clock) < h->until_ms);
}

int world_held(struct world *w, const enum cloud_mode *mode)
{
    struct list_node *at, *next;
    int n = 0;

    pthread_mutex_lock(&w->mutex);
    LIST_EACH (&w->held, at, next) {
        const struct cloud_hold *h = CONTAINER_OF(at, struct cloud_hold, node);
        bool its = !mode || h->mode == mode || (!h->mode && !h->flag && mode == &w->gateway);

        n += its && is_held(w, h);
    }
    pthread_mutex_unlock(&w->mutex);
    return n;
}

void world_cloud(struct world *w, enum cloud_mode *which, enum cloud_mode is)
{
    pthread_mutex_lock(&w->mutex);
    *which = is;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

/* Each step of time tells. */
void cloud_hold(struct world *w, const enum cloud_mode *mode, const bool *flag)
{
    struct cloud_hold h = { .mode = mode,
                            .flag = flag,
                            .until_ms = clock_mono_ms(&w->fake.clock) + WORLD_SLOW_MS };

    list_push_back(&w->held, &h.node);
    while (is_held(w, &h))
        pthread_cond_wait(&w->changed, &w->mutex);
    list_remove(&h.node);
}

/* A neighbour in trouble answers in place of the handler, or only later. */
static bool in_trouble(struct world *w, struct http_req *r, const enum cloud_mode *mode)
{
    enum cloud_mode is;

    pthread_mutex_lock(&w->mutex);
    cloud_hold(w, mode, NULL);
    is = *mode;
    pthread_mutex_unlock(&w->mutex);
    if (is == CLOUD_DOWN)
        http_reply_error(r, 503, "down");
    else if (is == CLOUD_NOISE)
        http_reply(r, 200, "application/json", STR("{\"#\":[[[\x01"));
    return is == CLOUD_DOWN || is == CLOUD_NOISE;
}

/* ---- Pub/Sub ---- */

static void keep_event(struct world *w, struct arena *a, const struct jval *message)
{
    struct cloud_event *e = MEM_NEW(struct cloud_event);
    const struct jval *v = NULL;
    struct str data;

    CHECK_OK(base64_bytes(a, json_str(json_get(message, "data")), &data));
    CHECK_OK(json_parse_arena(&v, a, data, NULL));
    CHECK(str_copy(e->type, sizeof(e->type), json_str(json_get(v, "type"))));
    CHECK(str_copy(e->call_sid, sizeof(e->call_sid), json_str(json_get(v, "subject"))));
    CHECK(str_copy(e->id, sizeof(e->id), json_str(json_get(v, "id"))));
    CHECK_STR(json_str(json_get(message, "orderingKey")), e->call_sid);
    CHECK_STR(json_str(json_path(message, "attributes.type")), e->type);
    CHECK_STR(json_str(json_path(message, "attributes.id")), e->id);
    e->text = str_c(mem_str_dup(data));
    list_push_back(&w->events, &e->node);
    w->n_events++;
}

static void on_publish(void *app, struct http_req *r)
{
    struct world *w = app;
    const struct jval *root = NULL, *message;
    struct json_iter it;
    struct str unused;
    struct jw out;

    if (in_trouble(w, r, &w->pubsub))
        return;
    pthread_mutex_lock(&w->mutex);
    if (w->refuse_publishes) {
        w->refuse_publishes -= w->refuse_publishes > 0;
        w->publishes_refused++;
        pthread_mutex_unlock(&w->mutex);
        http_reply_error(r, 403, "no");
        return;
    }
    CHECK_OK(json_parse_arena(&root, r->ctx->arena, r->body, NULL));
    it = json_iter(json_get(root, "messages"));
    jw_init(&out);
    jw_obj(&out, NULL);
    jw_arr(&out, "messageIds");
    while (json_next(&it, &unused, &message)) {
        keep_event(w, r->ctx->arena, message);
        jw_strf(&out, NULL, "%d", w->n_events);
    }
    jw_end(&out);
    jw_end(&out);
    pthread_mutex_unlock(&w->mutex);
    http_reply_json(r, 200, jw_finish(&out, r->ctx->arena));
}

/* ---- Firestore ---- */

#define READ_TIME "\"readTime\":\"2027-01-15T08:00:00Z\""

static struct str live_document(struct world *w, struct arena *a, struct str name)
{
    if (w->live_fields.n == 0)
        return arena_printf(a, "[{\"missing\":\"" STR_FMT "\"," READ_TIME "}]", STR_ARG(name));
    return arena_printf(a,
                        "[{\"found\":{\"name\":\"" STR_FMT "\",\"fields\":" STR_FMT
                        ",\"createTime\":\"2027-01-15T08:00:00Z\",\"updateTime\":"
                        "\"2027-01-15T08:00:00Z\"}," READ_TIME "}]",
                        STR_ARG(name), STR_ARG(w->live_fields));
}

static struct str query_answer(const struct world *w, struct str body)
{
    struct str ret =
        str_contains(body, STR("\"toolInvocations\"")) ? w->past_ledger : w->past_events;

    return ret.n ? ret : STR("[{" READ_TIME "}]");
}

static void on_firestore(void *app, struct http_req *r)
{
    struct world *w = app;
    struct str verb = http_req_param(r, "verb");
    const struct jval *root = NULL;
    bool refused;

    if (in_trouble(w, r, &w->firestore))
        return;
    pthread_mutex_lock(&w->mutex);
    refused = w->refuse_commits != 0;
    if (refused)
        w->refuse_commits -= w->refuse_commits > 0;
    else if (str_ends(verb, STR(":commit")))
        keep_line(&w->live, verb, r->body);
    pthread_mutex_unlock(&w->mutex);
    if (refused) {
        http_reply_json(r, 403,
                        STR("{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\","
                            "\"message\":\"no\"}}"));
    } else if (str_ends(verb, STR(":commit"))) {
        http_reply_json(r, 200,
                        STR("{\"writeResults\":[{\"updateTime\":\"2027-01-15T08:00:00Z\"}],"
                            "\"commitTime\":\"2027-01-15T08:00:00Z\"}"));
    } else if (str_ends(verb, STR(":batchGet"))) {
        CHECK_OK(json_parse_arena(&root, r->ctx->arena, r->body, NULL));
        http_reply_json(r, 200,
                        live_document(w, r->ctx->arena, json_str(json_path(root, "documents.0"))));
    } else {
        http_reply_json(r, 200, query_answer(w, r->body));
    }
}

/* ---- metadata server ---- */

static void on_metadata(void *app, struct http_req *r)
{
    struct world *w = app;
    struct str claims = arena_printf(r->ctx->arena, "{\"aud\":\"gateway\",\"exp\":%lld}",
                                     (long long)clock_wall_s(&w->fake.clock) + 3600);

    http_reply_header(r, "Metadata-Flavor", STR("Google"));
    http_reply(r, 200, "application/text",
               arena_printf(
                   r->ctx->arena, STR_FMT "." STR_FMT ".c2ln",
                   STR_ARG(base64url_text(r->ctx->arena, STR("{\"alg\":\"RS256\",\"kid\":\"1\"}"))),
                   STR_ARG(base64url_text(r->ctx->arena, claims))));
}

/* ---- tool gateway ---- */

static void cut_answer(struct http_req *r)
{
    if (!http_reply_begin(r, 200, "application/json", 100) && !http_reply_write(r, "{\"", 2))
        http_reply_end(r);
}

static void on_tool(void *app, struct http_req *r)
{
    struct world *w = app;
    const struct jval *root = NULL;
    enum tool_mode mode;
    const char *reply;

    CHECK_OK(json_parse_arena(&root, r->ctx->arena, r->body, NULL));
    pthread_mutex_lock(&w->mutex);
    keep_line(&w->tools, r->path, r->body);
    w->tool_requests++;
    w->last_tool_authorized = str_starts(http_req_header(r, "Authorization"), STR("Bearer ey"));
    cloud_hold(w, NULL, NULL);
    mode = w->spoil_tools > 0 ? w->spoilt : w->tool_mode;
    w->spoil_tools -= w->spoil_tools > 0;
    reply = w->tool_reply ? w->tool_reply : "\"status\":\"ok\",\"output\":{\"say\":\"Done.\"}";
    pthread_mutex_unlock(&w->mutex);
    if (in_trouble(w, r, &w->gateway))
        return;
    if (mode == TOOL_BREAKS)
        http_reply_error(r, 500, "broken");
    else if (mode == TOOL_CUT)
        cut_answer(r);
    else if (mode == TOOL_NOISE)
        http_reply_json(r, 200, STR("{#"));
    else
        http_reply_json(r, 200,
                        arena_printf(r->ctx->arena,
                                     "{\"toolCallId\":\"" STR_FMT "\",%s,\"replayed\":false}",
                                     STR_ARG(json_str(json_get(root, "toolCallId"))), reply));
}

/* ---- Twilio's REST ---- */

static void on_rest(void *app, struct http_req *r)
{
    struct world *w = app;

    pthread_mutex_lock(&w->mutex);
    keep_line(&w->rest, r->path, r->body);
    pthread_mutex_unlock(&w->mutex);
    http_reply_json(r, 200, STR("{\"sid\":\"CA\",\"status\":\"completed\"}"));
}

const struct http_route cloud_routes[] = {
    { .methods = HTTP_POST,
      .path = "/v1/projects/test/topics/{topic}:publish",
      .body_max = 16 * MIB,
      .handle = on_publish },
    { .methods = HTTP_POST,
      .path = "/v1/projects/test/databases/{verb*}",
      .body_max = 16 * MIB,
      .handle = on_firestore },
    { .methods = HTTP_GET, .path = "/storage/v1/b/bucket/o/{name*}", .handle = object_read },
    { .methods = HTTP_POST,
      .path = "/upload/storage/v1/b/bucket/o",
      .body_max = 16 * MIB,
      .handle = object_write },
    { .methods = HTTP_GET, .path = "/computeMetadata/{path*}", .handle = on_metadata },
    { .methods = HTTP_POST, .path = "/tools/{name}", .body_max = MIB, .handle = on_tool },
    { .methods = HTTP_ANY, .path = "/2010-04-01/{path*}", .body_max = MIB, .handle = on_rest },
};
const size_t n_cloud_routes = ARRAY_LEN(cloud_routes);
