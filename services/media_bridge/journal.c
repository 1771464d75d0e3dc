#include "media_bridge/journal.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "media_bridge/journal_internal.h"

/* Faster than anybody speaks: text beyond it cannot have been heard. */
enum { CHARS_PER_SECOND_MAX = 30, NUMBER_MAX = 32, CUT_NEAR_MS = 1000 };

struct journal *journal_create(const struct journal_opts *o)
{
    struct journal *j = MEM_NEW(struct journal);
    struct buf source = BUF_INIT(sizeof(j->source) - 1);

    j->o = *o;
    j->o.call_sid = str_c(mem_str_dup(o->call_sid));
    j->o.model = str_c(mem_str_dup(o->model));
    j->o.transcription_model = str_c(mem_str_dup(o->transcription_model));
    buf_addf(&source, "bridge-%d", o->attempt);
    (void)str_copy(j->source, sizeof(j->source), buf_str(&source)); /* same size */
    buf_release(&source);
    arena_init(&j->arena);
    buf_init(&j->unsaid, JOURNAL_UNSAID_MAX);
    return j;
}

static void free_text(struct str s)
{
    mem_free((void *)(uintptr_t)s.p); /* ours, made by mem_str_dup() */
}

static void recalled_release(struct recalled_tool *t)
{
    buf_release(&t->name);
    buf_release(&t->arguments);
    buf_release(&t->output);
}

struct journal *journal_destroy(struct journal *j)
{
    size_t i;

    if (!j)
        return NULL;
    for (i = 0; i < j->n_turns; i++)
        buf_release(&j->turns[i].text);
    for (i = 0; j->recalled && i < JOURNAL_RECALL_TOOLS; i++)
        recalled_release(&j->recalled[i]);
    mem_free(j->recalled);
    for (i = 0; i < LATENCIES; i++)
        mem_free(j->latencies[i].ms);
    mem_free(j->turns);
    mem_free(j->tools);
    buf_release(&j->unsaid);
    arena_release(&j->arena);
    free_text(j->o.call_sid);
    free_text(j->o.model);
    free_text(j->o.transcription_model);
    mem_free(j);
    return NULL;
}

/* ---- events ---- */

static void begin(struct journal *j, struct jw *w, struct event_head *h, enum event_type type)
{
    *h = (struct event_head){ .type = type,
                              .call_sid = j->o.call_sid,
                              .source = str_c(j->source),
                              .seq = arena_printf(&j->arena, "%lld", (long long)++j->seq),
                              .time_us = clock_wall_us(j->o.clock) };
    event_begin(w, h);
}

static void finish(struct journal *j, struct jw *w, const struct event_head *h)
{
    struct str id = arena_printf(&j->arena, STR_FMT "/%s/" STR_FMT, STR_ARG(j->o.call_sid),
                                 j->source, STR_ARG(h->seq));

    outbox_add(j->o.out, h->type, id, event_end(w, &j->arena));
    arena_reset(&j->arena);
}

void journal_started(struct journal *j, const struct journal_started *s)
{
    struct event_head h;
    struct jw w;

    begin(j, &w, &h, EVENT_CALL_STARTED);
    jw_str(&w, "streamSid", s->stream_sid);
    jw_i64(&w, "attempt", j->o.attempt);
    jw_str(&w, "model", j->o.model);
    jw_str(&w, "voice", s->voice);
    jw_str(&w, "promptHash", s->prompt_hash);
    if (s->engine_connect_ms >= 0)
        jw_i64(&w, "engineConnectMs", s->engine_connect_ms);
    finish(j, &w, &h);
}

static void write_turn(struct jw *w, const char *key, const struct turn *t, bool with_item)
{
    if (key || !with_item)
        jw_obj(w, key);
    jw_i64(w, "index", t->index);
    jw_cstr(w, "role", t->role == VOICE_AGENT ? "agent" : "caller");
    jw_str(w, "text", buf_str(&t->text));
    jw_i64(w, "startMs", t->start_ms);
    jw_i64(w, "endMs", t->end_ms);
    jw_bool(w, "interrupted", t->interrupted);
    if (with_item)
        jw_cstr(w, "itemId", t->item_id);
    else
        jw_end(w);
}

static void tell_turn(struct journal *j, struct turn *t)
{
    struct event_head h;
    struct jw w;

    if (t->told || t->dropped)
        return;
    t->told = true;
    begin(j, &w, &h, EVENT_CALL_TURN);
    write_turn(&w, NULL, t, true);
    finish(j, &w, &h);
}

/* ---- turns ---- */

static struct turn *turn_find(struct journal *j, struct str item_id)
{
    size_t i;

    for (i = j->n_turns; i-- > 0;) {
        if (str_eq_c(item_id, j->turns[i].item_id))
            return &j->turns[i];
    }
    return NULL;
}

static struct turn *turn_for(struct journal *j, struct str item_id, enum voice_role role)
{
    struct turn *t = turn_find(j, item_id);

    if (t)
        return t;
    if (j->n_turns == JOURNAL_TURNS_MAX)
        return NULL;
    if (j->n_turns == j->cap_turns) {
        j->cap_turns = j->cap_turns ? j->cap_turns * 2 : 4;
        j->turns = mem_realloc(j->turns, j->cap_turns * sizeof(*j->turns));
    }
    t = &j->turns[j->n_turns];
    *t = (struct turn){ .role = role, .index = -1 };
    if (!str_copy(t->item_id, sizeof(t->item_id), item_id))
        return NULL;
    buf_init(&t->text, JOURNAL_TURN_TEXT_MAX);
    j->n_turns++;
    return t;
}

/* At most `n` bytes, not ending inside a character. */
static struct str cut_text(struct str text, size_t n)
{
    if (text.n <= n)
        return text;
    while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n--;
    return str_slice(text, 0, n);
}

static void text_add(struct turn *t, struct str text)
{
    buf_add_str(&t->text, cut_text(text, JOURNAL_TURN_TEXT_MAX - t->text.n));
}

static void text_set(struct turn *t, struct str text)
{
    buf_reset(&t->text);
    text_add(t, text);
}

static void tell_agent_turn(struct journal *j, struct turn *t)
{
    if (t->index >= 0 && t->heard && (t->text_final || t->interrupted))
        tell_turn(j, t);
}

void journal_agent_text(struct journal *j, struct str item_id, struct str text, bool final)
{
    struct turn *t = turn_for(j, item_id, VOICE_AGENT);

    if (!t || t->text_final || t->interrupted || t->dropped)
        return;
    if (final)
        text_set(t, text);
    else
        text_add(t, text);
    t->text_final = final;
    tell_agent_turn(j, t);
}

void journal_agent_started(struct journal *j, struct str item_id, int64_t at_ms)
{
    struct turn *t = turn_for(j, item_id, VOICE_AGENT);

    if (!t || t->index >= 0)
        return;
    t->index = j->next_index++;
    t->start_ms = at_ms;
}

/* The words that fit into what was heard: in proportion, and no faster than people speak. Ends at a word. */
static void cut_to_heard(struct turn *t, int64_t heard_ms, int64_t queued_ms)
{
    struct str text = buf_str(&t->text);
    size_t n = queued_ms > 0 ? (size_t)((int64_t)text.n * heard_ms / queued_ms) : 0;

    n = MIN(n, (size_t)(heard_ms * CHARS_PER_SECOND_MAX / 1000));
    if (n < text.n) {
        while (n > 0 && text.p[n] != ' ')
            n--;
        buf_truncate(&t->text, n);
    }
}

/* At the end of a sentence, when it was to be cut there; else it was interrupted. */
static void cut_off(struct journal *j, struct turn *t, int64_t heard_ms, int64_t queued_ms)
{
    struct turn before = *t;
    struct buf all = BUF_INIT(JOURNAL_TURN_TEXT_MAX);

    buf_add_str(&all, buf_str(&t->text));
    before.text = all;
    t->interrupted = t->cut_n == 0 || heard_ms + CUT_NEAR_MS < t->cut_ms;
    if (t->interrupted)
        cut_to_heard(t, heard_ms, queued_ms);
    else
        buf_truncate(&t->text, t->cut_n);
    if (j->keeps_unsaid)
        journal_add_unsaid(j, &before, t->index < 0 ? 0 : t->text.n);
    t->text_final = true;
    buf_release(&all);
}

void journal_agent_heard(struct journal *j, struct str item_id, int64_t heard_ms, int64_t queued_ms,
                         bool whole, int64_t at_ms)
{
    struct turn *t = turn_find(j, item_id);

    if (!t || t->heard || t->role != VOICE_AGENT)
        return;
    t->heard = true;
    t->end_ms = at_ms;
    if (!whole)
        cut_off(j, t, heard_ms, queued_ms);
    t->dropped = t->index < 0 || (!whole && heard_ms == 0);
    tell_agent_turn(j, t);
}

struct str journal_said(struct journal *j, struct str item_id)
{
    const struct turn *t = turn_find(j, item_id);

    return t && !t->dropped ? buf_str(&t->text) : STR_EMPTY;
}

int journal_caller_started(struct journal *j, struct str item_id, int64_t at_ms)
{
    struct turn *t = turn_for(j, item_id, VOICE_CALLER);

    if (!t)
        return -1;
    if (t->index < 0) {
        t->index = j->next_index++;
        t->start_ms = at_ms;
        t->end_ms = at_ms;
    }
    return t->index;
}

void journal_caller_stopped(struct journal *j, struct str item_id, int64_t at_ms)
{
    struct turn *t = turn_find(j, item_id);

    if (!t || t->role != VOICE_CALLER)
        return;
    t->end_ms = MAX(at_ms, t->start_ms);
    t->heard = true;
    j->turn_of_latency = t->index;
}

void journal_caller_text(struct journal *j, struct str item_id, struct str text, bool final)
{
    struct turn *t = turn_find(j, item_id);

    if (!t || t->text_final || t->role != VOICE_CALLER)
        return;
    if (!final) {
        text_add(t, text);
        return;
    }
    text_set(t, text);
    t->text_final = true;
    t->dropped = str_trim(text).n == 0;
    tell_turn(j, t);
}

bool journal_waits(const struct journal *j)
{
    size_t i;

    for (i = 0; i < j->n_turns; i++) {
        if (j->turns[i].role == VOICE_CALLER && j->turns[i].heard && !j->turns[i].text_final)
            return true;
    }
    return false;
}

bool journal_engine_lost(struct journal *j, bool again)
{
    bool known = true;
    size_t i;

    for (i = 0; i < j->n_turns; i++) {
        struct turn *t = &j->turns[i];

        if (t->text_final || t->told || t->dropped)
            continue;
        t->text_final = true;
        if (t->role == VOICE_AGENT) {
            tell_agent_turn(j, t);
            continue;
        }
        known = false;
        t->heard = true;
        t->dropped = again || str_trim(buf_str(&t->text)).n == 0;
        tell_turn(j, t);
    }
    return known;
}

/* ---- tools, latencies, usage ---- */

static struct recalled_tool *recalled_find(struct journal *j, struct str call_id)
{
    size_t i;

    for (i = 0; j->recalled && i < JOURNAL_RECALL_TOOLS; i++) {
        if (call_id.n && str_eq_c(call_id, j->recalled[i].call_id))
            return &j->recalled[i];
    }
    return NULL;
}

void journal_tool_asked(struct journal *j, const struct voice_tool_call *call)
{
    struct recalled_tool *t;

    if (recalled_find(j, call->call_id))
        return;
    if (!j->recalled)
        j->recalled = mem_calloc(JOURNAL_RECALL_TOOLS, sizeof(*j->recalled));
    t = &j->recalled[j->n_asked++ % JOURNAL_RECALL_TOOLS];
    recalled_release(t);
    *t = (struct recalled_tool){ .before = j->next_index };
    (void)str_copy(t->call_id, sizeof(t->call_id), call->call_id); /* an engine's id fits */
    buf_init(&t->name, TOOL_NAME_MAX);
    buf_init(&t->arguments, JOURNAL_RECALL_TOOL_MAX);
    buf_init(&t->output, JOURNAL_RECALL_TOOL_MAX);
    buf_add_str(&t->name, cut_text(call->name, TOOL_NAME_MAX));
    buf_add_str(&t->arguments, cut_text(call->arguments, JOURNAL_RECALL_TOOL_MAX));
}

static void recalled_answer(struct journal *j, const struct journal_tool *tool)
{
    struct recalled_tool *t = recalled_find(j, tool->call_id);

    if (!t || t->answered)
        return;
    t->answered = true;
    t->at_ms = tool->at_ms;
    buf_add_str(&t->output, cut_text(tool->output, JOURNAL_RECALL_TOOL_MAX));
}

static void write_json_or_text(struct jw *w, struct journal *j, const char *key, struct str text)
{
    const struct jval *v;

    if (text.n && json_parse_arena(&v, &j->arena, text, NULL) == ERR_OK)
        jw_val(w, key, v);
    else
        jw_str(w, key, text);
}

void journal_tool(struct journal *j, const struct journal_tool *t)
{
    struct event_head h;
    struct jw w;

    if (j->n_tools < JOURNAL_TOOLS_MAX) {
        struct tool_entry *e;

        if (j->n_tools == j->cap_tools) {
            j->cap_tools = j->cap_tools ? j->cap_tools * 2 : 8;
            j->tools = mem_realloc(j->tools, j->cap_tools * sizeof(*j->tools));
        }
        e = &j->tools[j->n_tools++];
        *e = (struct tool_entry){ .status = t->status, .latency_ms = t->latency_ms };
        (void)str_copy(e->name, sizeof(e->name), t->name); /* a longer name is no tool of ours */
    }
    recalled_answer(j, t);
    begin(j, &w, &h, EVENT_CALL_TOOL);
    jw_str(&w, "toolCallId", t->call_id);
    jw_str(&w, "name", t->name);
    jw_cstr(&w, "status", tool_status_name(t->status));
    write_json_or_text(&w, j, "arguments", t->arguments);
    write_json_or_text(&w, j, "output", t->output);
    jw_i64(&w, "latencyMs", t->latency_ms);
    jw_bool(&w, "replayed", t->replayed);
    jw_i64(&w, "atMs", t->at_ms);
    finish(j, &w, &h);
}

void journal_latency(struct journal *j, enum journal_latency kind, int64_t ms)
{
    static const char *const names[LATENCIES] = { "first_word", "response", "barge_in_stop" };
    struct latencies *l = &j->latencies[kind];
    struct event_head h;
    struct jw w;

    if (l->n == JOURNAL_LATENCIES_MAX)
        return;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->ms = mem_realloc(l->ms, l->cap * sizeof(*l->ms));
    }
    l->ms[l->n++] = ms;
    begin(j, &w, &h, EVENT_CALL_LATENCY);
    jw_i64(&w, "turn", kind == LATENCY_FIRST_WORD ? 0 : j->turn_of_latency);
    jw_cstr(&w, "kind", names[kind]);
    jw_i64(&w, "ms", ms);
    finish(j, &w, &h);
}

static struct usage usage_from(const struct voice_usage *u)
{
    return (struct usage){
        .text_in = u->text_in,
        .text_in_cached = u->text_in_cached,
        .text_out = u->text_out,
        .audio_in = u->audio_in,
        .audio_in_cached = u->audio_in_cached,
        .audio_out = u->audio_out,
        .image_in = u->image_in,
        .image_in_cached = u->image_in_cached,
        .audio_ms = (int64_t)(u->seconds * 1000.0 + 0.5),
    };
}

static bool is_used(const struct usage *u)
{
    static const struct usage none;

    return memcmp(u, &none, sizeof(none)) != 0;
}

/* False: the model has no price. Nothing used costs nothing at any price. */
static bool cost_of(const struct journal *j, struct str model, const struct usage *u, int64_t *ret)
{
    return cost_micro_usd(j->o.prices, model, u, ret) == ERR_OK || !is_used(u);
}

static void tell_usage(struct journal *j, struct str response_id, struct str model,
                       const struct usage *u)
{
    struct event_head h;
    int64_t cost;
    struct jw w;

    begin(j, &w, &h, EVENT_CALL_USAGE);
    jw_str(&w, "responseId", response_id);
    jw_str(&w, "model", model);
    usage_write(&w, "usage", u);
    if (cost_of(j, model, u, &cost))
        jw_i64(&w, "costMicroUsd", cost); /* without it the counts stand, to be priced later */
    finish(j, &w, &h);
}

void journal_usage(struct journal *j, struct str response_id, const struct voice_usage *u)
{
    struct usage usage = usage_from(u);

    usage_add(&j->used, &usage);
    tell_usage(j, response_id, j->o.model, &usage);
}

void journal_transcription_usage(struct journal *j, const struct voice_usage *u)
{
    struct usage usage = usage_from(u);

    usage_add(&j->transcribed, &usage);
}

void journal_handoff(struct journal *j, const char *kind, struct str reason, struct str number)
{
    char masked[NUMBER_MAX] = "";
    struct event_head h;
    struct jw w;

    if (number.n)
        log_mask_number(masked, sizeof(masked), number);
    begin(j, &w, &h, EVENT_CALL_HANDOFF);
    jw_cstr(&w, "kind", kind);
    jw_str(&w, "reason", reason);
    jw_cstr(&w, "number", masked);
    finish(j, &w, &h);
}

/* ---- the end ---- */

static void write_latencies(struct jw *w, const struct journal *j)
{
    static const char *const names[LATENCIES] = { NULL, "response_ms", "barge_in_stop_ms" };
    size_t kind, i;

    jw_obj(w, "latency");
    if (j->latencies[LATENCY_FIRST_WORD].n)
        jw_i64(w, "first_word_ms", j->latencies[LATENCY_FIRST_WORD].ms[0]);
    for (kind = LATENCY_RESPONSE; kind < LATENCIES; kind++) {
        jw_arr(w, names[kind]);
        for (i = 0; i < j->latencies[kind].n; i++)
            jw_i64(w, NULL, j->latencies[kind].ms[i]);
        jw_end(w);
    }
    jw_end(w);
}

static void write_turns(struct jw *w, const struct journal *j)
{
    size_t left = JOURNAL_TEXT_MAX;
    int i;

    jw_arr(w, "turns");
    for (i = 0; i < j->next_index; i++) {
        const struct turn *t = journal_turn_at(j, i);

        if (!t || !t->told)
            continue;
        if (t->text.n > left)
            break; /* the events of the turns hold the rest */
        left -= t->text.n;
        write_turn(w, NULL, t, false);
    }
    jw_end(w);
}

static void write_tools(struct jw *w, const struct journal *j)
{
    size_t i;

    jw_arr(w, "tools");
    for (i = 0; i < j->n_tools; i++) {
        jw_obj(w, NULL);
        jw_cstr(w, "name", j->tools[i].name);
        jw_cstr(w, "status", tool_status_name(j->tools[i].status));
        jw_i64(w, "latencyMs", j->tools[i].latency_ms);
        jw_end(w);
    }
    jw_end(w);
}

static void write_counters(struct jw *w, const struct journal_counters *c)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        { "mediaIn", c->media_in },
        { "audioInMs", c->audio_in_ms },
        { "silenceFilledMs", c->silence_filled_ms },
        { "audioLateMs", c->audio_late_ms },
        { "audioDroppedMs", c->audio_dropped_ms },
        { "audioOutMs", c->audio_out_ms },
        { "lateAudioMs", c->late_audio_ms },
        { "underruns", c->underruns },
        { "responses", c->responses },
        { "responsesFailed", c->responses_failed },
        { "responsesUnmetered", c->responses_unmetered },
        { "interruptions", c->interruptions },
        { "engineConnects", c->engine_connects },
        { "badMessages", c->bad_messages },
    };
    size_t i;

    jw_obj(w, "counters");
    for (i = 0; i < ARRAY_LEN(rows); i++)
        jw_i64(w, rows[i].name, rows[i].value);
    jw_end(w);
}

static void write_times(struct jw *w, int64_t started_us, int64_t ended_us)
{
    char text[TIME_TEXT_MAX];

    time_rfc3339(text, started_us);
    jw_cstr(w, "startedAt", text);
    time_rfc3339(text, ended_us);
    jw_cstr(w, "endedAt", text);
    jw_i64(w, "durationMs", (ended_us - started_us) / 1000);
}

/* What is not known by now will not be: turns of the caller without words, of the agent without an end. */
static void settle_turns(struct journal *j)
{
    size_t i;

    for (i = 0; i < j->n_turns; i++) {
        struct turn *t = &j->turns[i];

        if (t->index < 0 || t->told || t->text.n == 0)
            continue;
        if (t->role == VOICE_AGENT && !t->heard)
            t->interrupted = true;
        tell_turn(j, t);
    }
}

void journal_ended(struct journal *j, const struct journal_end *e)
{
    struct usage sum = j->used;
    int64_t engine, transcription;
    struct event_head h;
    struct jw w;

    if (j->ended)
        return;
    j->ended = true;
    settle_turns(j);
    if (is_used(&j->transcribed))
        tell_usage(j, STR("transcription"), j->o.transcription_model, &j->transcribed);
    usage_add(&sum, &j->transcribed);
    begin(j, &w, &h, EVENT_CALL_ENDED);
    jw_i64(&w, "attempt", j->o.attempt);
    jw_cstr(&w, "reason", end_reason_info(e->reason)->name);
    jw_str(&w, "outcome", e->outcome);
    jw_str(&w, "summary", e->summary);
    write_times(&w, e->started_us, clock_wall_us(j->o.clock));
    usage_write(&w, "usage", &sum);
    if (cost_of(j, j->o.model, &j->used, &engine) &&
        cost_of(j, j->o.transcription_model, &j->transcribed, &transcription))
        jw_i64(&w, "costMicroUsd", engine + transcription);
    write_latencies(&w, j);
    write_turns(&w, j);
    write_tools(&w, j);
    write_counters(&w, &e->counters);
    finish(j, &w, &h);
}
