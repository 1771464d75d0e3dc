#include "concierge/stream_token.h"

#include "base/crypto.h"
#include "base/json.h"

enum { TOKEN_VERSION = 1, ATTEMPT_MAX = 100 };

static struct str signature_text(struct arena *a, struct str key, struct str payload)
{
    uint8_t mac[SHA256_LEN];

    hmac_sha256(mac, key, payload);
    return base64url_text(a, str_n(mac, sizeof(mac)));
}

struct str stream_token_mint(struct arena *a, struct str key, const struct stream_token *t)
{
    struct str payload;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "v", TOKEN_VERSION);
    jw_str(&w, "sid", t->call_sid);
    jw_str(&w, "acc", t->account_sid);
    jw_str(&w, "from", t->from);
    jw_str(&w, "to", t->to);
    jw_i64(&w, "attempt", t->attempt);
    jw_i64(&w, "exp", t->exp_s);
    jw_end(&w);
    payload = jw_finish(&w, a);
    return arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(base64url_text(a, payload)),
                        STR_ARG(signature_text(a, key, payload)));
}

static enum errc read_payload(struct stream_token *ret, struct arena *a, struct str payload,
                              struct err *err)
{
    const struct jval *v;
    int64_t attempt;
    enum errc rc = json_parse_arena(&v, a, payload, err);

    if (rc)
        return rc;
    attempt = json_i64_or(json_get(v, "attempt"), -1);
    ret->call_sid = json_str(json_get(v, "sid"));
    ret->account_sid = json_str(json_get(v, "acc"));
    ret->from = json_str(json_get(v, "from"));
    ret->to = json_str(json_get(v, "to"));
    ret->exp_s = json_i64_or(json_get(v, "exp"), 0);
    if (json_i64_or(json_get(v, "v"), 0) != TOKEN_VERSION || !ret->call_sid.n || attempt < 0 ||
        attempt > ATTEMPT_MAX)
        return err_set(err, ERR_INVALID, "stream token of another version");
    ret->attempt = (int)attempt;
    return ERR_OK;
}

enum errc stream_token_check(struct stream_token *ret, struct arena *a, struct str key,
                             struct str text, int64_t now_s, struct err *err)
{
    struct str head, tail, payload;
    struct stream_token t = { 0 };
    enum errc rc;

    if (text.n > STREAM_TOKEN_MAX_BYTES || !str_cut(text, '.', &head, &tail) ||
        base64_bytes(a, head, &payload))
        return err_set(err, ERR_INVALID, "no stream token");
    if (!ct_equal(tail, signature_text(a, key, payload)))
        return err_set(err, ERR_DENIED, "stream token not signed with this key");
    rc = read_payload(&t, a, payload, err);
    if (rc)
        return rc;
    if (now_s > t.exp_s)
        return err_set(err, ERR_TIMEOUT, "stream token expired %lld s ago",
                       (long long)(now_s - t.exp_s));
    *ret = t;
    return ERR_OK;
}
