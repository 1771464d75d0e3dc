#include "concierge/cost.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/macros.h"

enum { MINUTE_MS = 60000 };

/* US dollars for a million tokens, per_minute for a minute of audio. */
struct price {
    struct str model;
    double text_in, text_in_cached, text_out;
    double audio_in, audio_in_cached, audio_out;
    double image_in, image_in_cached;
    double per_minute;
};

/* US dollars for a started minute. */
struct telephony_price {
    double inbound, outbound, media_stream, recording;
};

struct prices {
    struct str date;
    struct telephony_price telephony;
    size_t n;
    struct price rows[PRICES_MODELS_MAX];
};

static const char built_in_date[] = "2026-11-01";

/* Source: OpenAI, model pages, read in October and November 2026. */
static const struct price built_in[] = {
    { STR("gpt-realtime-2.1"), 4.00, 0.40, 24.00, 32.00, 0.40, 64.00, 5.00, 0.50, 0 },
    { STR("gpt-realtime-2"), 4.00, 0.40, 24.00, 32.00, 0.40, 64.00, 5.00, 0.50, 0 },
    { STR("gpt-realtime-1.5"), 4.00, 0.40, 16.00, 32.00, 0.40, 64.00, 5.00, 0.50, 0 },
    { STR("gpt-realtime"), 4.00, 0.40, 16.00, 32.00, 0.40, 64.00, 5.00, 0.50, 0 },
    { STR("gpt-realtime-2.1-mini"), 0.60, 0.06, 2.40, 10.00, 0.30, 20.00, 0.80, 0.08, 0 },
    { STR("gpt-realtime-mini"), 0.60, 0.06, 2.40, 10.00, 0.30, 20.00, 0.80, 0.08, 0 },
    { STR("gpt-live-1"), 0, 0, 0, 0, 0, 0, 0, 0, 0.05 },
    { STR("gpt-transcribe"), 0, 0, 0, 0, 0, 0, 0, 0, 0.0045 },
    { STR("gpt-live-transcribe"), 0, 0, 0, 0, 0, 0, 0, 0, 0.017 },
    { STR("gpt-realtime-whisper"), 0, 0, 0, 0, 0, 0, 0, 0, 0.017 },
    { STR("whisper-1"), 0, 0, 0, 0, 0, 0, 0, 0, 0.006 },
    { STR("gpt-4o-transcribe"), 2.50, 2.50, 10.00, 2.50, 2.50, 0, 0, 0, 0.006 },
    { STR("gpt-4o-mini-transcribe"), 1.25, 1.25, 5.00, 1.25, 1.25, 0, 0, 0, 0.003 },
    { STR("gpt-6-luna"), 0.10, 0.01, 0.50, 0, 0, 0, 0, 0, 0 },
    { STR("gpt-6-sol"), 2.00, 0.20, 10.00, 0, 0, 0, 0, 0, 0 },
    { STR("gpt-6.1-sol"), 2.00, 0.10, 10.00, 0, 0, 0, 0, 0, 0 },
    { STR("gpt-5.6-luna"), 0.20, 0.02, 1.20, 0, 0, 0, 0, 0, 0 },
    { STR("gpt-5.6-terra"), 2.00, 0.20, 12.00, 0, 0, 0, 0, 0, 0 },
};

/* Source: Twilio, Programmable Voice pricing, United States, local number, pay as you go, list price without
 * tax, read in November 2026. An account's own prices: GET pricing.twilio.com/v2/Voice/Countries/{ISO}. */
static const struct telephony_price built_in_telephony = {
    .inbound = 0.0085, .outbound = 0.0140, .media_stream = 0.0044, .recording = 0.0025
};

static const struct {
    const char *name;
    size_t offset;
} telephony_keys[] = {
    { "inbound", offsetof(struct telephony_price, inbound) },
    { "outbound", offsetof(struct telephony_price, outbound) },
    { "mediaStream", offsetof(struct telephony_price, media_stream) },
    { "recording", offsetof(struct telephony_price, recording) },
};

static const struct {
    const char *name;
    size_t offset;
} price_keys[] = {
    { "textIn", offsetof(struct price, text_in) },
    { "textInCached", offsetof(struct price, text_in_cached) },
    { "textOut", offsetof(struct price, text_out) },
    { "audioIn", offsetof(struct price, audio_in) },
    { "audioInCached", offsetof(struct price, audio_in_cached) },
    { "audioOut", offsetof(struct price, audio_out) },
    { "imageIn", offsetof(struct price, image_in) },
    { "imageInCached", offsetof(struct price, image_in_cached) },
    { "perMinute", offsetof(struct price, per_minute) },
};

static const struct {
    const char *name;
    size_t offset;
} usage_keys[] = {
    { "textIn", offsetof(struct usage, text_in) },
    { "textInCached", offsetof(struct usage, text_in_cached) },
    { "textOut", offsetof(struct usage, text_out) },
    { "audioIn", offsetof(struct usage, audio_in) },
    { "audioInCached", offsetof(struct usage, audio_in_cached) },
    { "audioOut", offsetof(struct usage, audio_out) },
    { "imageIn", offsetof(struct usage, image_in) },
    { "imageInCached", offsetof(struct usage, image_in_cached) },
    { "audioMs", offsetof(struct usage, audio_ms) },
};

static int64_t *count_at(struct usage *u, size_t i)
{
    return (int64_t *)(void *)((char *)u + usage_keys[i].offset);
}

static int64_t count_of(const struct usage *u, size_t i)
{
    return *(const int64_t *)(const void *)((const char *)u + usage_keys[i].offset);
}

void usage_add(struct usage *sum, const struct usage *more)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(usage_keys); i++)
        *count_at(sum, i) += count_of(more, i);
}

void usage_write(struct jw *w, const char *key, const struct usage *u)
{
    size_t i;

    jw_obj(w, key);
    for (i = 0; i < ARRAY_LEN(usage_keys); i++) {
        if (count_of(u, i) > 0)
            jw_i64(w, usage_keys[i].name, count_of(u, i));
    }
    jw_end(w);
}

struct usage usage_read(const struct jval *v)
{
    struct usage u = { 0 };
    size_t i;

    for (i = 0; i < ARRAY_LEN(usage_keys); i++)
        *count_at(&u, i) = MAX(json_i64_or(json_get(v, usage_keys[i].name), 0), 0);
    return u;
}

static const struct jval *first_of(const struct jval *v, const char *a, const char *b,
                                   const char *c)
{
    const struct jval *r = json_get(v, a);

    if (!r)
        r = json_get(v, b);
    return r ? r : json_get(v, c);
}

static int64_t count(const struct jval *v, const char *key)
{
    return MAX(json_i64_or(json_get(v, key), 0), 0);
}

struct usage usage_from_openai(const struct jval *usage)
{
    const struct jval *in =
        first_of(usage, "input_token_details", "input_tokens_details", "prompt_tokens_details");
    const struct jval *out = first_of(usage, "output_token_details", "output_tokens_details",
                                      "completion_tokens_details");
    const struct jval *cached = json_get(in, "cached_tokens_details");
    int64_t all_in = MAX(count(usage, "input_tokens"), count(usage, "prompt_tokens"));
    int64_t all_out = MAX(count(usage, "output_tokens"), count(usage, "completion_tokens"));
    struct usage u = { 0 };

    u.audio_ms = (int64_t)(json_num_or(json_get(usage, "seconds"), 0) * 1000 + 0.5);
    u.audio_ms = MAX(u.audio_ms, 0);
    u.audio_in = count(in, "audio_tokens");
    u.image_in = count(in, "image_tokens");
    u.audio_out = count(out, "audio_tokens");
    /* What is no audio and no image is text, whether or not it is said so. */
    u.text_in = MAX(all_in - u.audio_in - u.image_in, count(in, "text_tokens"));
    u.text_out = MAX(all_out - u.audio_out, count(out, "text_tokens"));
    if (cached) {
        u.text_in_cached = count(cached, "text_tokens");
        u.audio_in_cached = count(cached, "audio_tokens");
        u.image_in_cached = count(cached, "image_tokens");
    } else {
        u.text_in_cached = count(in, "cached_tokens");
    }
    u.text_in_cached = MIN(u.text_in_cached, u.text_in);
    u.audio_in_cached = MIN(u.audio_in_cached, u.audio_in);
    u.image_in_cached = MIN(u.image_in_cached, u.image_in);
    return u;
}

static struct price *find_row(struct prices *p, struct str model)
{
    size_t i;

    for (i = 0; i < p->n; i++) {
        if (str_eq(p->rows[i].model, model))
            return &p->rows[i];
    }
    return NULL;
}

/* Takes v[name] into the number at `offset` of `row`, where it is there. */
static enum errc read_price(void *row, size_t offset, const struct jval *v, const char *name,
                            struct err *err)
{
    const struct jval *x = json_get(v, name);
    double value = json_num_or(x, -1);

    if (!x)
        return ERR_OK;
    if (!json_is_num(x) || value < 0 || value > 1e6)
        return err_set(err, ERR_INVALID, "%s must be a number from 0 to 1000000", name);
    *(double *)(void *)((char *)row + offset) = value;
    return ERR_OK;
}

static enum errc read_row(struct prices *p, struct arena *a, const struct jval *v, struct err *err)
{
    struct str model;
    struct price *row;
    size_t i;
    enum errc rc = json_need_str(v, "model", &model, err);

    if (rc)
        return rc;
    row = find_row(p, model);
    if (!row) {
        if (p->n == PRICES_MODELS_MAX)
            return err_set(err, ERR_INVALID, "more than %d models", PRICES_MODELS_MAX);
        row = &p->rows[p->n++];
        *row = (struct price){ .model = arena_str(a, model) };
    }
    for (i = 0; !rc && i < ARRAY_LEN(price_keys); i++)
        rc = read_price(row, price_keys[i].offset, v, price_keys[i].name, err);
    return rc ? err_wrap(err, rc, "model " STR_FMT, STR_ARG(model)) : ERR_OK;
}

static enum errc read_telephony(struct prices *p, const struct jval *v, struct err *err)
{
    enum errc rc = ERR_OK;
    size_t i;

    for (i = 0; !rc && i < ARRAY_LEN(telephony_keys); i++)
        rc = read_price(&p->telephony, telephony_keys[i].offset, v, telephony_keys[i].name, err);
    return rc ? err_wrap(err, rc, "telephony") : ERR_OK;
}

static enum errc read_file(struct prices *p, struct arena *a, struct str text, struct err *err)
{
    const struct jval *root, *row, *models, *telephony;
    struct json_iter it;
    enum errc rc = json_parse_arena(&root, a, text, err);

    if (rc)
        return rc;
    models = json_get(root, "models");
    telephony = json_get(root, "telephony");
    if (!models && !telephony)
        return err_set(err, ERR_INVALID, "neither models nor telephony is there");
    if (models && !json_is_arr(models))
        return err_set(err, ERR_INVALID, "models must be a list");
    if (telephony && !json_is_obj(telephony))
        return err_set(err, ERR_INVALID, "telephony must be an object");
    rc = json_need_str(root, "date", &p->date, err);
    it = json_iter(models);
    while (!rc && json_next(&it, NULL, &row))
        rc = read_row(p, a, row, err);
    return rc ? rc : read_telephony(p, telephony, err);
}

enum errc prices_load(const struct prices **ret, struct arena *a, const char *path, struct err *err)
{
    struct prices *p = ARENA_NEW(a, struct prices);
    struct buf text = BUF_INIT(PRICES_BYTES_MAX);
    enum errc rc = ERR_OK;
    size_t i;

    p->date = str_c(built_in_date);
    p->telephony = built_in_telephony;
    for (i = 0; i < ARRAY_LEN(built_in); i++)
        p->rows[p->n++] = built_in[i];
    if (path && *path) {
        rc = file_read(&text, path, err);
        if (!rc)
            rc = read_file(p, a, buf_str(&text), err);
        if (rc)
            rc = err_wrap(err, rc, "prices %s", path);
    }
    buf_release(&text);
    if (!rc)
        *ret = p;
    return rc;
}

struct str prices_date(const struct prices *p)
{
    return p->date;
}

/* The longest row that is the model's name or its beginning before "-<digit>". */
static const struct price *find_price(const struct prices *p, struct str model)
{
    const struct price *best = NULL;
    size_t i;

    for (i = 0; i < p->n; i++) {
        const struct price *row = &p->rows[i];
        bool same = str_eq(row->model, model);
        bool dated = model.n > row->model.n + 1 && str_starts(model, row->model) &&
                     model.p[row->model.n] == '-' && model.p[row->model.n + 1] >= '0' &&
                     model.p[row->model.n + 1] <= '9';

        if ((same || dated) && (!best || row->model.n > best->model.n))
            best = row;
    }
    return best;
}

enum errc cost_micro_usd(const struct prices *p, struct str model, const struct usage *u,
                         int64_t *ret)
{
    const struct price *c = find_price(p, model);
    double sum;

    *ret = 0;
    if (!c)
        return ERR_NOT_FOUND;
    /* Dollars for a million tokens are millionths of a dollar for one. */
    sum = (double)(u->text_in - u->text_in_cached) * c->text_in +
          (double)u->text_in_cached * c->text_in_cached + (double)u->text_out * c->text_out +
          (double)(u->audio_in - u->audio_in_cached) * c->audio_in +
          (double)u->audio_in_cached * c->audio_in_cached + (double)u->audio_out * c->audio_out +
          (double)(u->image_in - u->image_in_cached) * c->image_in +
          (double)u->image_in_cached * c->image_in_cached +
          (double)u->audio_ms / 60000.0 * c->per_minute * 1e6;
    *ret = (int64_t)(sum + 0.5);
    return ERR_OK;
}

int64_t started_minutes(int64_t ms)
{
    return ms > 0 ? (ms + MINUTE_MS - 1) / MINUTE_MS : 0;
}

int64_t cost_of_telephony(const struct prices *p, const struct telephony_minutes *m)
{
    const struct telephony_price *t = &p->telephony;
    double dollars = (double)m->inbound * t->inbound + (double)m->outbound * t->outbound +
                     (double)m->media_stream * t->media_stream +
                     (double)m->recording * t->recording;

    return (int64_t)(dollars * 1e6 + 0.5);
}
