#include "local_cloud/control/scenario.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/yaml.h"

struct parser {
    struct arena *a;
    struct err *err;
};

static void regex_release(void *re)
{
    regfree(re);
}

static enum errc compile(struct parser *p, const struct yaml_node *node, struct str pattern,
                         regex_t *re)
{
    char problem[160];
    int rc = regcomp(re, arena_cstr(p->a, pattern), REG_EXTENDED | REG_ICASE | REG_NOSUB);

    if (!rc)
        return ERR_OK;
    regerror(rc, re, problem, sizeof(problem));
    return err_set(p->err, ERR_INVALID, "line %d: \"" STR_FMT "\" is no regular expression: %s",
                   node->line, STR_ARG(pattern), problem);
}

bool scenario_matches(struct str pattern, struct str text)
{
    struct arena a = ARENA_INIT;
    bool ret = false;
    regex_t re;

    if (!regcomp(&re, arena_cstr(&a, pattern), REG_EXTENDED | REG_ICASE | REG_NOSUB)) {
        ret = regexec(&re, arena_cstr(&a, text), 0, NULL, 0) == 0;
        regfree(&re);
    }
    arena_release(&a);
    return ret;
}

static enum errc str_list(struct parser *p, const struct yaml_node *node, bool regex,
                          const struct str **ret, size_t *n)
{
    struct str *list = ARENA_ARRAY(p->a, struct str, yaml_len(node) + 1);
    enum errc rc;
    size_t i;

    if (node && node->kind != YAML_SEQ)
        return err_set(p->err, ERR_INVALID, "line %d: a list is wanted here", node->line);
    for (i = 0; i < yaml_len(node); i++) {
        regex_t re;

        list[i] = yaml_str_or(yaml_at(node, i), STR_EMPTY);
        if (!regex)
            continue;
        rc = compile(p, yaml_at(node, i), list[i], &re);
        if (rc)
            return rc;
        regfree(&re);
    }
    *ret = list;
    *n = yaml_len(node);
    return ERR_OK;
}

static enum errc parse_line(struct parser *p, const struct yaml_node *node,
                            struct scenario_line *line)
{
    enum errc rc =
        yaml_check_keys(node, "a line of the caller",
                        "when|say|play|dtmf|after_ms|barge_in_ms|hang_up|repeat", p->err);

    if (rc)
        return rc;
    line->when = yaml_str_or(yaml_get(node, "when"), STR_EMPTY);
    line->say = yaml_str_or(yaml_get(node, "say"), STR_EMPTY);
    line->play = yaml_str_or(yaml_get(node, "play"), STR_EMPTY);
    line->dtmf = yaml_str_or(yaml_get(node, "dtmf"), STR_EMPTY);
    line->after_ms = (int)yaml_i64_or(yaml_get(node, "after_ms"), 300);
    line->barge_in_ms = (int)yaml_i64_or(yaml_get(node, "barge_in_ms"), -1);
    line->hang_up = yaml_bool_or(yaml_get(node, "hang_up"), false);
    line->repeat = yaml_bool_or(yaml_get(node, "repeat"), false);
    if (!line->when.n)
        return ERR_OK;
    rc = compile(p, yaml_get(node, "when"), line->when, &line->when_regex);
    if (!rc)
        arena_defer(p->a, regex_release, &line->when_regex);
    return rc;
}

static enum errc parse_lines(struct parser *p, const struct yaml_node *node, struct scenario *s)
{
    enum errc rc = ERR_OK;
    size_t i;

    if (node && node->kind != YAML_SEQ)
        return err_set(p->err, ERR_INVALID, "line %d: caller must be a list of lines", node->line);
    if (node && node->n > SCENARIO_LINES_MAX)
        return err_set(p->err, ERR_INVALID, "line %d: more than %d lines", node->line,
                       SCENARIO_LINES_MAX);
    s->n_lines = yaml_len(node);
    s->lines = ARENA_ARRAY(p->a, struct scenario_line, s->n_lines + 1);
    for (i = 0; !rc && i < s->n_lines; i++)
        rc = parse_line(p, yaml_at(node, i), &s->lines[i]);
    return rc;
}

static enum errc parse_busy(struct parser *p, const struct yaml_node *node, struct scenario *s)
{
    struct scenario_busy *busy = ARENA_ARRAY(p->a, struct scenario_busy, yaml_len(node) + 1);
    enum errc rc;
    size_t i;

    for (i = 0; i < yaml_len(node); i++) {
        const struct yaml_node *v = yaml_at(node, i);

        rc = yaml_check_keys(v, "a busy time", "calendar|start|end|title", p->err);
        if (rc)
            return rc;
        busy[i].calendar = yaml_str_or(yaml_get(v, "calendar"), STR_EMPTY);
        busy[i].start = yaml_str_or(yaml_get(v, "start"), STR_EMPTY);
        busy[i].end = yaml_str_or(yaml_get(v, "end"), STR_EMPTY);
        busy[i].title = yaml_str_or(yaml_get(v, "title"), STR("busy"));
        if (!busy[i].calendar.n || !busy[i].start.n || !busy[i].end.n)
            return err_set(p->err, ERR_INVALID,
                           "line %d: a busy time needs calendar, start and end", v->line);
    }
    s->busy = busy;
    s->n_busy = yaml_len(node);
    return ERR_OK;
}

static enum errc parse_dial(struct parser *p, const struct yaml_node *node, struct scenario *s)
{
    static const char *const outcomes[] = { "answers", "busy", "no-answer", "failed" };
    struct scenario_dial *dial = ARENA_ARRAY(p->a, struct scenario_dial, yaml_len(node) + 1);
    size_t i, k;

    if (node && node->kind != YAML_MAP)
        return err_set(p->err, ERR_INVALID, "line %d: dial maps numbers to outcomes", node->line);
    for (i = 0; node && i < node->n; i++) {
        dial[i].number = node->key[i];
        dial[i].outcome = node->item[i].text;
        for (k = 0; k < ARRAY_LEN(outcomes) && !str_eq_c(dial[i].outcome, outcomes[k]); k++)
            ;
        if (k == ARRAY_LEN(outcomes))
            return err_set(p->err, ERR_INVALID,
                           "line %d: an outcome is answers, busy, no-answer or failed",
                           node->item[i].line);
    }
    s->dial = dial;
    s->n_dial = yaml_len(node);
    return ERR_OK;
}

static enum errc parse_world(struct parser *p, const struct yaml_node *node, struct scenario *s)
{
    enum errc rc;

    if (!node)
        return ERR_OK;
    rc = yaml_check_keys(node, "world", "busy|dial", p->err);
    if (!rc)
        rc = parse_busy(p, yaml_get(node, "busy"), s);
    return rc ? rc : parse_dial(p, yaml_get(node, "dial"), s);
}

static enum errc parse_bookings(struct parser *p, const struct yaml_node *node,
                                struct scenario_expect *x)
{
    struct scenario_booking *list = ARENA_ARRAY(p->a, struct scenario_booking, yaml_len(node) + 1);
    enum errc rc;
    size_t i;

    for (i = 0; i < yaml_len(node); i++) {
        const struct yaml_node *v = yaml_at(node, i);

        rc = yaml_check_keys(v, "a booking", "service|start", p->err);
        if (rc)
            return rc;
        list[i].service = yaml_str_or(yaml_get(v, "service"), STR_EMPTY);
        list[i].start = yaml_str_or(yaml_get(v, "start"), STR_EMPTY);
    }
    x->check_bookings = node != NULL;
    x->bookings = list;
    x->n_bookings = yaml_len(node);
    return ERR_OK;
}

static enum errc parse_expect(struct parser *p, const struct yaml_node *node,
                              struct scenario_expect *x)
{
    const struct yaml_node *tools = yaml_get(node, "tools"),
                           *review = yaml_get(node, "lead_review");
    enum errc rc;

    x->leads = x->callbacks = x->lead_review = x->interrupted_min = -1;
    if (!node)
        return ERR_OK;
    rc = yaml_check_keys(node, "expect",
                         "outcome|end_reason|tools|bookings|leads|lead_review|callbacks|dialed|"
                         "agent_says|agent_never_says|interrupted_min",
                         p->err);
    if (!rc && tools)
        rc = yaml_check_keys(tools, "tools", "called|once|never", p->err);
    if (!rc)
        rc = str_list(p, yaml_get(tools, "called"), false, &x->tools_called, &x->n_tools_called);
    if (!rc)
        rc = str_list(p, yaml_get(tools, "once"), false, &x->tools_once, &x->n_tools_once);
    if (!rc)
        rc = str_list(p, yaml_get(tools, "never"), false, &x->tools_never, &x->n_tools_never);
    if (!rc)
        rc = parse_bookings(p, yaml_get(node, "bookings"), x);
    if (!rc)
        rc = str_list(p, yaml_get(node, "dialed"), false, &x->dialed, &x->n_dialed);
    if (!rc)
        rc = str_list(p, yaml_get(node, "agent_says"), true, &x->agent_says, &x->n_agent_says);
    if (!rc)
        rc = str_list(p, yaml_get(node, "agent_never_says"), true, &x->agent_never_says,
                      &x->n_agent_never_says);
    if (rc)
        return rc;
    x->check_dialed = yaml_get(node, "dialed") != NULL;
    x->outcome = yaml_str_or(yaml_get(node, "outcome"), STR_EMPTY);
    x->end_reason = yaml_str_or(yaml_get(node, "end_reason"), STR_EMPTY);
    x->leads = (int)yaml_i64_or(yaml_get(node, "leads"), -1);
    x->callbacks = (int)yaml_i64_or(yaml_get(node, "callbacks"), -1);
    x->interrupted_min = (int)yaml_i64_or(yaml_get(node, "interrupted_min"), -1);
    x->lead_review = review ? yaml_bool_or(review, false) : -1;
    return ERR_OK;
}

static enum errc parse_head(struct parser *p, const struct yaml_node *root, struct scenario *s)
{
    const struct yaml_node *clock = yaml_get(root, "clock"), *loss = yaml_get(root, "loss"),
                           *noise = yaml_get(root, "noise_db");

    s->id = yaml_str_or(yaml_get(root, "id"), STR_EMPTY);
    s->title = yaml_str_or(yaml_get(root, "title"), STR_EMPTY);
    s->voice = yaml_str_or(yaml_get(root, "voice"), STR("rms"));
    s->from = yaml_str_or(yaml_get(root, "from"), STR("+4915112345678"));
    s->to = yaml_str_or(yaml_get(root, "to"), STR("+4930555100"));
    if (!s->id.n)
        return err_set(p->err, ERR_INVALID, "line 1: a scenario needs an id");
    if (clock && time_parse_rfc3339(clock->text, &s->clock_us))
        return err_set(p->err, ERR_INVALID,
                       "line %d: clock must be a time like 2026-11-24T10:00:00+01:00", clock->line);
    if (loss && (str_to_double(loss->text, &s->loss) || s->loss < 0 || s->loss > 0.5))
        return err_set(p->err, ERR_INVALID, "line %d: loss must be between 0 and 0.5", loss->line);
    if (noise && (str_to_double(noise->text, &s->noise_db) || s->noise_db < 0 || s->noise_db > 60))
        return err_set(p->err, ERR_INVALID, "line %d: noise_db must be between 0 and 60",
                       noise->line);
    return ERR_OK;
}

enum errc scenario_parse(struct scenario *ret, struct arena *a, struct str yaml, struct err *err)
{
    struct parser p = { a, err };
    const struct yaml_node *root;
    struct scenario s = { 0 };
    enum errc rc;

    rc = yaml_parse(&root, a, yaml, err);
    if (!rc)
        rc = yaml_check_keys(root, "a scenario",
                             "id|title|clock|voice|from|to|noise_db|loss|world|caller|expect", err);
    if (!rc)
        rc = parse_head(&p, root, &s);
    if (!rc)
        rc = parse_world(&p, yaml_get(root, "world"), &s);
    if (!rc)
        rc = parse_lines(&p, yaml_get(root, "caller"), &s);
    if (!rc)
        rc = parse_expect(&p, yaml_get(root, "expect"), &s.expect);
    if (!rc)
        *ret = s;
    return rc;
}

/* "B01" finds dir/B01_happy_path.yaml. */
static enum errc find_file(struct arena *a, const char *dir, struct str id, struct str *ret,
                           struct err *err)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    enum errc rc = ERR_NOT_FOUND;

    while (rc && d && (e = readdir(d))) {
        struct str name = str_c(e->d_name);

        if (!str_ends(name, STR(".yaml")) || !str_istarts(name, id))
            continue;
        if (name.p[id.n] != '_' && name.p[id.n] != '.')
            continue;
        *ret = arena_printf(a, "%s/" STR_FMT, dir, STR_ARG(name));
        rc = ERR_OK;
    }
    if (d)
        closedir(d);
    return rc ? err_set(err, rc, "no scenario " STR_FMT " in %s", STR_ARG(id), dir) : ERR_OK;
}

enum errc scenario_load(struct scenario *ret, struct arena *a, const char *dir, struct str name,
                        struct err *err)
{
    struct buf text = BUF_INIT(SCENARIO_MAX_BYTES);
    struct str path = name;
    enum errc rc = ERR_OK;

    if (!str_contains(name, STR("/")) && !str_ends(name, STR(".yaml")))
        rc = find_file(a, dir, name, &path, err);
    if (!rc)
        rc = file_read(&text, arena_cstr(a, path), err);
    if (!rc) {
        rc = scenario_parse(ret, a, buf_str(&text), err);
        if (rc)
            rc = err_wrap(err, rc, STR_FMT, STR_ARG(path));
    }
    buf_release(&text);
    return rc;
}
