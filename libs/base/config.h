/* base/config.h: settings from the environment, described by a table: one entry gives the parser, the
 * check, the error sentence and the line in --help. A wrong value stops the process at start with one
 * line that names the key, the value (never of a secret) and what is allowed. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum config_kind {
    CONFIG_STR,    /* struct str */
    CONFIG_SECRET, /* struct str; its value is never shown. "@/path" reads it from a file */
    CONFIG_URL,    /* struct str; scheme must be one of `allowed`, e.g. "http|https" */
    CONFIG_INT,    /* int64_t in [min, max] */
    CONFIG_BOOL,   /* bool; true|false|1|0|yes|no */
    CONFIG_ENUM,   /* int: index into `allowed`, "a|b|c" */
    CONFIG_LIST,   /* struct str_list: comma-separated, blanks trimmed */
};

struct str_list {
    const struct str *items;
    size_t n;
};

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;       /* of the field in the settings struct */
    bool required;       /* unset or empty is an error */
    const char *dflt;    /* NULL: zero value */
    const char *allowed; /* ENUM and URL */
    int64_t min, max;    /* INT; both 0: any number */
    const char *help;    /* one line */
};

/* getenv-like; tests pass their own. */
typedef const char *(*config_getenv_fn)(const char *name, void *arg);

/* Fills `settings` from environment and defaults; texts are trimmed and copied into the arena. All wrong
 * keys are reported as ERR_INVALID, one sentence each, joined by "; " (those that do not fit into struct
 * err are counted); then nothing is stored. */
MUST_USE enum errc config_load(const struct config_key *keys, size_t n, void *settings,
                               struct arena *a, config_getenv_fn get, void *get_arg,
                               struct err *err);
const char *config_getenv(const char *name, void *unused); /* the process's environment */
/* The table for --help: name, what it is, default, allowed values. */
void config_help(FILE *out, const struct config_key *keys, size_t n);

#endif
