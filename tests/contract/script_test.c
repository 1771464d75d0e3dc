#include "script_test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

enum { CASES_MAX = 200, FILE_BYTES_MAX = MIB, NAMES_MAX = 32 };

struct step {
    int line;
    struct str method, path, body; /* body empty: none */
    struct str want;               /* "200 {…}" */
    struct step *next;
};
struct script_case {
    const char *base;
    struct step *setup, *steps, **last;
};
struct script {
    struct arena arena;
    struct check checks[CASES_MAX];
    struct script_case cases[CASES_MAX];
    size_t n;
};

/* What a case has seen under a name. */
struct names {
    struct str name[NAMES_MAX], value[NAMES_MAX];
    size_t n;
};

/* ---- reading ---- */

/* Takes the next line with those that go on with it. */
static struct str take_line(struct arena *a, struct str *rest, int *line)
{
    struct str head, more, text;

    (void)str_cut(*rest, '\n', &text, rest); /* the last may have none */
    ++*line;
    while (str_starts(*rest, STR("    "))) {
        more = *rest;
        (void)str_cut(more, '\n', &head, rest); /* as above */
        text = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(text), STR_ARG(str_trim(head)));
        ++*line;
    }
    return text;
}

static struct step *read_request(struct arena *a, struct str text, int line)
{
    struct step *step = ARENA_NEW(a, struct step);

    step->line = line;
    (void)str_cut(text, ' ', &step->method, &text);
    (void)str_cut(text, ' ', &step->path, &step->body); /* without a body there is no blank */
    return step;
}

static void read_script(struct script *s, const char *file, struct str text, const char *base)
{
    struct arena *a = &s->arena;
    struct step *setup = NULL, *step = NULL, **setup_last = &setup;
    struct script_case *c = NULL;
    struct str at;
    int line = 0, first;

    while (text.n) {
        first = line + 1;
        at = take_line(a, &text, &line);
        if (str_starts(at, STR("= "))) {
            CHECK(s->n < CASES_MAX);
            c = &s->cases[s->n];
            *c = (struct script_case){ .base = base, .setup = setup, .last = &c->steps };
            s->checks[s->n++] = (struct check){ .name = arena_cstr(a, str_from(at, 2)), .arg = c };
        } else if (str_starts(at, STR("! ")) && c) {
            s->checks[s->n - 1].local_only = arena_cstr(a, str_from(at, 2));
        } else if (str_starts(at, STR("> "))) {
            step = read_request(a, str_from(at, 2), first);
            *(c ? c->last : setup_last) = step;
            if (c)
                c->last = &step->next;
            else
                setup_last = &step->next;
        } else if (str_starts(at, STR("< ")) && step) {
            step->want = str_from(at, 2);
        } else if (at.n && at.p[0] != '#') {
            FAIL_TEST("%s:%d: \"" STR_FMT "\"", file, first, STR_ARG(at));
        }
    }
}

/* ---- names ---- */

static struct str *value_of(struct names *names, struct str name)
{
    size_t i;

    for (i = 0; i < names->n; i++) {
        if (str_eq(names->name[i], name))
            return &names->value[i];
    }
    return NULL;
}

static void give(struct side *s, struct names *names, struct str name, struct str value)
{
    EXPECT(s, names->n < NAMES_MAX);
    names->name[names->n] = name;
    names->value[names->n++] = value;
}

/* With every ${NAME} put in. */
static struct str expand(struct side *s, struct names *names, struct str text)
{
    struct buf b = BUF_INIT(MIB);
    const struct str *value;
    struct str result, name;
    size_t at;

    while ((at = str_find(text, STR("${"))) < text.n) {
        buf_add_str(&b, str_slice(text, 0, at));
        text = str_from(text, at + 2);
        name = str_slice(text, 0, str_find_char(text, '}'));
        value = value_of(names, name);
        if (!value) {
            buf_release(&b);
            side_fail(s, "no ${" STR_FMT "} yet", STR_ARG(name));
        }
        buf_add_str(&b, *value);
        text = str_from(text, name.n + 1);
    }
    buf_add_str(&b, text);
    result = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return result;
}

/* ---- comparing ---- */

static bool is_time(struct str text, int64_t *us)
{
    return str_ends(text, STR("Z")) && !time_parse_rfc3339(text, us);
}

static bool placeholder(struct side *s, struct names *names, struct str want, struct str got)
{
    struct str name = str_from(want, 1), *value;
    int64_t us, then_us;

    if (str_eq(name, STR("time")))
        return is_time(got, &us);
    if (str_eq(name, STR("text")))
        return got.n > 0;
    if (str_starts(name, STR(">"))) {
        value = value_of(names, str_from(name, 1));
        return value && is_time(*value, &then_us) && is_time(got, &us) && us > then_us;
    }
    value = value_of(names, name);
    if (!value && got.n)
        give(s, names, name, got);
    return value ? str_eq(*value, got) : got.n > 0;
}

static bool same(struct side *s, struct names *names, const struct jval *want,
                 const struct jval *got);

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
static bool same_objects(struct side *s, struct names *names, const struct jval *want,
                         const struct jval *got)
{
    struct json_iter it = json_iter(want);
    const struct jval *v;
    struct str key;

    while (json_next(&it, &key, &v)) {
        if (!json_get_str(got, key) || !same(s, names, v, json_get_str(got, key)))
            return false;
    }
    it = json_iter(got);
    while (json_next(&it, &key, &v)) {
        if (!json_get_str(want, key) && !str_eq(key, STR("done")) && !str_eq(key, STR("state")))
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
static bool same_arrays(struct side *s, struct names *names, const struct jval *want,
                        const struct jval *got)
{
    size_t i;

    if (json_len(want) != json_len(got))
        return false;
    for (i = 0; i < json_len(want); i++) {
        if (!same(s, names, json_at(want, i), json_at(got, i)))
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
static bool same(struct side *s, struct names *names, const struct jval *want,
                 const struct jval *got)
{
    struct str text = json_str(want);

    if (str_eq(text, STR("$any")))
        return true;
    if (json_is_obj(want))
        return json_is_obj(got) && same_objects(s, names, want, got);
    if (json_is_arr(want))
        return json_is_arr(got) && same_arrays(s, names, want, got);
    if (json_is_str(want))
        return json_is_str(got) &&
               (text.n > 1 && text.p[0] == '$' ? placeholder(s, names, text, json_str(got))
                                               : str_eq(text, json_str(got)));
    if (json_is_num(want)) /* 3 and 3.0 are one number in JSON */
        return json_is_num(got) && json_num_or(want, 0) == json_num_or(got, 0);
    if (json_is_bool(want))
        return json_is_bool(got) && json_bool_or(want, false) == json_bool_or(got, false);
    return json_is_null(want) && json_is_null(got);
}

/* "a b c": what a query found; ids of c without their collection, others as paths. */
static struct str found_ids(struct side *s, struct names *names, const struct jval *answer)
{
    const struct str *docs_at = value_of(names, STR("docs"));
    struct str docs = docs_at ? *docs_at : STR_EMPTY, name, result;
    struct buf b = BUF_INIT(64 * KIB);
    struct json_iter it = json_iter(answer);
    const struct jval *item;
    struct str unused;
    int64_t us;

    while (json_next(&it, &unused, &item)) {
        name = json_str(json_path(item, "document.name"));
        if (!is_time(json_str(json_get(item, "readTime")), &us))
            buf_add_c(&b, " (no readTime)");
        if (name.n == 0)
            continue;
        name = str_from(name, docs.n + 1);
        if (str_starts(name, STR("c/")) && str_find_char(str_from(name, 2), '/') == name.n - 2)
            name = str_from(name, 2);
        buf_addf(&b, "%s" STR_FMT, b.n ? " " : "", STR_ARG(name));
    }
    result = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return result;
}

static bool is_error(const struct jval *answer, int status, struct str want)
{
    const struct jval *error;

    if (json_is_arr(answer)) /* of a streamed method */
        answer = json_at(answer, 0);
    error = json_get(answer, "error");
    return json_i64_or(json_get(error, "code"), 0) == status &&
           str_eq(json_str(json_get(error, "status")), want) &&
           json_str(json_get(error, "message")).n > 0;
}

static bool answers(struct side *s, struct names *names, struct str want, int status,
                    const struct jval *got)
{
    const struct jval *v;
    struct str head, rest;
    int64_t number;

    (void)str_cut(want, ' ', &head, &rest); /* a bare status has no blank */
    EXPECT_OK(s, str_to_i64(head, 100, 599, &number));
    if (status != (int)number)
        return false;
    if (number != 200)
        return is_error(got, status, rest);
    if (rest.n == 0)
        return true;
    if (rest.p[0] == '=')
        return str_eq(str_from(rest, 2), found_ids(s, names, got));
    EXPECT_OK(s, json_parse_arena(&v, &s->arena, expand(s, names, rest), &s->err));
    return same(s, names, v, got);
}

/* ---- running ---- */

/* Adds to `why` what was wrong. */
static void run_step(struct side *s, struct names *names, const struct script_case *c,
                     const struct step *step, struct str *why)
{
    struct str path = expand(s, names, step->path), body = expand(s, names, step->body);
    struct str want = step->want.n ? step->want : STR("200");
    const struct jval *got = NULL;
    struct http_response r;

    r = side_ask(s, arena_cstr(&s->arena, step->method),
                 arena_printf(&s->arena, "%s" STR_FMT, c->base, STR_ARG(path)).p, body);
    if (json_parse_arena(&got, &s->arena, r.body, NULL))
        got = NULL; /* judged below */
    if (answers(s, names, want, r.status, got))
        return;
    *why = arena_printf(&s->arena,
                        STR_FMT "line %d: " STR_FMT " " STR_FMT " " STR_FMT
                                "\n   got      %d " STR_FMT "\n   expected " STR_FMT "\n",
                        STR_ARG(*why), step->line, STR_ARG(step->method), STR_ARG(path),
                        STR_ARG(body), r.status,
                        STR_ARG(got ? json_val_text(&s->arena, got) : r.body), STR_ARG(want));
}

static void run_case(struct side *s)
{
    const struct script_case *c = s->arg;
    struct names names = { .n = 0 };
    struct str why = STR_EMPTY;
    const struct step *step;

    give(s, &names, STR("project"),
         arena_printf(&s->arena, "projects/" STR_FMT, STR_ARG(s->project)));
    give(s, &names, STR("docs"),
         arena_printf(&s->arena, "projects/" STR_FMT "/databases/(default)/documents",
                      STR_ARG(s->project)));
    for (step = c->setup; step; step = step->next)
        run_step(s, &names, c, step, &why);
    for (step = c->steps; step; step = step->next)
        run_step(s, &names, c, step, &why);
    if (why.n)
        side_fail(s, STR_FMT, STR_ARG(why));
}

void run_script(enum side_need need, const char *file, const char *base)
{
    static struct script s; /* large */
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    size_t i;

    s.n = 0;
    arena_init(&s.arena);
    CHECK_OK(file_read(&text, file, NULL));
    read_script(&s, file, arena_str(&s.arena, buf_str(&text)), base);
    buf_release(&text);
    for (i = 0; i < s.n; i++)
        s.checks[i].run = run_case;
    CHECK(s.n > 0);
    run_checks(need, s.checks, s.n);
    arena_release(&s.arena);
}
