#include "concierge/tool_wire.h"

#include "base/macros.h"

static const char *const status_names[] = { "ok", "refused", "failed" };

const char *tool_status_name(enum tool_status s)
{
    return (size_t)s < ARRAY_LEN(status_names) ? status_names[s] : "failed";
}

struct str tool_request_text(struct arena *a, const struct tool_request *r)
{
    const struct jval *args = r->arguments;
    struct jw w;

    if (!args && json_parse_arena(&args, a, r->arguments_text, NULL))
        args = NULL;
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "callSid", r->call_sid);
    jw_str(&w, "toolCallId", r->tool_call_id);
    if (json_is_obj(args))
        jw_val(&w, "arguments", args);
    else
        jw_str(&w, "arguments", r->arguments_text);
    jw_obj(&w, "context");
    jw_str(&w, "from", r->from);
    jw_str(&w, "language", r->language);
    jw_end(&w);
    jw_end(&w);
    return jw_finish(&w, a);
}

/* Both become parts of document names. */
static bool name_safe(struct str s, size_t max)
{
    size_t i;

    if (!s.n || s.n > max)
        return false;
    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

enum errc tool_request_parse(struct tool_request *ret, struct arena *a, struct str body,
                             struct err *err)
{
    const struct jval *root, *args, *context;
    struct tool_request r = { 0 };
    enum errc rc = json_parse_arena(&root, a, body, err);

    if (rc)
        return err_wrap(err, ERR_INVALID, "tool request");
    r.call_sid = json_str(json_get(root, "callSid"));
    r.tool_call_id = json_str(json_get(root, "toolCallId"));
    if (!name_safe(r.call_sid, CALL_SID_MAX))
        return err_set(err, ERR_INVALID, "callSid must be 1 to %d of a-z A-Z 0-9 _ - .",
                       CALL_SID_MAX);
    if (!name_safe(r.tool_call_id, TOOL_CALL_ID_MAX))
        return err_set(err, ERR_INVALID, "toolCallId must be 1 to %d of a-z A-Z 0-9 _ - .",
                       TOOL_CALL_ID_MAX);
    args = json_get(root, "arguments");
    if (!args)
        return err_set(err, ERR_INVALID, "arguments is missing");
    r.arguments = json_is_obj(args) ? args : NULL;
    r.arguments_text = json_is_str(args) ? json_str(args) : json_val_text(a, args);
    context = json_get(root, "context");
    r.from = json_str(json_get(context, "from"));
    r.language = json_str(json_get(context, "language"));
    *ret = r;
    return ERR_OK;
}

static void write_control(struct jw *w, const struct tool_control *c)
{
    if (!c->end_call && !c->transfer.number.n)
        return;
    jw_obj(w, "control");
    if (c->end_call) {
        jw_bool(w, "end_call", true);
        jw_str(w, "outcome", c->outcome);
    }
    if (c->transfer.number.n) {
        jw_obj(w, "transfer");
        jw_str(w, "number", c->transfer.number);
        jw_str(w, "reason", c->transfer.reason);
        jw_str(w, "summary", c->transfer.summary);
        jw_end(w);
    }
    jw_end(w);
}

struct str tool_reply_text(struct arena *a, const struct tool_reply *r)
{
    const struct jval *output;
    struct jw w;

    if (json_parse_arena(&output, a, r->output, NULL))
        output = NULL;
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "toolCallId", r->tool_call_id);
    jw_cstr(&w, "status", tool_status_name(r->status));
    jw_val(&w, "output", output);
    jw_bool(&w, "replayed", r->replayed);
    write_control(&w, &r->control);
    jw_end(&w);
    return jw_finish(&w, a);
}

enum errc tool_reply_parse(struct tool_reply *ret, struct arena *a, struct str body,
                           struct err *err)
{
    const struct jval *root, *control, *transfer, *output;
    struct tool_reply r = { 0 };
    struct str status;
    enum errc rc = json_parse_arena(&root, a, body, err);
    size_t i;

    if (rc)
        return err_wrap(err, rc, "tool reply");
    status = json_str(json_get(root, "status"));
    output = json_get(root, "output");
    for (i = 0; i < ARRAY_LEN(status_names) && !str_eq_c(status, status_names[i]); i++)
        ;
    if (i == ARRAY_LEN(status_names) || !json_is_obj(output))
        return err_set(err, ERR_INVALID, "tool reply without status or output");
    control = json_get(root, "control");
    transfer = json_get(control, "transfer");
    r.tool_call_id = json_str(json_get(root, "toolCallId"));
    r.status = (enum tool_status)i;
    r.output = json_val_text(a, output);
    r.replayed = json_bool_or(json_get(root, "replayed"), false);
    r.control.end_call = json_bool_or(json_get(control, "end_call"), false);
    r.control.outcome = json_str(json_get(control, "outcome"));
    r.control.transfer.number = json_str(json_get(transfer, "number"));
    r.control.transfer.reason = json_str(json_get(transfer, "reason"));
    r.control.transfer.summary = json_str(json_get(transfer, "summary"));
    *ret = r;
    return ERR_OK;
}

struct str tool_output_unavailable(struct arena *a)
{
    return arena_str(
        a,
        STR("{\"status\":\"failed\",\"say\":\"I cannot reach our system right now. I am sorry. I "
            "can "
            "take your name and number so that somebody calls you back.\",\"reason\":"
            "\"unavailable\",\"next\":\"It is not known whether anything was done. Do not say that "
            "it was.\"}"));
}
