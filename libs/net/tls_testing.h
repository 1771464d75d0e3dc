/* net/tls_testing.h: a TLS front before a plain server, for tests of what our clients accept. Makes its own
 * authority and certificate, and relays on threads of its own. No program calls it, so none contains it. */
#ifndef NET_TLS_TESTING_H
#define NET_TLS_TESTING_H

#include <stdbool.h>

#include "base/macros.h"

#define TLS_FRONT_AUTHORITY "test authority" /* CN of each front's own authority */

struct tls_front;
struct tls_store;
struct ws_conn;

/* `names` as in a certificate: "DNS:localhost,IP:127.0.0.1". Listens on 127.0.0.1 and, with `ipv6`, on ::1
 * instead. */
struct tls_front *tls_front_open(int target_port, const char *names, int ipv6) MUST_USE;
int tls_front_port(const struct tls_front *f);
const char *tls_front_ca_file(const struct tls_front *f); /* PEM; removed at close */
struct tls_front *tls_front_close(struct tls_front *f);

/* How many roots a verification finds for CN=`name`, which stands in `utf8` or in the old PrintableString. */
int tls_store_count(struct tls_store *s, const char *name, bool utf8);

/* An open client's: whether it still has the private key that the handshake was made with. */
bool tls_has_handshake_key(const struct ws_conn *c);

#endif
