/* turns_bench MEDIA_BRIDGE [--seed N] [--calls N] [--only WORD] [--net-ms N] [--line-ms N] [--think-ms N]
 * [--out FOLDER]: how a running media bridge takes what callers do while the agent speaks, beside the same engine
 * left to itself, in real time. Prints a table with its goals and what was not taken as it should be; writes
 * turns.json and turns.svg. Figures never fail it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "turns/turns.h"

enum { CALLS_MAX = 400, OPEN_EVERY_MS = 60 };

struct option {
    const char *name;
    int64_t *number;
    const char **text;
    int64_t min, max;
};

static bool parse(int argc, char **argv, const struct option *options, size_t n)
{
    int i;

    for (i = 2; i + 1 < argc; i += 2) {
        size_t k = 0;

        while (k < n && strcmp(argv[i], options[k].name) != 0)
            k++;
        if (k == n)
            return false;
        if (options[k].text)
            *options[k].text = argv[i + 1];
        else if (str_to_i64(str_c(argv[i + 1]), options[k].min, options[k].max, options[k].number))
            return false;
    }
    return argc >= 2 && i == argc;
}

/* Group by group, as evenly as it goes, since a call has one voice and one line. */
static void cast(struct bench *b, struct caller *first, enum turns_mode mode, int calls)
{
    const int in_group = MAX(calls / SCENES_GROUPS, 1);
    int nth[SCENES_GROUPS] = { 0 };
    size_t i;

    for (i = 0; i < b->scenes.n; i++) {
        const struct overlap *o = &b->scenes.list[i];
        struct caller *c = &first[o->group * in_group + nth[o->group]++ % in_group];

        c->noisy = o->noisy;
        if (c->n_overlaps == CALLER_OVERLAPS_MAX)
            continue;
        c->overlaps[c->n_overlaps] = o;
        c->outcomes[c->n_overlaps++] = &b->outcomes[mode][i];
    }
}

/* Both modes side by side: whatever the machine does, it does to both. */
static void on_opening(void *arg)
{
    struct bench *b = arg;
    const int half = b->n_callers / TURNS_MODES;

    while (b->n_opened < b->n_callers) {
        int mode = b->n_opened % TURNS_MODES, at = mode * half + b->n_opened / TURNS_MODES;

        b->n_opened++;
        if (b->callers[at].n_overlaps > 0) {
            caller_open(&b->callers[at], b, (enum turns_mode)mode, at);
            timer_start(&b->opening, OPEN_EVERY_MS);
            return;
        }
        b->n_left++; /* fewer overlaps than calls */
    }
}

static void on_closing(void *arg)
{
    struct bench *b = arg;

    loop_stop(b->loop);
}

static void run(struct bench *b)
{
    const int half = MAX((int)b->set.calls / SCENES_GROUPS, 1) * SCENES_GROUPS;
    int i;

    b->n_callers = half * TURNS_MODES;
    b->callers = mem_calloc((size_t)b->n_callers, sizeof(*b->callers));
    cast(b, b->callers, TURNS_BRIDGE, half);
    cast(b, b->callers + half, TURNS_BARE, half);
    timer_init(&b->opening, b->loop, on_opening, b);
    timer_init(&b->closing, b->loop, on_closing, b);
    timer_start(&b->opening, 0);
    loop_run(b->loop);
    for (i = 0; i < b->n_callers; i++)
        caller_close(&b->callers[i]);
    relays_release(b);
    engines_release(b);
    mem_free(b->callers);
}

static bool open_bench(struct bench *b)
{
    struct err err = ERR_INIT;
    int mode;

    if (!scenes_create(&b->scenes, (unsigned)b->set.seed, b->set.only) || b->scenes.n == 0) {
        fprintf(stderr, "turns_bench: no overlap of that name\n");
        return false;
    }
    for (mode = 0; mode < TURNS_MODES; mode++)
        b->outcomes[mode] = mem_calloc(b->scenes.n, sizeof(*b->outcomes[mode]));
    b->clock = clock_system(0);
    b->tls = tls_store_create(NULL);
    list_init(&b->engines);
    list_init(&b->relays);
    if (loop_create(&b->loop, &b->clock, &b->log, &err) == ERR_OK)
        return true;
    fprintf(stderr, "turns_bench: %s\n", err.text);
    return false;
}

static void close_bench(struct bench *b)
{
    int mode;

    b->loop = loop_destroy(b->loop);
    b->tls = tls_store_destroy(b->tls);
    for (mode = 0; mode < TURNS_MODES; mode++)
        mem_free(b->outcomes[mode]);
    scenes_release(&b->scenes);
}

static bool write_files(const struct bench *b, const char *folder)
{
    char json[300], svg[300];

    (void)snprintf(json, sizeof(json), "%s/turns.json", folder);
    (void)snprintf(svg, sizeof(svg), "%s/turns.svg", folder);
    printf("\n%s, %s\n", json, svg);
    return report_write(b, json, svg);
}

int main(int argc, char **argv)
{
    struct bench b = { .set = {
                           .seed = 1, .calls = 40, .net_ms = 60, .line_ms = 20, .think_ms = 500 } };
    const char *folder = "build/bench";
    const struct option options[] = {
        { "--seed", &b.set.seed, NULL, 0, 1000000 },
        { "--calls", &b.set.calls, NULL, 1, CALLS_MAX },
        { "--net-ms", &b.set.net_ms, NULL, 0, 2000 },
        { "--line-ms", &b.set.line_ms, NULL, 0, 2000 },
        { "--think-ms", &b.set.think_ms, NULL, 0, 5000 },
        { "--only", NULL, &b.set.only, 0, 0 },
        { "--out", NULL, &folder, 0, 0 },
    };
    struct rlimit limit;
    bool ok;

    if (!parse(argc, argv, options, ARRAY_LEN(options))) {
        fprintf(stderr, "usage: turns_bench MEDIA_BRIDGE [--seed N] [--calls N] [--only WORD] "
                        "[--net-ms N] [--line-ms N] [--think-ms N] [--out FOLDER]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)16384);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    b.set.program = argv[1];
    ok = open_bench(&b) && process_open(&b);
    if (ok) {
        run(&b);
        report_print(&b);
        printf("\n");
        report_names(&b);
        ok = write_files(&b, folder);
    }
    process_close(&b);
    close_bench(&b);
    return ok ? 0 : 1;
}
