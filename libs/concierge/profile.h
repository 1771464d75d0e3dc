/* concierge/profile.h: what the business owns: who it is, when it is open, what it offers, what the agent
 * may do and must say. Read once at start from a YAML file (BUSINESS_PROFILE) and constant from then on.
 * A wrong file is refused with one sentence about its first mistake: file, line, column, key, what is
 * allowed; unknown and repeated keys are mistakes. evals/profiles/clinic.yaml shows every field. */
#ifndef CONCIERGE_PROFILE_H
#define CONCIERGE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "concierge/zone.h"

enum {
    PROFILE_BYTES_MAX = 256 * 1024,
    PROFILE_SERVICES_MAX = 64,
    PROFILE_STAFF_MAX = 64,
    PROFILE_DAY_SPANS_MAX = 6,
    PROFILE_EXCEPTIONS_MAX = 366,
    PROFILE_FAQ_MAX = 100,
    PROFILE_FIELDS_MAX = 24,
    PROFILE_NUMBERS_MAX = 8,
    PROFILE_POSTCODES_MAX = 1000,
    PROFILE_TEXTS_MAX = 64,
    PROFILE_CHOICES_MAX = 32,
    WEEKDAYS = WEEK_DAYS,
};

enum profile_autonomy {
    AUTONOMY_CAPTURE,
    AUTONOMY_LOOKUP,
    AUTONOMY_BOOK
}; /* each includes the one before */
enum profile_consent {
    CONSENT_OFF,      /* calls are not recorded */
    CONSENT_ANNOUNCE, /* recorded; the disclosure says so */
};

/* Minutes of the local day, [from, to). */
struct day_span {
    int from_min, to_min;
};

struct day_hours {
    const struct day_span *spans; /* in order, not touching; none: closed */
    size_t n;
};

/* A date with hours of its own, or closed (a holiday). */
struct profile_exception {
    struct date date;
    struct str name; /* may be empty */
    struct day_hours hours;
    bool holiday;
};

struct profile_staff {
    struct str id, name, calendar;
};

struct profile_service {
    struct str id, name, description;
    struct str price; /* as it is said; empty: the agent gives no price */
    int duration_min, buffer_before_min, buffer_after_min;
    bool bookable;                            /* false: a lead is taken instead */
    const struct profile_staff *const *staff; /* who performs it, in order of preference */
    size_t n_staff;
};

enum profile_field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_YES_NO, FIELD_CHOICE };

/* A question that qualifies a lead. */
struct profile_field {
    struct str name, question;
    int kind; /* enum profile_field_kind */
    bool required;
    const struct str *choices; /* FIELD_CHOICE */
    size_t n_choices;
};

struct profile_faq {
    struct str question, answer;
};

struct profile_number {
    struct str name, number; /* E.164 */
};

/* A maker and its settings, e.g. calendar: {maker: local}. */
struct profile_maker {
    struct str maker;
};

struct profile {
    struct str name, kind, address, assistant_name;
    struct str phone; /* E.164, as callers know it; may be empty */
    struct str time_zone;
    const struct zone *zone;
    const struct str *languages; /* BCP 47, the first is the default */
    size_t n_languages;

    struct str
        disclosure;      /* fixed text, spoken first: that it is an AI, that the call is recorded */
    struct str greeting; /* fixed text, spoken after it */

    struct {
        struct str engine;
        struct str model, name; /* empty: the service's settings say (voice/engine.h) */
        double speed;
    } voice;
    struct {
        struct str model; /* of the caller's speech; empty: the service's settings say */
    } transcription;

    struct day_hours week[WEEKDAYS];
    const struct profile_exception *exceptions; /* holidays too, by date, one a date */
    size_t n_exceptions;

    struct profile_staff *staff;
    size_t n_staff;
    struct profile_service *services;
    size_t n_services;

    struct {
        int lead_time_min, horizon_days, hold_s, slot_step_min, offers_max;
    } booking;

    struct {
        const struct profile_field *fields;
        size_t n_fields;
        const struct str *postcodes; /* prefixes served; none: everywhere */
        size_t n_postcodes;
    } qualification;

    const struct profile_faq *faq;
    size_t n_faq;
    const struct str *policies;
    size_t n_policies;

    struct {
        const struct str *triggers; /* what leads to a person, in words for the model */
        size_t n_triggers;
        const struct profile_number *numbers; /* in the order to try */
        size_t n_numbers;
        struct str emergency_text; /* said first in an emergency; may be empty */
    } escalation;

    int autonomy; /* enum profile_autonomy */

    struct {
        int silence_prompt_s, silence_prompts_max, call_max_s;
        int call_warning_s; /* before call_max_s; 0: none */
    } limits;
    struct {
        bool phone, email, card; /* masked before text is stored */
    } redaction;
    struct {
        int recordings_days, transcripts_days, calls_days;
    } retention;
    struct {
        int consent; /* enum profile_consent */
    } recording;

    struct profile_maker calendar, crm;
};

/* Everything lives in the arena. `name` stands in errors. A holidays_file is read beside `dir`. */
MUST_USE enum errc profile_parse(const struct profile **ret, struct arena *a, struct str yaml,
                                 const char *name, const char *dir, struct err *err);
MUST_USE enum errc profile_load(const struct profile **ret, struct arena *a, const char *path,
                                struct err *err);

/* By id or, without regard to case, by name. NULL: no such service. */
const struct profile_service *profile_service_find(const struct profile *p, struct str id_or_name);
const struct profile_staff *profile_staff_find(const struct profile *p, struct str id_or_name);
const struct profile_staff *profile_staff_of_calendar(const struct profile *p, struct str calendar);
const char *profile_autonomy_name(int autonomy);

#endif
