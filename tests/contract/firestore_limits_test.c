/* Sizes that Firestore takes and refuses. Source: Firestore > Quotas and limits. */
#include "script_test.h"

#define DOCS "/databases/(default)/documents"

enum { VALUE_MAX = 1048487, ID_MAX = 1500, DEPTH_MAX = 20, INDEX_ENTRIES_MAX = 40000 };

static struct str repeated(struct side *s, char c, size_t n)
{
    char *text = arena_alloc(&s->arena, n);
    size_t i;

    for (i = 0; i < n; i++)
        text[i] = c;
    return str_n(text, n);
}

/* Writes one document with these fields. */
static int put(struct side *s, struct str fields)
{
    struct http_response r =
        side_ask(s, "PATCH", DOCS "/c/a",
                 arena_printf(&s->arena, "{\"fields\":{" STR_FMT "}}", STR_ARG(fields)));
    const struct jval *v;

    EXPECT_OK(s, json_parse_arena(&v, &s->arena, r.body, &s->err));
    if (r.status != 200)
        EXPECT_STR(s, json_str(json_path(v, "error.status")), "INVALID_ARGUMENT");
    return r.status;
}

/* n fields named f0, f1…, each with the value. */
static struct str many(struct side *s, size_t n, struct str value)
{
    struct buf b = BUF_INIT(8 * MIB);
    struct str text;
    size_t i;

    for (i = 0; i < n; i++)
        buf_addf(&b, "%s\"f%zu\":" STR_FMT, i ? "," : "", i, STR_ARG(value));
    text = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static struct str text_value(struct side *s, size_t n)
{
    return arena_printf(&s->arena, "{\"stringValue\":\"" STR_FMT "\"}",
                        STR_ARG(repeated(s, 'x', n)));
}

static void long_values(struct side *s)
{
    EXPECT_INT(s, put(s, many(s, 1, text_value(s, VALUE_MAX - 1000))), 200);
    EXPECT_INT(s, put(s, many(s, 1, text_value(s, VALUE_MAX + 1))), 400);
}

static void large_documents(struct side *s)
{
    EXPECT_INT(s, put(s, many(s, 10, text_value(s, 104000))), 200);
    EXPECT_INT(s, put(s, many(s, 10, text_value(s, 105000))), 400);
    EXPECT_INT(s, put(s, many(s, 1, STR("{\"nullValue\":null}"))), 200); /* and goes on */
}

static void long_names(struct side *s)
{
    struct http_response r;
    size_t n;

    for (n = ID_MAX; n <= ID_MAX + 1; n++) {
        r = side_ask(
            s, "POST",
            arena_printf(&s->arena, DOCS "/c?documentId=" STR_FMT, STR_ARG(repeated(s, 'n', n))).p,
            STR("{}"));
        EXPECT_INT(s, r.status, n == ID_MAX ? 200 : 400);
        EXPECT_INT(s,
                   put(s, arena_printf(&s->arena, "\"" STR_FMT "\":{\"nullValue\":null}",
                                       STR_ARG(repeated(s, 'f', n)))),
                   n == ID_MAX ? 200 : 400);
    }
}

static void long_paths(struct side *s)
{
    struct str id = repeated(s, 'n', 1400);
    struct str four = arena_printf(&s->arena, STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT,
                                   STR_ARG(id), STR_ARG(id), STR_ARG(id), STR_ARG(id));
    struct str names[] = { four, arena_printf(&s->arena, STR_FMT "/c/" STR_FMT, STR_ARG(four),
                                              STR_ARG(id)) };
    struct http_response r;
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        r = side_ask(s, "POST", DOCS ":commit",
                     arena_printf(&s->arena,
                                  "{\"writes\":[{\"update\":{\"name\":\"projects/" STR_FMT DOCS
                                  "/" STR_FMT "\"}}]}",
                                  STR_ARG(s->project), STR_ARG(names[i])));
        EXPECT_INT(s, r.status, i ? 400 : 200);
    }
}

static struct str nested(struct side *s, int maps)
{
    struct buf b = BUF_INIT(64 * KIB);
    struct str text;
    int i;

    buf_add_c(&b, "\"x\":");
    for (i = 0; i < maps; i++)
        buf_add_c(&b, "{\"mapValue\":{\"fields\":{\"m\":");
    buf_add_c(&b, "{\"nullValue\":null}");
    for (i = 0; i < maps; i++)
        buf_add_c(&b, "}}}");
    text = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

/* The twentieth level is Firestore's last; ours is the nineteenth, which JSON_DEPTH_MAX leaves room for. */
static void deep_maps(struct side *s)
{
    struct http_response r;

    EXPECT_INT(s, put(s, nested(s, DEPTH_MAX + 1)), 400);
    EXPECT_INT(s, put(s, nested(s, DEPTH_MAX - 1)), 200);
    r = side_ask(s, "POST", DOCS ":batchGet",
                 arena_printf(&s->arena, "{\"documents\":[\"projects/" STR_FMT DOCS "/c/a\"]}",
                              STR_ARG(s->project)));
    EXPECT_INT(s, r.status, 200);
    EXPECT(s, str_contains(r.body, STR("nullValue")));
}

static struct str commit_of(struct side *s, size_t n, const char *rest)
{
    struct buf b = BUF_INIT(8 * MIB);
    struct str text;
    size_t i;

    buf_add_c(&b, "{\"writes\":[");
    for (i = 0; i < n; i++)
        buf_addf(&b, "%s{\"update\":{\"name\":\"projects/" STR_FMT DOCS "/w/d%zu\"}%s}",
                 i ? "," : "", STR_ARG(s->project), i, rest);
    buf_add_c(&b, "]}");
    text = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

/* There is no limit of 500 any more. */
static void many_writes(struct side *s)
{
    const struct jval *v = side_json(s, "POST", DOCS ":commit", commit_of(s, 1000, ""));

    EXPECT_INT(s, json_len(json_get(v, "writeResults")), 1000);
}

static struct str transforms(struct side *s, size_t n)
{
    struct buf b = BUF_INIT(MIB);
    struct str text;
    size_t i;

    buf_add_c(&b, ",\"updateTransforms\":[");
    for (i = 0; i < n; i++)
        buf_addf(&b, "%s{\"fieldPath\":\"f%zu\",\"increment\":{\"integerValue\":\"1\"}}",
                 i ? "," : "", i);
    buf_add_c(&b, "]");
    text = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static void transforms_taken(struct side *s)
{
    (void)side_json(s, "POST", DOCS ":commit", commit_of(s, 1, transforms(s, 500).p)); /* is 200 */
}

static void transforms_refused(struct side *s)
{
    EXPECT_INT(s, side_ask(s, "POST", DOCS ":commit", commit_of(s, 1, transforms(s, 501).p)).status,
               400);
}

static void index_entries(struct side *s)
{
    struct str one = STR("{\"integerValue\":\"1\"}");

    EXPECT_INT(s, put(s, many(s, INDEX_ENTRIES_MAX / 2, one)), 200);
    EXPECT_INT(s, put(s, many(s, INDEX_ENTRIES_MAX / 2 + 1, one)), 400);
}

static struct str list_of(struct side *s, const char *op, size_t n)
{
    struct buf b = BUF_INIT(MIB);
    struct str text;
    size_t i;

    buf_addf(
        &b,
        "{\"structuredQuery\":{\"from\":[{\"collectionId\":\"c\"}],\"where\":{\"fieldFilter\":{"
        "\"field\":{\"fieldPath\":\"n\"},\"op\":\"%s\",\"value\":{\"arrayValue\":{\"values\":[",
        op);
    for (i = 0; i < n; i++)
        buf_addf(&b, "%s{\"integerValue\":\"%zu\"}", i ? "," : "", i);
    buf_add_c(&b, "]}}}}}}");
    text = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static void long_lists(struct side *s)
{
    static const struct {
        const char *op;
        size_t most;
    } rows[] = { { "IN", 30 }, { "ARRAY_CONTAINS_ANY", 30 }, { "NOT_IN", 10 } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(
            s, side_ask(s, "POST", DOCS ":runQuery", list_of(s, rows[i].op, rows[i].most)).status,
            200);
        EXPECT_INT(
            s,
            side_ask(s, "POST", DOCS ":runQuery", list_of(s, rows[i].op, rows[i].most + 1)).status,
            400);
    }
}

TEST_CHECKS(contract_firestore_limits, NEEDS_FIRESTORE,
            { "a text of a megabyte", NULL, long_values, NULL },
            { "a document of a megabyte", NULL, large_documents, NULL },
            { "ids and names of fields of 1500 bytes", NULL, long_names, NULL },
            { "names of 6 KiB", "Google's emulator takes longer ones", long_paths, NULL },
            { "maps within maps, to a depth", NULL, deep_maps, NULL },
            { "a thousand writes in one commit", NULL, many_writes, NULL },
            { "500 transforms of a document", NULL, transforms_taken, NULL },
            { "501 transforms of a document are too many", "Google's emulator counts none",
              transforms_refused, NULL },
            { "40,000 entries in indexes", "Google's emulator counts none", index_entries, NULL },
            { "lists of 30 and of 10 values", NULL, long_lists, NULL })
