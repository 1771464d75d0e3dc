/* dashboard/plots.h: how long the caller had to wait, as small pictures: the first word, each
 * answer, each tool, and how soon the agent fell silent when it was interrupted. Each has its
 * middle value in words and each bar its own in a tooltip; for screen readers the picture is
 * described by its figures. */
#ifndef DASHBOARD_PLOTS_H
#define DASHBOARD_PLOTS_H

#include "dashboard/calls.h"
#include "dashboard/page.h"

enum { PLOT_FIRST_WORD_GOAL_MS = 2000 }; /* the product's promise */

/* Nothing when nothing was measured. */
void plots_write(struct page *p, const struct call_detail *d);

#endif
