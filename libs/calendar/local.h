/* calendar/local.h: the maker "local": a calendar kept in Firestore, for businesses without one and for
 * work on one machine. One document for each event:
 *   localCalendars/{calendar}/events/{id}: start, end (timestamps), allDay, summary, description, timeZone,
 *   callSid, createdAt
 * Whoever else writes such documents (staff, tests) is seen as busy. */
#ifndef CALENDAR_LOCAL_H
#define CALENDAR_LOCAL_H

#include "calendar/calendar.h"

/* Longer events are not found by a search that begins inside them. */
enum { CALENDAR_LOCAL_EVENT_MAX_DAYS = 31 };

extern const struct calendar_ops calendar_local;

#endif
