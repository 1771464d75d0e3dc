/* Media Streams messages: audio is bounded, and what we write of it is read as the same. */
#include "twilio/media_stream.h"

#include "base/buf.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct media_reader reader;
    static char out[2 * MEDIA_AUDIO_BYTES_MAX];
    struct media_msg msg;

    media_reader_init(&reader);
    if (!media_parse(&reader, str_n(data, size), &msg, NULL) && msg.kind == MEDIA_AUDIO) {
        FUZZ_HOLDS(msg.ulaw_n <= MEDIA_AUDIO_BYTES_MAX);
        size_t n = media_write_audio(out, sizeof(out), STR("MZ0"), msg.ulaw, msg.ulaw_n);
        FUZZ_HOLDS(n > 0 || media_audio_size(STR("MZ0"), msg.ulaw_n) > sizeof(out));
    }
    media_reader_release(&reader);
    return 0;
}
