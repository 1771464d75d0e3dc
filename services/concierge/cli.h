/* cli.h: the command line of developers, integrators and operators. Exit codes: 0 done (a call: it ended as
 * its scenario says), 1 it did not, 2 wrong usage or setting, 3 the local cloud cannot be reached or started. */
#ifndef CONCIERGE_CLI_H
#define CONCIERGE_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct http_client;
struct jval;

enum {
    EXIT_DONE = 0,
    EXIT_NOT_AS_SAID = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    BASE_PORT = 8080
};

struct cli {
    struct arena *arena;
    struct clock clock;
    struct http_client *http;
    int base_port;
    bool json;   /* for scripts: events as NDJSON */
    bool colour; /* standard output is a terminal */
};

struct up_opts {
    struct str call;    /* scenario to play at once; empty: none */
    struct str profile; /* empty: the clinic's */
    struct str state;   /* empty: in memory */
    struct str record;  /* file for all traffic; empty: none */
    bool once;          /* end after the call */
    bool log;           /* every log line of every service */
};

int cmd_up(struct cli *cli, const struct up_opts *o);
/* Plays the scenario and prints it. `last_json`: the record as the last line. */
int cmd_call(struct cli *cli, struct str scenario, bool last_json);

/* show.c: a happening, then the record, as people read them. */
struct show;
struct show *show_create(const struct cli *cli) MUST_USE;
struct show *show_destroy(struct show *s);
void show_happening(struct show *s, const struct jval *line);
void show_record(struct show *s, const struct jval *line);

#endif
