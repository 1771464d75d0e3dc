/* turns/report.h: what the table and the plot share. */
#ifndef TURNS_REPORT_H
#define TURNS_REPORT_H

#include "base/buf.h"
#include "turns/turns.h"

/* A row of the table by its key, and its goal (0: none); -1: nothing was played. */
double report_rate(const struct bench *b, const char *key, enum turns_mode mode, double *goal);
/* Times to the first silence, ascending; room for each overlap. Returns how many. */
size_t report_stops(const struct bench *b, enum turns_mode mode, double *out);
/* An SVG: rates as bars, stop times as a distribution; the bridge beside the engine alone. In plot.c. */
void plot_draw(const struct bench *b, struct buf *out);

#endif
