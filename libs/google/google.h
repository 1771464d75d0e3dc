/* google/google.h: one process's connection to Google Cloud: project, where each API is reached, tokens.
 * Shared by all workers (thread-safe); what blocks takes the worker's `struct ctx`. As in Google's own
 * clients an emulator variable means plain HTTP to that host and no token.
 * Source: https://cloud.google.com/docs/authentication/application-default-credentials, emulator pages of
 * Firestore, Pub/Sub and Cloud Storage. */
#ifndef GOOGLE_GOOGLE_H
#define GOOGLE_GOOGLE_H

#include <stddef.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

struct google; /* opaque */
struct token_source;

/* Filled by config_load() through GOOGLE_CONFIG_KEYS. Every field may be empty. */
struct google_settings {
    struct str firestore_emulator_host; /* host:port */
    struct str pubsub_emulator_host;    /* host:port */
    struct str storage_emulator_host;   /* http://host:port, or host:port */
    struct str metadata_host;           /* host or host:port in place of metadata.google.internal */
    struct str credentials_path;        /* a key file or user credentials */
    struct str gcloud_config; /* where user credentials lie, if not in $HOME/.config/gcloud */
    struct str home;
};

/* Entries for a service's table of config keys: GOOGLE_CONFIG_KEYS(struct my_settings, google), where
 * `google` is its member of type struct google_settings. GOOGLE_CLOUD_PROJECT is net/service.h's. */
#define GOOGLE_CONFIG_KEYS(type, member)                                                    \
    GOOGLE_CONFIG_KEY_(type, member.firestore_emulator_host, "FIRESTORE_EMULATOR_HOST",     \
                       "host:port of a Firestore emulator; no token is used"),              \
        GOOGLE_CONFIG_KEY_(type, member.pubsub_emulator_host, "PUBSUB_EMULATOR_HOST",       \
                           "host:port of a Pub/Sub emulator; no token is used"),            \
        GOOGLE_CONFIG_KEY_(type, member.storage_emulator_host, "STORAGE_EMULATOR_HOST",     \
                           "origin of a Cloud Storage emulator; no token is used"),         \
        GOOGLE_CONFIG_KEY_(type, member.metadata_host, "GCE_METADATA_HOST",                 \
                           "host[:port] in place of the metadata server's"),                \
        GOOGLE_CONFIG_KEY_(type, member.credentials_path, "GOOGLE_APPLICATION_CREDENTIALS", \
                           "file with a service-account key or user credentials"),          \
        GOOGLE_CONFIG_KEY_(type, member.gcloud_config, "CLOUDSDK_CONFIG",                   \
                           "gcloud's configuration folder"),                                \
        GOOGLE_CONFIG_KEY_(type, member.home, "HOME", "where .config/gcloud is looked for")
#define GOOGLE_CONFIG_KEY_(type, field, key, text)                                         \
    {                                                                                      \
        .name = (key), .kind = CONFIG_STR, .offset = offsetof(type, field), .help = (text) \
    }

/* Quick: asks nobody. `settings` and `clock` are borrowed for the object's life, `project` is copied.
 * ERR_INVALID: no project, or a host that is none. */
MUST_USE enum errc google_create(struct google **ret, struct str project,
                                 const struct google_settings *settings, const struct clock *clock,
                                 struct err *err);
/* After the last worker is done. NULL is fine; returns NULL. */
struct google *google_destroy(struct google *g);

struct str google_project(const struct google *g);
/* For tokens to services that are not Google's (token_identity) and to other APIs. */
struct token_source *google_tokens(struct google *g);

#endif
