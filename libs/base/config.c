#include "base/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/url.h"

enum {
    CONFIG_SECRET_FILE_MAX = 65536,
    CONFIG_SHOWN_MAX = 60,    /* characters of a wrong value in the error */
    CONFIG_SENTENCE_MAX = 280 /* so that a count of the others still fits into struct err */
};

/* A setting that was read but not stored yet. */
struct value {
    struct str s;
    int64_t i;
    struct str_list list;
};

/* Iterates over "a|b|c". */
static bool next_word(struct str *rest, struct str *word)
{
    if (!rest->n)
        return false;
    str_cut(*rest, '|', word, rest);
    return true;
}

static bool find_word(const char *words, struct str s, int64_t *ret_at)
{
    struct str rest = str_c(words), word;
    int64_t at = 0;

    for (; next_word(&rest, &word); at++) {
        if (str_eq(word, s)) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}

static enum errc parse_int(const struct config_key *k, struct str text, struct value *v)
{
    bool any = k->min == 0 && k->max == 0;

    return str_to_i64(text, any ? INT64_MIN : k->min, any ? INT64_MAX : k->max, &v->i);
}

static enum errc parse_bool(struct str text, struct value *v)
{
    static const char words[] = "false|true|0|1|no|yes";

    if (!find_word(words, text, &v->i))
        return ERR_INVALID;
    v->i %= 2;
    return ERR_OK;
}

static enum errc parse_url(const struct config_key *k, struct str text, struct value *v)
{
    struct url url;
    int64_t unused;

    if (url_parse(&url, text) || (k->allowed && !find_word(k->allowed, url.scheme, &unused)))
        return ERR_INVALID;
    v->s = text;
    return ERR_OK;
}

static enum errc parse_list(struct str text, struct value *v, struct arena *a)
{
    struct str rest = text, item;
    struct str *items;
    size_t n = 1, i;

    for (i = 0; i < text.n; i++)
        n += text.p[i] == ',';
    items = ARENA_ARRAY(a, struct str, n);
    n = 0;
    while (rest.n) {
        str_cut(rest, ',', &item, &rest);
        item = str_trim(item);
        if (item.n)
            items[n++] = item;
    }
    v->list = (struct str_list){ items, n };
    return ERR_OK;
}

/* "@/path": what stands in the file, without the line end that editors add. */
static enum errc parse_secret(struct str text, struct value *v, struct arena *a, struct err *err)
{
    struct buf file = BUF_INIT(CONFIG_SECRET_FILE_MAX);
    enum errc rc;

    v->s = text;
    if (!str_starts(text, STR("@/")))
        return ERR_OK;
    rc = file_read(&file, arena_cstr(a, str_from(text, 1)), err);
    v->s = arena_str(a, str_trim(buf_str(&file)));
    if (file.p)
        mem_wipe(file.p, file.cap);
    buf_release(&file);
    if (!rc && v->s.n == 0)
        return err_set(err, ERR_INVALID, STR_FMT ": empty", STR_ARG(str_from(text, 1)));
    return rc;
}

static enum errc parse(const struct config_key *k, struct str text, struct value *v,
                       struct arena *a, struct err *err)
{
    switch (k->kind) {
    case CONFIG_STR:
        v->s = text;
        return ERR_OK;
    case CONFIG_SECRET:
        return parse_secret(text, v, a, err);
    case CONFIG_URL:
        return parse_url(k, text, v);
    case CONFIG_INT:
        return parse_int(k, text, v);
    case CONFIG_BOOL:
        return parse_bool(text, v);
    case CONFIG_ENUM:
        return find_word(k->allowed, text, &v->i) ? ERR_OK : ERR_INVALID;
    case CONFIG_LIST:
        return parse_list(text, v, a);
    }
    return ERR_INTERNAL;
}

/* "a whole number from 1 to 65535" */
static void describe(struct buf *out, const struct config_key *k)
{
    struct str rest = str_c(k->allowed), word;
    bool first = true;

    switch (k->kind) {
    case CONFIG_STR:
        buf_add_c(out, "text");
        return;
    case CONFIG_SECRET:
        buf_add_c(out, "a secret, or @/path of a file that holds it");
        return;
    case CONFIG_INT:
        buf_add_c(out, "a whole number");
        if (k->min || k->max)
            buf_addf(out, " from %lld to %lld", (long long)k->min, (long long)k->max);
        return;
    case CONFIG_BOOL:
        buf_add_c(out, "true or false");
        return;
    case CONFIG_LIST:
        buf_add_c(out, "a list, separated by commas");
        return;
    case CONFIG_URL:
    case CONFIG_ENUM:
        break;
    }
    if (k->kind == CONFIG_URL)
        buf_add_c(out, rest.n ? "a URL that begins with " : "a URL");
    for (; next_word(&rest, &word); first = false) {
        buf_add_c(out, first ? "" : rest.n ? ", " : " or ");
        buf_addf(out, STR_FMT "%s", STR_ARG(word), k->kind == CONFIG_URL ? "://" : "");
    }
}

static void add_missing(struct buf *out, const struct config_key *k)
{
    buf_addf(out, "%s is not set: it must be ", k->name);
    describe(out, k);
}

static void add_wrong(struct buf *out, const struct config_key *k, struct str text,
                      const struct err *why)
{
    struct str shown = str_slice(text, 0, CONFIG_SHOWN_MAX);

    if (k->kind == CONFIG_SECRET) {
        buf_addf(out, "%s: %s", k->name, why->text);
        return;
    }
    buf_addf(out, "%s is \"" STR_FMT "%s\": it must be ", k->name, STR_ARG(shown),
             shown.n < text.n ? "..." : "");
    describe(out, k);
}

static void store(const struct config_key *k, const struct value *v, void *settings)
{
    void *field = (char *)settings + k->offset;

    switch (k->kind) {
    case CONFIG_STR:
    case CONFIG_SECRET:
    case CONFIG_URL:
        *(struct str *)field = v->s;
        break;
    case CONFIG_INT:
        *(int64_t *)field = v->i;
        break;
    case CONFIG_BOOL:
        *(bool *)field = v->i != 0;
        break;
    case CONFIG_ENUM:
        *(int *)field = (int)v->i;
        break;
    case CONFIG_LIST:
        *(struct str_list *)field = v->list;
        break;
    }
}

/* The sentences of all wrong keys; those that no longer fit are counted. */
struct wrong {
    struct buf text;
    size_t left_out;
};

static void wrong_add(struct wrong *w, const struct config_key *k, struct str text,
                      const struct err *why)
{
    struct buf sentence = BUF_INIT(CONFIG_SENTENCE_MAX);
    size_t before = w->text.n;

    if (text.n)
        add_wrong(&sentence, k, text, why);
    else
        add_missing(&sentence, k);
    if (w->left_out == 0 && before + 2 + sentence.n <= CONFIG_SENTENCE_MAX) {
        buf_add_c(&w->text, before ? "; " : "");
        buf_add_str(&w->text, buf_str(&sentence));
    } else {
        w->left_out++;
    }
    buf_release(&sentence);
}

static enum errc wrong_report(struct wrong *w, struct err *err)
{
    enum errc rc = ERR_OK;

    if (w->left_out)
        buf_addf(&w->text, "; and %zu more", w->left_out);
    if (w->text.n)
        rc = err_set(err, ERR_INVALID, "%s", buf_cstr(&w->text));
    buf_release(&w->text);
    return rc;
}

/* What the key is set to, or its default; empty: neither. */
static struct str text_of(const struct config_key *k, config_getenv_fn get, void *get_arg,
                          struct arena *a)
{
    struct str text = str_trim(str_c(get(k->name, get_arg)));

    if (text.n == 0 && !k->required)
        text = str_c(k->dflt);
    return text.n ? arena_str(a, text) : STR_EMPTY;
}

enum errc config_load(const struct config_key *keys, size_t n, void *settings, struct arena *a,
                      config_getenv_fn get, void *get_arg, struct err *err)
{
    struct value *values = ARENA_ARRAY(a, struct value, n);
    struct wrong w = { .text = BUF_INIT(ERR_TEXT_MAX) };
    enum errc rc;
    size_t i;

    for (i = 0; i < n; i++) {
        struct str text = text_of(&keys[i], get, get_arg, a);
        struct err why = ERR_INIT;

        if (text.n ? parse(&keys[i], text, &values[i], a, &why) : keys[i].required)
            wrong_add(&w, &keys[i], text, &why);
    }
    rc = wrong_report(&w, err);
    for (i = 0; !rc && i < n; i++)
        store(&keys[i], &values[i], settings);
    return rc;
}

const char *config_getenv(const char *name, void *unused)
{
    (void)unused;
    return getenv(name);
}

void config_help(FILE *out, const struct config_key *keys, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct config_key *k = &keys[i];
        struct buf what = BUF_INIT(1024);

        describe(&what, k);
        fprintf(out, "  %s%s\n      %s\n      %s", k->name, k->required ? " (required)" : "",
                k->help ? k->help : "", buf_cstr(&what));
        if (k->dflt && k->dflt[0])
            fprintf(out, "; default: %s", k->dflt);
        fprintf(out, "\n");
        buf_release(&what);
    }
}
