/* A response's speech: sentence by sentence from the synthesiser, several times faster than it plays, in
 * pieces of irregular length, the words a little ahead of the voice. */
#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/response_internal.h"

enum {
    TICK_SHORTEST_MS = 30,
    TICK_LONGEST_MS = 130,
};

struct speak_job {
    struct speech_job job;
    char response_id[API_ID_MAX];
    size_t sentence;
    char *text, *voice;
    struct buf ulaw;
    struct err err;
};

static void speech_next(struct response *r);

static struct str agent_voice(const struct response *r)
{
    static const char *const low[] = { "ash", "ballad", "echo", "verse", "cedar" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(low); i++) {
        if (str_eq_c(r->output.voice, low[i]))
            return STR("rms");
    }
    return STR("slt");
}

static void speak_run(struct speech_job *j, struct ctx *ctx)
{
    struct speak_job *s = CONTAINER_OF(j, struct speak_job, job);

    (void)ctx;
    s->err.code = synth_ulaw(j->engine->synth, str_c(s->voice), str_c(s->text), &s->ulaw, &s->err);
}

static void speak_done(struct speech_job *j)
{
    struct speak_job *s = CONTAINER_OF(j, struct speak_job, job);
    struct response *r = response_find(j->rt, s->response_id);

    if (!r || r->state == TRAILS)
        return;
    if (s->err.code) {
        log_error(&j->rt->log, "engine: not spoken session=%s: %s", j->rt->id, s->err.text);
        response_end(r, "failed", "server_error");
        return;
    }
    buf_add_str(&r->ulaw, buf_str(&s->ulaw));
    r->sentences[s->sentence].audio_end = r->ulaw.n;
    r->sentences[s->sentence].spoken = true;
    r->n_spoken++;
    if (!timer_running(&r->tick))
        timer_start(&r->tick, r->n_spoken == 1 ? r->rt->fault.first_audio_ms : 0);
    speech_next(r); /* last: it may end the response */
}

static void speak_free(struct speech_job *j)
{
    struct speak_job *s = CONTAINER_OF(j, struct speak_job, job);

    buf_release(&s->ulaw);
    mem_free(s->text);
    mem_free(s->voice);
    mem_free(s);
}

/* One sentence at a time, so that the first is heard while the next are made. */
static void speech_next(struct response *r)
{
    struct speak_job *s;
    struct str voice;

    if (r->n_spoken >= r->n_sentences)
        return;
    s = MEM_NEW(struct speak_job);
    s->job.run = speak_run;
    s->job.done = speak_done;
    s->job.free = speak_free;
    (void)str_copy(s->response_id, sizeof(s->response_id), str_c(r->id)); /* same size */
    s->sentence = r->n_spoken;
    s->text = mem_str_dup(r->sentences[s->sentence].text);
    voice = agent_voice(r);
    s->voice = mem_str_dup(voice);
    buf_init(&s->ulaw, RESPONSE_SPEECH_MAX);
    if (!speech_job_start(r->rt, &s->job))
        response_end(r, "failed", "server_error");
}

static void sentences_split(struct response *r)
{
    struct str rest = r->reply.text;

    while (rest.n > 0 && r->n_sentences < RESPONSE_SENTENCES_MAX) {
        size_t n = r->n_sentences + 1 < RESPONSE_SENTENCES_MAX ? sentence_first(rest) : rest.n;

        r->sentences[r->n_sentences++].text = str_slice(rest, 0, n);
        rest = str_from(rest, n);
    }
}

/* The words that belong to the audio sent so far: a sentence's share, up to a word's end. */
static size_t text_due(const struct response *r)
{
    size_t text = 0, audio = 0, i;

    for (i = 0; i < r->n_sentences && r->sentences[i].spoken; i++) {
        const struct sentence *s = &r->sentences[i];
        size_t share;

        if (r->sent >= s->audio_end) {
            text += s->text.n;
            audio = s->audio_end;
            continue;
        }
        share = s->text.n * (r->sent - audio) / (s->audio_end - audio);
        while (share < s->text.n && s->text.p[share] != ' ')
            share++;
        return text + share;
    }
    return text;
}

struct str response_said(const struct response *r)
{
    return str_slice(r->reply.text, 0, r->text_sent);
}

static void text_send(struct response *r, size_t due)
{
    struct str delta = str_slice(r->reply.text, r->text_sent, due);

    if (delta.n == 0)
        return;
    if (!r->message->cut)
        buf_add_str(&r->message->text, delta);
    r->text_sent = due;
    response_text_event(r,
                        r->output.text_only ? "response.output_text.delta"
                                            : "response.output_audio_transcript.delta",
                        "delta", delta);
}

static void audio_send(struct response *r, size_t n)
{
    struct buf bytes = BUF_INIT(RESPONSE_SPEECH_MAX * (size_t)(CODEC_RATIO * 2));
    char *text;
    size_t from = r->sent;

    r->sent += n;
    if (!r->message->cut)
        r->message->audio_ms = (int64_t)r->sent / ULAW_BYTES_PER_MS;
    text_send(r, text_due(r)); /* the words run a little ahead of the voice */
    codec_encode(r->output.format, (const uint8_t *)r->ulaw.p, r->ulaw.n, from, r->sent, &bytes);
    text = mem_alloc(BASE64_LEN(bytes.n));
    response_text_event(r, "response.output_audio.delta", "delta",
                        str_n(text, base64_encode(text, bytes.p, bytes.n)));
    mem_free(text);
    buf_release(&bytes);
}

static size_t tokens_left(const struct response *r)
{
    size_t most = (size_t)r->output.max_output_tokens * AUDIO_TOKEN_MS * ULAW_BYTES_PER_MS;

    if (!r->output.max_output_tokens)
        return SIZE_MAX;
    return most > r->sent ? most - r->sent : 0;
}

void response_all_said(struct response *r)
{
    text_send(r, r->reply.text.n);
    response_message_end(r, "completed");
    response_calls_emit(r);
    response_end(r, "completed", NULL);
}

static void trail(struct response *r)
{
    size_t n = (size_t)response_random(200, 1600);

    if (r->late-- > 0 && r->sent < r->ulaw.n) {
        audio_send(r, MIN(r->ulaw.n - r->sent, n));
        timer_start(&r->tick, response_random(TRAIL_SOONEST_MS, TRAIL_LATEST_MS));
        return;
    }
    response_end(r, "cancelled", r->reason);
}

static void speak_on(struct response *r)
{
    int64_t pause = response_random(TICK_SHORTEST_MS, TICK_LONGEST_MS);
    size_t n = (size_t)(pause * ULAW_BYTES_PER_MS * r->speed / 10);

    n = MIN(n, r->ulaw.n - r->sent);
    if (n > tokens_left(r)) {
        if (tokens_left(r) > 0)
            audio_send(r, tokens_left(r));
        response_end(r, "incomplete", "max_output_tokens");
        return;
    }
    if (n > 0)
        audio_send(r, n);
    if (r->rt->fault.stall_response_ms > 0 && !r->stalled_once &&
        r->sent >= (size_t)1000 * ULAW_BYTES_PER_MS) {
        r->stalled_once = true;
        pause = r->rt->fault.stall_response_ms;
    }
    if (r->sent < r->ulaw.n)
        timer_start(&r->tick, pause);
    else if (r->n_spoken == r->n_sentences)
        response_all_said(r);
    /* otherwise the next sentence starts it again */
}

void response_on_tick(void *arg)
{
    struct response *r = arg;

    switch (r->state) {
    case WAITS:
        response_end(r, "failed", r->rt->fault.fail_code ? r->rt->fault.fail_code : "server_error");
        break;
    case SPEAKS:
        speak_on(r);
        break;
    case TRAILS:
        trail(r);
        break;
    }
}

void response_speak(struct response *r)
{
    sentences_split(r);
    speech_next(r); /* last: it may end the response */
}
