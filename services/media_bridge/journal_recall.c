/* What an engine, or a bridge, that takes over must be told. */
#include "media_bridge/journal_internal.h"

const struct turn *journal_turn_at(const struct journal *j, int index)
{
    size_t i;

    for (i = 0; i < j->n_turns; i++) {
        if (j->turns[i].index == index)
            return &j->turns[i];
    }
    return NULL;
}

/* The turn was heard, or its end is still being heard. */
static bool is_said(const struct turn *t)
{
    return t && !t->dropped && t->text.n > 0;
}

/* The first of the latest turns that fit. */
static int recalled_from(const struct journal *j)
{
    size_t left = JOURNAL_RECALL_MAX;
    int i;

    for (i = j->next_index; i > 0; i--) {
        const struct turn *t = journal_turn_at(j, i - 1);

        if (!is_said(t))
            continue;
        if (t->text.n > left)
            break;
        left -= t->text.n;
    }
    return i;
}

static void recall_tools(const struct journal *j, int before, const struct journal_recall *to,
                         void *arg)
{
    size_t n = MIN(j->n_asked, (size_t)JOURNAL_RECALL_TOOLS), i;

    for (i = j->n_asked - n; i < j->n_asked; i++) {
        const struct recalled_tool *t = &j->recalled[i % JOURNAL_RECALL_TOOLS];
        const struct voice_tool_call call = { STR_EMPTY, str_c(t->call_id), buf_str(&t->name),
                                              buf_str(&t->arguments) };
        struct str output = buf_str(&t->output);

        if (t->before == before)
            to->tool(arg, &call, t->answered ? &output : NULL);
    }
}

void journal_recall(struct journal *j, const struct journal_recall *to, void *arg)
{
    int i;

    for (i = recalled_from(j); i <= j->next_index; i++) {
        const struct turn *t = journal_turn_at(j, i);

        recall_tools(j, i, to, arg);
        if (is_said(t))
            to->turn(arg, t->role, buf_str(&t->text));
    }
}

/* ---- moving on between two sentences ---- */

/* The first end of a sentence from `from` on. */
static size_t sentence_end(struct str text, size_t from)
{
    size_t i;

    for (i = from; i < text.n; i++) {
        if ((text.p[i] == '.' || text.p[i] == '!' || text.p[i] == '?') &&
            (i + 1 == text.n || text.p[i + 1] == ' '))
            return i + 1;
    }
    return text.n;
}

int64_t journal_sentence_end(struct journal *j, struct str item_id, int64_t heard_ms,
                             int64_t queued_ms)
{
    int64_t n;
    size_t i;

    for (i = 0; i < j->n_turns; i++) {
        struct turn *t = &j->turns[i];

        if (!str_eq_c(item_id, t->item_id) || t->text.n == 0 || queued_ms <= 0)
            continue;
        n = (int64_t)t->text.n;
        t->cut_n =
            sentence_end(buf_str(&t->text), (size_t)(n * MIN(heard_ms, queued_ms) / queued_ms));
        t->cut_ms = ((int64_t)t->cut_n * queued_ms + n - 1) / n;
        return t->cut_ms;
    }
    return queued_ms;
}

void journal_keep_unsaid(struct journal *j)
{
    j->keeps_unsaid = true;
}

void journal_add_unsaid(struct journal *j, const struct turn *t, size_t from)
{
    struct str rest = str_trim(str_from(buf_str(&t->text), from));

    if (rest.n == 0 && t->text_final)
        return;
    j->unsaid_partly |= !t->text_final || j->unsaid.n + rest.n + 1 > JOURNAL_UNSAID_MAX;
    if (j->unsaid.n)
        buf_add_char(&j->unsaid, ' ');
    buf_add_str(&j->unsaid, rest);
}

struct str journal_unsaid(const struct journal *j, bool *partly)
{
    *partly = j->unsaid_partly;
    return j->unsaid_partly ? STR_EMPTY : buf_str(&j->unsaid);
}
