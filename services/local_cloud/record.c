#include "local_cloud/record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"

enum { LINE_MAX_BYTES = 8 * 1024 * 1024 }; /* two bodies, every character of them escaped */

static const char OURS[] = "voice-concierge/", ME[] = "local-cloud";

struct record {
    struct net_tap tap;
    const struct clock *clock;
    struct log log;
    int64_t limit;
    pthread_mutex_t mutex; /* of what follows */
    int fd;
    int64_t seq, bytes;
    bool full; /* or broken: nothing is written any more */
};

/* ---- the file ---- */

static bool write_all(int fd, struct str text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = str_from(text, (size_t)n);
    }
    return true;
}

/* `line` is an object whose first member is its number. */
static void add_line(struct record *r, struct str members)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);

    pthread_mutex_lock(&r->mutex);
    buf_addf(&line, "{\"seq\":%lld,", (long long)r->seq + 1);
    buf_add_str(&line, str_from(members, 1));
    buf_add_char(&line, '\n');
    if (r->full) {
        /* said already */
    } else if (buf_status(&line) || r->bytes + (int64_t)line.n > r->limit) {
        r->full = true;
        log_warn(&r->log, "the record ends here, it is full entries=%lld bytes=%lld",
                 (long long)r->seq, (long long)r->bytes);
    } else if (!write_all(r->fd, buf_str(&line))) {
        r->full = true;
        log_warn(&r->log, "the record ends here, it cannot be written errno=%d entries=%lld", errno,
                 (long long)r->seq);
    } else {
        r->seq++;
        r->bytes += (int64_t)line.n;
    }
    pthread_mutex_unlock(&r->mutex);
    buf_release(&line);
}

static void finish(struct record *r, struct jw *w)
{
    struct buf text = BUF_INIT(LINE_MAX_BYTES);

    jw_end(w);
    jw_text(w, &text);
    jw_release(w);
    add_line(r, buf_str(&text));
    buf_release(&text);
}

/* ---- what both kinds have ---- */

/* Who it was: of ours by its own name, of others what they say they are. */
static struct str service_of(enum tap_side side, struct str user_agent)
{
    if (side == TAP_CLIENT)
        return str_c(ME);
    return str_from(user_agent, str_starts(user_agent, str_c(OURS)) ? sizeof(OURS) - 1 : 0);
}

static void begin(struct record *r, struct jw *w, const char *kind, enum tap_side side,
                  struct str user_agent)
{
    char at[TIME_TEXT_MAX];

    time_rfc3339(at, clock_wall_us(r->clock));
    jw_init(w);
    jw_obj(w, NULL);
    jw_cstr(w, "kind", kind);
    jw_cstr(w, "at", at);
    jw_cstr(w, "side", side == TAP_SERVER ? "server" : "client");
    jw_str(w, "service", service_of(side, user_agent));
}

static struct str header_of(const struct tap_message *m, const char *name)
{
    size_t i;

    for (i = 0; i < m->n_headers; i++) {
        if (str_ieq_c(m->headers[i].name, name))
            return m->headers[i].value;
    }
    return STR_EMPTY;
}

static void add_headers(struct jw *w, const struct http_header *headers, size_t n)
{
    size_t i;

    jw_arr(w, "headers");
    for (i = 0; i < n; i++) {
        const struct http_header *h = &headers[i];
        struct str scheme, secret;

        jw_arr(w, NULL);
        jw_str(w, NULL, h->name);
        if (!str_ieq_c(h->name, "authorization")) {
            jw_str(w, NULL, h->value);
        } else {
            if (!str_cut(h->value, ' ', &scheme, &secret)) {
                secret = scheme;
                scheme = STR_EMPTY;
            }
            jw_strf(w, NULL, STR_FMT "%s(%zu bytes)", STR_ARG(scheme), scheme.n ? " " : "",
                    secret.n);
        }
        jw_end(w);
    }
    jw_end(w);
}

/* Text as it is, anything else in base64; a cut through a character does not make text anything else. */
static void add_data(struct jw *w, const char *key, const char *key_base64,
                     const struct tap_body *b)
{
    bool cut = b->kept.n < b->bytes;
    struct str text = b->kept;
    size_t i;

    for (i = 0; cut && i < 3 && text.n && !str_utf8_valid(text); i++)
        text.n--;
    if (str_utf8_valid(text)) {
        jw_str(w, key, text);
    } else {
        struct arena a = ARENA_INIT;

        jw_str(w, key_base64, base64_text(&a, b->kept));
        arena_release(&a);
    }
    jw_i64(w, "bytes", (int64_t)b->bytes);
    jw_bool(w, "truncated", cut);
}

/* ---- what is told ---- */

static void add_message(struct jw *w, const char *key, int status, const struct tap_message *m)
{
    jw_obj(w, key);
    if (status)
        jw_i64(w, "status", status);
    add_headers(w, m->headers, m->n_headers);
    add_data(w, "body", "body_base64", &m->body);
    jw_end(w);
}

static void on_http(void *arg, const struct tap_http *x)
{
    struct record *r = arg;
    struct jw w;

    begin(r, &w, "http", x->side, header_of(&x->request, "user-agent"));
    jw_str(&w, "method", x->method);
    jw_str(&w, "url", x->url);
    add_message(&w, "request", 0, &x->request);
    if (x->status)
        add_message(&w, "answer", x->status, &x->answer);
    else
        jw_null(&w, "answer");
    if (x->error)
        jw_cstr(&w, "error", x->error);
    jw_i64(&w, "took_us", x->took_us);
    finish(r, &w);
}

static void on_ws(void *arg, const struct tap_ws *t)
{
    static const char *const types[] = { [TAP_WS_OPEN] = "open",
                                         [TAP_WS_TEXT] = "text",
                                         [TAP_WS_BINARY] = "binary",
                                         [TAP_WS_CLOSE] = "close" };
    struct record *r = arg;
    struct jw w;

    begin(r, &w, "ws", t->side, t->user_agent);
    jw_i64(&w, "conn", (int64_t)t->conn);
    jw_str(&w, "url", t->url);
    jw_cstr(&w, "direction", t->in ? "in" : "out");
    jw_cstr(&w, "type", types[t->type]);
    if (t->type == TAP_WS_OPEN)
        add_headers(&w, t->headers, t->n_headers);
    else
        add_data(&w, "data", "data_base64", &t->data);
    if (t->type == TAP_WS_CLOSE)
        jw_i64(&w, "code", t->code);
    if (t->error)
        jw_cstr(&w, "error", t->error);
    finish(r, &w);
}

/* ---- life ---- */

enum errc record_create(struct record **ret, const char *path, const struct clock *clock,
                        const struct log *log, struct err *err)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    struct record *r;

    if (fd < 0)
        return err_set_upstream(err, ERR_IO, errno, "the record %s: %s", path, strerror(errno));
    r = MEM_NEW(struct record);
    r->tap = (struct net_tap){ on_http, on_ws, r };
    r->clock = clock;
    r->log = *log;
    r->limit = RECORD_FILE_MAX;
    r->fd = fd;
    pthread_mutex_init(&r->mutex, NULL);
    *ret = r;
    return ERR_OK;
}

struct record *record_destroy(struct record *r)
{
    if (!r)
        return NULL;
    close(r->fd);
    pthread_mutex_destroy(&r->mutex);
    mem_free(r);
    return NULL;
}

void record_limit(struct record *r, int64_t bytes)
{
    r->limit = bytes;
}

const struct net_tap *record_tap(const struct record *r)
{
    return &r->tap;
}
