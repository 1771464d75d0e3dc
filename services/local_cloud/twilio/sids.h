/* local_cloud/twilio/sids.h: Twilio's ids: two letters and 32 hexadecimal digits, at random. */
#ifndef LOCAL_CLOUD_TWILIO_SIDS_H
#define LOCAL_CLOUD_TWILIO_SIDS_H

enum { SID_SIZE = 36 }; /* 34 characters, NUL, one to spare */

void sid_make(char out[SID_SIZE], const char *prefix);

#endif
