/* Our resumable upload against a server that misbehaves as the real one may: it drops connections after any
 * number of bytes, loses answers, stores less than was sent, and forgets sessions. */
#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "google/peer_test.h"
#include "google/storage.h"

enum {
    UNIT = STORAGE_CHUNK_UNIT,
    SIZE = 2 * UNIT + 1000,
    HEAD_MAX = 16 * 1024,
    PUTS_MAX = 64,
};

enum trouble {
    CUT,        /* reset after `at` bytes of the body; whole units of them are stored */
    LOST,       /* stored, but the answer is not sent */
    SHORT,      /* stored up to `at` bytes of the body: 308 says so */
    NO_RANGE,   /* stored, but 308 does not say so */
    BUSY,       /* 503 with Retry-After: nothing is stored */
    GARBLED,    /* stored, and the answer is half a JSON document */
    NO_HEADWAY, /* 308, and nothing is stored */
    GONE,       /* 410 from now on, for this session */
    ENDED_GONE, /* stored, the answer is lost, then 410 */
    WRONG_CRC,  /* the object has other bytes than were sent */
};

struct plan {
    int put; /* the n-th PUT with data, from 0; -1: every one */
    enum trouble trouble;
    size_t at;
};

struct server {
    struct plan plan;
    int listener;
    in_port_t port; /* network order */
    pthread_t thread;
    char *stored;
    size_t n_stored, most_body;
    int sessions, data_puts, queries, deletes;
    bool gone, complete;
};

struct message {
    char text[HEAD_MAX + UNIT + 1];
    size_t n, head;
    size_t length; /* of the body */
};

static struct str head_field(const struct message *m, const char *name)
{
    struct str line, rest = str_n(m->text, m->head), key, value;

    while (rest.n) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last has no line end */
        if (str_cut(line, ':', &key, &value) && str_ieq_c(key, name))
            return str_trim(value);
    }
    return STR_EMPTY;
}

/* Up to `body_max` bytes of the body; false: the peer has gone. */
static bool receive(int fd, struct message *m, size_t *body_max, bool want_head)
{
    ssize_t got;
    int64_t length = 0;
    size_t end;

    for (;;) {
        if (want_head && m->head == 0) {
            end = str_find(str_n(m->text, m->n), STR("\r\n\r\n"));
            if (end < m->n) {
                m->head = end + 4;
                if (str_to_i64(head_field(m, "Content-Length"), 0, UNIT, &length))
                    length = 0;
                m->length = (size_t)length;
                return true;
            }
        } else if (m->n - m->head >= MIN(*body_max, m->length)) {
            return true;
        }
        got = recv(fd, m->text + m->n, sizeof(m->text) - 1 - m->n, 0);
        if (got <= 0)
            return false;
        m->n += (size_t)got;
    }
}

static void say(int fd, const char *status, const char *header, struct str body)
{
    struct arena a = ARENA_INIT;
    struct str text = arena_printf(&a, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n" STR_FMT,
                                   status, header, body.n, STR_ARG(body));
    size_t done = 0;
    ssize_t n = 1;

    while (done < text.n && n > 0) {
        n = send(fd, text.p + done, text.n - done, MSG_NOSIGNAL);
        done += n > 0 ? (size_t)n : 0;
    }
    arena_release(&a);
}

static void reset(int fd)
{
    struct linger now = { .l_onoff = 1 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* close() then resets */
}

static void say_object(struct server *s, int fd, bool wrong)
{
    struct arena a = ARENA_INIT;
    uint32_t crc = crc32c(0, s->stored, s->n_stored) ^ (wrong ? 1 : 0);
    uint8_t b[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16 & 0xff), (uint8_t)(crc >> 8 & 0xff),
                     (uint8_t)(crc & 0xff) };
    struct str text = arena_printf(&a,
                                   "{\"name\":\"n\",\"bucket\":\"b\",\"size\":\"%zu\","
                                   "\"generation\":\"7\",\"crc32c\":\"" STR_FMT "\"}",
                                   s->n_stored, STR_ARG(base64_text(&a, str_n(b, 4))));

    say(fd, "200 OK", "Content-Type: application/json\r\n", text);
    arena_release(&a);
}

static void say_stored(struct server *s, int fd, bool with_range)
{
    struct arena a = ARENA_INIT;
    struct str range = STR_EMPTY;

    if (with_range && s->n_stored)
        range = arena_printf(&a, "Range: bytes=0-%zu\r\n", s->n_stored - 1);
    say(fd, "308 Resume Incomplete", arena_cstr(&a, range), STR_EMPTY);
    arena_release(&a);
}

struct range {
    bool query;
    size_t from, total; /* total SIZE_MAX: not told */
};

static struct range read_range(const struct message *m)
{
    struct str text = head_field(m, "Content-Range"), range, total, first, last;
    struct range r = { .query = true, .total = SIZE_MAX };
    int64_t v;

    if (!str_starts(text, STR("bytes ")) || !str_cut(str_from(text, 6), '/', &range, &total))
        return r;
    if (!str_to_i64(total, 0, INT32_MAX, &v))
        r.total = (size_t)v;
    if (str_cut(range, '-', &first, &last) && !str_to_i64(first, 0, INT32_MAX, &v)) {
        r.query = false;
        r.from = (size_t)v;
    }
    return r;
}

/* What of the body is new is kept, up to `most` bytes of it. */
static void keep(struct server *s, const struct message *m, const struct range *r, size_t most)
{
    size_t n = MIN(MIN(m->n - m->head, m->length), most);

    if (r->from > s->n_stored || r->from + n <= s->n_stored || r->from + n > SIZE)
        return; /* a gap, or nothing new */
    memcpy(s->stored + r->from, m->text + m->head, n);
    s->n_stored = r->from + n;
    s->complete = s->n_stored == r->total;
}

static void finish(struct server *s, int fd, bool with_range)
{
    if (s->complete)
        say_object(s, fd, false);
    else
        say_stored(s, fd, with_range);
}

/* False: the connection is to be reset. */
static bool on_trouble(struct server *s, int fd, const struct message *m, const struct range *r)
{
    size_t units = s->plan.at / UNIT * UNIT;

    switch (s->plan.trouble) {
    case CUT:
        keep(s, m, r, s->plan.at < m->length ? units : m->length);
        return false;
    case LOST:
        keep(s, m, r, m->length);
        return false;
    case SHORT:
        keep(s, m, r, s->plan.at);
        finish(s, fd, true);
        return true;
    case NO_RANGE:
        keep(s, m, r, m->length);
        finish(s, fd, false);
        return true;
    case BUSY:
        say(fd, "503 Service Unavailable", "Retry-After: 1\r\n", STR("{}"));
        return true;
    case GARBLED:
        keep(s, m, r, m->length);
        say(fd, "200 OK", "", STR("{\"name\":\"n\",\"si"));
        return true;
    case NO_HEADWAY:
        finish(s, fd, true);
        return true;
    case GONE:
        s->gone = true;
        say(fd, "410 Gone", "", STR("{}"));
        return true;
    case ENDED_GONE:
        keep(s, m, r, m->length);
        s->gone = true;
        return false;
    case WRONG_CRC:
        keep(s, m, r, m->length);
        if (s->complete)
            say_object(s, fd, true);
        else
            say_stored(s, fd, true);
        return true;
    }
    return false;
}

static bool on_put(struct server *s, int fd, struct message *m)
{
    struct range r = read_range(m);
    bool data = !r.query || m->length || (r.total == s->n_stored && !s->complete);
    bool trouble = data && (s->plan.put < 0 || s->data_puts == s->plan.put);
    size_t most = trouble && s->plan.trouble == CUT ? s->plan.at : SIZE_MAX;

    s->data_puts += data;
    s->queries += !data;
    if (!receive(fd, m, &most, false))
        return false;
    s->most_body = MAX(s->most_body, m->length);
    if (s->gone) {
        say(fd, "410 Gone", "", STR("{}"));
        return true;
    }
    if (trouble)
        return on_trouble(s, fd, m, &r);
    if (!r.query)
        keep(s, m, &r, m->length);
    else if (r.total == s->n_stored)
        s->complete = true;
    finish(s, fd, true);
    return true;
}

static bool on_message(struct server *s, int fd, struct message *m)
{
    struct str head = str_n(m->text, m->head);
    struct arena a = ARENA_INIT;
    size_t all = SIZE_MAX;

    if (str_starts(head, STR("PUT ")))
        return on_put(s, fd, m);
    if (!receive(fd, m, &all, false))
        return false;
    if (str_starts(head, STR("POST "))) {
        s->sessions++;
        s->gone = false;
        s->n_stored = 0;
        say(fd, "200 OK",
            arena_printf(&a, "Location: http://127.0.0.1:%d/session?upload_id=%d\r\n",
                         ntohs(s->port), s->sessions)
                .p,
            STR_EMPTY);
    } else if (str_starts(head, STR("DELETE "))) {
        s->deletes++;
        s->complete = s->complete && str_contains(head, STR("/session?"));
        say(fd, "204 No Content", "", STR_EMPTY);
    } else if (s->complete) { /* the metadata is asked for */
        say_object(s, fd, false);
    } else {
        say(fd, "404 Not Found", "", STR("{}"));
    }
    arena_release(&a);
    return true;
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct message *m = mem_alloc(sizeof(*m));
    size_t all = SIZE_MAX;
    bool good;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        do { /* one request after the other, as the connection is kept */
            *m = (struct message){ .n = 0 };
            good = receive(fd, m, &all, true) && on_message(s, fd, m);
        } while (good);
        reset(fd);
        close(fd);
    }
    mem_free(m);
    return NULL;
}

static void server_open(struct server *s, const struct plan *plan)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);

    *s = (struct server){ .plan = *plan, .stored = mem_zalloc(SIZE) };
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(s->listener >= 0 && bind(s->listener, (struct sockaddr *)&at, len) == 0 &&
          listen(s->listener, 16) == 0 &&
          getsockname(s->listener, (struct sockaddr *)&at, &len) == 0);
    s->port = at.sin_port;
    CHECK(pthread_create(&s->thread, NULL, serve, s) == 0);
}

/* What it has seen stays to be read. */
static void server_stop(struct server *s)
{
    shutdown(s->listener, SHUT_RDWR); /* wakes accept() */
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static void server_release(struct server *s)
{
    mem_free(s->stored);
}

/* ---- the client's side ---- */

static char byte_at(size_t i)
{
    return (char)((i * 31 + i / 977) & 0x7f);
}

static enum errc read_source(void *arg, char *out, size_t max, size_t *n)
{
    size_t *at = arg, i;

    *n = MIN(max, (size_t)SIZE - *at);
    for (i = 0; i < *n; i++)
        out[i] = byte_at(*at + i);
    *at += *n;
    return ERR_OK;
}

/* Clock, log and HTTP client are a peer's, which is asked nothing itself. */
static enum errc upload(struct server *s, struct err *err)
{
    static const struct storage_target to = { .bucket = STR("b"),
                                              .name = STR("n"),
                                              .create_only = true };
    struct google_settings settings = { .home = STR_EMPTY };
    struct storage_object o = { .size = -1 };
    struct google *google;
    struct peer p;
    size_t at = 0;
    enum errc rc;

    peer_open(&p);
    p.ctx.clock = &p.system;
    settings.firestore_emulator_host = settings.pubsub_emulator_host =
        settings.storage_emulator_host = arena_printf(&p.arena, "127.0.0.1:%d", ntohs(s->port));
    CHECK_OK(google_create(&google, STR("p"), &settings, &p.system, err));
    rc = storage_upload(google, &p.ctx, &to, UNIT, read_source, &at, &o, err);
    CHECK_INT(o.size, rc ? -1 : SIZE); /* untouched on failure */
    google = google_destroy(google);
    peer_close(&p); /* and with it the connection, so that the server can be closed */
    return rc;
}

static bool stored_is_right(const struct server *s)
{
    size_t i;

    for (i = 0; i < s->n_stored; i++) {
        if (s->stored[i] != byte_at(i))
            return false;
    }
    return s->complete && s->n_stored == SIZE && s->most_body <= UNIT;
}

static void check_survives(const struct plan *plan)
{
    struct err err = ERR_INIT;
    struct server s;
    enum errc rc;

    server_open(&s, plan);
    rc = upload(&s, &err);
    server_stop(&s);
    if (rc || !stored_is_right(&s) || s.deletes)
        FAIL_TEST("put %d trouble %d at %zu: %s %s, %zu bytes, %d deletes", plan->put,
                  (int)plan->trouble, plan->at, errc_name(rc), err.text, s.n_stored, s.deletes);
    if (plan->trouble != GONE)
        CHECK_INT(s.sessions, 1);
    server_release(&s);
}

TEST(storage_upload_loses_nothing_when_a_put_is_cut_at_any_byte)
{
    static const size_t places[] = { 0, 1, UNIT / 2, UNIT - 1, UNIT };
    struct plan plan = { .trouble = CUT };
    size_t i;

    for (plan.put = 0; plan.put < 2; plan.put++) {
        for (i = 0; i < ARRAY_LEN(places); i++) {
            plan.at = places[i];
            check_survives(&plan);
        }
    }
    for (i = 0; i < 3; i++) {
        plan.at = (size_t[]){ 0, 1, 999 }[i];
        check_survives(&plan);
    }
}

TEST(storage_upload_loses_nothing_whatever_one_answer_is)
{
    static const struct plan plans[] = {
        { 0, LOST, 0 },       { 1, LOST, 0 },         { 2, LOST, 0 },    { 0, SHORT, 1 },
        { 0, SHORT, 100000 }, { 1, SHORT, UNIT - 1 }, { 2, SHORT, 500 }, { 0, NO_RANGE, 0 },
        { 1, NO_RANGE, 0 },   { 1, BUSY, 0 },         { 2, GARBLED, 0 }, { 0, GONE, 0 },
        { 2, ENDED_GONE, 0 }, { 1, NO_HEADWAY, 0 },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(plans); i++)
        check_survives(&plans[i]);
}

TEST(storage_upload_waits_as_long_as_it_is_asked)
{
    static const struct plan plan = { 1, BUSY, 0 };
    struct clock clock = clock_system(0);
    int64_t began_ms = clock_mono_ms(&clock);

    check_survives(&plan);
    CHECK(clock_mono_ms(&clock) - began_ms >= 1000);
}

static enum errc fails(const struct plan *plan, struct server *s)
{
    struct err err = ERR_INIT;
    enum errc rc;

    server_open(s, plan);
    rc = upload(s, &err);
    server_stop(s);
    server_release(s);
    return rc;
}

TEST(storage_upload_ends_when_there_is_no_headway)
{
    struct server s;

    CHECK_RC(ERR_UPSTREAM, fails(&(struct plan){ -1, NO_HEADWAY, 0 }, &s));
    CHECK(s.data_puts <= STORAGE_ATTEMPTS_MAX);
    CHECK_INT(s.deletes, 1); /* the session is cancelled */
}

TEST(storage_upload_says_again_when_a_session_dies_midway)
{
    struct server s;

    CHECK_RC(ERR_AGAIN, fails(&(struct plan){ 1, GONE, 0 }, &s));
    CHECK_INT(s.sessions, 1); /* its first bytes are here no more */
}

TEST(storage_upload_deletes_an_object_that_is_not_what_was_sent)
{
    struct server s;

    CHECK_RC(ERR_UPSTREAM, fails(&(struct plan){ 2, WRONG_CRC, 0 }, &s));
    CHECK(!s.complete); /* that generation, not only the session */
}
