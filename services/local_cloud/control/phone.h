/* local_cloud/control/phone.h: a telephone in the browser: talk or type to the receptionist.
 *
 *     GET /phone, /phone.js
 *     GET /phone/line   WebSocket. Binary: 20 ms of mu-law (160 bytes) both ways. Text from the browser:
 *                       {"do":"call"}, {"do":"hang_up"}, {"do":"say","text"}, {"do":"dtmf","digits"};
 *                       text to it: the lines of control.h. */
#ifndef LOCAL_CLOUD_CONTROL_PHONE_H
#define LOCAL_CLOUD_CONTROL_PHONE_H

#include "local_cloud/local_cloud.h"

extern const struct local_module phone_module;

#endif
