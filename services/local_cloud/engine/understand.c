#include "local_cloud/engine/understand.h"

#include <ctype.h>
#include <string.h>

#include "base/macros.h"
#include "local_cloud/engine/understand_internal.h"

/* Digits, letters, choices. */

static void add_repeated(char *out, size_t max, char c, int times)
{
    size_t n = strlen(out);

    while (times-- > 0 && n < max) {
        out[n++] = c;
        out[n] = '\0';
    }
}

static void digits_read(struct meaning *m, const struct words *ws)
{
    int times = 1;
    size_t i, k;

    for (i = 0; i < ws->n; i++) {
        int v = words_index(words_small, 10, ws->w[i]);

        if (words_is(ws, i, "double")) {
            times = 2;
            continue;
        }
        if (words_is(ws, i, "triple") || words_is(ws, i, "treble")) {
            times = 3;
            continue;
        }
        if (words_is(ws, i, "oh"))
            v = 0;
        if (v >= 0)
            add_repeated(m->digits, SAID_DIGITS_MAX, (char)('0' + v), times);
        else if (words_is(ws, i, "plus") && m->digits[0] == '\0')
            add_repeated(m->digits, SAID_DIGITS_MAX, '+', 1);
        for (k = 0; v < 0 && k < ws->w[i].n && isdigit((unsigned char)ws->w[i].p[0]); k++) {
            if (isdigit((unsigned char)ws->w[i].p[k]))
                add_repeated(m->digits, SAID_DIGITS_MAX, ws->w[i].p[k], 1);
        }
        times = 1;
    }
    if (strlen(m->digits) < 2)
        m->digits[0] = '\0';
}

static void letters_read(struct meaning *m, const struct words *ws)
{
    int times = 1;
    size_t i;

    for (i = 0; i < ws->n; i++) {
        if (words_is(ws, i, "double")) {
            times = 2;
            continue;
        }
        if (ws->w[i].n == 1 && isalpha((unsigned char)ws->w[i].p[0]))
            add_repeated(m->letters, SAID_LETTERS_MAX, ws->w[i].p[0], times);
        times = 1;
    }
    if (strlen(m->letters) < 2) /* an article, or "I" */
        m->letters[0] = '\0';
}

static int choice_read(const struct words *ws)
{
    if (words_has_any(ws,
                      "the first one|first one|the first|the earlier one|the earliest one|earlier "
                      "one|the earliest|either|any of them"))
        return 1;
    if (words_has_any(ws, "the second one|second one|the second"))
        return 2;
    if (words_has_any(ws, "the third one|third one|the third"))
        return 3;
    if (words_has_any(
            ws, "the last one|last one|the last|the later one|later one|the latest one|the latest"))
        return -1;
    return 0;
}

static enum question question_read(const struct words *ws)
{
    if (words_has_any(ws, "how much|what does|price|cost"))
        return QUESTION_PRICE;
    if (words_has_any(
            ws, "when are you open|opening hours|your hours|opening times|are you open|do you "
                "open|do you close|how late are "
                "you open|what time do you"))
        return QUESTION_HOURS;
    if (words_has_any(ws, "how long"))
        return QUESTION_DURATION;
    if (words_has_any(ws, "where are you|your address|where you are|how do i get there"))
        return QUESTION_ADDRESS;
    if (words_has_any(ws, "do you take|do you accept|parking|park|should i bring|do i need to|do i "
                          "need|what services|what do you "
                          "offer|do you speak|insurance|can i cancel|referral|do you have parking"))
        return QUESTION_OTHER;
    return QUESTION_NONE;
}

static void flags_read(struct meaning *m, const struct words *ws)
{
    m->emergency = words_has_any(
        ws, "collapsed|fainted|unconscious|not breathing|isn't breathing|can't breathe|stopped "
            "breathing|heart attack|a stroke|seizure|emergency|ambulance|chest pain|chest pains|is "
            "bleeding|i'm bleeding|please help");
    m->person = words_has_any(
        ws, "a person|real person|human|human being|operator|put me through|transfer me|connect me|"
            "receptionist|live person|a colleague|the manager|your manager|speak to somebody|speak "
            "to someone|"
            "talk to somebody|talk to someone|speak with somebody|speak with someone|talk to a "
            "doctor|talk to the doctor|"
            "speak to a doctor|speak to the doctor|member of staff|an agent|to a nurse");
    m->robot =
        words_has_any(ws, "robot|machine|computer|are you a real|are you real|are you "
                          "human|artificial|an a.i|a bot|is this a "
                          "recording|are you a human|are you a person|am i talking to a|am i "
                          "speaking to a|are you a recording");
    if (m->robot)
        m->person = false;
    m->legal = words_has_any(ws, "lawyer|sue you|going to sue");
    m->complaint = words_has_any(ws, "complain|complaint|money back");
    m->billing = words_has_any(ws, "bill|invoice");
    m->privacy = words_has_any(ws, "don't record|not record|be recorded|stop recording");
    m->probing =
        words_has_any(ws, "your rules|your instructions|your prompt|my ex|is my wife|is my "
                          "husband|is my neighbor|is my son|is my "
                          "daughter|is my mother");
    m->again =
        words_has_any(ws, "pardon|repeat|say that again|say again|didn't get that|didn't "
                          "understand|didn't hear|what did you "
                          "say|sorry what|can you hear me|are you there|are you still there");
    m->bye =
        words_has_any(ws, "bye|goodbye|that's all|that is all|that was all|nothing else|that's "
                          "it|that is it|have a nice day");
    m->booking = words_has_any(ws, "appointment|book|schedule|slot|come in|see a doctor|see the "
                                   "doctor|free|available|reserve");
    m->change =
        words_has_any(ws, "my appointment") && words_has_any(ws, "cancel|change|move|reschedule");
    m->large = words_has_any(
        ws, "quote|an offer|estimate|large job|big "
            "job|project|renovation|renovate|company|corporate|employees|our "
            "staff|our team|whole house|for our|a wedding|an event|contract|repaint|our office");
    m->pushes = words_has_any(ws, "are you sure|really|look again|check again|what else|anything "
                                  "else|something else|anything later|"
                                  "anything earlier|something later|something earlier|but i "
                                  "need|absolutely nothing|can't you make");
    m->this_number =
        words_has_any(ws, "this one|this number|calling from|same number|use this|this one's");
    m->hesitates = words_has_any(ws, "uh|um|hm|maybe|not sure|i don't know|i'm not sure");
    m->yes = words_has_any(ws, "yes|yeah|yep|sure|okay|ok|correct|right|perfect|great|fine|go "
                               "ahead|please do|book it|absolutely|"
                               "exactly|of course|sounds good|that works|works for me|i'll "
                               "take|alright|all right|do that|good");
    m->no =
        words_has_any(ws, "no|nope|not|wrong|don't|doesn't|neither|none|can't|rather|too late|too "
                          "early|instead|actually");
    if (words_has_any(ws, "not right|not correct|not really|not good|not fine"))
        m->yes = false;
    if (words_has_any(ws, "i don't mind|doesn't matter|why not|no problem|can't wait"))
        m->no = false;
}

void understand(struct meaning *m, struct str words, int today, bool offered)
{
    char store[WORDS_STORE];
    struct words ws;

    memset(m, 0, sizeof(*m));
    words_split(&ws, words, store, sizeof(store));
    flags_read(m, &ws);
    m->question = question_read(&ws);
    m->choice = choice_read(&ws);
    understand_wish(m, &ws, today, offered);
    digits_read(m, &ws);
    letters_read(m, &ws);
}

/* Names. */

static bool is_lead_in(struct str word)
{
    static const char words[] = "my|name|is|it's|it|this|i'm|i|am|the|yes|yeah|sure|uh|um|well|so|"
                                "oh|hello|hi|okay|please|for|"
                                "name's|spelled|that's|mister|missus|thank|you|thanks|of|course|no|"
                                "sorry|good|morning|afternoon|not|actually|"
                                "a|an|double|hey|here|ok|to|on|under|put|book|speaking";
    struct str one, rest = str_c(words);

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_eq(word, one))
            return true;
    }
    return false;
}

void understand_name(char out[SAID_NAME_MAX + 1], struct str words)
{
    char store[WORDS_STORE];
    struct words ws;
    struct buf name = BUF_INIT(SAID_NAME_MAX);
    struct meaning m = { .yes = false };
    size_t i, last = 0;

    words_split(&ws, words, store, sizeof(store));
    letters_read(&m, &ws);
    for (i = 0; i < ws.n; i++) {
        if (is_lead_in(ws.w[i]) || ws.w[i].n < 2)
            continue;
        last = name.n;
        buf_addf(&name, "%s%c" STR_FMT, name.n ? " " : "", toupper((unsigned char)ws.w[i].p[0]),
                 STR_ARG(str_from(ws.w[i], 1)));
    }
    if (m.letters[0]) {
        buf_truncate(&name, last);
        buf_addf(&name, "%s%c%s", name.n ? " " : "", toupper((unsigned char)m.letters[0]),
                 m.letters + 1);
    }
    (void)str_copy(out, SAID_NAME_MAX + 1, buf_str(&name)); /* bounded by the buffer */
    buf_release(&name);
}

/* Numbers. */

static long number_read(const struct words *ws, size_t i)
{
    long whole = 0, part = 0;
    size_t used = 1, from = i;
    int64_t typed = 0;

    if (!str_to_i64(ws->w[i], 0, 1000000000, &typed))
        return (long)typed;
    for (; i < ws->n; i += used) {
        int v = words_number_at(ws, i, &used);

        if (v >= 0) {
            part += v;
        } else if (words_is(ws, i, "sixty") || words_is(ws, i, "seventy") ||
                   words_is(ws, i, "eighty") || words_is(ws, i, "ninety")) {
            part += ws->w[i].p[0] == 'e'       ? 80
                    : ws->w[i].p[0] == 'n'     ? 90
                    : words_is(ws, i, "sixty") ? 60
                                               : 70;
            used = 1;
        } else if (words_is(ws, i, "hundred")) {
            part = (part ? part : 1) * 100;
            used = 1;
        } else if (words_is(ws, i, "thousand")) {
            whole = (whole + (part ? part : 1)) * 1000;
            part = 0;
            used = 1;
        } else if (i > from && words_is(ws, i, "and")) {
            used = 1;
        } else {
            break;
        }
    }
    return i > from ? whole + part : -1;
}

bool understand_number(struct str words, long *ret)
{
    char store[WORDS_STORE];
    struct words ws;
    size_t i;

    words_split(&ws, words, store, sizeof(store));
    for (i = 0; i < ws.n; i++) {
        long v = number_read(&ws, i);

        if (v >= 0) {
            *ret = v;
            return true;
        }
    }
    return false;
}

/* Phrases. */

static size_t squash(char *out, size_t max, struct str s)
{
    size_t i, n = 0;

    for (i = 0; i < s.n && n < max; i++) {
        if (isalnum((unsigned char)s.p[i]))
            out[n++] = (char)tolower((unsigned char)s.p[i]);
    }
    return n;
}

bool understand_names(struct str words, struct str phrase)
{
    char all[1024], wanted[128];
    size_t n_all = squash(all, sizeof(all), words), n = squash(wanted, sizeof(wanted), phrase);

    return n > 2 && str_contains(str_n(all, n_all), str_n(wanted, n));
}

static bool means_something(struct str word)
{
    static const char empty[] = "the|a|an|is|are|do|does|you|your|i|my|we|to|of|in|on|at|for|and|"
                                "or|what|when|where|how|can|it|"
                                "there|have|be|me|please|much|long|with|if|should|need";
    struct str one, rest = str_c(empty);

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_eq(word, one))
            return false;
    }
    return word.n > 2;
}

/* Alike up to their endings: "park", "parking". */
static bool alike(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);

    return n >= 3 && str_eq(str_slice(a, 0, n), str_slice(b, 0, n)) && MAX(a.n, b.n) - n <= 4;
}

double understand_likeness(struct str words, struct str question)
{
    char store_a[WORDS_STORE], store_b[WORDS_STORE];
    struct words a, b;
    size_t i, k, hits = 0, all = 0;

    words_split(&a, words, store_a, sizeof(store_a));
    words_split(&b, question, store_b, sizeof(store_b));
    for (i = 0; i < b.n; i++) {
        if (!means_something(b.w[i]))
            continue;
        all++;
        for (k = 0; k < a.n; k++) {
            if (means_something(a.w[k]) && alike(a.w[k], b.w[i])) {
                hits++;
                break;
            }
        }
    }
    return all ? (double)hits / (double)all : 0;
}
