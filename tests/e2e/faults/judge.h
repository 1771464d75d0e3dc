/* e2e/faults/judge.h: whether a call came out right, judged by what stands in Firestore and Cloud Storage
 * afterwards beside what was said on the telephone: everything on record, nothing twice, nothing lost. */
#ifndef E2E_FAULTS_JUDGE_H
#define E2E_FAULTS_JUDGE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "faults/talk.h"

/* local-cloud's own names. */
#define JUDGE_PROJECT "local-project"
#define JUDGE_EVENTS_TOPIC "call-events"
#define JUDGE_RECORDINGS_TOPIC "recordings"
#define JUDGE_BUCKET "recordings-local"

struct judge;

/* Asks local-cloud on `port` directly. One thread at a time. */
MUST_USE enum errc judge_create(struct judge **ret, int port, struct err *err);
struct judge *judge_destroy(struct judge *j);

/* Appends a line for everything that is not as it must be; none: the record is complete. */
void judge_call(struct judge *j, const struct talk_seen *seen, enum script script,
                struct buf *findings);

#endif
