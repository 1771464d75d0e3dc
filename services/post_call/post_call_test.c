#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "post_call/fakes_test.h"
#include "post_call/transcript.h"

/* A talk of 12 seconds in which the agent answers twice. */
static const struct fake_speech talk[] = {
    { 1, 500, 2500, 4000 },
    { 0, 3500, 5000, 3000 },
    { 1, 6000, 8000, 4100 },
    { 0, 9000, 9800, 3100 },
};
#define SAID "agent:word 4000|caller:word 3000|agent:word 4100|caller:word 3100"

static void open_talk(struct world *w)
{
    world_open(w);
    w->fakes.speech = talk;
    w->fakes.n_speech = ARRAY_LEN(talk);
    w->fakes.duration_ms = 12000;
}

static const struct jval *event_data(struct world *w, int i)
{
    const struct jval *doc = NULL;

    CHECK(i < w->fakes.n_events);
    CHECK_OK(json_parse_arena(&doc, &w->arena, w->fakes.events[i].text, NULL));
    return json_get(doc, "data");
}

static void check_outcome(struct world *w)
{
    CHECK_INT(fakes_object(&w->fakes, FAKE_WAV)->writes, 1);
    CHECK_INT(fakes_object(&w->fakes, FAKE_TRANSCRIPT)->writes, 1);
    CHECK_STR(world_said(w), SAID);
}

TEST(recording_is_stored_transcribed_and_announced)
{
    struct world w;
    const struct jval *v;

    open_talk(&w);
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    check_outcome(&w);
    CHECK_INT(fakes_object(&w.fakes, FAKE_WAV)->size, 44 + 12000 * 8 * 4);
    CHECK_INT(w.fakes.n_events, 2);
    CHECK_STR(str_c(w.fakes.events[0].type), "recording.stored");
    CHECK_STR(str_c(w.fakes.events[0].id), FAKE_CALL "/post-call/stored-" FAKE_RECORDING);
    CHECK_STR(str_c(w.fakes.events[0].key), FAKE_CALL);
    v = event_data(&w, 0);
    CHECK_STR(json_str(json_get(v, "status")), "stored");
    CHECK_STR(json_str(json_get(v, "recordingSid")), FAKE_RECORDING);
    CHECK_STR(json_str(json_get(v, "bucket")), FAKE_BUCKET);
    CHECK_STR(json_str(json_get(v, "object")), FAKE_WAV);
    CHECK_INT(json_i64_or(json_get(v, "bytes"), 0), 44 + 12000 * 8 * 4);
    CHECK_INT(json_i64_or(json_get(v, "durationMs"), 0), 12000);
    CHECK_INT(json_i64_or(json_get(v, "channels"), 0), 2);
    CHECK_STR(json_str(json_get(v, "startTime")), "2026-11-24T09:00:00.000000Z");
    CHECK_INT(json_str(json_get(v, "crc32c")).n, 8);
    CHECK_STR(str_c(w.fakes.events[1].type), "transcript.ready");
    CHECK_STR(str_c(w.fakes.events[1].id), FAKE_CALL "/post-call/transcript-" FAKE_RECORDING);
    v = event_data(&w, 1);
    CHECK_STR(json_str(json_get(v, "object")), FAKE_TRANSCRIPT);
    CHECK_INT(json_i64_or(json_get(v, "segments"), 0), 4);
    CHECK_STR(json_str(json_get(v, "model")), "gpt-transcribe");
    CHECK(json_i64_or(json_get(v, "costMicroUsd"), 0) > 0);
    world_close(&w);
}

TEST(transcript_says_what_it_was_made_from)
{
    struct world w;
    const struct jval *doc, *first;

    open_talk(&w);
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    doc = world_transcript(&w);
    CHECK_INT(json_i64_or(json_get(doc, "version"), 0), 1);
    CHECK_STR(json_str(json_get(doc, "callSid")), FAKE_CALL);
    CHECK_STR(json_str(json_get(doc, "recordingSid")), FAKE_RECORDING);
    CHECK_STR(json_str(json_path(doc, "recording.object")), FAKE_WAV);
    CHECK_INT(json_i64_or(json_path(doc, "recording.durationMs"), 0), 12000);
    CHECK_INT(json_i64_or(json_get(doc, "utterances"), 0), 4);
    CHECK_INT(json_i64_or(json_get(doc, "refused"), -1), 0);
    CHECK(json_i64_or(json_path(doc, "usage.audioMs"), 0) > 6000);
    CHECK(json_i64_or(json_path(doc, "usage.audioMs"), 0) < 9000);
    first = json_path(doc, "segments.0");
    CHECK(json_i64_or(json_get(first, "startMs"), 0) >= 200);
    CHECK(json_i64_or(json_get(first, "startMs"), 0) <= 500);
    CHECK(json_i64_or(json_get(first, "endMs"), 0) >= 2500);
    CHECK(json_i64_or(json_get(first, "endMs"), 0) <= 2800);
    world_close(&w);
}

TEST(a_repeat_does_no_work_twice_and_says_the_same_again)
{
    struct world w;
    int i;

    open_talk(&w);
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    check_outcome(&w);
    CHECK_INT(w.fakes.n_downloads, 1);
    CHECK_INT(w.fakes.n_transcriptions, 4);
    CHECK_INT(w.fakes.n_events, 4);
    for (i = 0; i < 2; i++) {
        CHECK_STR(str_c(w.fakes.events[i + 2].id), w.fakes.events[i].id);
        CHECK(str_eq(w.fakes.events[i + 2].text, w.fakes.events[i].text));
    }
    world_close(&w);
}

/* From the n-th request on everything is refused until the delivery is over; then all is well again. */
TEST_WITHIN(300, whichever_request_fails_the_next_delivery_ends_the_same)
{
    int64_t n, needed = 1;
    struct world w;
    int i;

    for (n = 1; n <= needed; n++) {
        open_talk(&w);
        w.fakes.refuse_from = n;
        CHECK_INT(world_push(&w, "recording.available", NULL), 503);
        w.fakes.refuse_from = 0;
        CHECK_INT(world_push(&w, "recording.available", NULL), 204);
        check_outcome(&w);
        for (i = 0; i < w.fakes.n_events; i++)
            CHECK(strstr(w.fakes.events[i].id, "/post-call/stored-") ||
                  strstr(w.fakes.events[i].id, "/post-call/transcript-"));
        if (n == 1) /* the refused one, then all of a good run */
            needed = w.fakes.n_requests - 1;
        world_close(&w);
    }
    CHECK(needed >= 14);
}

TEST_WITHIN(300, one_request_that_fails_for_a_moment_is_not_noticed)
{
    int64_t n, needed = 1;
    struct world w;

    for (n = 0; n <= needed; n++) {
        open_talk(&w);
        w.fakes.fail_at = n;
        CHECK_INT(world_push(&w, "recording.available", NULL),
                  n == 2 ? 503 : 204); /* the download itself is the next delivery's */
        if (n == 2)
            CHECK_INT(world_push(&w, "recording.available", NULL), 204);
        check_outcome(&w);
        if (n == 0)
            needed = w.fakes.n_requests;
        world_close(&w);
    }
}

TEST(interrupted_upload_goes_on_where_it_stopped)
{
    struct world w;
    int chunk;

    for (chunk = 1; chunk <= 3; chunk++) {
        open_talk(&w);
        w.fakes.duration_ms = 40000; /* 1.28 MB: three chunks */
        w.fakes.upload_breaks_at = chunk;
        CHECK_INT(world_push(&w, "recording.available", NULL), 204);
        check_outcome(&w);
        CHECK_INT(fakes_object(&w.fakes, FAKE_WAV)->size, 44 + 40000 * 8 * 4);
        CHECK_INT(w.fakes.n_downloads, 1);
        CHECK(w.fakes.n_chunks >= 4);
        world_close(&w);
    }
}

TEST(recording_with_one_channel_is_taken_as_it_is)
{
    struct world w;

    open_talk(&w);
    w.fakes.channels = 1;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_INT(json_i64_or(json_get(event_data(&w, 0), "channels"), 0), 1);
    CHECK_INT(json_i64_or(json_get(event_data(&w, 0), "durationMs"), 0), 12000);
    CHECK_STR(world_said(&w),
              "mixed:word 3000|mixed:word 3100"); /* the fake's one is the caller's */
    world_close(&w);
}

TEST(wav_without_audio_gives_an_empty_transcript)
{
    struct world w;

    open_talk(&w);
    w.fakes.duration_ms = 0;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_INT(w.fakes.n_events, 2);
    CHECK_INT(json_i64_or(json_get(event_data(&w, 0), "durationMs"), -1), 0);
    CHECK_INT(json_i64_or(json_get(event_data(&w, 1), "segments"), -1), 0);
    CHECK_INT(w.fakes.n_transcriptions, 0);
    CHECK_INT(json_len(json_get(world_transcript(&w), "segments")), 0);
    CHECK(json_is_arr(json_get(world_transcript(&w), "segments")));
    world_close(&w);
}

TEST(silence_is_not_sent_to_be_transcribed)
{
    struct world w;

    open_talk(&w);
    w.fakes.n_speech = 0;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_INT(w.fakes.n_transcriptions, 0);
    CHECK_INT(w.fakes.n_events, 2);
    world_close(&w);
}

TEST(what_is_no_wav_is_kept_and_not_asked_for_again)
{
    struct world w;

    open_talk(&w);
    w.fakes.wav = STR("ID3 this is something else altogether, long enough for a header");
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_INT(w.fakes.n_events, 1);
    CHECK_STR(str_c(w.fakes.events[0].type), "recording.stored");
    CHECK(fakes_object(&w.fakes, FAKE_WAV) != NULL);
    CHECK(fakes_object(&w.fakes, FAKE_TRANSCRIPT) == NULL);
    world_close(&w);
}

TEST(recording_that_is_not_there_yet_comes_with_a_later_delivery)
{
    struct world w;

    open_talk(&w);
    w.fakes.not_there = true;
    w.fakes.status = "processing";
    CHECK_INT(world_push(&w, "recording.available", NULL), 503);
    CHECK_INT(w.fakes.n_events, 0);
    w.fakes.not_there = false;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    check_outcome(&w);
    world_close(&w);
}

TEST(recording_that_will_never_be_there_is_said_so_once_and_acknowledged)
{
    struct world w;

    open_talk(&w);
    w.fakes.not_there = true;
    w.fakes.status = "absent";
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_INT(w.fakes.n_events, 1);
    CHECK_STR(str_c(w.fakes.events[0].type), "recording.stored");
    CHECK_STR(json_str(json_get(event_data(&w, 0), "status")), "absent");
    CHECK(json_is_null(json_get(event_data(&w, 0), "object")));
    CHECK_INT(w.fakes.n_objects, 0);
    world_close(&w);
}

TEST(event_that_says_itself_that_there_is_no_recording_asks_nobody)
{
    static const char *const words[] = { "absent", "failed" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++) {
        struct world w;

        open_talk(&w);
        CHECK_INT(world_push(&w, "recording.available",
                             arena_printf(&w.arena,
                                          "{\"recordingSid\":\"" FAKE_RECORDING
                                          "\",\"recordingUrl\":\"\",\"durationS\":0,"
                                          "\"channels\":1,\"status\":\"%s\"}",
                                          words[i])
                                 .p),
                  204);
        CHECK_INT(w.fakes.n_requests, 1); /* the publish */
        CHECK_STR(json_str(json_get(event_data(&w, 0), "status")), words[i]);
        CHECK(json_get(event_data(&w, 0), "startTime") == NULL);
        world_close(&w);
    }
}

static int push_of_age(struct world *w, int64_t age_s)
{
    char time[TIME_TEXT_MAX];

    time_rfc3339_s(time, clock_wall_s(&w->fakes.clock) - age_s);
    return world_post(w, fakes_push_body_of(&w->arena, "recording.available", NULL, time), true);
}

TEST(recording_that_twilio_does_not_know_is_waited_for_and_then_given_up)
{
    struct world w;

    open_talk(&w);
    w.fakes.unknown = true;
    CHECK_INT(push_of_age(&w, POST_CALL_GRACE_S - 60), 503);
    CHECK_INT(w.fakes.n_events, 0);
    CHECK_INT(push_of_age(&w, POST_CALL_GRACE_S + 60), 204);
    CHECK_STR(json_str(json_get(event_data(&w, 0), "status")), "absent");
    world_close(&w);
}

TEST(model_without_a_price_costs_nothing_that_could_be_told)
{
    struct world w;
    const struct jval *v;

    world_open_model(&w, "ears-next");
    w.fakes.speech = talk;
    w.fakes.n_speech = ARRAY_LEN(talk);
    w.fakes.duration_ms = 12000;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    v = event_data(&w, 1);
    CHECK_STR(json_str(json_get(v, "model")), "ears-next");
    CHECK(json_get(v, "costMicroUsd") == NULL);
    CHECK(json_get(world_transcript(&w), "costMicroUsd") == NULL);
    CHECK(json_path(world_transcript(&w), "usage.audioMs") != NULL);
    world_close(&w);
}

TEST(utterance_that_is_refused_is_left_out)
{
    struct world w;

    open_talk(&w);
    w.fakes.speech_status = 400;
    w.fakes.speech_refuses = 4100;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    CHECK_STR(world_said(&w), "agent:word 4000|caller:word 3000|caller:word 3100");
    CHECK_INT(json_i64_or(json_get(world_transcript(&w), "refused"), 0), 1);
    world_close(&w);
}

TEST(transcription_that_fails_leaves_the_recording_stored_and_is_tried_again)
{
    static const int statuses[] = { 400, 401, 404 };
    struct world w;
    size_t i;

    for (i = 0; i < ARRAY_LEN(statuses); i++) {
        open_talk(&w);
        w.fakes.speech_status = statuses[i];
        CHECK_INT(world_push(&w, "recording.available", NULL), 503);
        CHECK_INT(w.fakes.n_events, 1);
        CHECK(fakes_object(&w.fakes, FAKE_TRANSCRIPT) == NULL);
        w.fakes.speech_status = 0;
        CHECK_INT(world_push(&w, "recording.available", NULL), 204);
        check_outcome(&w);
        CHECK_INT(w.fakes.n_downloads, 1);
        world_close(&w);
    }
}

TEST(answer_that_cannot_be_read_is_tried_again)
{
    struct world w;

    open_talk(&w);
    w.fakes.speech_answer = "{\"detail\":\"model is loading\"}";
    CHECK_INT(world_push(&w, "recording.available", NULL), 503);
    w.fakes.speech_answer = NULL;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    check_outcome(&w);
    world_close(&w);
}

TEST(what_is_no_event_of_ours_is_acknowledged_and_forgotten)
{
    static const char *const bodies[] = {
        "{}",
        "not json",
        "{\"message\":{\"data\":\"e30=\",\"messageId\":\"1\"}}",
        "{\"message\":{\"data\":\"!!\",\"messageId\":\"1\"}}",
    };
    struct world w;
    size_t i;

    open_talk(&w);
    for (i = 0; i < ARRAY_LEN(bodies); i++)
        CHECK_INT(world_post(&w, str_c(bodies[i]), true), 204);
    CHECK_INT(world_push(&w, "call.ended", NULL), 204);
    CHECK_INT(world_push(&w, "recording.available", "{\"recordingSid\":\"../../x\"}"), 204);
    CHECK_INT(world_push(&w, "recording.available", "{}"), 204);
    CHECK_INT(w.fakes.n_requests, 0);
    world_close(&w);
}

TEST(push_without_identity_is_refused)
{
    struct world w;

    open_talk(&w);
    CHECK_INT(world_post(&w, fakes_push_body(&w.arena, "recording.available", NULL), false), 401);
    CHECK_INT(w.fakes.n_requests, 0);
    world_close(&w);
}

struct delivery {
    struct world *world;
    int status;
};

static void *deliver(void *arg)
{
    struct delivery *d = arg;
    struct http_client *client = http_client_create(NULL, &d->world->fakes.clock);
    struct arena a = ARENA_INIT;

    d->status = world_post_with(d->world, client, &a,
                                fakes_push_body(&a, "recording.available", NULL), true);
    http_client_destroy(client);
    arena_release(&a);
    return NULL;
}

TEST(delivery_of_what_is_being_worked_on_comes_back_later)
{
    struct world w;
    struct delivery d = { .world = &w };
    pthread_t thread;

    open_talk(&w);
    w.fakes.speech_held = true;
    CHECK_INT(pthread_create(&thread, NULL, deliver, &d), 0);
    fakes_await_held(&w.fakes);
    CHECK_INT(world_push(&w, "recording.available", NULL), 503);
    fakes_let_go(&w.fakes);
    pthread_join(thread, NULL);
    CHECK_INT(d.status, 204);
    CHECK_INT(w.fakes.n_transcriptions, 4);
    CHECK_INT(world_push(&w, "recording.available", NULL), 204); /* it is free again */
    check_outcome(&w);
    world_close(&w);
}

TEST(transcription_is_asked_for_in_the_form_its_model_takes)
{
    static const struct {
        const char *model;
        int verbose, languages; /* the business has two */
    } rows[] = { { "gpt-transcribe", 0, 2 }, { "gpt-4o-transcribe", 0, 0 }, { "whisper-1", 4, 0 } };
    struct world w;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        world_open_model(&w, rows[i].model);
        w.fakes.speech = talk;
        w.fakes.n_speech = ARRAY_LEN(talk);
        w.fakes.duration_ms = 12000;
        CHECK_INT(world_push(&w, "recording.available", NULL), 204);
        CHECK_STR(json_str(json_get(event_data(&w, 1), "model")), rows[i].model);
        CHECK_INT(w.fakes.n_verbose, rows[i].verbose);
        CHECK_INT(w.fakes.n_languages, rows[i].languages);
        world_close(&w);
    }
}

/* Twelve minutes: the first part ends in a silence after five, the rest is one more and the last. */
static const struct fake_speech every_20_s[] = {
    { 0, 1000, 3000, 3000 },
    { 1, 4000, 8000, 4000 },
};

static void open_long(struct world *w)
{
    world_open(w);
    w->fakes.speech = every_20_s;
    w->fakes.n_speech = ARRAY_LEN(every_20_s);
    w->fakes.period_ms = 20000;
    w->fakes.duration_ms = 720000;
}

static void check_long(struct world *w)
{
    const struct jval *list = json_get(world_transcript(w), "segments");
    int64_t before_ms = -1, at_ms;
    size_t i;

    CHECK_INT(json_len(list), 72);
    for (i = 0; i < json_len(list); i++) {
        at_ms = json_i64_or(json_get(json_at(list, i), "startMs"), -1);
        CHECK(at_ms > before_ms);
        CHECK_STR(json_str(json_get(json_at(list, i), "speaker")), i % 2 ? "agent" : "caller");
        before_ms = at_ms;
    }
    CHECK_INT(json_i64_or(json_get(world_transcript(w), "utterances"), 0), 72);
}

TEST(long_recording_is_done_in_parts_that_leave_nothing_behind)
{
    struct world w;
    int i, parts = 0;

    open_long(&w);
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    check_long(&w);
    CHECK_INT(w.fakes.n_transcriptions, 72);
    for (i = 0; i < w.fakes.n_objects; i++) {
        if (strstr(w.fakes.objects[i].name, ".parts/")) {
            parts++;
            CHECK(!w.fakes.objects[i].there);
        }
    }
    CHECK(parts >= 2);
    world_close(&w);
}

TEST(a_repeat_goes_on_after_the_last_finished_part)
{
    struct world w;
    int64_t before;

    open_long(&w);
    w.fakes.refuse_from = 120; /* somewhere in the second part */
    CHECK_INT(world_push(&w, "recording.available", NULL), 503);
    before = w.fakes.n_transcriptions;
    CHECK(before > 30);
    CHECK(before < 60);
    w.fakes.refuse_from = 0;
    CHECK_INT(world_push(&w, "recording.available", NULL), 204);
    check_long(&w);
    CHECK(w.fakes.n_transcriptions - before <= 72 - 30);
    world_close(&w);
}
