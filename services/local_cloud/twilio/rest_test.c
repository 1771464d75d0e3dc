/* What Twilio's own clients rely on: methods, pages, limits, legs. */
#include <stdio.h>
#include <string.h>

#include "base/url.h"
#include "voice/g711.h"
#include "world_test.h"

#define PAUSE "<Response><Pause length=\"60\"/></Response>"
#define HANGUP "<Response><Hangup/></Response>"
/* Percent-encoded: <Response><Pause length='60'/></Response> */
#define PAUSE_FORM "%3CResponse%3E%3CPause%20length%3D'60'%2F%3E%3C%2FResponse%3E"
#define NEW_CALL "From=%2B15005550006&To=%2B493012345"

/* The value of a member that is a text, from a JSON answer. */
static struct str member(struct world *w, const char *name)
{
    char key[64];
    struct str rest;

    snprintf(key, sizeof(key), "\"%s\":\"", name);
    rest = str_from(w->rest_body, str_find(w->rest_body, str_c(key)));
    rest = str_from(rest, strlen(key));
    return str_slice(rest, 0, str_find_char(rest, '"'));
}

static void place(struct world *w, const char *more)
{
    char form[512];

    snprintf(form, sizeof(form), "%s%s", NEW_CALL, more);
    world_rest(w, "POST", "/Calls.json", form, NULL);
    CHECK_INT(w->rest_status, 201);
}

static void call_path(struct world *w, char out[96])
{
    snprintf(out, 96, "/Calls/" STR_FMT ".json", STR_ARG(member(w, "sid")));
}

TEST(rest_lists_come_in_pages_newest_first)
{
    struct str first;
    struct world w;

    world_open(&w);
    place(&w, "1&Twiml=" PAUSE_FORM);
    first = arena_str(&w.arena, member(&w, "sid"));
    place(&w, "2&Twiml=" PAUSE_FORM);
    place(&w, "3&Twiml=" PAUSE_FORM);
    world_rest(&w, "GET", "/Calls.json?PageSize=2&From=%2B15005550006", NULL, NULL);
    CHECK_STR(member(&w, "to"), "+4930123453");
    CHECK_CONTAINS(w.rest_body, "Calls.json?From=%2B15005550006&PageSize=2&Page=1");
    CHECK_CONTAINS(w.rest_body, "\"previous_page_uri\":null");
    world_rest(&w, "GET", "/Calls.json?PageSize=2&Page=1", NULL, NULL);
    CHECK(str_eq(member(&w, "sid"), first));
    CHECK_CONTAINS(w.rest_body, "\"next_page_uri\":null");
    CHECK_CONTAINS(w.rest_body, "\"start\":2,\"end\":2");
    world_rest(&w, "GET", "/Calls.json?PageSize=0", NULL, NULL);
    CHECK_INT(w.rest_status, 400);
    world_rest(&w, "GET", "/Calls.json?StartTime%3E=2099-01-01", NULL, NULL);
    CHECK_CONTAINS(w.rest_body, "\"calls\":[]");
    world_close(&w);
}

TEST(rest_refuses_what_no_call_can_be_made_of)
{
    static const struct {
        const char *form, *code;
    } rows[] = {
        { NEW_CALL "1&Url=voice", "\"code\":21205" },
        { NEW_CALL "1&Url=https%3A%2F%2Fa.b%2F&Method=PUT", "\"code\":21209" },
        { NEW_CALL "1&Url=https%3A%2F%2Fa.b%2F&StatusCallback=here", "\"code\":21609" },
        { NEW_CALL "1&Url=https%3A%2F%2Fa.b%2F&TimeLimit=soon", "\"code\":20001" },
        { "From=%2B0150055500&To=%2B4930123451&Twiml=x", "\"code\":21212" },
    };
    struct world w;
    size_t i;

    world_open(&w);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        world_rest(&w, "POST", "/Calls.json", rows[i].form, NULL);
        CHECK_INT(w.rest_status, 400);
        CHECK_CONTAINS(w.rest_body, rows[i].code);
    }
    world_close(&w);
}

static bool call_is_over(struct world *w)
{
    return telephony_calls(w->lc.telephony) == 0;
}

TEST(rest_call_ends_at_its_time_limit_and_can_then_be_deleted)
{
    char path[96];
    struct world w;

    world_open(&w);
    place(&w, "1&TimeLimit=1&Twiml=" PAUSE_FORM);
    call_path(&w, path);
    world_rest(&w, "DELETE", path, NULL, NULL);
    CHECK_INT(w.rest_status, 409);
    world_until(&w, call_is_over);
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_STR(member(&w, "status"), "completed");
    world_rest(&w, "DELETE", path, NULL, NULL);
    CHECK_INT(w.rest_status, 204);
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_INT(w.rest_status, 404);
    world_close(&w);
}

static bool leg_talks(struct world *w)
{
    return str_contains(buf_str(&w->events), STR("answered\n")) &&
           str_contains(buf_str(&w->events), STR("dialed"));
}

TEST(rest_knows_the_leg_of_a_dial_and_ends_it)
{
    char path[128];
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200,
                  "<Response><Dial action=\"/dialed\" callerId=\"+15005550006\">"
                  "+4930999000</Dial></Response>");
    world_answers(&w, "/dialed", 200, HANGUP);
    world_call(&w, NULL, 0);
    world_until(&w, leg_talks);
    snprintf(path, sizeof(path), "/Calls.json?ParentCallSid=" STR_FMT,
             STR_ARG(phone_call_sid(w.call)));
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_STR(member(&w, "direction"), "outbound-dial");
    CHECK_STR(member(&w, "from"), "+15005550006");
    CHECK_STR(member(&w, "status"), "in-progress");
    call_path(&w, path);
    world_rest(&w, "POST", path, "Status=completed", NULL);
    CHECK_STR(member(&w, "status"), "completed");
    world_until(&w, world_ended);
    CHECK_CONTAINS(buf_str(&w.asked), "DialBridged=true");
    world_close(&w);
}

static enum errc long_voice(void *arg, struct str language, struct str text, struct buf *out,
                            struct err *err)
{
    size_t i;

    (void)arg, (void)language, (void)text, (void)err;
    for (i = 0; i < (size_t)G711_BYTES_PER_MS * 1500; i++)
        buf_add_char(out, (char)0x12);
    return ERR_OK;
}

TEST(rest_dial_ends_at_its_time_limit_while_the_person_still_speaks)
{
    struct world w;

    world_open(&w);
    telephony_set_voice(w.lc.telephony, long_voice, NULL);
    world_answers(
        &w, "/voice/incoming", 200,
        "<Response><Dial action=\"/dialed\" timeLimit=\"1\">+4930999000</Dial></Response>");
    world_answers(&w, "/dialed", 200,
                  "<Response><Pause length=\"2\"/><Redirect>/after</Redirect></Response>");
    world_answers(&w, "/after", 200, HANGUP);
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK_INT(world_count(buf_str(&w.asked), "/dialed "), 1);
    CHECK_INT(world_count(buf_str(&w.asked), "/after "), 1);
    world_close(&w);
}

static bool fallback_asked(struct world *w)
{
    return str_contains(buf_str(&w->asked), STR("/fallback?AccountSid="));
}

TEST(rest_methods_of_a_call_are_used)
{
    char form[512];
    struct world w;

    world_open(&w);
    world_answers(&w, "/broken", 500, "");
    world_answers(&w, "/fallback", 200, PAUSE);
    snprintf(form, sizeof(form),
             "1&Url=" STR_FMT "%%2Fbroken&Method=GET&FallbackUrl=" STR_FMT
             "%%2Ffallback&FallbackMethod=GET",
             STR_ARG(url_encode_text(&w.arena, w.settings.public_base_url)),
             STR_ARG(url_encode_text(&w.arena, w.settings.public_base_url)));
    place(&w, form);
    world_until(&w, fallback_asked);
    CHECK_CONTAINS(buf_str(&w.asked), "/broken?AccountSid=");
    world_close(&w);
}

TEST(rest_segments_of_a_message_are_counted_by_its_alphabet)
{
    static const struct {
        const char *body;
        int times;
        const char *segments;
    } rows[] = {
        { "a", 160, "\"num_segments\":\"1\"" },
        { "a", 161, "\"num_segments\":\"2\"" },
        { "%C3%BC", 160, "\"num_segments\":\"1\"" },
        { "%E2%82%AC", 81, "\"num_segments\":\"2\"" },
        { "%D0%96", 70, "\"num_segments\":\"1\"" },
        { "%D0%96", 71, "\"num_segments\":\"2\"" },
        { "%F0%9F%98%80", 36, "\"num_segments\":\"2\"" },
    };
    struct world w;
    size_t i;

    world_open(&w);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf form = BUF_INIT(64 * KIB);
        int n;

        buf_add_c(&form, "To=%2B4930123456&From=%2B15005550006&Body=");
        for (n = 0; n < rows[i].times; n++)
            buf_add_c(&form, rows[i].body);
        world_rest(&w, "POST", "/Messages.json", buf_cstr(&form), NULL);
        CHECK_CONTAINS(w.rest_body, rows[i].segments);
        buf_release(&form);
    }
    world_close(&w);
}
