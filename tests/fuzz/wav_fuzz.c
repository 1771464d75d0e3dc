/* Headers of WAV files: audio begins inside what was read, and what we write of it is read as the same. */
#include "fuzz.h"
#include "voice/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t header[WAV_HEADER_MAX];
    struct wav_info info, again;
    size_t n;

    if (wav_header_read(&info, str_n(data, size), NULL))
        return 0;
    FUZZ_HOLDS(info.data_at <= size && info.data_at <= WAV_READ_MAX);
    FUZZ_HOLDS(info.format.channels >= 1 && info.format.channels <= 2 && info.format.hz > 0);
    n = wav_header_write(header, &info.format, info.data_bytes);
    FUZZ_HOLDS(n <= WAV_HEADER_MAX && !wav_header_read(&again, str_n(header, n), NULL));
    FUZZ_HOLDS(again.format.coding == info.format.coding && again.format.hz == info.format.hz &&
               again.format.channels == info.format.channels);
    FUZZ_HOLDS(again.data_at == n && again.data_bytes == info.data_bytes);
    return 0;
}
