/* local_cloud/speech/spell_out.h: digits as words, for a synthesiser: "9:30" nine thirty, "14:00"
 * two p m, "3 pm", "45" forty five, "112" and phone numbers digit by digit, "$120" and "€35.50",
 * "27th". English. */
#ifndef LOCAL_CLOUD_SPEECH_SPELL_OUT_H
#define LOCAL_CLOUD_SPEECH_SPELL_OUT_H

#include "base/buf.h"
#include "base/str.h"

/* Appends `text` with its numbers written out; everything else byte for byte, but typographic
 * quotes and dashes become their ASCII relatives. */
void spell_out(struct buf *out, struct str text);
/* "forty five"; 0 to 999999, otherwise digit by digit. */
void spell_out_number(struct buf *out, long n);
/* "twenty seventh"; 1 to 99. */
void spell_out_ordinal(struct buf *out, int n);

#endif
