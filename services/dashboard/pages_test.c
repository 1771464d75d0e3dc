#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "dashboard/stage_test.h"

/* All texts of the fixtures that would be markup if they were not escaped. */
static void check_no_markup(struct str page)
{
    static const char *const markup[] = { "<b>a", "<img src=x", "</pre><script>", "<i>check" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(markup); i++) {
        if (str_contains(page, str_c(markup[i])))
            FAIL_TEST("unescaped: %s", markup[i]);
    }
}

static void check_lacks(struct str page, const char *text)
{
    if (str_contains(page, str_c(text)))
        FAIL_TEST("holds: %s", text);
}

static void check_private(const struct http_response *r)
{
    CHECK_STR(http_response_header(r, "Cache-Control"), "private, no-store");
    CHECK_CONTAINS(http_response_header(r, "Content-Security-Policy"), "default-src 'none'");
    CHECK_CONTAINS(http_response_header(r, "Content-Security-Policy"), "frame-ancestors 'none'");
    CHECK_STR(http_response_header(r, "X-Content-Type-Options"), "nosniff");
    CHECK_STR(http_response_header(r, "Referrer-Policy"), "no-referrer");
}

static void put_calls(struct stage *s, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        char path[64], json[512];

        snprintf(path, sizeof(path), "calls/CA%04d", i);
        /* Two in each minute begin at the same time. */
        snprintf(json, sizeof(json),
                 "{\"status\":\"ended\",\"from\":\"+49*****%02d\",\"startedAt\":\"2026-11-23T08:%"
                 "02d:00Z\","
                 "\"durationMs\":30000,\"outcome\":\"%s\",\"costMicroUsd\":{\"total\":20000}}",
                 i, i / 2, i % 3 ? "answered" : "booked");
        stage_put(s, path, json);
    }
}

/* --- the list ----------------------------------------------------------- */

TEST(list_without_calls_says_how_one_appears)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    r = stage_get(&s, "/", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "No calls yet.");
    CHECK_CONTAINS(r.body, "+4930555100");
    check_private(&r);
    stage_close(&s);
}

TEST(list_shows_calls_in_the_business_s_time_with_their_totals)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    put_calls(&s, 3);
    r = stage_get(&s, "/", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "Today");
    CHECK_CONTAINS(r.body, "Yesterday");
    CHECK_CONTAINS(r.body, ">09:00</time>"); /* Berlin */
    CHECK_CONTAINS(r.body, "href=\"/calls/" STAGE_SID
                           "\" class=\"outcome good\">An appointment was booked</a>");
    CHECK_CONTAINS(r.body, "Wants &lt;b&gt;a check-up&lt;/b&gt; &amp; parking");
    CHECK_CONTAINS(r.body, "<span class=\"flag\">Lead review</span>");
    CHECK_CONTAINS(r.body, "<dt>Calls on this page</dt><dd>4</dd>");
    CHECK_CONTAINS(r.body, "<dt>Time on the phone</dt><dd>2 min 30 s</dd>");
    CHECK_CONTAINS(r.body, "<data value=\"$0.104650\" title=\"$0.104650\">$0.10</data>");
    check_no_markup(r.body);
    check_lacks(r.body, "Older calls");
    CHECK_INT(s.queries, 1);
    stage_close(&s);
}

/* The address behind the link to the next page. */
static void next_page(struct str page, char *out, size_t size)
{
    size_t at = str_find(page, STR("\" rel=\"next\"")), from = at;

    CHECK(at < page.n);
    while (from && page.p[from - 1] != '"')
        from--;
    CHECK(str_copy(out, size, str_slice(page, from, at)));
}

TEST(list_pages_by_cursor_without_gap_or_repeat)
{
    char target[256] = "/?limit=7", link[32];
    struct http_response r;
    int page, i, seen = 0;
    struct stage s;

    stage_open(&s);
    put_calls(&s, 20);
    for (page = 0; page < 3; page++) {
        int last = MIN(seen + 7, 20);

        r = stage_get(&s, target, NULL, NULL);
        CHECK_INT(r.status, 200);
        for (i = 0; i < 20; i++) { /* the latest has the highest number */
            snprintf(link, sizeof(link), "/calls/CA%04d\"", 19 - i);
            CHECK_INT(str_contains(r.body, str_c(link)), i >= seen && i < last);
        }
        seen = last;
        if (page < 2) {
            next_page(r.body, target, sizeof(target));
            /* & is written &amp; in the address */
            while (strstr(target, "&amp;"))
                memmove(strstr(target, "&amp;") + 1, strstr(target, "&amp;") + 5,
                        strlen(strstr(target, "&amp;") + 5) + 1);
        }
    }
    check_lacks(r.body, "rel=\"next\"");
    CHECK_INT(s.queries, 3);
    stage_close(&s);
}

TEST(list_filters_by_outcome_in_the_query)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    put_calls(&s, 6);
    r = stage_get(&s, "/?outcome=booked", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "/calls/CA0003");
    check_lacks(r.body, "/calls/CA0004");
    CHECK_CONTAINS(r.body, "<option value=\"booked\" selected=\"\">");
    CHECK_CONTAINS(str_c(s.last_query), "\"fieldPath\":\"outcome\"");
    r = stage_get(&s, "/?outcome=spam", NULL, NULL);
    CHECK_CONTAINS(r.body, "No call on record came out like that.");
    stage_close(&s);
}

TEST(list_reads_a_page_and_never_the_writer_s_parts)
{
    struct stage s;

    stage_open(&s);
    (void)stage_get(&s, "/api/calls?limit=5", NULL, NULL); /* only the query matters */
    CHECK_CONTAINS(str_c(s.last_query), "\"limit\":6");
    CHECK_CONTAINS(str_c(s.last_query), "\"select\"");
    check_lacks(str_c(s.last_query), "parts");
    stage_close(&s);
}

TEST(list_refuses_parameters_that_make_no_sense)
{
    static const char *const targets[] = { "/?outcome=nonsense",
                                           "/?limit=0",
                                           "/?limit=201",
                                           "/?limit=x",
                                           "/?before=x",
                                           "/?before=1,CA1",
                                           "/api/calls?before=yesterday",
                                           "/api/calls?limit=",
                                           "/api/calls?outcome=x",
                                           "/?before=2026-11-23T08:00:00Z,calls%2FCA1" };
    struct stage s;
    size_t i;

    stage_open(&s);
    for (i = 0; i < ARRAY_LEN(targets); i++) {
        if (stage_get(&s, targets[i], NULL, NULL).status != 400)
            FAIL_TEST("%s was taken", targets[i]);
    }
    CHECK_INT(s.queries, 0);
    stage_close(&s);
}

TEST(list_asks_again_while_a_call_is_going_on)
{
    struct stage s;

    stage_open(&s);
    stage_put(&s, "calls/CAold", "{\"status\":\"live\",\"startedAt\":\"2026-11-20T08:00:00Z\"}");
    check_lacks(stage_get(&s, "/", NULL, NULL).body, "data-refresh-s");
    stage_put(&s, "calls/CAnow", "{\"status\":\"live\",\"startedAt\":\"2026-11-24T08:59:30Z\"}");
    CHECK_CONTAINS(stage_get(&s, "/", NULL, NULL).body, "data-refresh-s=\"5\"");
    stage_close(&s);
}

/* --- one call ----------------------------------------------------------- */

TEST(call_page_shows_the_whole_record)
{
    static const char *const parts[] = {
        "<span class=\"outcome good\">An appointment was booked</span>",
        "+4930*****17, Tue 24 Nov 2026, 09:00, 1 min 00 s",
        "09:01: The agent said goodbye",
        "Check-up, Thu 26 Nov 2026, 10:00, with Doctor Weber",
        "<dt>Booking number</dt><dd>bk1</dd>",
        "<dt>Voice engine</dt><dd><data value=\"$0.041250\" title=\"$0.041250\">$0.04</data></dd>",
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one line of HTML */
        "<dt>Transcription</dt><dd><data value=\"$0.003400\" title=\"$0.003400\">"
        "under $0.01</data></dd>",
        "<dt>Telephony</dt><dd><span class=\"note\">not on record</span></dd>",
        "<dt>Total</dt><dd><data value=\"$0.044650\" title=\"$0.044650\">$0.04</data></dd>",
        "<h3>First word</h3><strong>640 ms</strong>",
        "<h3>Answers</h3><strong>710 ms</strong><span class=\"note\">middle of 2; slowest 820 "
        "ms</span>",
        "aria-label=\"No. 1 710 ms, No. 2 820 ms\"", /* in the order in which they happened */
        "<h3>Tools</h3><strong>1.2 s</strong><span class=\"note\">once</span>",
        "<h3>Silent when interrupted</h3><strong>120 ms</strong>",
        "the agent speaks 2 times, the caller 1 times; 1 uses of tools; 1 interruptions",
        "Hello, this is the assistant<span class=\"cut-here\">",
        "&lt;img src=x onerror=alert(1)&gt;",
        "<b>Book appointment</b>",
        "Anna &lt;/pre&gt;&lt;script&gt;",
        "a &lt;i&gt;check-up&lt;/i&gt;",
        "Made after the call by gpt-transcribe.",
        "<audio id=\"player\" controls=\"\"",
        "src=\"/calls/" STAGE_SID "/recording\"",
    };
    struct http_response r;
    struct stage s;
    size_t i;

    stage_open(&s);
    stage_put_booking(&s);
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    CHECK_INT(r.status, 200);
    for (i = 0; i < ARRAY_LEN(parts); i++)
        CHECK_CONTAINS(r.body, parts[i]);
    check_no_markup(r.body);
    check_lacks(r.body, "not to be shown");
    check_lacks(r.body, "data-refresh-s");
    check_private(&r);
    CHECK_INT(s.queries, 2);
    stage_close(&s);
}

TEST(call_page_puts_the_recording_beside_the_streams_clock)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    /* The agent's first word: 300 ms into the stream, 1700 ms into the recording. */
    CHECK_CONTAINS(r.body, "data-lead-ms=\"1400\"");
    CHECK_CONTAINS(
        r.body, "/recording#t=5.400\" data-recording-ms=\"5400\" aria-label=\"Listen from 0:04\"");
    CHECK_CONTAINS(r.body, "data-length-ms=\"56600\""); /* 58000 ms of recording, less that lead */
    stage_close(&s);
}

/* The same call with other words in its record; the stream began at 08:00:01. */
static void put_record(struct stage *s, const char *recording, const char *more)
{
    stage_put(s, "calls/" STAGE_SID,
              arena_printf(&s->arena,
                           "{\"status\":\"ended\",\"startedAt\":\"2026-11-24T08:00:00Z\","
                           "\"endedAt\":\"2026-11-24T08:01:00Z\",\"recording\":{%s},"
                           "\"transcript\":{\"bucket\":\"audio\",\"object\":\"r/7.json\"}%s}",
                           recording, more)
                  .p);
}

TEST(call_page_places_the_recording_by_its_beginning_and_the_words_within_a_second)
{
    static const struct {
        const char *started, *lead;
    } rows[] = {
        { "2026-11-24T07:59:59Z", "data-lead-ms=\"1400\"" }, /* 2000 less a part of a second */
        { "2026-11-24T07:59:56Z", "data-lead-ms=\"5000\"" }, /* no part of a second explains it */
        { "2026-11-23T07:59:56Z", "data-lead-ms=\"1400\"" }, /* another clock */
    };
    struct stage s;
    size_t i;

    stage_open(&s);
    stage_put_booking(&s);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response r;

        put_record(&s,
                   arena_printf(&s.arena,
                                "\"status\":\"stored\",\"bucket\":\"audio\",\"object\":\"r/7.wav\","
                                "\"durationMs\":58000,\"startedAt\":\"%s\"",
                                rows[i].started)
                       .p,
                   "");
        r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
        CHECK_CONTAINS(r.body, rows[i].lead);
    }
    stage_close(&s);
}

TEST(call_page_says_why_there_is_no_recording_and_waits_for_none)
{
    static const struct {
        const char *status, *says;
    } rows[] = {
        { "absent", "There is no recording of this call." },
        { "failed", "Recording this call failed." },
        { "deleted", "The recording was deleted before it could be stored." },
    };
    struct stage s;
    size_t i;

    stage_open(&s);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response r;

        stage_put(&s, "calls/CA1",
                  arena_printf(&s.arena,
                               "{\"status\":\"ended\",\"startedAt\":\"2026-11-24T08:59:30Z\","
                               "\"endedAt\":\"2026-11-24T08:59:50Z\",\"recording\":{\"status\":"
                               "\"%s\",\"recordingSid\":\"RE1\"}}",
                               rows[i].status)
                      .p);
        r = stage_get(&s, "/calls/CA1", NULL, NULL);
        CHECK_CONTAINS(r.body, rows[i].says);
        CHECK_CONTAINS(r.body, "There is no transcript of this call.");
        check_lacks(r.body, "data-refresh-s");
    }
    stage_close(&s);
}

TEST(call_page_shows_telephony_and_says_when_the_cost_is_not_whole)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    put_record(&s, "",
               ",\"costMicroUsd\":{\"engine\":0,\"transcription\":0,\"telephony\":30800,"
               "\"total\":30800},\"flags\":[\"unpriced\"]");
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    CHECK_CONTAINS(r.body, "$0.030800");
    CHECK_CONTAINS(r.body, "<span class=\"flag\">Unpriced</span>");
    CHECK_CONTAINS(r.body, "has no price in the table");
    put_record(&s, "", ",\"costMicroUsd\":{\"engine\":0,\"total\":0}");
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    CHECK_CONTAINS(r.body, "not on record");
    check_lacks(r.body, "has no price in the table");
    stage_close(&s);
}

TEST(call_page_has_what_was_said_and_done_in_order)
{
    static const char *const order[] = { "Hello, this is the assistant", "onerror",
                                         "Book appointment", "Goodbye." };
    size_t i, at, last = 0;
    struct http_response r;
    struct str talk;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    talk = str_from(r.body, str_find(r.body, STR("<ol class=\"talk\">")));
    for (i = 0; i < ARRAY_LEN(order); i++) {
        at = str_find(talk, str_c(order[i]));
        CHECK(at < talk.n && at >= last);
        last = at;
    }
    stage_close(&s);
}

TEST(call_page_of_a_resumed_call_goes_on_where_the_second_stream_began)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    stage_put(
        &s, "calls/" STAGE_SID "/events/s1",
        "{\"type\":\"call.started\",\"source\":\"bridge-1\",\"time\":\"2026-11-24T08:00:31Z\","
        "\"data\":{\"attempt\":1}}");
    stage_put(&s, "calls/" STAGE_SID "/turns/1-0000",
              "{\"attempt\":1,\"index\":0,\"role\":\"agent\",\"startMs\":2000,\"endMs\":4000,"
              "\"text\":\"Sorry, I am back.\"}");
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    CHECK_CONTAINS(r.body, "the call was resumed at 0:30.");
    CHECK_CONTAINS(r.body, "data-from-ms=\"32000\" data-to-ms=\"34000\"");
    stage_close(&s);
}

TEST(call_page_of_a_live_call_says_what_is_still_to_come)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put(&s, "calls/CA1",
              "{\"status\":\"live\",\"startedAt\":\"2026-11-24T08:59:30Z\",\"costMicroUsd\":{"
              "\"engine\":5,"
              "\"transcription\":0,\"total\":5}}");
    r = stage_get(&s, "/calls/CA1", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "In conversation");
    CHECK_CONTAINS(r.body, "Nothing has been said yet.");
    CHECK_CONTAINS(r.body, "The recording will be here when the call has ended.");
    CHECK_CONTAINS(r.body, "The transcript is made when the call has ended.");
    CHECK_CONTAINS(r.body, "data-refresh-s=\"5\"");
    check_lacks(r.body, "<audio");
    stage_close(&s);
}

TEST(call_page_stands_when_the_transcript_cannot_be_read)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    s.storage_status = 403;
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "The transcript cannot be read just now.");
    CHECK_CONTAINS(r.body, "Goodbye.");
    CHECK_CONTAINS(buf_str(&s.lines), "transcript cannot be shown");
    s.storage_status = 404;
    r = stage_get(&s, "/calls/" STAGE_SID, NULL, NULL);
    CHECK_CONTAINS(r.body, "The transcript is no longer kept.");
    stage_close(&s);
}

/* --- what is not there -------------------------------------------------- */

TEST(unknown_addresses_and_calls_are_not_found)
{
    static const char *const pages[] = { "/calls/CA404", "/calls/..%2Fpolicy", "/calls/a.b",
                                         "/nothing", "/calls/" };
    static const char *const json[] = {
        "/api/calls/CA404",       "/api/calls/..%2Fx",       "/api/nothing",
        "/calls/CA404/recording", "/calls/CA404/transcript", "/assets/x.css"
    };
    struct http_response r;
    struct stage s;
    size_t i;

    stage_open(&s);
    for (i = 0; i < ARRAY_LEN(pages); i++) {
        r = stage_get(&s, pages[i], NULL, NULL);
        if (r.status != 404 || !str_contains(r.body, STR("All calls")))
            FAIL_TEST("%s: %d", pages[i], r.status);
        check_private(&r);
    }
    for (i = 0; i < ARRAY_LEN(json); i++) {
        r = stage_get(&s, json[i], NULL, NULL);
        if (r.status != 404 || !str_starts(r.body, STR("{\"error\":{\"code\":404")))
            FAIL_TEST("%s: %d", json[i], r.status);
    }
    stage_close(&s);
}

TEST(firestore_down_is_said_plainly)
{
    static const char *const pages[] = { "/", "/calls/" STAGE_SID };
    struct http_response r;
    struct stage s;
    size_t i;

    stage_open(&s);
    s.firestore_status = 403; /* a kind that is not asked again */
    for (i = 0; i < ARRAY_LEN(pages); i++) {
        r = stage_get(&s, pages[i], NULL, NULL);
        CHECK_INT(r.status, 503);
        CHECK_CONTAINS(r.body, "The records cannot be read just now");
        CHECK_STR(http_response_header(&r, "Retry-After"), "10");
        check_lacks(r.body, "Firestore");
    }
    r = stage_get(&s, "/api/calls", NULL, NULL);
    CHECK_INT(r.status, 503);
    CHECK_CONTAINS(r.body, "the records cannot be read just now");
    CHECK_CONTAINS(buf_str(&s.lines), "record cannot be read");
    stage_close(&s);
}

TEST(a_page_that_firestore_refuses_is_not_the_reader_s_mistake)
{
    struct stage s;

    stage_open(&s);
    s.firestore_status = 400; /* an index is missing */
    CHECK_INT(stage_get(&s, "/?before=2026-11-24T08:00:00Z", NULL, NULL).status, 503);
    stage_close(&s);
}

/* --- JSON --------------------------------------------------------------- */

TEST(api_lists_calls_and_pages_by_next)
{
    const struct jval *doc;
    struct http_response r;
    char target[256];
    struct stage s;

    stage_open(&s);
    put_calls(&s, 5);
    r = stage_get(&s, "/api/calls?limit=3", NULL, NULL);
    CHECK_INT(r.status, 200);
    check_private(&r);
    CHECK_OK(json_parse_arena(&doc, &s.arena, r.body, NULL));
    CHECK_INT(json_len(json_get(doc, "calls")), 3);
    CHECK_STR(json_str(json_path(doc, "calls.0.callSid")), "CA0004");
    CHECK_STR(json_str(json_path(doc, "calls.0.startedAt")), "2026-11-23T08:02:00Z");
    CHECK_INT(json_i64_or(json_path(doc, "calls.0.costMicroUsd.total"), 0), 20000);
    CHECK_STR(json_str(json_get(doc, "next")), "2026-11-23T08:01:00.000000Z,CA0002");
    snprintf(target, sizeof(target), "/api/calls?limit=3&before=" STR_FMT,
             STR_ARG(json_str(json_get(doc, "next"))));
    r = stage_get(&s, target, NULL, NULL);
    CHECK_OK(json_parse_arena(&doc, &s.arena, r.body, NULL));
    CHECK_INT(json_len(json_get(doc, "calls")), 2);
    CHECK_STR(json_str(json_path(doc, "calls.0.callSid")), "CA0001");
    CHECK(json_is_null(json_get(doc, "next")));
    stage_close(&s);
}

TEST(api_gives_one_call_with_conversation_tools_and_latencies)
{
    const struct jval *doc;
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    r = stage_get(&s, "/api/calls/" STAGE_SID, NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_OK(json_parse_arena(&doc, &s.arena, r.body, NULL));
    CHECK_STR(json_str(json_path(doc, "call.outcome")), "booked");
    CHECK(json_is_null(json_path(doc, "call.parts")));
    CHECK_INT(json_len(json_get(doc, "conversation")), 3);
    CHECK_STR(json_str(json_path(doc, "conversation.1.text")), "<img src=x onerror=alert(1)>");
    CHECK_STR(json_str(json_path(doc, "toolUses.0.output.say")), "It is booked.");
    CHECK_INT(json_i64_or(json_path(doc, "toolUses.0.atMs"), 0),
              9000 - 1210); /* it was asked for */
    CHECK_INT(json_len(json_get(doc, "latencies")), 3);
    CHECK_STR(json_str(json_path(doc, "latencies.0.kind")), "barge_in_stop");
    stage_close(&s);
}

/* --- audio -------------------------------------------------------------- */

/* Bytes that tell where they stood. */
static void store_audio(struct stage *s, size_t n)
{
    char *data = arena_alloc(&s->arena, n);
    size_t i;

    for (i = 0; i < n; i++)
        data[i] = (char)(i * 7 + i / 256);
    stage_store(s, "r/7.wav", str_n(data, n));
}

TEST(recording_is_sent_whole_or_in_the_range_asked_for)
{
    static const struct {
        const char *range;
        int status;
        size_t from, n;
        const char *content_range, *asked_of_storage;
    } rows[] = {
        { NULL, 200, 0, 300000, "", "" },
        { "bytes=0-", 206, 0, 300000, "bytes 0-299999/300000", "bytes=0-299999" },
        { "bytes=1000-1999", 206, 1000, 1000, "bytes 1000-1999/300000", "bytes=1000-1999" },
        { "bytes=-16", 206, 299984, 16, "bytes 299984-299999/300000", "bytes=299984-299999" },
        { "bytes=0-1,4-5", 200, 0, 300000, "", "" },
    };
    struct http_response r;
    struct stage s;
    size_t i;

    stage_open(&s);
    stage_put_booking(&s);
    store_audio(&s, 300000);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        r = stage_get(&s, "/calls/" STAGE_SID "/recording", rows[i].range ? "Range" : NULL,
                      rows[i].range);
        CHECK_INT(r.status, rows[i].status);
        CHECK_STR(http_response_header(&r, "Content-Type"), "audio/wav");
        CHECK_STR(http_response_header(&r, "Accept-Ranges"), "bytes");
        CHECK_STR(http_response_header(&r, "Content-Range"), rows[i].content_range);
        CHECK_STR(str_c(s.last_range), rows[i].asked_of_storage);
        CHECK(str_eq(r.body, str_slice(s.objects[1].data, rows[i].from, rows[i].from + rows[i].n)));
        check_private(&r);
    }
    stage_close(&s);
}

TEST(recording_refuses_a_range_past_the_end)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    store_audio(&s, 1000);
    r = stage_get(&s, "/calls/" STAGE_SID "/recording", "Range", "bytes=1000-");
    CHECK_INT(r.status, 416);
    CHECK_STR(http_response_header(&r, "Content-Range"), "bytes */1000");
    CHECK_INT(s.storage_reads, 0);
    stage_close(&s);
}

TEST(recording_that_is_empty_is_an_empty_answer)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    stage_store(&s, "r/7.wav", STR(""));
    r = stage_get(&s, "/calls/" STAGE_SID "/recording", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_INT(r.body.n, 0);
    CHECK_STR(http_response_header(&r, "Content-Type"), "audio/wav");
    stage_close(&s);
}

TEST(recording_that_breaks_off_is_not_taken_for_whole)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    store_audio(&s, 100000);
    s.storage_break_at = 60000;
    CHECK(stage_try(&s, "/calls/" STAGE_SID "/recording", "Range", "bytes=0-", &r) != ERR_OK);
    CHECK_CONTAINS(buf_str(&s.lines), "recording broke off");
    stage_close(&s);
}

TEST(recording_that_came_damaged_is_not_taken_for_whole)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    store_audio(&s, 100000);
    s.storage_crc = "crc32c=AAAAAA==";
    CHECK(stage_try(&s, "/calls/" STAGE_SID "/recording", "Accept", "*/*", &r) != ERR_OK);
    CHECK_CONTAINS(buf_str(&s.lines), "not what is stored");
    stage_close(&s);
}

TEST(recording_that_is_gone_or_out_of_reach_is_said_as_such)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    r = stage_get(&s, "/calls/" STAGE_SID "/recording", NULL, NULL);
    CHECK_INT(r.status, 404);
    CHECK_CONTAINS(r.body, "the recording is not in the bucket");
    s.storage_status = 403;
    r = stage_get(&s, "/calls/" STAGE_SID "/recording", NULL, NULL);
    CHECK_INT(r.status, 503);
    check_lacks(http_response_header(&r, "ETag"), "7");
    stage_close(&s);
}

TEST(transcript_is_handed_on_as_it_is)
{
    struct http_response r;
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    r = stage_get(&s, "/calls/" STAGE_SID "/transcript", NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(http_response_header(&r, "Content-Type"), "application/json");
    CHECK(str_eq(r.body, s.objects[0].data));
    stage_close(&s);
}

/* --- who may look ------------------------------------------------------- */

TEST(every_route_but_the_assets_wants_the_proxy_s_word)
{
    static const char *const closed[] = { "/",
                                          "/calls/" STAGE_SID,
                                          "/calls/" STAGE_SID "/recording",
                                          "/calls/" STAGE_SID "/transcript",
                                          "/api/calls",
                                          "/api/calls/" STAGE_SID,
                                          "/api/x",
                                          "/x" };
    struct http_response r;
    struct stage s;
    size_t i;

    stage_open_behind_iap(&s);
    stage_put_booking(&s);
    for (i = 0; i < ARRAY_LEN(closed); i++) {
        r = stage_get(&s, closed[i], "X-Goog-IAP-JWT-Assertion", i % 2 ? "a.b.c" : NULL);
        if (r.status != 403)
            FAIL_TEST("%s: %d", closed[i], r.status);
        check_lacks(r.body, "booked");
    }
    CHECK_CONTAINS(buf_str(&s.lines), "refused_total=8");
    CHECK_INT(s.queries + s.gets + s.storage_reads, 0);
    CHECK_INT(stage_get(&s, "/assets/style.css", NULL, NULL).status, 200);
    stage_close(&s);
}

TEST(assets_may_be_kept_under_the_address_that_pages_give)
{
    struct http_response page, r;
    char target[128];
    struct str from;
    struct stage s;

    stage_open(&s);
    page = stage_get(&s, "/", NULL, NULL);
    from = str_from(page.body, str_find(page.body, STR("/assets/dashboard.js")));
    CHECK(str_copy(target, sizeof(target), str_slice(from, 0, str_find_char(from, '"'))));
    r = stage_get(&s, target, NULL, NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(http_response_header(&r, "Content-Type"), "text/javascript; charset=utf-8");
    CHECK_CONTAINS(http_response_header(&r, "Cache-Control"), "immutable");
    CHECK_CONTAINS(r.body, "requestAnimationFrame");
    check_lacks(page.body, "<style");
    check_lacks(page.body, " style=");
    stage_close(&s);
}

TEST(numbers_of_callers_stay_out_of_the_log)
{
    struct stage s;

    stage_open(&s);
    stage_put_booking(&s);
    (void)stage_get(&s, "/calls/" STAGE_SID, NULL, NULL); /* what was logged on the way matters */
    check_lacks(buf_str(&s.lines), "+4930");
    check_lacks(buf_str(&s.lines), "check-up");
    stage_close(&s);
}
