#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli.h"
#include "net/http_client.h"

enum { LINE_MAX_BYTES = 4 * 1024 * 1024 };

struct following {
    struct cli *cli;
    struct show *show;
    struct buf line;
    struct buf record; /* the last line, when it has come */
    bool passed;
};

static void on_line(struct following *f, struct str text)
{
    struct json *doc = NULL;
    const struct jval *v;

    if (!text.n || json_parse(&doc, text, NULL))
        return;
    v = json_root(doc);
    if (f->cli->json)
        printf(STR_FMT "\n", STR_ARG(text));
    else if (!str_eq_c(json_str(json_get(v, "kind")), "record"))
        show_happening(f->show, v);
    if (str_eq_c(json_str(json_get(v, "kind")), "record")) {
        f->passed = json_bool_or(json_get(v, "passed"), false);
        buf_add_str(&f->record, text);
        if (!f->cli->json)
            show_record(f->show, v);
    }
    json_destroy(doc);
}

static enum errc on_data(void *arg, const char *data, size_t n)
{
    struct following *f = arg;
    struct str rest, line;

    buf_add(&f->line, data, n);
    if (buf_status(&f->line))
        return ERR_LIMIT;
    rest = buf_str(&f->line);
    while (str_cut(rest, '\n', &line, &rest))
        on_line(f, line);
    buf_drop_front(&f->line, f->line.n - line.n);
    return ERR_OK;
}

/* A file goes by its full path, since the other side may stand in another folder; an id as it is. */
static struct str request_body(struct cli *cli, struct str scenario)
{
    struct str path = scenario;
    char *real;
    struct jw w;

    if (str_ends(scenario, STR(".yaml")) &&
        (real = realpath(arena_cstr(cli->arena, scenario), NULL))) {
        path = arena_str(cli->arena, str_c(real));
        free(real); /* allow: realpath() allocates */
    }
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "scenario", path);
    jw_end(&w);
    return jw_finish(&w, cli->arena);
}

int cmd_call(struct cli *cli, struct str scenario, bool last_json)
{
    static const struct http_header json = { STR("Content-Type"), STR("application/json") };
    struct following f = { .cli = cli,
                           .show = show_create(cli),
                           .line = BUF_INIT(LINE_MAX_BYTES),
                           .record = BUF_INIT(LINE_MAX_BYTES) };
    struct http_request req = { .method = "POST",
                                .headers = &json,
                                .n_headers = 1,
                                .write = on_data,
                                .write_arg = &f,
                                .timeout_ms = -1,
                                .stall_ms = 120000 };
    struct http_response res = { 0 };
    struct err err = ERR_INIT;
    int ret = EXIT_NOT_AS_SAID;

    req.url = arena_printf(cli->arena, "http://127.0.0.1:%d/local/calls", cli->base_port);
    req.body = request_body(cli, scenario);
    if (http_do(cli->http, cli->arena, &req, &res, &err)) {
        fprintf(stderr, "concierge: %s (is it up? concierge up)\n", err.text);
        ret = EXIT_UNREACHABLE;
    } else if (res.status != 200) {
        const struct jval *v = NULL;

        if (json_parse_arena(&v, cli->arena, res.body, NULL))
            v = NULL; /* no JSON, no message */
        fprintf(stderr, "concierge: " STR_FMT "\n",
                STR_ARG(json_str_or(json_path(v, "error.message"), STR("the call was refused"))));
        ret = EXIT_USAGE;
    } else if (!f.record.n) {
        fprintf(stderr, "concierge: the call broke off before its record came\n");
    } else {
        ret = f.passed ? EXIT_DONE : EXIT_NOT_AS_SAID;
        if (last_json && !cli->json)
            printf(STR_FMT "\n", STR_ARG(buf_str(&f.record)));
    }
    show_destroy(f.show);
    buf_release(&f.line);
    buf_release(&f.record);
    return ret;
}
