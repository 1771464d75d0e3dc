/* concierge/tool.h: the tools that the model may call. Each is one row: name, description, autonomy it
 * needs, and a list of typed parameters that yields both the JSON Schema for the model and the decoder of
 * its arguments into a C struct. What a tool does is the gateway's business.
 *
 *   findAvailability  service, dateFrom?, dateTo?, time?, partOfDay?, staff?
 *   holdSlot          slotId, name?
 *   bookAppointment   slotId, confirmationId, name, phone?, confirmed, notes?
 *   qualifyLead       name?, phone?, email?, need, postcode?, service?, fields?
 *   transferToHuman   reason, summary, name?, phone?, window?
 *   requestCallback   reason, summary, name?, phone?, window?
 *   logCallOutcome    outcome, summary
 *
 * Schema source: OpenAI function tools (JSON Schema; no `strict` in Realtime sessions). */
#ifndef CONCIERGE_TOOL_H
#define CONCIERGE_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "concierge/profile.h"
#include "concierge/zone.h"

enum { TOOL_TEXT_MAX = 2000 }; /* bytes of any text argument */

enum tool_id {
    TOOL_FIND_AVAILABILITY,
    TOOL_HOLD_SLOT,
    TOOL_BOOK_APPOINTMENT,
    TOOL_QUALIFY_LEAD,
    TOOL_TRANSFER_TO_HUMAN,
    TOOL_REQUEST_CALLBACK,
    TOOL_LOG_CALL_OUTCOME,
    TOOLS,
};

enum tool_param_kind {
    TOOL_STR,     /* struct str */
    TOOL_BOOL,    /* bool */
    TOOL_CHOICE,  /* struct str, one of `allowed` */
    TOOL_DATE,    /* struct date; year 0: not given */
    TOOL_TIME,    /* int, minute of the day; -1: not given */
    TOOL_PHONE,   /* struct str, normalised to E.164 digits */
    TOOL_SERVICE, /* const struct profile_service * */
    TOOL_STAFF,   /* const struct profile_staff * */
    TOOL_OUTCOME, /* const struct call_outcome * */
    TOOL_FIELDS,  /* struct tool_fields: the profile's qualification fields */
};

struct tool_field_value {
    const struct profile_field *field;
    struct str value; /* as text */
};
struct tool_fields {
    const struct tool_field_value *items;
    size_t n;
};

struct tool_param {
    const char *name;
    enum tool_param_kind kind;
    size_t offset; /* of the member in the arguments struct */
    bool required;
    const char *description;
    const char *allowed; /* TOOL_CHOICE: "a|b|c" */
};

struct tool {
    enum tool_id id;
    const char *name, *description;
    int autonomy; /* least enum profile_autonomy that has it */
    const struct tool_param *params;
    size_t n_params;
    size_t args_size;
};

const struct tool *tool_find(struct str name); /* NULL: no such tool */
const struct tool *tool_by_id(enum tool_id id);
/* Whether this business offers it to the model. */
bool tool_offered(const struct tool *t, const struct profile *p);
/* Appends one object {type,name,description,parameters} to the current array. */
void tool_schema_write(struct jw *w, const struct tool *t, const struct profile *p);
/* Array of all offered tools, as session.update takes it. */
struct str tools_schema(struct arena *a, const struct profile *p);
/* Fills the tool's arguments struct (below). ERR_INVALID: a sentence for the model that names the argument,
 * what was given and what is allowed. Unknown arguments are ignored. Numbers in national form get the
 * country code of the business's own number (concierge/phone.h). */
MUST_USE enum errc tool_decode(const struct tool *t, const struct profile *p, struct arena *a,
                               const struct jval *args, void *out, struct err *err);

struct find_availability_args {
    const struct profile_service *service;
    struct date date_from, date_to;
    int time_min;
    struct str part_of_day; /* morning, afternoon, evening; empty: any */
    const struct profile_staff *staff;
};
struct hold_slot_args {
    struct str slot_id, name;
};
struct book_appointment_args {
    struct str slot_id, confirmation_id, name, phone, notes;
    bool confirmed;
};
struct qualify_lead_args {
    struct str name, phone, email, need, postcode;
    const struct profile_service *service;
    struct tool_fields fields;
};
struct human_args { /* transferToHuman and requestCallback */
    struct str reason, summary, name, phone, window;
};
struct log_call_outcome_args {
    const struct call_outcome *outcome;
    struct str summary;
};

#endif
