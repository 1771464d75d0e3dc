/* Tool calls between bridge and gateway, and the arguments that a model makes up, decoded for each tool. */
#include "concierge/tool.h"
#include "concierge/tool_wire.h"
#include "fuzz.h"

static void check_arguments(struct arena *a, const struct profile *profile, const struct jval *args)
{
    _Alignas(max_align_t) char out[512];
    int id;

    for (id = 0; id < TOOLS; id++) {
        const struct tool *tool = tool_by_id((enum tool_id)id);
        struct err err = ERR_INIT;

        FUZZ_HOLDS(tool->args_size <= sizeof(out));
        if (tool_decode(tool, profile, a, args, out, &err))
            FUZZ_HOLDS(err.text[0]); /* the model is told what was wrong */
    }
}

static void check_reply(struct arena *a, struct str text)
{
    struct tool_reply reply, again;
    const struct jval *output;

    if (tool_reply_parse(&reply, a, text, NULL))
        return;
    FUZZ_HOLDS(!json_parse_arena(&output, a, reply.output, NULL) && json_is_obj(output));
    FUZZ_HOLDS(!tool_reply_parse(&again, a, tool_reply_text(a, &reply), NULL));
    FUZZ_HOLDS(again.status == reply.status && again.control.end_call == reply.control.end_call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct profile *profile;
    static struct arena keep = ARENA_INIT;
    struct tool_request request;
    struct arena a = ARENA_INIT;
    const struct jval *args;
    struct str text = str_n(data, size);

    if (!profile)
        FUZZ_HOLDS(
            !profile_load(&profile, &keep, VC_SOURCE_DIR "/evals/profiles/clinic.yaml", NULL));
    if (!tool_request_parse(&request, &a, text, NULL)) {
        FUZZ_HOLDS(request.call_sid.n <= CALL_SID_MAX &&
                   request.tool_call_id.n <= TOOL_CALL_ID_MAX);
        if (request.arguments)
            check_arguments(&a, profile, request.arguments);
    }
    if (!json_parse_arena(&args, &a, text, NULL))
        check_arguments(&a, profile, args);
    check_reply(&a, text);
    arena_release(&a);
    return 0;
}
