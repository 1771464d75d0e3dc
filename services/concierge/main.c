#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "net/http_client.h"
#include "net/tap.h"
#include "net/tls.h"

static const char usage[] =
    "Usage: concierge COMMAND [OPTIONS]\n"
    "\n"
    "The phone receptionist on this machine.\n"
    "\n"
    "  up             start everything: a local cloud and the six services\n"
    "  call SCENARIO  place a simulated call to what is up (an id as B01, or a YAML file)\n"
    "\n"
    "Options\n"
    "  --base-port N   ports N to N+6 on loopback (8080)\n"
    "  --json          one JSON object a line instead of text\n"
    "  --call ID       up: play this scenario at once\n"
    "  --once          up: end after the call; its record is the last line\n"
    "  --profile FILE  up: the business profile (evals/profiles/clinic.yaml)\n"
    "  --state FILE    up: keep the records in this file\n"
    "  --record FILE   up: write all traffic of the local cloud to this file\n"
    "  --log           up: every log line of every service\n"
    "  --help\n"
    "\n"
    "Exit codes: 0 done (a call ended as its scenario says), 1 it did not, 2 wrong usage,\n"
    "3 the local cloud cannot be started or reached.\n";

enum option_id {
    OPT_BASE_PORT = 256,
    OPT_JSON,
    OPT_CALL,
    OPT_ONCE,
    OPT_PROFILE,
    OPT_STATE,
    OPT_RECORD,
    OPT_LOG
};

static const struct option options[] = {
    { "base-port", required_argument, NULL, OPT_BASE_PORT },
    { "json", no_argument, NULL, OPT_JSON },
    { "call", required_argument, NULL, OPT_CALL },
    { "once", no_argument, NULL, OPT_ONCE },
    { "profile", required_argument, NULL, OPT_PROFILE },
    { "state", required_argument, NULL, OPT_STATE },
    { "record", required_argument, NULL, OPT_RECORD },
    { "log", no_argument, NULL, OPT_LOG },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int wrong(const char *text, const char *what)
{
    fprintf(stderr, "concierge: %s%s%s; see concierge --help\n", text, *what ? ": " : "", what);
    return EXIT_USAGE;
}

/* 0: go on; otherwise the exit code + 1. */
static int read_options(int argc, char **argv, struct cli *cli, struct up_opts *up)
{
    int64_t port;
    int opt;

    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (opt) {
        case OPT_BASE_PORT:
            if (str_to_i64(str_c(optarg), 1, 65529, &port))
                return wrong("--base-port must be a number from 1 to 65529", optarg) + 1;
            cli->base_port = (int)port;
            break;
        case OPT_JSON:
            cli->json = true;
            break;
        case OPT_CALL:
            up->call = str_c(optarg);
            break;
        case OPT_ONCE:
            up->once = true;
            break;
        case OPT_PROFILE:
            up->profile = str_c(optarg);
            break;
        case OPT_STATE:
            up->state = str_c(optarg);
            break;
        case OPT_RECORD:
            up->record = str_c(optarg);
            break;
        case OPT_LOG:
            up->log = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_DONE + 1;
        default:
            return EXIT_USAGE + 1; /* getopt has said what */
        }
    }
    return 0;
}

static int run(struct cli *cli, const struct up_opts *up, int argc, char **argv)
{
    const char *command = argc > 0 ? argv[0] : "";

    if (strcmp(command, "up") == 0)
        return argc == 1 ? cmd_up(cli, up) : wrong("up takes no further word", argv[1]);
    if (strcmp(command, "call") == 0)
        return argc == 2 ? cmd_call(cli, str_c(argv[1]), false)
                         : wrong("call takes one scenario", argc > 2 ? argv[2] : "");
    if (!*command)
        return wrong("a command is missing", "");
    return wrong("no such command", command);
}

int main(int argc, char **argv)
{
    static const struct net_self self = { .user_agent = "voice-concierge/concierge" };
    struct arena arena = ARENA_INIT;
    struct up_opts up = { 0 };
    struct cli cli = { .arena = &arena,
                       .clock = clock_system(0),
                       .base_port = BASE_PORT,
                       .colour = isatty(STDOUT_FILENO) };
    struct tls_store *tls = tls_store_create(NULL);
    int rc = read_options(argc, argv, &cli, &up);

    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (rc) {
        rc--;
    } else {
        cli.http = http_client_create(tls, &cli.clock);
        http_client_set_self(cli.http, &self);
        rc = run(&cli, &up, argc - optind, argv + optind);
        http_client_destroy(cli.http);
    }
    tls_store_destroy(tls);
    arena_release(&arena);
    return rc;
}
