#include "net/tls_testing.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/tls.h"
#include "net/ws_internal.h"

enum { RELAYS_MAX = 64 };

struct relay {
    struct tls_front *front;
    int fd;
    pthread_t thread;
};

struct tls_front {
    SSL_CTX *ctx;
    int fd, port, target_port;
    char ca_file[64];
    pthread_t thread;
    atomic_bool stop;
    struct relay relays[RELAYS_MAX];
    int n_relays; /* of the accepting thread; read after it was joined */
};

/* --- certificates -------------------------------------------------------------------------------- */

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert(ext);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

static X509 *make_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    X509_NAME *subject;

    assert(cert && key);
    subject = X509_get_subject_name(cert);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    if (!issuer)
        add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
    (void)issuer_key; /* signs when all extensions are there */
    return cert;
}

static void save_ca(struct tls_front *f, X509 *ca)
{
    int fd;
    FILE *file;

    (void)str_copy(f->ca_file, sizeof(f->ca_file), STR("/tmp/tls-front-XXXXXX"));
    fd = mkstemp(f->ca_file);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    assert(file);
    PEM_write_X509(file, ca);
    fclose(file);
}

static void make_identity(struct tls_front *f, const char *names)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = make_cert(TLS_FRONT_AUTHORITY, ca_key, NULL, NULL);
    X509 *cert = make_cert("test server", key, ca, ca_key);

    X509_sign(ca, ca_key, EVP_sha256());
    add_extension(cert, ca, NID_subject_alt_name, names);
    X509_sign(cert, ca_key, EVP_sha256());
    f->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(f->ctx, cert);
    SSL_CTX_use_PrivateKey(f->ctx, key);
    save_ca(f, ca);
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

/* --- relaying ------------------------------------------------------------------------------------ */

static int connect_target(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_port = htons((uint16_t)port);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int write_all(int fd, const char *data, ssize_t n)
{
    while (n > 0) {
        ssize_t done = send(fd, data, (size_t)n, MSG_NOSIGNAL);

        if (done <= 0)
            return 0;
        data += done;
        n -= done;
    }
    return 1;
}

static void pump(struct tls_front *f, SSL *ssl, int fd, int target)
{
    char data[16 * 1024];

    while (!atomic_load(&f->stop)) {
        struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = target, .events = POLLIN } };

        if (!SSL_pending(ssl) && poll(p, 2, 20) <= 0)
            continue;
        if (SSL_pending(ssl) || (p[0].revents & (POLLIN | POLLHUP | POLLERR))) {
            int n = SSL_read(ssl, data, sizeof(data));

            if (n <= 0 || !write_all(target, data, n))
                return;
        }
        if (p[1].revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t n = recv(target, data, sizeof(data), 0);

            if (n <= 0 || SSL_write(ssl, data, (int)n) <= 0)
                return;
        }
    }
}

static void *relay(void *arg)
{
    struct relay *r = arg;
    SSL *ssl = SSL_new(r->front->ctx);
    int target;

    SSL_set_fd(ssl, r->fd);
    if (SSL_accept(ssl) == 1) {
        target = connect_target(r->front->target_port);
        if (target >= 0) {
            pump(r->front, ssl, r->fd, target);
            close(target);
        }
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(r->fd);
    return NULL;
}

static void *acceptor(void *arg)
{
    struct tls_front *f = arg;

    while (!atomic_load(&f->stop) && f->n_relays < RELAYS_MAX) {
        struct pollfd p = { .fd = f->fd, .events = POLLIN };
        struct relay *r = &f->relays[f->n_relays];

        if (poll(&p, 1, 20) <= 0)
            continue;
        r->front = f;
        r->fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);
        if (r->fd >= 0 && pthread_create(&r->thread, NULL, relay, r) == 0)
            f->n_relays++;
    }
    return NULL;
}

static int listen_on_loopback(int ipv6, int *port)
{
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr *a = ipv6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    socklen_t size = ipv6 ? sizeof(a6) : sizeof(a4);
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, a, size) || listen(fd, 16) || getsockname(fd, a, &size))
        assert(!"no loopback address to listen on");
    *port = ntohs(ipv6 ? a6.sin6_port : a4.sin_port);
    return fd;
}

struct tls_front *tls_front_open(int target_port, const char *names, int ipv6)
{
    struct tls_front *f = MEM_NEW(struct tls_front);

    f->target_port = target_port;
    f->fd = listen_on_loopback(ipv6, &f->port);
    make_identity(f, names);
    if (pthread_create(&f->thread, NULL, acceptor, f))
        assert(!"no thread");
    return f;
}

int tls_front_port(const struct tls_front *f)
{
    return f->port;
}

int tls_store_count(struct tls_store *s, const char *name, bool utf8)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_NAME *subject = X509_NAME_new();
    STACK_OF(X509) * certs;
    void *store = NULL;
    int n;

    if (tls_store_get(s, &store, NULL))
        return -1;
    X509_NAME_add_entry_by_txt(subject, "CN", utf8 ? V_ASN1_UTF8STRING : V_ASN1_PRINTABLESTRING,
                               (const unsigned char *)name, -1, -1, 0);
    X509_STORE_CTX_init(ctx, store, NULL, NULL);
    certs = X509_STORE_CTX_get1_certs(ctx, subject);
    n = sk_X509_num(certs);
    OSSL_STACK_OF_X509_free(certs);
    X509_NAME_free(subject);
    X509_STORE_CTX_free(ctx);
    return n;
}

const char *tls_front_ca_file(const struct tls_front *f)
{
    return f->ca_file;
}

struct tls_front *tls_front_close(struct tls_front *f)
{
    int i;

    atomic_store(&f->stop, 1);
    pthread_join(f->thread, NULL);
    for (i = 0; i < f->n_relays; i++)
        pthread_join(f->relays[i].thread, NULL);
    close(f->fd);
    unlink(f->ca_file);
    SSL_CTX_free(f->ctx);
    mem_free(f);
    return NULL;
}

bool tls_has_handshake_key(const struct ws_conn *c)
{
    unsigned char text[8 * 1024];
    size_t n = sizeof(text);
    EVP_PKEY *key = NULL;
    bool has = SSL_get_tmp_key(lws_get_ssl(c->wsi), &key) &&
               EVP_PKEY_get_raw_private_key(key, text, &n) == 1;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return has;
}
