/* local_cloud/engine/reception_internal.h: the receptionist's parts: what it says (reception_say.c), what
 * it calls (reception_calls.c), what callers come for (reception_errands.c), what tools answered
 * (reception_tools.c), what words lead to (reception_words.c). */
#ifndef LOCAL_CLOUD_ENGINE_RECEPTION_INTERNAL_H
#define LOCAL_CLOUD_ENGINE_RECEPTION_INTERNAL_H

#include "base/buf.h"
#include "local_cloud/engine/facts.h"
#include "local_cloud/engine/receptionist.h"
#include "local_cloud/engine/understand.h"

enum {
    OFFERS_MAX = 8,
    SLOT_ID_MAX = 600,
    TEXT_MAX = 1200,
    ANSWER_MAX = 160,
    TOOL_NAME_MAX = 40,
    CALLS_REMEMBERED = 8,
    LEAD_QUESTIONS_MAX = 12,
    LEAD_REPEATS_MAX = 3, /* what the caller will not say is left out */
    REFUSALS_MAX = 2,     /* of everything offered, before a callback is offered */
};

/* What the receptionist waits for. */
enum stage {
    ST_REQUEST,  /* what can I do for you? */
    ST_SERVICE,  /* which service? */
    ST_WHEN,     /* which day or time? */
    ST_OFFER,    /* one of these? */
    ST_NAME,     /* your name? */
    ST_CHECK,    /* read back: is that right? */
    ST_CHANGE,   /* it is not right: what is? */
    ST_MORE,     /* anything else? */
    ST_CALLBACK, /* shall somebody call you back? */
    ST_PHONE,    /* on which number? */
    ST_WINDOW,   /* when? */
    ST_AGREED,   /* the callback as it was arranged: is that all right? */
    ST_LEAD,     /* the business's questions, one by one */
    ST_OVER,     /* goodbye was said */
    STAGES,
};

enum errand { ERRAND_NONE, ERRAND_BOOK, ERRAND_CALLBACK, ERRAND_LEAD };

struct offer {
    char slot_id[SLOT_ID_MAX];
    int day, minute;
};

/* All that changes in a talk: a plain value, so that a reply nobody heard can be taken back. */
struct talk {
    enum stage stage;
    enum errand errand;
    int service; /* index; -1: not known */
    struct wish wish;
    struct offer offers[OFFERS_MAX];
    size_t n_offers;
    char chosen[SLOT_ID_MAX], confirmation[SLOT_ID_MAX];
    char name[SAID_NAME_MAX + 1], phone[SAID_DIGITS_MAX + 1];
    bool number_settled;        /* the caller's own, or the one in `phone` */
    char reason[TOOL_NAME_MAX]; /* of a callback */
    char window[ANSWER_MAX], need[ANSWER_MAX], postcode[ANSWER_MAX];
    char answers[LEAD_QUESTIONS_MAX][ANSWER_MAX];
    size_t lead_at;
    int lead_repeats;
    char missing[TOOL_NAME_MAX]; /* what qualifyLead still wants */
    char last_say[TEXT_MAX];     /* of the last tool */
    char last_spoken[TEXT_MAX];  /* of our last reply */
    int misses, refusals;
    bool booked, transferred, called_back, lead_taken, answered, emergency, no_slot, unqualified;
    bool logging, logged;
    /* Calls whose output has not come yet. */
    struct {
        char id[TOOL_NAME_MAX], name[TOOL_NAME_MAX];
    } calls[CALLS_REMEMBERED];
    size_t n_calls;
    /* New since the last reply. */
    char words[TEXT_MAX];
    double confidence;
    bool has_words;
    char done_tool[TOOL_NAME_MAX]; /* whose output has come */
    bool done_ok;
};

struct receptionist {
    const struct clock *clock;
    char *instructions;
    struct facts facts; /* views of it */
    struct arena arena; /* of tools */
    const struct jval *tools;
    struct buf topics;
    struct talk talk, marked;
    bool restored; /* from the journal in the instructions */
    bool apologised;
    /* The reply being made. */
    struct reception_reply *reply;
    struct arena *reply_arena;
    struct buf said;
    bool may_call;
};

/* receptionist.c */
int reception_today(const struct receptionist *r); /* as the business has it */
/* The tool's entry in the session; NULL: it is not offered. */
const struct jval *reception_tool(const struct receptionist *r, const char *name);

/* reception_say.c: sentences are added to the reply, one blank between them. */
enum hearing reception_stage_hearing(enum stage stage);
const char *reception_stage_question(enum stage stage);
void reception_say(struct receptionist *r, const char *text);
void reception_say_str(struct receptionist *r, struct str text);
void reception_ask(struct receptionist *r, enum stage stage); /* asks, and waits for that answer */
void reception_say_services(struct receptionist *r);
bool reception_asks(const char *text); /* it holds a question */
/* Speaks the tool's sentence, and asks what comes next unless it does so itself. */
void reception_say_and_ask(struct receptionist *r, enum stage stage);
bool reception_say_faq(struct receptionist *r); /* false: no answer fits the caller's words */
bool reception_answer_question(struct receptionist *r, const struct meaning *m); /* false: none */

/* reception_calls.c: each adds one tool call to the reply, or says why there is none. */
void reception_summary_write(const struct receptionist *r, struct buf *out);
void reception_to_human(struct receptionist *r, const char *reason);
void reception_request_callback(struct receptionist *r);
void reception_find_times(struct receptionist *r);
void reception_hold(struct receptionist *r);
void reception_book(struct receptionist *r);
void reception_qualify(struct receptionist *r);
void reception_finish(struct receptionist *r); /* logs the outcome once, then says goodbye */
void reception_farewell(struct receptionist *r);

/* reception_errands.c: the next step of an errand. */
void reception_lead_on(struct receptionist *r);
void reception_lead_start(struct receptionist *r);
void reception_lead_answer(struct receptionist *r, const struct meaning *m);
void reception_callback_on(struct receptionist *r);
void reception_callback_offer(struct receptionist *r, const char *reason);
void reception_book_on(struct receptionist *r);
/* A new wish stands over the old one where it says something. */
void reception_wish_merge(struct wish *old, const struct wish *new);
void reception_choose(struct receptionist *r, const struct offer *o);
/* The one offer that the words single out; NULL: none, or several. */
const struct offer *reception_offer_meant(const struct talk *t, const struct meaning *m);

/* reception_tools.c */
void reception_answer_tool(struct receptionist *r); /* talk.done_tool has answered */

/* reception_words.c */
void reception_service_named(struct receptionist *r); /* in the caller's words: talk.service */
void reception_answer_words(struct receptionist *r);

#endif
