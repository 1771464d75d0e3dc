/* Keys that the caller presses (DTMF): collected, then told to the engine as text. Source: Twilio docs, Media
 * Streams > WebSocket messages > dtmf: one message for each key. */
#include <string.h>

#include "base/buf.h"
#include "media_bridge/call_internal.h"

static bool is_key(struct str digit)
{
    return digit.n == 1 && strchr("0123456789*#ABCD", digit.p[0]);
}

static void begin(struct call *c)
{
    c->keys.open = true;
    c->keys.n = 0;
    c->keys.begun_ms = call_at_ms(c);
    c->caller_speaks = true;
    c->silence_prompts = 0;
    c->voiced_since_us = c->voiced_until_us = 0; /* not the voice is answered now */
    timer_stop(&c->silence_timer);
    call_farewell_on_speech(c);
}

static void write_down(struct call *c, struct str text)
{
    struct buf id = BUF_INIT(VOICE_ID_MAX);

    buf_addf(&id, "keys-%d", ++c->keys.entries);
    (void)journal_caller_started(c->journal, buf_str(&id), c->keys.begun_ms);
    journal_caller_stopped(c->journal, buf_str(&id), call_at_ms(c));
    journal_caller_text(c->journal, buf_str(&id), text, true);
    buf_release(&id);
    log_info(&c->log, "keys pressed n=%zu", c->keys.n); /* which ones may be a secret */
}

/* The entry is over, and its place in the conversation is here. */
static void close_entry(struct call *c, bool tell)
{
    struct buf text = BUF_INIT(CALL_KEYS_MAX + 64);

    buf_addf(&text, "[pressed on the telephone keypad: %.*s]", (int)c->keys.n, c->keys.text);
    timer_stop(&c->keys.timer);
    c->keys.open = false;
    c->caller_speaks = false;
    write_down(c, buf_str(&text));
    /* Without an engine the journal has it, for the next one. */
    if (tell && c->engine_ready && c->ops->remember(c->engine, VOICE_CALLER, buf_str(&text)))
        log_warn(&c->log, "keys not given to the engine");
    buf_release(&text);
}

static void finish(struct call *c)
{
    if (c->state != CALL_TALKING) { /* nobody is there yet who could be told */
        timer_start(&c->keys.timer, c->bridge->settings->dtmf_timeout_ms);
        return;
    }
    close_entry(c, true);
    c->answer_owed = true;
    c->answer_tag = 0; /* what runs was asked for before */
    if (c->engine_ready)
        turn_respond(c->turn, call_now_us(c));
    call_wait_begin(c);
    turn_on_keys(c->turn, false, call_now_us(c));
    call_pump(c);
}

static void on_timeout(void *arg)
{
    finish(arg);
}

void call_keys_press(struct call *c, struct str digit)
{
    bool ends;

    if (!is_key(digit) || (c->state != CALL_STARTING && c->state != CALL_TALKING))
        return;
    if (!c->keys.open)
        begin(c);
    ends = digit.p[0] == '#';
    if (c->keys.n < CALL_KEYS_MAX && (!ends || c->keys.n == 0))
        c->keys.text[c->keys.n++] = digit.p[0];
    turn_on_keys(c->turn, true, call_now_us(c));
    if (ends || c->keys.n == CALL_KEYS_MAX)
        finish(c);
    else
        timer_start(&c->keys.timer, c->bridge->settings->dtmf_timeout_ms);
    call_pump(c);
}

void call_keys_end(struct call *c)
{
    if (c->keys.open)
        close_entry(c, false);
}

void call_keys_init_timer(struct call *c)
{
    timer_init(&c->keys.timer, c->loop, on_timeout, c);
}
