/* dashboard/conversation.h: what was said and done, in order: turns with their speaker, uses of
 * tools with arguments and result folded away, where the call was resumed; beside it what the
 * recording's transcript has. Every time is a link into the recording, which the script turns into
 * a jump of the player. */
#ifndef DASHBOARD_CONVERSATION_H
#define DASHBOARD_CONVERSATION_H

#include "dashboard/calls.h"
#include "dashboard/page.h"
#include "dashboard/transcript.h"

struct conversation {
    const struct call_detail *detail;
    const struct transcript *transcript; /* NULL: none, `no_transcript` says why */
    struct str no_transcript;
    int64_t lead_ms; /* recording before the first stream */
};
void conversation_write(struct page *p, const struct conversation *c);

#endif
