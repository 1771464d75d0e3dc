#include "local_cloud/twilio/line.h"

#include <math.h>
#include <string.h>

#include "local_cloud/twilio/telephony.h"
#include "test.h"
#include "voice/g711.h"

static void silence(uint8_t *ulaw)
{
    memset(ulaw, G711_ULAW_SILENCE, PHONE_FRAME_BYTES);
}

TEST(line_without_noise_and_loss_changes_nothing)
{
    uint8_t frame[PHONE_FRAME_BYTES], before[PHONE_FRAME_BYTES];
    struct line l;
    int i;

    line_init(&l, 0, 0);
    for (i = 0; i < PHONE_FRAME_BYTES; i++)
        frame[i] = (uint8_t)i;
    memcpy(before, frame, sizeof(frame));
    CHECK(line_pass(&l, frame));
    CHECK(memcmp(frame, before, sizeof(frame)) == 0);
}

TEST(line_noise_has_the_level_asked_for)
{
    uint8_t frame[PHONE_FRAME_BYTES];
    double sum = 0;
    struct line l;
    int i;

    line_init(&l, 20, 0);
    for (i = 0; i < 200; i++) {
        silence(frame);
        CHECK(line_pass(&l, frame));
        sum += g711_ulaw_energy(frame, sizeof(frame));
    }
    /* 20 dB below a speech of 3000: 300, give or take what mu-law rounds. */
    CHECK(fabs(sqrt(sum / 200) - 300) < 30);
}

TEST(line_loses_the_share_of_packets_asked_for_and_the_same_ones_again)
{
    uint8_t frame[PHONE_FRAME_BYTES];
    struct line a, b;
    int lost = 0, i;

    line_init(&a, 0, 0.1);
    line_init(&b, 0, 0.1);
    for (i = 0; i < 5000; i++) {
        bool arrived;

        silence(frame);
        arrived = line_pass(&a, frame);
        CHECK_INT(arrived, line_pass(&b, frame));
        lost += !arrived;
    }
    CHECK(lost > 400 && lost < 600);
}

TEST(line_ringing_sounds_one_second_in_five)
{
    uint8_t frame[PHONE_FRAME_BYTES];

    tone_ringing(frame, 500);
    CHECK(g711_ulaw_energy(frame, sizeof(frame)) > 0);
    tone_ringing(frame, 1500);
    CHECK_INT(g711_ulaw_energy(frame, sizeof(frame)), 0);
    tone_ringing(frame, 5500);
    CHECK(g711_ulaw_energy(frame, sizeof(frame)) > 0);
}
