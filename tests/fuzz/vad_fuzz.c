/* The audio of a line, in pieces of any length: the first byte says how long, whether over the agent's voice
 * changes with each. */
#include "base/macros.h"
#include "fuzz.h"
#include "voice/vad.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t piece = size ? (size_t)data[0] + 1 : 1;
    struct vad *v = vad_create(0);
    const struct vad_now *now = vad_now(v);
    size_t at;

    for (at = 1; at < size; at += piece) {
        vad_hear(v, data + at, MIN(piece, size - at), (at / piece) % 2 == 0);
        FUZZ_HOLDS(now->ms >= 0 && now->voiced_ms >= 0 && now->voiced_ms <= now->ms);
        FUZZ_HOLDS(now->onset_ms + now->ms <= vad_position_ms(v));
    }
    FUZZ_HOLDS(vad_position_ms(v) == (int64_t)((size ? size - 1 : 0) / 160 * VAD_FRAME_MS));
    vad_destroy(v);
    return 0;
}
