#include "local_cloud/engine/receptionist.h"

#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/reception_internal.h"

enum {
    SECONDS_OF_DAY = 86400,
    TOPICS_MAX = 16 * 1024,
};

static void restore(struct receptionist *r);

static void talk_reset(struct talk *t)
{
    memset(t, 0, sizeof(*t));
    t->service = -1;
    t->wish.minute = -1;
}

struct receptionist *receptionist_create(const struct clock *clock)
{
    struct receptionist *r = MEM_NEW(struct receptionist);

    r->clock = clock;
    arena_init(&r->arena);
    buf_init(&r->topics, TOPICS_MAX);
    buf_init(&r->said, (size_t)2 * TEXT_MAX);
    talk_reset(&r->talk);
    facts_read(&r->facts, STR_EMPTY);
    return r;
}

struct receptionist *receptionist_destroy(struct receptionist *r)
{
    if (!r)
        return NULL;
    arena_release(&r->arena);
    buf_release(&r->topics);
    buf_release(&r->said);
    mem_free(r->instructions);
    mem_free(r);
    return NULL;
}

void receptionist_brief(struct receptionist *r, struct str instructions, const struct jval *tools)
{
    char *copy = mem_str_dup(instructions);
    size_t i;

    mem_free(r->instructions);
    r->instructions = copy;
    facts_read(&r->facts, str_c(copy));
    arena_reset(&r->arena);
    r->tools = NULL;
    if (tools && json_parse_arena(&r->tools, &r->arena, json_val_text(&r->arena, tools), NULL))
        r->tools = NULL; /* its own text cannot be wrong */
    buf_reset(&r->topics);
    for (i = 0; i < r->facts.n_services; i++)
        buf_addf(&r->topics, STR_FMT "\n", STR_ARG(r->facts.services[i].name));
    if (r->facts.n_services)
        buf_add_c(&r->topics, "appointment\n");
    for (i = 0; i < r->facts.n_faq; i++)
        buf_addf(&r->topics, "?" STR_FMT "\n", STR_ARG(r->facts.faq[i].question));
    if (!r->restored && r->facts.journal.n)
        restore(r);
}

enum hearing receptionist_hearing(const struct receptionist *r)
{
    if (r->talk.stage == ST_LEAD && str_eq_c(r->facts.questions[r->talk.lead_at].name, "postcode"))
        return HEAR_PHONE;
    return reception_stage_hearing(r->talk.stage);
}

struct str receptionist_topics(const struct receptionist *r)
{
    return buf_str(&r->topics);
}

void receptionist_mark(struct receptionist *r)
{
    r->marked = r->talk;
}

void receptionist_undo(struct receptionist *r)
{
    r->talk = r->marked;
}

/* Today as the business has it. */
int reception_today(const struct receptionist *r)
{
    return r->facts.today ? r->facts.today : (int)(clock_wall_s(r->clock) / SECONDS_OF_DAY);
}

const struct jval *reception_tool(const struct receptionist *r, const char *name)
{
    size_t i;

    for (i = 0; i < json_len(r->tools); i++) {
        if (str_eq_c(json_str(json_get(json_at(r->tools, i), "name")), name))
            return json_at(r->tools, i);
    }
    return NULL;
}
/* What was said and done. */

void receptionist_caller_said(struct receptionist *r, struct str text, double confidence)
{
    struct talk *t = &r->talk;
    size_t n = strlen(t->words);
    struct str words = confidence >= RECOGNIZE_SURE ? text : STR_EMPTY;

    if (n > 0 && words.n > 0 && n + 1 < sizeof(t->words))
        t->words[n++] = ' ';
    (void)str_copy(t->words + n, sizeof(t->words) - n, words); /* a long speech is cut */
    t->confidence = confidence;
    t->has_words = true;
}

/* Also in a talk that was begun elsewhere, by another engine's session. */
static void slot_named(struct talk *t, struct str arguments)
{
    struct arena a = ARENA_INIT;
    const struct jval *v;

    if (json_parse_arena(&v, &a, arguments, NULL) == ERR_OK)
        (void)str_copy(t->chosen, sizeof(t->chosen), json_str(json_get(v, "slotId")));
    arena_release(&a);
}

void receptionist_tool_called(struct receptionist *r, struct str call_id, struct str name,
                              struct str arguments)
{
    struct talk *t = &r->talk;

    if (str_eq_c(name, "holdSlot"))
        slot_named(t, arguments);
    if (t->n_calls == CALLS_REMEMBERED) {
        memmove(&t->calls[0], &t->calls[1], sizeof(t->calls) - sizeof(t->calls[0]));
        t->n_calls--;
    }
    (void)str_copy(t->calls[t->n_calls].id, sizeof(t->calls[0].id), call_id);
    (void)str_copy(t->calls[t->n_calls].name, sizeof(t->calls[0].name),
                   name); /* a cut one is not ours */
    t->n_calls++;
}

/* What the caller said before, in a talk that was begun elsewhere. */
static void words_absorb(struct receptionist *r)
{
    struct talk *t = &r->talk;
    char name[SAID_NAME_MAX + 1];
    struct meaning m;

    understand(&m, str_c(t->words), reception_today(r), t->stage == ST_OFFER);
    reception_service_named(r);
    if (t->stage == ST_NAME) {
        understand_name(name, str_c(t->words));
        if (name[0])
            memcpy(t->name, name, sizeof(t->name));
    } else if (m.has_wish && m.question == QUESTION_NONE) {
        t->errand = ERRAND_BOOK;
        reception_wish_merge(&t->wish, &m.wish);
    }
    t->words[0] = '\0';
    t->has_words = false;
}

/* A talk that was begun elsewhere: what the agent asked last says where it stands. */
void receptionist_agent_said(struct receptionist *r, struct str text, bool elsewhere)
{
    static const struct {
        const char *words;
        enum stage stage;
    } marks[] = {
        { "have your name", ST_NAME },      { "number can we", ST_PHONE },
        { "good time to call", ST_WINDOW }, { "Shall somebody call", ST_CALLBACK },
        { "anything else", ST_MORE },       { "Is that right", ST_CHECK },
        { "Is that all right", ST_AGREED }, { "Which service", ST_SERVICE },
        { "Which day", ST_WHEN },           { "Which of these", ST_OFFER },
        { "suits you", ST_OFFER },          { "suit you", ST_OFFER },
        { "help you", ST_REQUEST },
    };
    struct talk *t = &r->talk;
    size_t i;

    if (t->has_words)
        words_absorb(r);
    t->booked |= str_contains(text, STR("You are booked"));
    for (i = 0; i < ARRAY_LEN(marks); i++) {
        if (str_contains(text, str_c(marks[i].words))) {
            t->stage = marks[i].stage;
            break;
        }
    }
    if (elsewhere)
        t->done_tool[0] = '\0'; /* what was said after it was about it */
    (void)str_copy(t->last_spoken, sizeof(t->last_spoken), text); /* a long one is cut */
}

static void restore(struct receptionist *r)
{
    struct str line, who, said, rest = r->facts.journal;

    r->restored = true;
    while (rest.n > 0) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last may lack its end */
        if (!str_cut(line, ':', &who, &said))
            continue;
        if (str_eq_c(who, "Caller"))
            receptionist_caller_said(r, str_trim(said), 1.0);
        else if (str_eq_c(who, "Agent"))
            receptionist_agent_said(r, str_trim(said), true);
    }
}

static void open_talk(struct receptionist *r)
{
    bool held = r->talk.n_offers > 0 || r->talk.confirmation[0];

    if (r->facts.nobody_answered && r->talk.stage == ST_REQUEST) {
        reception_say(r, "I am sorry, nobody could take your call.");
        reception_callback_offer(r, "other");
        return;
    }
    if (r->facts.resumed && !r->apologised)
        reception_say(r, "I am sorry, the line was interrupted.");
    r->apologised = true;
    if (!held &&
        (r->talk.stage == ST_OFFER || r->talk.stage == ST_CHECK || r->talk.stage == ST_CHANGE))
        reception_book_on(r); /* what was offered then is not known any more */
    else
        reception_ask(r, r->talk.stage);
}

void receptionist_reply(struct receptionist *r, bool may_call, struct arena *a,
                        struct reception_reply *ret)
{
    struct talk *t = &r->talk;

    *ret = (struct reception_reply){ .n_calls = 0 };
    r->reply = ret;
    r->reply_arena = a;
    r->may_call = may_call;
    buf_reset(&r->said);
    if (t->done_tool[0])
        reception_answer_tool(r);
    else if (t->has_words)
        reception_answer_words(r);
    else
        open_talk(r);
    t->done_tool[0] = '\0';
    t->has_words = false;
    t->words[0] = '\0';
    ret->text = arena_str(a, buf_str(&r->said));
    if (ret->text.n)
        (void)str_copy(t->last_spoken, sizeof(t->last_spoken), ret->text); /* a long one is cut */
}

struct str receptionist_verbatim(struct str instructions)
{
    static const char mark[] = "say exactly:";
    size_t i;

    for (i = 0; i + sizeof(mark) - 1 <= instructions.n; i++) {
        struct str rest = str_from(instructions, i);

        if (!str_istarts(rest, STR("say exactly:")))
            continue;
        rest = str_trim(str_from(rest, sizeof(mark) - 1));
        if (rest.n > 1 && rest.p[0] == '"') {
            size_t last = rest.n - 1;

            while (last > 0 && rest.p[last] != '"')
                last--;
            return str_slice(rest, 1, last ? last : rest.n);
        }
        return rest;
    }
    return STR_EMPTY;
}

struct str receptionist_summary(const struct receptionist *r, struct arena *a)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct str copy;

    reception_summary_write(r, &text);
    copy = arena_str(a, buf_str(&text));
    buf_release(&text);
    return copy;
}
