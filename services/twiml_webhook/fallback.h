/* twiml_webhook/fallback.h: the last resort as a document that needs none of our services: to be served by somebody
 * else (a bucket, a TwiML Bin) as the number's fallback URL. It cannot know the hour, so it calls the first escalation
 * number at any time, and takes no message, which nobody could receive. */
#ifndef TWIML_WEBHOOK_FALLBACK_H
#define TWIML_WEBHOOK_FALLBACK_H

#define FALLBACK_OPTION "--fallback-twiml"

/* Prints it for BUSINESS_PROFILE; returns the program's exit code. */
int fallback_print(void);

#endif
