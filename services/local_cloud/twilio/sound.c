/* <Play> of a URL: a WAV file becomes the mu-law that is played. Other sounds that Twilio takes (MP3 and so on)
 * are not read here. */
#include "base/mem.h"
#include "local_cloud/twilio/call.h"
#include "voice/g711.h"
#include "voice/wav.h"

struct sound {
    struct phone_call *call;
    uint64_t epoch;
    int64_t loops;
};

/* The first channel of one moment, as mu-law. */
static uint8_t sample_at(const struct wav_info *wav, const uint8_t *audio, size_t i)
{
    const uint8_t *p = audio + i * wav_frame_bytes(&wav->format);

    switch (wav->format.coding) {
    case WAV_ULAW:
        return p[0];
    case WAV_ALAW:
        return g711_linear_to_ulaw(g711_alaw_to_linear(p[0]));
    case WAV_PCM16:
        break;
    }
    return g711_linear_to_ulaw((int16_t)(p[0] | p[1] << 8));
}

static void add_sound(struct buf *out, const struct wav_info *wav, struct str file)
{
    const uint8_t *audio = (const uint8_t *)file.p + wav->data_at;
    size_t bytes = MIN(file.n - wav->data_at, (size_t)wav->data_bytes);
    size_t n = bytes / wav_frame_bytes(&wav->format), i;

    for (i = 0; i * (size_t)wav->format.hz / G711_HZ < n && !buf_status(out); i++)
        buf_add_char(out, (char)sample_at(wav, audio, i * (size_t)wav->format.hz / G711_HZ));
}

static void on_sound(void *arg, const struct webhook_answer *answer)
{
    struct sound *s = arg;
    struct phone_call *c = s->call;
    struct err err = ERR_INIT;
    struct wav_info wav;

    c->pending--;
    if (!c->t->closing && !c->over && s->epoch == c->epoch) {
        buf_reset(&c->play);
        if (!answer->ok) {
            log_warn(&c->log, "error %d: <Play>: the sound cannot be had", answer->error_code);
        } else if (wav_header_read(&wav, answer->body, &err)) {
            log_warn(&c->log, "<Play>: not a sound that is read here: skipped error=\"%s\"",
                     err.text);
        } else {
            for (; s->loops > 0; s->loops--)
                add_sound(&c->play, &wav, answer->body);
        }
        call_play(c, call_next); /* a sound that is not there takes no time */
    }
    mem_free(s);
}

void call_play_sound(struct phone_call *c, struct str url, int64_t loops)
{
    struct arena a = ARENA_INIT;
    struct sound *s = MEM_NEW(struct sound);

    s->call = c;
    s->epoch = c->epoch;
    s->loops = loops;
    c->pending++;
    webhook_fetch_sound(c->t->workers, c->t->auth_token,
                        webhook_resolve(&a, str_c(c->document_url), url), on_sound, s);
    arena_release(&a);
}
