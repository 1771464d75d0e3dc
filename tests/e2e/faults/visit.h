/* e2e/faults/visit.h: an operator who looks at a call in the dashboard: every page and file there is of it. */
#ifndef E2E_FAULTS_VISIT_H
#define E2E_FAULTS_VISIT_H

#include "base/buf.h"
#include "base/str.h"

/* Looks at everything twice: the first time a request of the dashboard may fail, which it must say (5xx, or
 * an answer that breaks off) and never hide; then `between` ends the fault, and all must be there. Appends
 * what is wrong. */
void visit_dashboard(int port, const char *call_sid, void (*between)(void *arg), void *arg,
                     struct buf *findings);

#endif
