/* dashboard/timeline.h: one call as one picture: lanes for the agent's speech, the caller's and
 * the tools, marks where the agent was interrupted and where the call was resumed. SVG without a
 * view box: positions are percent of the width, heights are pixels, so it fits every width without
 * stretching its text. The script moves #position along with the player. */
#ifndef DASHBOARD_TIMELINE_H
#define DASHBOARD_TIMELINE_H

#include "dashboard/calls.h"
#include "dashboard/page.h"

/* Length of the picture: the call's, or its recording's where that is longer; 0: nothing to show.
 * `lead_ms`: how much of the recording lies before the first stream. */
int64_t timeline_length_ms(const struct call_detail *d, int64_t lead_ms);
void timeline_write(struct page *p, const struct call_detail *d, int64_t lead_ms);

/* --- shared with the plots ---------------------------------------------- */

struct svg_bar {
    double from, to; /* of `whole` */
    int y, height;
    const char *class_name;
    struct str title; /* shown when pointed at */
};
void svg_bar_write(struct page *p, const struct svg_bar *b, double whole);

#endif
