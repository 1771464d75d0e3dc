#include "twiml_webhook/handlers.h"
#include "twiml_webhook/webhook.h"

#define TWILIO_BODY_MAX (64 * KIB)

const struct http_route webhook_routes[] = {
    { HTTP_POST, "/voice/incoming", TWILIO_BODY_MAX, webhook_admit, on_voice_incoming, false },
    { HTTP_POST, "/voice/continue", TWILIO_BODY_MAX, webhook_admit, on_voice_continue, false },
    { HTTP_POST, "/voice/dialed", TWILIO_BODY_MAX, webhook_admit, on_voice_dialed, false },
    { HTTP_POST, "/voice/voicemail", TWILIO_BODY_MAX, webhook_admit, on_voice_voicemail, false },
    { HTTP_POST, "/voice/status", TWILIO_BODY_MAX, webhook_admit, on_voice_status, false },
    { HTTP_POST, "/voice/recording", TWILIO_BODY_MAX, webhook_admit, on_voice_recording, false },
    { HTTP_POST, "/voice/fallback", TWILIO_BODY_MAX, webhook_admit, on_voice_fallback, false },
};
const size_t n_webhook_routes = ARRAY_LEN(webhook_routes);
