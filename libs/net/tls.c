#include "net/tls.h"

#include <pthread.h>
#include <stdbool.h>
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

enum { ROOTS_FIRST = 32 };

struct root {
    unsigned char *der;
    long der_n;
    struct str subject; /* the encoded Name in it */
    X509 *cert;         /* NULL: nobody asked for it yet */
};

/* Of one store; the store's lookup owns it. */
struct roots {
    pthread_mutex_t mutex; /* of each root's `cert` */
    X509_LOOKUP_METHOD *method;
    struct root *at;
    size_t n, room;
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

/* --- roots, by name ------------------------------------------------------------------------------ */

/* The Name of the subject: behind version, serial number, algorithm, issuer and validity (RFC 5280, 4.1). */
static struct str subject_of(const unsigned char *der, long n)
{
    const unsigned char *p = der, *end = der + n, *name;
    int i, tag, class, what;
    long len;

    for (i = 0; i < 2; i++) { /* into the certificate, into what is signed of it */
        what = ASN1_get_object(&p, &len, &tag, &class, end - p);
        if (what != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE)
            return STR_EMPTY;
        end = p + len;
    }
    for (i = 0; i < 5; i += class == V_ASN1_UNIVERSAL) { /* the version is not */
        name = p;
        what = ASN1_get_object(&p, &len, &tag, &class, end - p);
        if (what != 0 && what != V_ASN1_CONSTRUCTED)
            return STR_EMPTY;
        p += len;
    }
    return str_n(name, (size_t)(p - name));
}

static void root_release(struct root *r)
{
    X509_free(r->cert);
    OPENSSL_free(r->der);
}

static void roots_destroy(struct roots *r)
{
    size_t i;

    for (i = 0; i < r->n; i++)
        root_release(&r->at[i]);
    X509_LOOKUP_meth_free(r->method);
    pthread_mutex_destroy(&r->mutex);
    mem_free(r->at);
    mem_free(r);
}

static void on_lookup_free(X509_LOOKUP *l)
{
    roots_destroy(X509_LOOKUP_get_method_data(l));
}

static bool root_open(struct root *r, X509_STORE *store)
{
    const unsigned char *p = r->der;

    if (r->cert)
        return true;
    r->cert = d2i_X509_AUX(NULL, &p, r->der_n);
    return r->cert && X509_STORE_add_cert(store, r->cert) == 1;
}

/* Names are mostly encoded alike where they are issuer and where they are subject; else OpenSSL compares. */
static bool root_has_name(const struct root *r, const X509_NAME *name, struct str encoded,
                          bool closely)
{
    const unsigned char *p = (const unsigned char *)r->subject.p;
    X509_NAME *subject;
    bool same;

    if (closely)
        return str_eq(r->subject, encoded);
    subject = d2i_X509_NAME(NULL, &p, (long)r->subject.n);
    same = subject && X509_NAME_cmp(subject, name) == 0;
    X509_NAME_free(subject);
    return same;
}

/* All of the name go into the store, which tries them in turn. `ret` borrows one that the store keeps alive: hence
 * X509_free(), see X509_LOOKUP_meth_new(3). */
static int roots_find(struct roots *r, X509_STORE *store, const X509_NAME *name, bool closely,
                      X509_OBJECT *ret)
{
    const unsigned char *der = NULL;
    size_t i, der_n = 0;
    int found = 0;

    if (!X509_NAME_get0_der(name, &der, &der_n))
        return 0;
    for (i = 0; i < r->n; i++) {
        if (!root_has_name(&r->at[i], name, str_n(der, der_n), closely) ||
            !root_open(&r->at[i], store))
            continue;
        if (!found && X509_OBJECT_set1_X509(ret, r->at[i].cert)) {
            X509_free(r->at[i].cert);
            found = 1;
        }
    }
    return found;
}

/* From any thread, when the store knows no certificate of that name yet. */
static int on_lookup(X509_LOOKUP *l, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *ret)
{
    struct roots *r = X509_LOOKUP_get_method_data(l);
    X509_STORE *store = X509_LOOKUP_get_store(l);
    int found;

    if (type != X509_LU_X509)
        return 0;
    pthread_mutex_lock(&r->mutex);
    found = roots_find(r, store, name, true, ret) || roots_find(r, store, name, false, ret);
    pthread_mutex_unlock(&r->mutex);
    return found;
}

/* The store asks `r` from now on and frees it. */
static bool roots_attach(struct roots *r, X509_STORE *store)
{
    X509_LOOKUP *l;

    r->method = X509_LOOKUP_meth_new("roots by name");
    if (!r->method || !X509_LOOKUP_meth_set_get_by_subject(r->method, on_lookup) ||
        !X509_LOOKUP_meth_set_free(r->method, on_lookup_free))
        return false;
    l = X509_STORE_add_lookup(store, r->method);
    return l && X509_LOOKUP_set_method_data(l, r);
}

/* Takes `der` over. */
static void roots_add(struct roots *r, const char *kind, unsigned char *der, long n)
{
    struct root *root;

    if (r->n == r->room) {
        r->room = MAX(2 * r->room, ROOTS_FIRST);
        r->at = mem_realloc(r->at, r->room * sizeof(*r->at));
    }
    root = &r->at[r->n];
    *root = (struct root){ .der = der, .der_n = n };
    if (strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0 ||
        strcmp(kind, PEM_STRING_X509_TRUSTED) == 0)
        root->subject = subject_of(der, n);
    if (root->subject.n)
        r->n++;
    else
        root_release(root);
}

/* Number of certificates in the text. They are opened when somebody asks for their name: opening all of a
 * system's bundle takes ten milliseconds, which the first caller would hear, and one or two are needed. */
static size_t add_all(X509_STORE *store, BIO *bio)
{
    struct roots *r = MEM_NEW(struct roots);
    char *kind = NULL, *header = NULL;
    unsigned char *der = NULL;
    size_t n;
    long len;

    pthread_mutex_init(&r->mutex, NULL);
    while (bio && PEM_read_bio(bio, &kind, &header, &der, &len)) {
        roots_add(r, kind, der, len);
        OPENSSL_free(kind);
        OPENSSL_free(header);
    }
    ERR_clear_error(); /* reading ends with "no start line" */
    BIO_free(bio);
    n = r->n;
    if (n && roots_attach(r, store))
        return n;
    roots_destroy(r);
    return 0;
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
