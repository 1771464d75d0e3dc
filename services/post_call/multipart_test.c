#include "post_call/multipart.h"

#include "base/arena.h"
#include "test.h"

TEST(multipart_writes_fields_and_a_file)
{
    struct arena a = ARENA_INIT;
    struct multipart m;
    struct str body, want;

    multipart_init(&m, 4096);
    multipart_begin(&m);
    multipart_field(&m, "model", STR("gpt-transcribe"));
    multipart_file(&m, "file", "audio.wav", "audio/wav");
    buf_add_c(&m.body, "RIFF");
    CHECK_OK(multipart_end(&m, &body, NULL));
    want =
        arena_printf(&a,
                     "--%s\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"
                     "gpt-transcribe\r\n"
                     "--%s\r\nContent-Disposition: form-data; name=\"file\"; "
                     "filename=\"audio.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--%s--\r\n",
                     m.boundary, m.boundary, m.boundary);
    CHECK_STR(body, want.p);
    CHECK_CONTAINS(str_c(m.content_type), "multipart/form-data; boundary=");
    CHECK(str_ends(str_c(m.content_type), str_c(m.boundary)));
    multipart_release(&m);
    arena_release(&a);
}

TEST(multipart_refuses_what_would_break_out_of_a_field)
{
    static const char *const values[] = { "a\r\nb", "a\"b", "a\nb", "\x7f" };
    struct multipart m;
    struct str body;
    size_t i;

    multipart_init(&m, 4096);
    for (i = 0; i < ARRAY_LEN(values); i++) {
        multipart_begin(&m);
        multipart_field(&m, "model", str_c(values[i]));
        CHECK_RC(ERR_INVALID, multipart_end(&m, &body, NULL));
    }
    multipart_begin(&m); /* and is well again */
    multipart_field(&m, "model", STR("x"));
    CHECK_OK(multipart_end(&m, &body, NULL));
    multipart_release(&m);
}

TEST(multipart_stays_within_its_maximum)
{
    struct multipart m;
    struct str body;

    multipart_init(&m, 64);
    multipart_begin(&m);
    multipart_field(&m, "model", STR("gpt-transcribe"));
    CHECK_RC(ERR_LIMIT, multipart_end(&m, &body, NULL));
    multipart_release(&m);
}
