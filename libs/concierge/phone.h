/* concierge/phone.h: telephone numbers as people say them. Source: ITU-T E.164. */
#ifndef CONCIERGE_PHONE_H
#define CONCIERGE_PHONE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* "double five, oh, treble two", "+49 30 123-45", "030 123 45" to "+493012345". A number in national form
 * gets the country code of `national` (E.164; may be empty). ERR_INVALID: no complete number. */
MUST_USE enum errc phone_normalise(struct str *ret, struct arena *a, struct str said,
                                   struct str national);

#endif
