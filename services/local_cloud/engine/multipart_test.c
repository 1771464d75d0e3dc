#include "local_cloud/engine/multipart.h"

#include "test.h"

#define TYPE STR("multipart/form-data; boundary=\"--x\"")

TEST(multipart_reads_fields_and_files)
{
    struct multipart m;

    CHECK_OK(multipart_parse(
        &m, TYPE,
        STR("preamble\r\n----x\r\nContent-Disposition: form-data; "
            "name=\"model\"\r\n\r\nwhisper-1\r\n----x\r\n"
            "content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: "
            "audio/wav\r\n\r\n\r\n--\0\r\n\r\n----x--\r\n")));
    CHECK_INT(m.n, 2);
    CHECK_STR(multipart_find(&m, "model")->data, "whisper-1");
    CHECK_STR(multipart_find(&m, "file")->filename, "a.wav");
    CHECK_STR(multipart_find(&m, "file")->content_type, "audio/wav");
    CHECK_INT(multipart_find(&m, "file")->data.n, 7);
    CHECK(multipart_find(&m, "none") == NULL);
}

TEST(multipart_refuses_what_does_not_keep_its_boundary)
{
    static const char *const bodies[] = {
        "",
        "----x",
        "----x\r\n",
        "----x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end",
        "----x\r\nno colon\r\n\r\nv\r\n----x--",
        "----x\r\n\r\nv\r\n----x",
        "----x\r\nA: b",
    };
    struct multipart m;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bodies); i++)
        CHECK_RC(ERR_INVALID, multipart_parse(&m, TYPE, str_c(bodies[i])));
    CHECK_RC(ERR_INVALID, multipart_parse(&m, STR("multipart/form-data"), STR("----x--")));
    CHECK_RC(ERR_INVALID,
             multipart_parse(&m, STR("application/json; boundary=--x"), STR("----x--")));
}
