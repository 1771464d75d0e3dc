#include "faults/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "concierge/event.h"
#include "google/firestore.h"
#include "google/google.h"
#include "google/storage.h"
#include "net/http_client.h"

enum {
    DOCUMENTS_MAX = 500,
    OBJECT_MAX = 16 * 1024 * 1024,
    LIST_MAX = 100,
    /* What the scripted engine says of each response and of each turn. */
    TEXT_OUT = 10,
    AUDIO_OUT = 40,
    TURN_MS = 2000,
    AUDIBLE_MS = 60,
};

struct judge {
    struct clock clock;
    struct google_settings settings;
    struct google *google;
    struct http_client *http;
    struct arena kept, arena;
    char origin[64];

    /* of the call being judged */
    struct ctx ctx;
    const struct talk_seen *seen;
    enum script script;
    struct str sid;
    struct buf *findings;
    struct fs_doc record;
    struct fs_docs journal;
};

enum errc judge_create(struct judge **ret, int port, struct err *err)
{
    struct judge *j = MEM_NEW(struct judge);
    enum errc rc;

    j->clock = clock_system(0);
    (void)snprintf(j->origin, sizeof(j->origin), "http://127.0.0.1:%d", port);
    j->settings.firestore_emulator_host = j->settings.pubsub_emulator_host =
        j->settings.metadata_host = arena_printf(&j->kept, "127.0.0.1:%d", port);
    j->settings.storage_emulator_host = str_c(j->origin);
    j->http = http_client_create(NULL, &j->clock);
    rc = google_create(&j->google, STR(JUDGE_PROJECT), &j->settings, &j->clock, err);
    *ret = rc ? judge_destroy(j) : j;
    return rc;
}

struct judge *judge_destroy(struct judge *j)
{
    if (!j)
        return NULL;
    j->google = google_destroy(j->google);
    j->http = http_client_destroy(j->http);
    arena_release(&j->arena);
    arena_release(&j->kept);
    mem_free(j);
    return NULL;
}

#define FINDING(j, ...)                              \
    do {                                             \
        buf_addf((j)->findings, "    " __VA_ARGS__); \
        buf_add_char((j)->findings, '\n');           \
    } while (0)

static struct str text_of(struct judge *j, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct str text_of(struct judge *j, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return arena_str(&j->arena, str_c(text));
}

/* ---- reading ---- */

static struct fs_docs query(struct judge *j, struct str parent, const char *collection, bool deep,
                            const char *field)
{
    const struct fs_filter filter = { field, FS_EQ, FS_STR(j->sid) };
    const struct firestore_query q = { .parent = parent,
                                       .collection = collection,
                                       .all_descendants = deep,
                                       .filters = &filter,
                                       .n_filters = field ? 1 : 0,
                                       .limit = DOCUMENTS_MAX };
    struct fs_docs docs = { NULL, 0 };
    struct err err = ERR_INIT;

    if (firestore_query(j->google, &j->ctx, &q, &docs, &err))
        FINDING(j, "%s cannot be read: %s", collection, err.text);
    return docs;
}

static struct fs_doc document(struct judge *j, struct str path)
{
    struct fs_doc doc = { .exists = false };
    struct err err = ERR_INIT;

    if (firestore_get(j->google, &j->ctx, path, &doc, &err))
        FINDING(j, STR_FMT " cannot be read: %s", STR_ARG(path), err.text);
    return doc;
}

/* ---- what happened ---- */

static bool happened(const struct judge *j, const char *kind)
{
    size_t i;

    for (i = 0; i < j->seen->n_kinds; i++) {
        if (str_starts(j->seen->kinds[i], str_c(kind)))
            return true;
    }
    return false;
}

static const struct jval *journal_data(const struct fs_doc *doc)
{
    return fs_map(doc->fields, "data");
}

static bool is_type(const struct fs_doc *doc, enum event_type type)
{
    return str_eq_c(fs_str(doc->fields, "type"), event_type_name(type));
}

static size_t count_events(const struct judge *j, enum event_type type)
{
    size_t i, n = 0;

    for (i = 0; i < j->journal.n; i++)
        n += is_type(&j->journal.items[i], type);
    return n;
}

/* What the event is about, which must not come twice, whatever its id is. */
static struct str subject_of(struct judge *j, const struct fs_doc *doc)
{
    const struct jval *d = journal_data(doc);

    if (is_type(doc, EVENT_CALL_TURN))
        return text_of(j, STR_FMT " %lld", STR_ARG(fs_str(doc->fields, "source")),
                       (long long)fs_i64_or(d, "index", -1));
    if (is_type(doc, EVENT_CALL_USAGE))
        return text_of(j, STR_FMT " " STR_FMT, STR_ARG(fs_str(doc->fields, "source")),
                       STR_ARG(fs_str(d, "responseId")));
    if (is_type(doc, EVENT_CALL_TOOL))
        return fs_str(d, "toolCallId");
    if (is_type(doc, EVENT_CALL_STARTED) || is_type(doc, EVENT_CALL_ENDED))
        return fs_str(doc->fields, "source");
    if (is_type(doc, EVENT_BOOKING_CHANGED))
        return fs_str(d, "bookingId");
    if (is_type(doc, EVENT_RECORDING_STORED) || is_type(doc, EVENT_TRANSCRIPT_READY))
        return fs_str(d, "recordingSid");
    if (is_type(doc, EVENT_CALL_STATUS))
        return fs_str(d, "status");
    if (is_type(doc, EVENT_CALL_RINGING))
        return STR("ringing");
    return fs_str(doc->fields, "id");
}

static void judge_journal(struct judge *j)
{
    size_t i, k;

    for (i = 0; i < j->journal.n; i++) {
        for (k = 0; k < i; k++) {
            const struct fs_doc *a = &j->journal.items[i], *b = &j->journal.items[k];

            if (str_eq(fs_str(a->fields, "type"), fs_str(b->fields, "type")) &&
                str_eq(subject_of(j, a), subject_of(j, b)))
                FINDING(j, "on record twice: " STR_FMT " and " STR_FMT, STR_ARG(a->id),
                        STR_ARG(b->id));
        }
    }
    for (i = 0; i < j->seen->n_events; i++) {
        const struct jval *event = NULL;
        struct str id;

        if (json_parse_arena(&event, &j->arena, j->seen->events[i], NULL))
            continue;
        id = json_str(json_get(event, "id"));
        for (k = 0; k < j->journal.n && !str_eq(fs_str(j->journal.items[k].fields, "id"), id); k++)
            ;
        if (k == j->journal.n)
            FINDING(j, "not on record: " STR_FMT, STR_ARG(id));
    }
}

/* ---- the record ---- */

static void expect_text(struct judge *j, const char *key, const char *want)
{
    struct str got = fs_str(j->record.fields, key);

    if (!str_eq_c(got, want))
        FINDING(j, "%s is \"" STR_FMT "\", expected \"%s\"", key, STR_ARG(got), want);
}

static void expect_count(struct judge *j, const char *what, size_t got, size_t want)
{
    if (got != want)
        FINDING(j, "%zu %s, expected %zu", got, what, want);
}

static void judge_usage(struct judge *j)
{
    const struct jval *u = fs_map(j->record.fields, "usage");
    int64_t responses = j->seen->responses, turns = j->seen->transcriptions;

    expect_count(j, "tokens of text", (size_t)fs_i64_or(u, "textOut", 0),
                 (size_t)(TEXT_OUT * responses));
    expect_count(j, "tokens of speech", (size_t)fs_i64_or(u, "audioOut", 0),
                 (size_t)(AUDIO_OUT * responses));
    expect_count(j, "ms of transcribed speech", (size_t)fs_i64_or(u, "audioMs", 0),
                 (size_t)(TURN_MS * turns));
}

static const char *wanted_outcome(const struct judge *j)
{
    if (j->seen->told_booked)
        return "booked";
    if (j->seen->told_lead)
        return "lead";
    if (j->seen->told_callback)
        return "callback";
    if (j->seen->told_transfer)
        return "transferred";
    return j->seen->gave_up ? "declined" : NULL;
}

static void judge_record(struct judge *j)
{
    size_t streams = count_events(j, EVENT_CALL_STARTED);

    if (!j->record.exists) {
        FINDING(j, "the call has no record");
        return;
    }
    expect_text(j, "status", "ended");
    expect_text(j, "twilioStatus", "completed");
    expect_count(j, "ends of streams", count_events(j, EVENT_CALL_ENDED), streams);
    expect_count(j, "status events", count_events(j, EVENT_CALL_STATUS), 1);
    if (wanted_outcome(j))
        expect_text(j, "outcome", wanted_outcome(j));
    if (!fs_str(j->record.fields, "outcome").n && streams)
        FINDING(j, "the record has no outcome");
    if (streams)
        judge_usage(j);
}

/* ---- words ---- */

/* Of a turn that was interrupted only what was heard is on record. */
static bool is_turn(const struct jval *f, const struct talk_turn *said)
{
    struct str text = fs_str(f, "text");

    if (str_eq_c(fs_str(f, "role"), "agent") != said->agent)
        return false;
    return fs_bool_or(f, "interrupted", false) ? str_starts(str_c(said->text), text)
                                               : str_eq_c(text, said->text);
}

/* Every turn on record was said, in this order; with a single stream, all that was said is on record. */
static void judge_turns(struct judge *j)
{
    struct fs_docs docs =
        query(j, text_of(j, "calls/" STR_FMT, STR_ARG(j->sid)), "turns", false, NULL);
    size_t i, at = 0;

    for (i = 0; i < docs.n; i++) {
        const struct jval *f = docs.items[i].fields;

        while (at < j->seen->n_turns && !is_turn(f, &j->seen->turns[at]))
            at++;
        if (at++ >= j->seen->n_turns) {
            FINDING(j, "turn " STR_FMT " was not said then: " STR_FMT, STR_ARG(docs.items[i].id),
                    STR_ARG(fs_str(f, "text")));
            return;
        }
    }
    if (count_events(j, EVENT_CALL_STARTED) == 1)
        expect_count(j, "turns on record", docs.n, j->seen->n_turns);
}

/* ---- the business ---- */

static size_t booked_in(const struct judge *j, const struct fs_docs *days, const char *kind)
{
    const struct jval *entry;
    struct json_iter it;
    size_t i, n = 0;

    for (i = 0; i < days->n; i++) {
        it = json_iter(fs_map(days->items[i].fields, "entries"));
        while (json_next(&it, NULL, &entry))
            n += str_eq(fs_str(fs_val_map(entry), "callSid"), j->sid) &&
                 str_eq_c(fs_str(fs_val_map(entry), "kind"), kind);
    }
    return n;
}

static void judge_booking(struct judge *j)
{
    struct fs_docs agenda = query(j, STR_EMPTY, "agenda", false, NULL);
    struct fs_docs bookings = query(j, STR_EMPTY, "bookings", false, "callSid");
    size_t want = j->seen->told_booked ? 1 : 0, events = 0, i;
    static const char *const calendars[] = { "weber", "amari" };

    for (i = 0; i < ARRAY_LEN(calendars); i++)
        events +=
            query(j, text_of(j, "localCalendars/%s", calendars[i]), "events", false, "callSid").n;
    expect_count(j, "events in the calendar", events, want);
    expect_count(j, "booked entries in the agenda", booked_in(j, &agenda, "booked"), want);
    expect_count(j, "booking documents", bookings.n, want);
    expect_count(j, "booking events on record", count_events(j, EVENT_BOOKING_CHANGED), want);
    if (j->seen->logged)
        expect_count(j, "holds left", booked_in(j, &agenda, "hold"), 0);
}

static void judge_people(struct judge *j)
{
    bool wanted = j->seen->told_lead || j->seen->told_callback;
    struct fs_docs callbacks = query(j, STR_EMPTY, "callbacks", false, "callSid");
    struct fs_docs leads = query(j, STR_EMPTY, "leads", false, "callSid");

    expect_count(j, "callbacks", callbacks.n, wanted ? 1 : 0);
    expect_count(j, "leads", leads.n, j->seen->told_lead ? 1 : 0);
    if (j->seen->told_lead)
        expect_count(j, "lead events on record", count_events(j, EVENT_LEAD_CAPTURED), 1);
    if (wanted)
        expect_count(j, "callback events on record", count_events(j, EVENT_CALLBACK_REQUESTED), 1);
}

static void judge_tools(struct judge *j)
{
    struct fs_docs docs = query(j, STR_EMPTY, "toolInvocations", false, "callSid");
    size_t i;

    for (i = 0; i < docs.n; i++) {
        if (!str_eq_c(fs_str(docs.items[i].fields, "state"), "done"))
            FINDING(j, "tool invocation " STR_FMT " (" STR_FMT ") is left \"" STR_FMT "\"",
                    STR_ARG(docs.items[i].id), STR_ARG(fs_str(docs.items[i].fields, "name")),
                    STR_ARG(fs_str(docs.items[i].fields, "state")));
    }
}

static void judge_live(struct judge *j)
{
    struct fs_doc live = document(j, text_of(j, "liveCalls/" STR_FMT, STR_ARG(j->sid)));

    if (count_events(j, EVENT_CALL_STARTED) && str_eq_c(fs_str(live.fields, "state"), "live"))
        FINDING(j, "the live document says that the talk goes on");
}

/* ---- objects ---- */

static struct str object_of(struct judge *j, const char *what)
{
    return fs_str(fs_map(j->record.fields, what), "object");
}

/* storage_get() checks the object against the CRC32C that Cloud Storage says. */
static struct str read_object(struct judge *j, const char *what)
{
    struct str name = object_of(j, what), data = STR_EMPTY;
    struct err err = ERR_INIT;

    if (!name.n)
        FINDING(j, "the record points to no %s", what);
    else if (storage_get(j->google, &j->ctx, STR(JUDGE_BUCKET), name, OBJECT_MAX, &data, &err))
        FINDING(j, "the %s cannot be read: %s", what, err.text);
    return data;
}

static struct str crc_of(struct judge *j, struct str data)
{
    uint32_t crc = crc32c(0, data.p, data.n);
    const uint8_t bytes[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16 & 0xff),
                               (uint8_t)(crc >> 8 & 0xff), (uint8_t)(crc & 0xff) };

    return base64_text(&j->arena, str_n(bytes, sizeof(bytes)));
}

static void judge_wav(struct judge *j, struct str wav)
{
    const struct jval *r = fs_map(j->record.fields, "recording");

    if (!wav.n)
        return;
    expect_count(j, "bytes of the recording", wav.n, (size_t)fs_i64_or(r, "bytes", -1));
    if (!str_eq(crc_of(j, wav), fs_str(r, "crc32c")))
        FINDING(j, "the recording is not what its event says");
    if (!str_starts(wav, STR("RIFF")))
        FINDING(j, "the recording is no WAV");
}

/* What lies beside the recording: one of each, nothing half-made. */
static void judge_folder(struct judge *j)
{
    struct str name = object_of(j, "recording"), folder;
    size_t at = str_find(name, j->sid);
    struct http_request req = { .method = "GET" };
    struct http_response res = { .status = 0 };
    const struct jval *root = NULL;
    struct err err = ERR_INIT;

    if (!name.n || at == name.n)
        return;
    folder = str_slice(name, 0, at + j->sid.n);
    req.url = arena_printf(&j->arena, "%s/storage/v1/b/" JUDGE_BUCKET "/o?prefix=" STR_FMT,
                           j->origin, STR_ARG(folder));
    if (http_do(j->http, &j->arena, &req, &res, &err) ||
        json_parse_arena(&root, &j->arena, res.body, &err))
        FINDING(j, "the bucket cannot be listed: %s", err.text);
    else
        expect_count(j, "objects of this call (recording and transcript)",
                     json_len(json_get(root, "items")), 2);
}

static void judge_objects(struct judge *j)
{
    const struct jval *transcript = NULL;
    struct str text;

    if (!happened(j, "recording "))
        return;
    judge_wav(j, read_object(j, "recording"));
    text = read_object(j, "transcript");
    if (text.n && json_parse_arena(&transcript, &j->arena, text, NULL))
        FINDING(j, "the transcript is no JSON");
    judge_folder(j);
}

/* ---- all of it ---- */

static void judge_talk(struct judge *j)
{
    if (j->seen->audible_ms < AUDIBLE_MS)
        FINDING(j, "the caller heard nothing");
    if (!j->seen->logged && !j->seen->told_transfer && !j->seen->gave_up && !happened(j, "dialed "))
        FINDING(j, "the talk did not come to its end");
    if (j->seen->gave_up)
        FINDING(j, "the tools failed until the model gave up");
}

void judge_call(struct judge *j, const struct talk_seen *seen, enum script script,
                struct buf *findings)
{
    arena_reset(&j->arena);
    j->ctx = (struct ctx){ .arena = &j->arena, .http = j->http, .clock = &j->clock };
    j->seen = seen;
    j->script = script;
    j->sid = str_c(seen->call_sid);
    j->findings = findings;
    if (!seen->placed) {
        FINDING(j, "the call could not be placed: %s", seen->end_detail);
        return;
    }
    j->record = document(j, text_of(j, "calls/" STR_FMT, STR_ARG(j->sid)));
    j->journal = query(j, text_of(j, "calls/" STR_FMT, STR_ARG(j->sid)), "events", false, NULL);
    judge_talk(j);
    judge_record(j);
    judge_journal(j);
    judge_turns(j);
    judge_booking(j);
    judge_people(j);
    judge_tools(j);
    judge_live(j);
    judge_objects(j);
}
