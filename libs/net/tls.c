#include "net/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/macros.h"
#include "base/mem.h"

/* A program that carries its own roots defines these two (by .incbin); the others leave them out. */
extern const char vc_ca_bundle[] __attribute__((weak));
extern const char vc_ca_bundle_end[] __attribute__((weak));

static const char *const system_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
};

struct tls_store {
    pthread_mutex_t mutex;
    char *ca_file;
    X509_STORE *store; /* under the mutex until it is set, then constant */
};

struct tls_store *tls_store_create(const char *ca_file)
{
    struct tls_store *s = MEM_NEW(struct tls_store);

    pthread_mutex_init(&s->mutex, NULL);
    s->ca_file = mem_strdup(ca_file);
    return s;
}

struct tls_store *tls_store_destroy(struct tls_store *s)
{
    if (!s)
        return NULL;
    X509_STORE_free(s->store);
    pthread_mutex_destroy(&s->mutex);
    mem_free(s->ca_file);
    mem_free(s);
    return NULL;
}

/* Number of certificates added. */
static int add_all(X509_STORE *store, BIO *bio)
{
    X509 *cert;
    int n = 0;

    while (bio && (cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        n += X509_STORE_add_cert(store, cert) == 1;
        X509_free(cert);
    }
    ERR_clear_error(); /* reading ends with "no start line" */
    BIO_free(bio);
    return n;
}

static enum errc load(X509_STORE *store, const char *ca_file, struct err *err)
{
    const char *named = ca_file ? ca_file : getenv("SSL_CERT_FILE");
    const char *volatile start = vc_ca_bundle; /* gcc believes that no address is NULL */
    const char *volatile end = vc_ca_bundle_end;
    size_t i;

    if (named && *named) {
        if (add_all(store, BIO_new_file(named, "r")) > 0)
            return ERR_OK;
        return err_set(err, ERR_NOT_FOUND, "no certificates in %s", named);
    }
    if (start && end && add_all(store, BIO_new_mem_buf(start, (int)(end - start))) > 0)
        return ERR_OK;
    for (i = 0; i < ARRAY_LEN(system_bundles); i++) {
        if (add_all(store, BIO_new_file(system_bundles[i], "r")) > 0)
            return ERR_OK;
    }
    return err_set(err, ERR_NOT_FOUND, "no trusted certificates: set SSL_CERT_FILE");
}

enum errc tls_store_get(struct tls_store *s, void **ret_x509_store, struct err *err)
{
    enum errc rc = ERR_OK;

    pthread_mutex_lock(&s->mutex);
    if (!s->store) {
        X509_STORE *store = X509_STORE_new();

        if (!store)
            rc = err_set(err, ERR_INTERNAL, "X509_STORE_new failed");
        else
            rc = load(store, s->ca_file, err);
        if (rc)
            X509_STORE_free(store);
        else
            s->store = store;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!rc)
        *ret_x509_store = s->store;
    return rc;
}
