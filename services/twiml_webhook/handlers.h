/* twiml_webhook/handlers.h: one handler for each thing that Twilio asks or tells. All may be asked again with
 * the same content, and do the same then. */
#ifndef TWIML_WEBHOOK_HANDLERS_H
#define TWIML_WEBHOOK_HANDLERS_H

struct http_req;

/* Call control: answered with TwiML. */
void on_voice_incoming(void *app, struct http_req *r);
void on_voice_continue(void *app, struct http_req *r);
void on_voice_dialed(void *app, struct http_req *r);
void on_voice_voicemail(void *app, struct http_req *r);
void on_voice_fallback(void *app, struct http_req *r);
/* Callbacks: answered 204; 503 when the event could not be handed on, so that Twilio repeats. */
void on_voice_status(void *app, struct http_req *r);
void on_voice_recording(void *app, struct http_req *r);

#endif
