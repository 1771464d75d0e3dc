/* local_cloud/control/control.h: calls on request, the services' life, and what a command line or a browser
 * asks of this program.
 *
 *     GET  /local/status   {"ready":bool,"urls":{…}}
 *     POST /local/calls    {"scenario":"B01"}: NDJSON, a line for each happening, the record last
 *     POST /local/push     push endpoint of this program's own subscription to the call events
 *
 * Lines of a call: {"kind":"placed","callSid"}, "ringing", "answered", {"kind":"says","text","interrupting"}
 * (the caller's true words), {"kind":"event","event":CloudEvent}, {"kind":"verb"|"dialed"|"recording",
 * "detail"}, {"kind":"ended","detail"}, and last {"kind":"record","record":{…},"passed":bool,"findings":[…]}. */
#ifndef LOCAL_CLOUD_CONTROL_CONTROL_H
#define LOCAL_CLOUD_CONTROL_CONTROL_H

#include "base/str.h"

struct control;
struct local_cloud;

struct phone_call;
struct watches;

/* A phone_event_fn whose argument is the control: passes what happens on to who follows the call. */
void control_on_phone_event(void *arg, struct phone_call *c, const char *kind, struct str detail);
struct watches *control_watches(struct control *c);
/* Stops the services, then done(arg) on the loop. */
void control_stop(struct control *c, void (*done)(void *arg), void *arg);

/* Events topic and friends, as the services are told. */
#define LOCAL_PROJECT "local-project"
#define LOCAL_EVENTS_TOPIC "call-events"
#define LOCAL_RECORDINGS_TOPIC "recordings"
#define LOCAL_BUCKET "recordings-local"

#endif
