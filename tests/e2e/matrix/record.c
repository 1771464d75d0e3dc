#include "matrix/record.h"

#include <sys/stat.h>

#include "local_cloud/record.h"
#include "test.h"

enum { AUDIO_MAX = 40 };

static struct {
    struct clock clock;
    struct record *record;
    struct net_tap tap;
    struct net_self self;
    int audio;
} the;

static bool is_audio(struct str text)
{
    return str_starts(text, STR("{\"type\":\"input_audio_buffer.append\"")) ||
           str_starts(text, STR("{\"event\":\"media\""));
}

/* Both ends of each connection are in this process: what the peer sees is kept. */
static void on_ws(void *arg, const struct tap_ws *x)
{
    bool twilio = str_contains(x->url, STR("/media"));
    bool starts = str_contains(x->data.kept, STR("\"event\":\"start\"")) ||
                  str_contains(x->data.kept, STR("\"event\":\"connected\""));

    (void)arg;
    if (twilio != (x->side == TAP_CLIENT))
        return;
    if (x->type == TAP_WS_TEXT && is_audio(x->data.kept) && ++the.audio > AUDIO_MAX)
        return;
    if (x->in || x->type == TAP_WS_OPEN || (x->type == TAP_WS_TEXT && starts))
        record_tap(the.record)->ws(record_tap(the.record)->arg, x);
}

static void on_http(void *arg, const struct tap_http *x)
{
    (void)arg;
    (void)x;
}

static void begin(void)
{
    static const struct log none;

    the.clock = clock_system(0);
    (void)mkdir(VC_BUILD_DIR "/records",
                0777); /* it may be there; else record_create() says why not */
    (void)mkdir(VC_BUILD_DIR "/records/matrix", 0777);
    CHECK_OK(record_create(&the.record, VC_BUILD_DIR "/records/matrix/bridge.jsonl", &the.clock,
                           &none, NULL));
    the.tap = (struct net_tap){ .http = on_http, .ws = on_ws };
    the.self = (struct net_self){ "voice-concierge/media-bridge", &the.tap };
}

const struct net_self *record_self(void)
{
#ifdef VC_SANITIZED
    if (!the.record)
        begin();
    return &the.self;
#else
    (void)begin;
    return NULL;
#endif
}

void record_cell(void)
{
    the.audio = 0;
}
