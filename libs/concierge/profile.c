#include "concierge/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "concierge/holidays.h"
#include "concierge/yaml_bind.h"

enum {
    GREETING_BYTES_MAX = 1000,
};

static const char span_form[] = "spans like \"09:00-12:30\"";

/* --- the file's own shapes, before ids are resolved ------------------------------------------ */

struct raw_service {
    struct profile_service service;
    const struct str *performed_by;
    size_t n_performed_by;
};

struct raw_exception {
    struct str date, name;
    struct day_hours hours;
};

struct raw_profile {
    struct profile p;
    const struct raw_exception *exceptions, *holidays;
    size_t n_exceptions, n_holidays;
    struct str holidays_file;
    const struct raw_service *services;
    size_t n_services;
};

/* --- values of our own kinds ----------------------------------------------------------------- */

static enum errc read_span(struct binder *b, const struct yaml_node *n, const char *key,
                           struct day_span *ret)
{
    struct str s, from, to;
    enum errc rc = bind_scalar(b, n, key, span_form, &s);

    if (rc)
        return rc;
    if (!str_cut(s, '-', &from, &to) || minute_parse(str_trim(from), &ret->from_min) ||
        minute_parse(str_trim(to), &ret->to_min) || ret->from_min >= ret->to_min)
        return bind_mistake(b, n, key, "\"" STR_FMT "\" must be a span like \"09:00-12:30\"",
                            STR_ARG(s));
    return ERR_OK;
}

/* A list of spans in order; an empty list, "closed" or nothing is a closed day. */
static enum errc read_hours(struct binder *b, const struct yaml_node *n, const char *key, void *out)
{
    struct day_hours *ret = out;
    struct day_span *spans;
    enum errc rc;
    size_t i;

    if (n->kind == YAML_SCALAR && str_eq(str_trim(n->text), STR("closed"))) {
        *ret = (struct day_hours){ 0 };
        return ERR_OK;
    }
    if (n->kind != YAML_SEQ)
        return bind_mistake(b, n, key, "must be a list of %s, or closed", span_form);
    if (n->n > PROFILE_DAY_SPANS_MAX)
        return bind_mistake(b, n, key, "has %zu spans, at most %d are allowed", n->n,
                            PROFILE_DAY_SPANS_MAX);
    spans = ARENA_ARRAY(b->arena, struct day_span, n->n + 1);
    for (i = 0; i < n->n; i++) {
        rc = read_span(b, yaml_at(n, i), key, &spans[i]);
        if (rc)
            return rc;
        if (i && spans[i].from_min <= spans[i - 1].to_min)
            return bind_mistake(b, yaml_at(n, i), key,
                                "spans must be in order and apart from each other");
    }
    *ret = (struct day_hours){ spans, n->n };
    return ERR_OK;
}

static bool e164(struct str s)
{
    size_t i;

    if (s.n < 8 || s.n > 16 || s.p[0] != '+' || s.p[1] == '0')
        return false;
    for (i = 1; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return true;
}

static enum errc read_phone(struct binder *b, const struct yaml_node *n, const char *key, void *out)
{
    struct str s;
    enum errc rc = bind_scalar(b, n, key, "a number like \"+49301234567\"", &s);

    if (rc)
        return rc;
    if (!e164(s))
        return bind_mistake(
            b, n, key, "\"" STR_FMT "\" must be a number with country code like \"+49301234567\"",
            STR_ARG(s));
    *(struct str *)out = arena_str(b->arena, s);
    return ERR_OK;
}

/* Ids stand in slot ids and document names. */
static enum errc read_id(struct binder *b, const struct yaml_node *n, const char *key, void *out)
{
    struct str s;
    size_t i;
    enum errc rc = bind_scalar(b, n, key, "an id", &s);

    if (rc)
        return rc;
    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-') || i >= 40)
            return bind_mistake(
                b, n, key, "\"" STR_FMT "\" must be at most 40 of a-z, 0-9, _ and -", STR_ARG(s));
    }
    *(struct str *)out = arena_str(b->arena, s);
    return ERR_OK;
}

/* --- tables ---------------------------------------------------------------------------------- */

#define AT(type, member) .offset = offsetof(type, member)
#define COUNTED(type, member) \
    .offset = offsetof(type, member), .offset_n = offsetof(type, n_##member)
#define SUB(table) .sub = (table), .n_sub = ARRAY_LEN(table)
#define P(member) .offset = offsetof(struct raw_profile, p.member)

static const struct bind_key voice_keys[] = {
    { "engine", BIND_TEXT, AT(struct profile, voice.engine) },
    { "model", BIND_TEXT, AT(struct profile, voice.model) },
    { "name", BIND_TEXT, AT(struct profile, voice.name) },
    { "speed", BIND_NUMBER, AT(struct profile, voice.speed), .min = 0, .max = 2 },
};

static const struct bind_key transcription_keys[] = {
    { "model", BIND_TEXT, AT(struct profile, transcription.model) },
};

static const struct bind_key week_keys[] = {
    { "monday", BIND_CUSTOM, AT(struct profile, week[0]), .read = read_hours },
    { "tuesday", BIND_CUSTOM, AT(struct profile, week[1]), .read = read_hours },
    { "wednesday", BIND_CUSTOM, AT(struct profile, week[2]), .read = read_hours },
    { "thursday", BIND_CUSTOM, AT(struct profile, week[3]), .read = read_hours },
    { "friday", BIND_CUSTOM, AT(struct profile, week[4]), .read = read_hours },
    { "saturday", BIND_CUSTOM, AT(struct profile, week[5]), .read = read_hours },
    { "sunday", BIND_CUSTOM, AT(struct profile, week[6]), .read = read_hours },
};

static const struct bind_key exception_keys[] = {
    { "date", BIND_TEXT, AT(struct raw_exception, date), .required = true },
    { "name", BIND_TEXT, AT(struct raw_exception, name) },
    { "hours", BIND_CUSTOM, AT(struct raw_exception, hours), .read = read_hours, .required = true },
};

static const struct bind_key holiday_keys[] = {
    { "date", BIND_TEXT, AT(struct raw_exception, date), .required = true },
    { "name", BIND_TEXT, AT(struct raw_exception, name) },
};

static const struct bind_key staff_keys[] = {
    { "id", BIND_CUSTOM, AT(struct profile_staff, id), .read = read_id, .required = true },
    { "name", BIND_TEXT, AT(struct profile_staff, name), .required = true },
    { "calendar", BIND_CUSTOM, AT(struct profile_staff, calendar), .read = read_id,
      .required = true },
};

static const struct bind_key service_keys[] = {
    { "id", BIND_CUSTOM, AT(struct raw_service, service.id), .read = read_id, .required = true },
    { "name", BIND_TEXT, AT(struct raw_service, service.name), .required = true },
    { "description", BIND_TEXT, AT(struct raw_service, service.description) },
    { "price", BIND_TEXT, AT(struct raw_service, service.price) },
    { "duration_min", BIND_INT, AT(struct raw_service, service.duration_min), .min = 5,
      .max = 720 },
    { "buffer_before_min", BIND_INT, AT(struct raw_service, service.buffer_before_min),
      .max = 240 },
    { "buffer_after_min", BIND_INT, AT(struct raw_service, service.buffer_after_min), .max = 240 },
    { "bookable", BIND_YES_NO, AT(struct raw_service, service.bookable) },
    { "performed_by", BIND_TEXTS, COUNTED(struct raw_service, performed_by),
      .max = PROFILE_STAFF_MAX },
};

static const struct bind_key booking_keys[] = {
    { "lead_time_min", BIND_INT, AT(struct profile, booking.lead_time_min), .max = 43200 },
    { "horizon_days", BIND_INT, AT(struct profile, booking.horizon_days), .min = 1, .max = 365 },
    { "hold_s", BIND_INT, AT(struct profile, booking.hold_s), .min = 30, .max = 3600 },
    { "slot_step_min", BIND_INT, AT(struct profile, booking.slot_step_min), .min = 5, .max = 120 },
    { "offers_max", BIND_INT, AT(struct profile, booking.offers_max), .min = 1, .max = 10 },
};

static const struct bind_key field_keys[] = {
    { "name", BIND_CUSTOM, AT(struct profile_field, name), .read = read_id, .required = true },
    { "question", BIND_TEXT, AT(struct profile_field, question), .required = true },
    { "kind", BIND_CHOICE, AT(struct profile_field, kind), .allowed = "text|number|yes_no|choice" },
    { "required", BIND_YES_NO, AT(struct profile_field, required) },
    { "choices", BIND_TEXTS, COUNTED(struct profile_field, choices), .max = PROFILE_CHOICES_MAX },
};

static const struct bind_key qualification_keys[] = {
    { "fields", BIND_MAPS, AT(struct profile, qualification.fields),
      .offset_n = offsetof(struct profile, qualification.n_fields), SUB(field_keys),
      .size = sizeof(struct profile_field), .max = PROFILE_FIELDS_MAX },
    { "postcodes", BIND_TEXTS, AT(struct profile, qualification.postcodes),
      .offset_n = offsetof(struct profile, qualification.n_postcodes),
      .max = PROFILE_POSTCODES_MAX },
};

static const struct bind_key faq_keys[] = {
    { "question", BIND_TEXT, AT(struct profile_faq, question), .required = true },
    { "answer", BIND_TEXT, AT(struct profile_faq, answer), .required = true },
};

static const struct bind_key number_keys[] = {
    { "name", BIND_TEXT, AT(struct profile_number, name), .required = true },
    { "number", BIND_CUSTOM, AT(struct profile_number, number), .read = read_phone,
      .required = true },
};

static const struct bind_key escalation_keys[] = {
    { "triggers", BIND_TEXTS, AT(struct profile, escalation.triggers),
      .offset_n = offsetof(struct profile, escalation.n_triggers), .max = PROFILE_TEXTS_MAX },
    { "numbers", BIND_MAPS, AT(struct profile, escalation.numbers),
      .offset_n = offsetof(struct profile, escalation.n_numbers), SUB(number_keys),
      .size = sizeof(struct profile_number), .max = PROFILE_NUMBERS_MAX },
    { "emergency_text", BIND_TEXT, AT(struct profile, escalation.emergency_text) },
};

static const struct bind_key limits_keys[] = {
    { "silence_prompt_s", BIND_INT, AT(struct profile, limits.silence_prompt_s), .min = 3,
      .max = 60 },
    { "silence_prompts_max", BIND_INT, AT(struct profile, limits.silence_prompts_max), .max = 5 },
    { "call_max_s", BIND_INT, AT(struct profile, limits.call_max_s), .min = 60, .max = 3300 },
    { "call_warning_s", BIND_INT, AT(struct profile, limits.call_warning_s), .max = 600 },
};

static const struct bind_key redaction_keys[] = {
    { "phone", BIND_YES_NO, AT(struct profile, redaction.phone) },
    { "email", BIND_YES_NO, AT(struct profile, redaction.email) },
    { "card", BIND_YES_NO, AT(struct profile, redaction.card) },
};

static const struct bind_key retention_keys[] = {
    { "recordings_days", BIND_INT, AT(struct profile, retention.recordings_days), .min = 1,
      .max = 3650 },
    { "transcripts_days", BIND_INT, AT(struct profile, retention.transcripts_days), .min = 1,
      .max = 3650 },
    { "calls_days", BIND_INT, AT(struct profile, retention.calls_days), .min = 1, .max = 3650 },
};

static const struct bind_key recording_keys[] = {
    { "consent", BIND_CHOICE, AT(struct profile, recording.consent), .allowed = "off|announce" },
};

static const struct bind_key maker_keys[] = {
    { "maker", BIND_TEXT, AT(struct profile_maker, maker), .required = true },
};

/* Tables of groups whose offsets count from the profile itself stand at the profile's offset. */
#define GROUP(name, table)                                    \
    {                                                         \
        name, BIND_MAP, AT(struct raw_profile, p), SUB(table) \
    }

static const struct bind_key profile_keys[] = {
    { "name", BIND_TEXT, P(name), .required = true },
    { "kind", BIND_TEXT, P(kind) },
    { "address", BIND_TEXT, P(address) },
    { "phone", BIND_CUSTOM, P(phone), .read = read_phone },
    { "assistant_name", BIND_TEXT, P(assistant_name) },
    { "time_zone", BIND_TEXT, P(time_zone), .required = true },
    { "languages", BIND_TEXTS, P(languages),
      .offset_n = offsetof(struct raw_profile, p.n_languages), .max = 16 },
    { "disclosure", BIND_TEXT, P(disclosure), .required = true },
    { "greeting", BIND_TEXT, P(greeting), .required = true },
    GROUP("voice", voice_keys),
    GROUP("transcription", transcription_keys),
    { "hours", BIND_MAP, AT(struct raw_profile, p), SUB(week_keys), .required = true },
    { "exceptions", BIND_MAPS, COUNTED(struct raw_profile, exceptions), SUB(exception_keys),
      .size = sizeof(struct raw_exception), .max = PROFILE_EXCEPTIONS_MAX },
    { "holidays", BIND_MAPS, COUNTED(struct raw_profile, holidays), SUB(holiday_keys),
      .size = sizeof(struct raw_exception), .max = PROFILE_EXCEPTIONS_MAX },
    { "holidays_file", BIND_TEXT, AT(struct raw_profile, holidays_file) },
    { "staff", BIND_MAPS, P(staff), .offset_n = offsetof(struct raw_profile, p.n_staff),
      SUB(staff_keys), .size = sizeof(struct profile_staff), .max = PROFILE_STAFF_MAX },
    { "services", BIND_MAPS, COUNTED(struct raw_profile, services), SUB(service_keys),
      .size = sizeof(struct raw_service), .max = PROFILE_SERVICES_MAX, .required = true },
    GROUP("booking", booking_keys),
    GROUP("qualification", qualification_keys),
    { "faq", BIND_MAPS, P(faq), .offset_n = offsetof(struct raw_profile, p.n_faq), SUB(faq_keys),
      .size = sizeof(struct profile_faq), .max = PROFILE_FAQ_MAX },
    { "policies", BIND_TEXTS, P(policies), .offset_n = offsetof(struct raw_profile, p.n_policies),
      .max = PROFILE_TEXTS_MAX },
    GROUP("escalation", escalation_keys),
    { "autonomy", BIND_CHOICE, P(autonomy), .allowed = "capture|lookup|book" },
    GROUP("limits", limits_keys),
    GROUP("redaction", redaction_keys),
    GROUP("retention", retention_keys),
    GROUP("recording", recording_keys),
    { "calendar", BIND_MAP, P(calendar), SUB(maker_keys) },
    { "crm", BIND_MAP, P(crm), SUB(maker_keys) },
};

static const struct str default_languages[] = { { "en", 2 } };

static struct profile profile_defaults(void)
{
    return (struct profile){
        .kind = STR("business"),
        .assistant_name = STR("the assistant"),
        .languages = default_languages,
        .n_languages = ARRAY_LEN(default_languages),
        .voice = { .engine = STR("openai_realtime"), .speed = 1.0 },
        .booking = { .lead_time_min = 60,
                     .horizon_days = 60,
                     .hold_s = 180,
                     .slot_step_min = 15,
                     .offers_max = 3 },
        .autonomy = AUTONOMY_BOOK,
        .limits = { .silence_prompt_s = 8,
                    .silence_prompts_max = 2,
                    .call_max_s = 1800,
                    .call_warning_s = 60 },
        .redaction = { true, true, true },
        .retention = { 30, 90, 365 },
        .recording = { CONSENT_ANNOUNCE },
        .calendar = { STR("local") },
        .crm = { STR("local") },
    };
}

/* --- what belongs together --------------------------------------------------------------------- */

static const struct yaml_node *entry(const struct yaml_node *root, const char *list, size_t i)
{
    return yaml_at(yaml_get(root, list), i);
}

static enum errc check_zone(struct binder *b, struct profile *p, const struct yaml_node *root)
{
    struct err why = ERR_INIT;

    if (zone_load(&p->zone, b->arena, p->time_zone, &why))
        return bind_mistake(b, yaml_get(root, "time_zone"), "time_zone", "%s", why.text);
    return ERR_OK;
}

static enum errc check_texts(struct binder *b, const struct profile *p,
                             const struct yaml_node *root)
{
    if (p->disclosure.n > GREETING_BYTES_MAX || p->greeting.n > GREETING_BYTES_MAX)
        return bind_mistake(b, root,
                            p->disclosure.n > GREETING_BYTES_MAX ? "disclosure" : "greeting",
                            "is longer than %d bytes", GREETING_BYTES_MAX);
    if (p->voice.speed < 0.25 || p->voice.speed > 1.5)
        return bind_mistake(b, yaml_get(yaml_get(root, "voice"), "speed"), "voice.speed",
                            "must be a number from 0.25 to 1.5");
    if (!p->n_languages)
        return bind_mistake(b, yaml_get(root, "languages"), "languages", "must name at least one");
    return ERR_OK;
}

static enum errc check_week(struct binder *b, const struct profile *p, const struct yaml_node *root)
{
    size_t i;

    for (i = 0; i < WEEKDAYS; i++) {
        if (p->week[i].n)
            return ERR_OK;
    }
    return bind_mistake(b, yaml_get(root, "hours"), "hours", "at least one day must be open");
}

static enum errc check_staff(struct binder *b, const struct profile *p,
                             const struct yaml_node *root)
{
    size_t i, j;

    for (i = 0; i < p->n_staff; i++) {
        for (j = 0; j < i; j++) {
            if (str_eq(p->staff[i].id, p->staff[j].id))
                return bind_mistake(b, entry(root, "staff", i), "staff",
                                    "id \"" STR_FMT "\" is given twice", STR_ARG(p->staff[i].id));
        }
    }
    return ERR_OK;
}

static enum errc resolve_staff(struct binder *b, const struct profile *p,
                               const struct raw_service *raw, struct profile_service *s,
                               const struct yaml_node *n)
{
    const struct profile_staff **staff =
        ARENA_ARRAY(b->arena, const struct profile_staff *, raw->n_performed_by + 1);
    size_t i;

    for (i = 0; i < raw->n_performed_by; i++) {
        staff[i] = profile_staff_find(p, raw->performed_by[i]);
        if (!staff[i])
            return bind_mistake(b, yaml_at(yaml_get(n, "performed_by"), i), "services.performed_by",
                                "\"" STR_FMT "\" is nobody's id under staff",
                                STR_ARG(raw->performed_by[i]));
    }
    s->staff = staff;
    s->n_staff = raw->n_performed_by;
    return ERR_OK;
}

static enum errc check_service(struct binder *b, const struct profile_service *s,
                               const struct yaml_node *n)
{
    if (!s->bookable)
        return ERR_OK;
    if (!s->duration_min)
        return bind_mistake(b, n, "services",
                            "\"" STR_FMT "\" needs duration_min, or bookable: false",
                            STR_ARG(s->id));
    if (!s->n_staff)
        return bind_mistake(b, n, "services",
                            "\"" STR_FMT "\" needs performed_by, or bookable: false",
                            STR_ARG(s->id));
    return ERR_OK;
}

static enum errc resolve_services(struct binder *b, struct raw_profile *raw,
                                  const struct yaml_node *root)
{
    struct profile *p = &raw->p;
    const struct yaml_node *list = yaml_get(root, "services");
    enum errc rc;
    size_t i;

    p->services = ARENA_ARRAY(b->arena, struct profile_service, raw->n_services + 1);
    for (i = 0; i < raw->n_services; i++) {
        struct profile_service *s = &p->services[i];
        const struct yaml_node *bookable = yaml_get(yaml_at(list, i), "bookable");

        *s = raw->services[i].service;
        s->bookable = bookable ? s->bookable : true;
        if (profile_service_find(p, s->id))
            return bind_mistake(b, yaml_at(list, i), "services",
                                "id \"" STR_FMT "\" is given twice", STR_ARG(s->id));
        rc = resolve_staff(b, p, &raw->services[i], s, yaml_at(list, i));
        if (!rc)
            rc = check_service(b, s, yaml_at(list, i));
        if (rc)
            return rc;
        p->n_services++;
    }
    return p->n_services ? ERR_OK : bind_mistake(b, list, "services", "must hold at least one");
}

static enum errc check_fields(struct binder *b, const struct profile *p,
                              const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(yaml_get(root, "qualification"), "fields");
    size_t i, j;

    for (i = 0; i < p->qualification.n_fields; i++) {
        const struct profile_field *f = &p->qualification.fields[i];

        if ((f->kind == FIELD_CHOICE) != (f->n_choices > 0))
            return bind_mistake(b, yaml_at(list, i), "qualification.fields",
                                "\"" STR_FMT "\": choices go with kind: choice, and only with it",
                                STR_ARG(f->name));
        for (j = 0; j < i; j++) {
            if (str_eq(f->name, p->qualification.fields[j].name))
                return bind_mistake(b, yaml_at(list, i), "qualification.fields",
                                    "\"" STR_FMT "\" is given twice", STR_ARG(f->name));
        }
    }
    return ERR_OK;
}

/* --- exceptions and holidays --------------------------------------------------------------------- */

static int by_date(const void *a, const void *b)
{
    const struct profile_exception *x = a, *y = b;
    int c = date_cmp(x->date, y->date);

    /* Hours given for a date count more than a holiday on it. */
    return c ? c : (int)x->holiday - (int)y->holiday;
}

static enum errc add_exceptions(struct binder *b, const struct raw_exception *raw, size_t n,
                                bool holiday, const struct yaml_node *list, const char *key,
                                struct profile_exception *out)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (date_parse(raw[i].date, &out[i].date))
            return bind_mistake(b, yaml_get(yaml_at(list, i), "date"), key,
                                "\"" STR_FMT "\" must be a date like 2026-12-24",
                                STR_ARG(raw[i].date));
        out[i].name = raw[i].name;
        out[i].hours = raw[i].hours;
        out[i].holiday = holiday;
    }
    return ERR_OK;
}

static size_t drop_repeats(struct profile_exception *e, size_t n)
{
    size_t i, kept = 0;

    for (i = 0; i < n; i++) {
        if (!kept || date_cmp(e[kept - 1].date, e[i].date) != 0)
            e[kept++] = e[i];
    }
    return kept;
}

static enum errc read_holidays_file(struct binder *b, const struct raw_profile *raw,
                                    const char *dir, const struct yaml_node *root,
                                    struct profile_exception **ret, size_t *ret_n)
{
    struct buf text = BUF_INIT(PROFILE_BYTES_MAX);
    struct str path;
    struct err why = ERR_INIT;
    enum errc rc;

    if (!raw->holidays_file.n)
        return ERR_OK;
    path = raw->holidays_file.p[0] == '/'
               ? raw->holidays_file
               : arena_printf(b->arena, "%s/" STR_FMT, dir, STR_ARG(raw->holidays_file));
    rc = file_read(&text, path.p, &why);
    if (!rc)
        rc = holidays_parse(ret, ret_n, b->arena, buf_str(&text), &why);
    buf_release(&text);
    return rc ? bind_mistake(b, yaml_get(root, "holidays_file"), "holidays_file", "%s", why.text)
              : ERR_OK;
}

static enum errc merge_exceptions(struct binder *b, struct raw_profile *raw, const char *dir,
                                  const struct yaml_node *root)
{
    struct profile_exception *from_file = NULL, *all;
    size_t n_file = 0, n;
    enum errc rc = read_holidays_file(b, raw, dir, root, &from_file, &n_file);

    if (rc)
        return rc;
    n = raw->n_exceptions + raw->n_holidays + n_file;
    all = ARENA_ARRAY(b->arena, struct profile_exception, n + 1);
    rc = add_exceptions(b, raw->exceptions, raw->n_exceptions, false, yaml_get(root, "exceptions"),
                        "exceptions.date", all);
    if (!rc)
        rc = add_exceptions(b, raw->holidays, raw->n_holidays, true, yaml_get(root, "holidays"),
                            "holidays.date", all + raw->n_exceptions);
    if (rc)
        return rc;
    if (n_file)
        memcpy(all + raw->n_exceptions + raw->n_holidays, from_file, n_file * sizeof(*all));
    qsort(all, n, sizeof(*all), by_date);
    raw->p.exceptions = all;
    raw->p.n_exceptions = drop_repeats(all, n);
    return ERR_OK;
}

/* --- doors ------------------------------------------------------------------------------------- */

enum errc profile_parse(const struct profile **ret, struct arena *a, struct str yaml,
                        const char *name, const char *dir, struct err *err)
{
    struct raw_profile *raw = ARENA_NEW(a, struct raw_profile);
    struct binder b = { a, name, err };
    const struct yaml_node *root;
    enum errc rc;

    raw->p = profile_defaults();
    rc = yaml_bind(&b, yaml, profile_keys, ARRAY_LEN(profile_keys), raw, &root);
    if (!rc)
        rc = check_zone(&b, &raw->p, root);
    if (!rc)
        rc = check_texts(&b, &raw->p, root);
    if (!rc)
        rc = check_week(&b, &raw->p, root);
    if (!rc)
        rc = merge_exceptions(&b, raw, dir, root);
    if (!rc)
        rc = check_staff(&b, &raw->p, root);
    if (!rc)
        rc = resolve_services(&b, raw, root);
    if (!rc)
        rc = check_fields(&b, &raw->p, root);
    if (rc)
        return rc;
    *ret = &raw->p;
    return ERR_OK;
}

enum errc profile_load(const struct profile **ret, struct arena *a, const char *path,
                       struct err *err)
{
    struct buf text = BUF_INIT(PROFILE_BYTES_MAX);
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? arena_cstr(a, str_n(path, (size_t)(slash - path))) : ".";
    enum errc rc = file_read(&text, path, err);

    if (rc)
        rc = err_wrap(err, rc, "business profile");
    else
        rc = profile_parse(ret, a, buf_str(&text), slash ? slash + 1 : path, dir, err);
    buf_release(&text);
    return rc;
}

const struct profile_service *profile_service_find(const struct profile *p, struct str id_or_name)
{
    size_t i;

    for (i = 0; i < p->n_services; i++) {
        if (str_eq(p->services[i].id, id_or_name) || str_ieq(p->services[i].name, id_or_name))
            return &p->services[i];
    }
    return NULL;
}

const struct profile_staff *profile_staff_find(const struct profile *p, struct str id_or_name)
{
    size_t i;

    for (i = 0; i < p->n_staff; i++) {
        if (str_eq(p->staff[i].id, id_or_name) || str_ieq(p->staff[i].name, id_or_name))
            return &p->staff[i];
    }
    return NULL;
}

const struct profile_staff *profile_staff_of_calendar(const struct profile *p, struct str calendar)
{
    size_t i;

    for (i = 0; i < p->n_staff; i++) {
        if (str_eq(p->staff[i].calendar, calendar))
            return &p->staff[i];
    }
    return NULL;
}

const char *profile_autonomy_name(int autonomy)
{
    static const char *const names[] = { "capture", "lookup", "book" };

    return autonomy >= 0 && autonomy < (int)ARRAY_LEN(names) ? names[autonomy] : "";
}
