/* concierge/speech_text.h: dates, times and numbers as they are spoken, in English, in the business's own
 * time: what a tool's sentence says must not depend on how a voice reads "2026-11-26" or "13:30". */
#ifndef CONCIERGE_SPEECH_TEXT_H
#define CONCIERGE_SPEECH_TEXT_H

#include "base/buf.h"
#include "base/str.h"
#include "concierge/profile.h"
#include "concierge/zone.h"

const char *speech_weekday(int weekday); /* "Thursday" */
const char *speech_month(int month);
void speech_number(struct buf *out, int n);       /* "forty two"; 0 to 9999 */
void speech_ordinal(struct buf *out, int n);      /* "twenty sixth"; 1 to 99 */
void speech_date(struct buf *out, struct date d); /* "Thursday, November twenty sixth" */
/* With "today, " or "tomorrow, " in front where it is. */
void speech_date_near(struct buf *out, struct date d, struct date today);
void speech_time(struct buf *out, int minute); /* "nine thirty in the morning", "noon" */
void speech_span(struct buf *out,
                 struct day_span s); /* "from nine in the morning to twelve thirty" */
void speech_duration(struct buf *out, int minutes); /* "one and a half hours" */
/* Digits one by one in groups: "plus four nine, three zero, one two three". */
void speech_phone(struct buf *out, struct str e164);
/* The last four digits, for "the number ending in …". */
void speech_phone_ending(struct buf *out, struct str e164);
void speech_list(struct buf *out, const struct str *items, size_t n,
                 const char *last); /* "a, b or c" */

#endif
