/* HTTP requests as the server reads them: heads, paths against route patterns, chunked bodies. A body read
 * byte by byte is the body read at once. */
#include "base/arena.h"
#include "base/buf.h"
#include "fuzz.h"
#include "net/http_parse_internal.h"

static void check_head(struct str in)
{
    static const char *const patterns[] = { "/", "/a/{x}", "/{r*}", "/v1/{t*}:publish",
                                            "/{a}/{b}/{c}:x" };
    static struct http_head head;
    struct http_param params[HTTP_PARAMS_MAX];
    size_t length = http_head_length(in), n_params, i;
    const char *why = NULL;
    struct arena a = ARENA_INIT;
    int status;

    (void)http_head_too_large(in); /* must only survive */
    if (!length)
        return;
    FUZZ_HOLDS(length <= in.n);
    status = http_head_parse(&head, str_slice(in, 0, length), &why);
    FUZZ_HOLDS((status == 0) == (why == NULL));
    for (i = 0; status == 0 && i < ARRAY_LEN(patterns); i++)
        (void)http_path_match(patterns[i], head.path, params, &n_params, &a);
    arena_release(&a);
}

static void check_chunks(struct str in)
{
    struct http_chunks whole = { 0 }, piecewise = { 0 };
    struct buf body = BUF_INIT(100), again = BUF_INIT(100);
    enum http_chunks_end end, end_again = CHUNKS_MORE;
    size_t used = 0, step = 0, at = 0;

    end = http_chunks_feed(&whole, in, &used, &body);
    while (at < in.n && end_again == CHUNKS_MORE) {
        end_again = http_chunks_feed(&piecewise, str_slice(in, at, at + 1), &step, &again);
        at += step;
    }
    FUZZ_HOLDS(in.n == 0 || end == end_again);
    FUZZ_HOLDS(end == CHUNKS_TOO_LARGE || str_eq(buf_str(&body), buf_str(&again)));
    FUZZ_HOLDS(end != CHUNKS_DONE || at == used);
    buf_release(&body);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_head(str_n(data, size));
    check_chunks(str_n(data, size));
    return 0;
}
