/* net/tls.h: one store of trusted roots, built once and shared by every TLS connection of the process
 * (curl and libwebsockets alike). Roots: SSL_CERT_FILE when set, else the bundle embedded in the binary's
 * build (PEM between the symbols vc_ca_bundle and vc_ca_bundle_end), else the system's bundle. Built on
 * first use, after the server listens; a certificate in it is opened when a chain first asks for its name.
 * Thread-safe. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/err.h"

struct tls_store;

/* `ca_file` NULL: as above. */
struct tls_store *tls_store_create(const char *ca_file) MUST_USE;
struct tls_store *tls_store_destroy(struct tls_store *s);
/* The X509_STORE *, for libs/net only. ERR_NOT_FOUND: no roots anywhere. */
MUST_USE enum errc tls_store_get(struct tls_store *s, void **ret_x509_store, struct err *err);

#endif
