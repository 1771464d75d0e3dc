#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <yyjson.h>

#include "base/die.h"
#include "base/mem.h"

static void *heap_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return mem_alloc(size);
}

static void *heap_realloc(void *ctx, void *p, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    return mem_realloc(p, size);
}

static void heap_free(void *ctx, void *p)
{
    (void)ctx;
    mem_free(p);
}

static const yyjson_alc heap = { heap_alloc, heap_realloc, heap_free, NULL };

/* struct json is a yyjson_doc and struct jval a yyjson_val, under our names. The library's getters take
 * pointers to non-const and change nothing. */
static yyjson_doc *doc_of(const struct json *doc)
{
    return (yyjson_doc *)(uintptr_t)doc;
}

static yyjson_val *val_of(const struct jval *v)
{
    return (yyjson_val *)(uintptr_t)v;
}

static const struct jval *jval(const yyjson_val *v)
{
    return (const struct jval *)(const void *)v;
}

/* Offset of the bracket that opens one level too many, or text.n. Strings are skipped; whether the text
 * is JSON at all is the parser's business. */
static size_t find_too_deep(struct str text)
{
    size_t i, depth = 0;
    bool in_string = false;

    for (i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
            return i;
        else if (!in_string && (c == '}' || c == ']') && depth)
            depth--;
    }
    return text.n;
}

enum errc json_parse(struct json **ret, struct str text, struct err *err)
{
    size_t deep = find_too_deep(text);
    yyjson_read_err why = { 0 };
    yyjson_doc *doc;

    if (deep < text.n)
        return err_set(err, ERR_INVALID, "JSON at byte %zu: nested deeper than %d", deep,
                       JSON_DEPTH_MAX);
    if (text.n == 0)
        return err_set(err, ERR_INVALID, "JSON at byte 0: the text is empty");
    /* Without the in-situ flag the library copies the text and leaves it alone. */
    doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NOFLAG, &heap, &why);
    if (!doc)
        return err_set(err, ERR_INVALID, "JSON at byte %zu: %s", why.pos, why.msg);
    *ret = (struct json *)(void *)doc;
    return ERR_OK;
}

static void destroy_hook(void *doc)
{
    json_destroy(doc);
}

enum errc json_parse_arena(const struct jval **ret, struct arena *a, struct str text,
                           struct err *err)
{
    struct json *doc = NULL;
    enum errc rc = json_parse(&doc, text, err);

    if (rc)
        return rc;
    arena_defer(a, destroy_hook, doc);
    *ret = json_root(doc);
    return ERR_OK;
}

struct json *json_destroy(struct json *doc)
{
    yyjson_doc_free(doc_of(doc));
    return NULL;
}

const struct jval *json_root(const struct json *doc)
{
    return jval(yyjson_doc_get_root(doc_of(doc)));
}

const struct jval *json_get(const struct jval *obj, const char *key)
{
    return json_get_str(obj, str_c(key));
}

const struct jval *json_get_str(const struct jval *obj, struct str key)
{
    return jval(yyjson_obj_getn(val_of(obj), key.p ? key.p : "", key.n));
}

const struct jval *json_path(const struct jval *v, const char *path)
{
    struct str rest = str_c(path), step;
    bool more = rest.n > 0;
    int64_t at;

    while (v && more) {
        more = str_cut(rest, '.', &step, &rest);
        if (!json_is_arr(v))
            v = json_get_str(v, step);
        else if (str_to_i64(step, 0, INT32_MAX, &at) == ERR_OK)
            v = json_at(v, (size_t)at);
        else
            v = NULL;
    }
    return v;
}

const struct jval *json_at(const struct jval *arr, size_t i)
{
    return jval(yyjson_arr_get(val_of(arr), i));
}

size_t json_len(const struct jval *v)
{
    return json_is_arr(v) ? yyjson_arr_size(val_of(v)) : yyjson_obj_size(val_of(v));
}

bool json_is_obj(const struct jval *v)
{
    return yyjson_is_obj(val_of(v));
}

bool json_is_arr(const struct jval *v)
{
    return yyjson_is_arr(val_of(v));
}

bool json_is_str(const struct jval *v)
{
    return yyjson_is_str(val_of(v));
}

bool json_is_num(const struct jval *v)
{
    return yyjson_is_num(val_of(v));
}

bool json_is_int(const struct jval *v)
{
    return yyjson_is_int(val_of(v));
}

bool json_is_bool(const struct jval *v)
{
    return yyjson_is_bool(val_of(v));
}

bool json_is_null(const struct jval *v)
{
    return !v || yyjson_is_null(val_of(v));
}

struct str json_str(const struct jval *v)
{
    return json_str_or(v, STR_EMPTY);
}

struct str json_str_or(const struct jval *v, struct str dflt)
{
    if (!json_is_str(v))
        return dflt;
    return str_n(yyjson_get_str(val_of(v)), yyjson_get_len(val_of(v)));
}

bool json_bool_or(const struct jval *v, bool dflt)
{
    return json_is_bool(v) ? yyjson_get_bool(val_of(v)) : dflt;
}

/* Beyond 2^53 a double no longer says which whole number was meant. */
static int64_t whole_or(double d, int64_t dflt)
{
    static const double exact_max = 9007199254740992.0;

    if (d < -exact_max || d > exact_max || (double)(int64_t)d != d)
        return dflt;
    return (int64_t)d;
}

int64_t json_i64_or(const struct jval *v, int64_t dflt)
{
    int64_t n = dflt;

    if (json_is_str(v))
        return str_to_i64(json_str(v), INT64_MIN, INT64_MAX, &n) ? dflt : n;
    if (yyjson_is_real(val_of(v)))
        return whole_or(yyjson_get_real(val_of(v)), dflt);
    if (!json_is_int(v) || (yyjson_is_uint(val_of(v)) && yyjson_get_uint(val_of(v)) > INT64_MAX))
        return dflt;
    return yyjson_get_sint(val_of(v));
}

double json_num_or(const struct jval *v, double dflt)
{
    return json_is_num(v) ? yyjson_get_num(val_of(v)) : dflt;
}

enum errc json_need_str(const struct jval *obj, const char *key, struct str *ret, struct err *err)
{
    struct str s = json_str(json_get(obj, key));

    if (s.n == 0)
        return err_set(err, ERR_INVALID, "\"%s\" must be a non-empty string", key);
    *ret = s;
    return ERR_OK;
}

struct json_iter json_iter(const struct jval *container)
{
    yyjson_val *v = val_of(container);
    struct json_iter it = { 0 };

    if (!json_len(container))
        return it;
    it.container = container;
    it.next = unsafe_yyjson_get_first(v);
    return it;
}

/* The library lays out an object as key, value, key, value…, each value with all that it holds. */
bool json_next(struct json_iter *it, struct str *key, const struct jval **val)
{
    const struct jval *at = it->next;

    if (it->at >= json_len(it->container))
        return false;
    it->at++;
    if (key)
        *key = json_is_obj(it->container) ? json_str(at) : STR_EMPTY;
    if (json_is_obj(it->container))
        at = jval(val_of(at) + 1);
    *val = at;
    it->next = unsafe_yyjson_get_next(val_of(at));
    return true;
}

/* Text that the library wrote for a value; NULL is null. For mem_free(). */
static char *val_write(const struct jval *v, size_t *n)
{
    char *p;

    if (!v) {
        *n = strlen("null");
        return mem_strdup("null");
    }
    p = yyjson_val_write_opts(val_of(v), YYJSON_WRITE_NOFLAG, &heap, n, NULL);
    if (!p)
        die("a parsed JSON value cannot be written");
    return p;
}

void json_write_val(struct buf *out, const struct jval *v)
{
    size_t n;
    char *p = val_write(v, &n);

    buf_add(out, p, n);
    mem_free(p);
}

struct str json_val_text(struct arena *a, const struct jval *v)
{
    size_t n;
    char *p = val_write(v, &n);
    struct str text = arena_str(a, str_n(p, n));

    mem_free(p);
    return text;
}

/* Builder */

static yyjson_mut_doc *doc_being_built(struct jw *w)
{
    return w->doc;
}

/* Copies; each byte that begins no valid character becomes U+FFFD. */
static yyjson_mut_val *mended(struct jw *w, struct str s)
{
    struct buf b = BUF_INIT(SIZE_MAX / 2);
    yyjson_mut_val *v;

    while (s.n) {
        size_t len = str_utf8_next(s);

        if (len)
            buf_add(&b, s.p, len);
        else
            buf_add_c(&b, "\xef\xbf\xbd");
        s = str_from(s, MAX(len, (size_t)1));
    }
    v = yyjson_mut_strncpy(doc_being_built(w), buf_cstr(&b), b.n);
    buf_release(&b);
    return v;
}

static yyjson_mut_val *text_val(struct jw *w, struct str s)
{
    if (!str_utf8_valid(s))
        return mended(w, s);
    return yyjson_mut_strncpy(doc_being_built(w), s.p ? s.p : "", s.n);
}

/* Puts `v` where the builder stands. `key` is NULL exactly in arrays and at the root. */
static void put(struct jw *w, const struct str *key, yyjson_mut_val *v)
{
    yyjson_mut_doc *doc = doc_being_built(w);
    yyjson_mut_val *in = w->depth ? w->stack[w->depth - 1] : NULL;

    if (!in) {
        assert(!key && !yyjson_mut_doc_get_root(doc));
        yyjson_mut_doc_set_root(doc, v);
    } else if (yyjson_mut_is_obj(in)) {
        assert(key);
        yyjson_mut_obj_add(in, text_val(w, *key), v);
    } else {
        assert(!key);
        yyjson_mut_arr_append(in, v);
    }
}

static void put_c(struct jw *w, const char *key, yyjson_mut_val *v)
{
    struct str k = str_c(key);

    put(w, key ? &k : NULL, v);
}

static void push(struct jw *w, yyjson_mut_val *container)
{
    assert(w->depth < JSON_DEPTH_MAX);
    w->stack[w->depth++] = container;
}

void jw_init(struct jw *w)
{
    *w = (struct jw){ .doc = yyjson_mut_doc_new(&heap) };
}

void jw_release(struct jw *w)
{
    yyjson_mut_doc_free(doc_being_built(w));
    *w = (struct jw){ 0 };
}

void jw_obj(struct jw *w, const char *key)
{
    yyjson_mut_val *v = yyjson_mut_obj(doc_being_built(w));

    put_c(w, key, v);
    push(w, v);
}

void jw_arr(struct jw *w, const char *key)
{
    yyjson_mut_val *v = yyjson_mut_arr(doc_being_built(w));

    put_c(w, key, v);
    push(w, v);
}

void jw_end(struct jw *w)
{
    assert(w->depth > 0);
    w->depth--;
}

void jw_str(struct jw *w, const char *key, struct str v)
{
    put_c(w, key, text_val(w, v));
}

void jw_cstr(struct jw *w, const char *key, const char *v)
{
    if (v)
        jw_str(w, key, str_c(v));
    else
        jw_null(w, key);
}

void jw_strf(struct jw *w, const char *key, const char *fmt, ...)
{
    struct buf b = BUF_INIT(SIZE_MAX / 2);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    jw_str(w, key, buf_str(&b));
    buf_release(&b);
}

void jw_i64(struct jw *w, const char *key, int64_t v)
{
    put_c(w, key, yyjson_mut_sint(doc_being_built(w), v));
}

void jw_num(struct jw *w, const char *key, double v)
{
    if (isfinite(v))
        put_c(w, key, yyjson_mut_real(doc_being_built(w), v));
    else
        jw_null(w, key); /* JSON has neither infinity nor NaN */
}

void jw_bool(struct jw *w, const char *key, bool v)
{
    put_c(w, key, yyjson_mut_bool(doc_being_built(w), v));
}

void jw_null(struct jw *w, const char *key)
{
    put_c(w, key, yyjson_mut_null(doc_being_built(w)));
}

static yyjson_mut_val *copied(struct jw *w, const struct jval *v)
{
    return v ? yyjson_val_mut_copy(doc_being_built(w), val_of(v))
             : yyjson_mut_null(doc_being_built(w));
}

void jw_val(struct jw *w, const char *key, const struct jval *v)
{
    put_c(w, key, copied(w, v));
}

void jw_key_obj(struct jw *w, struct str key)
{
    yyjson_mut_val *v = yyjson_mut_obj(doc_being_built(w));

    put(w, &key, v);
    push(w, v);
}

void jw_key_str(struct jw *w, struct str key, struct str v)
{
    put(w, &key, text_val(w, v));
}

void jw_key_val(struct jw *w, struct str key, const struct jval *v)
{
    put(w, &key, copied(w, v));
}

/* For mem_free(). */
static char *doc_write(struct jw *w, size_t *n)
{
    char *p;

    assert(w->depth == 0);
    p = yyjson_mut_write_opts(doc_being_built(w), YYJSON_WRITE_NOFLAG, &heap, n, NULL);
    if (!p)
        die("the JSON builder holds no value");
    return p;
}

void jw_text(struct jw *w, struct buf *out)
{
    size_t n;
    char *p = doc_write(w, &n);

    buf_add(out, p, n);
    mem_free(p);
}

struct str jw_finish(struct jw *w, struct arena *a)
{
    size_t n;
    char *p = doc_write(w, &n);
    struct str text = arena_str(a, str_n(p, n));

    mem_free(p);
    jw_release(w);
    return text;
}
