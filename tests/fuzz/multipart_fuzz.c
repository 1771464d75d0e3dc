/* Uploads as the stand-in transcription endpoint reads them: parts are views of the body. The first line is
 * the Content-Type, the rest the body. */
#include "fuzz.h"
#include "local_cloud/engine/multipart.h"

static void inside(struct str part, struct str body)
{
    FUZZ_HOLDS(!part.n || (part.p >= body.p && part.p + part.n <= body.p + body.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str type, body;
    struct multipart m;
    size_t i;

    if (!str_cut(str_n(data, size), '\n', &type, &body) || multipart_parse(&m, type, body))
        return 0;
    FUZZ_HOLDS(m.n <= MULTIPART_PARTS_MAX);
    for (i = 0; i < m.n; i++) {
        inside(m.parts[i].data, body);
        inside(m.parts[i].name, body);
        inside(m.parts[i].filename, body);
        inside(m.parts[i].content_type, body);
    }
    return 0;
}
