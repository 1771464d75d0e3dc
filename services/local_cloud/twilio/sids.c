#include "local_cloud/twilio/sids.h"

#include "base/crypto.h"

void sid_make(char out[SID_SIZE], const char *prefix)
{
    uint8_t random[16];

    random_bytes(random, sizeof(random));
    out[0] = prefix[0];
    out[1] = prefix[1];
    hex_encode(out + 2, random, sizeof(random));
}
