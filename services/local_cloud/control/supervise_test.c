#include "local_cloud/control/supervise.h"

#include "base/buf.h"
#include "test.h"

TEST(supervisor_format_line_shows_time_severity_call_and_message)
{
    struct buf out = BUF_INIT(4096);

    supervisor_format_line(&out, "media-bridge",
                           STR("{\"severity\":\"WARNING\",\"time\":\"2026-11-24T09:00:01.250000Z\","
                               "\"logging.googleapis.com/"
                               "labels\":{\"call_sid\":\"CA0123456789\"},\"message\":\"late\"}"),
                           false);
    CHECK_STR(buf_str(&out), "media-bridge    09:00:01.250 warn  CA012345.. late\n");
    buf_release(&out);
}

TEST(supervisor_format_line_keeps_what_is_no_json)
{
    struct buf out = BUF_INIT(4096);

    supervisor_format_line(&out, "dashboard", STR("Segmentation fault"), false);
    CHECK_STR(buf_str(&out), "dashboard       Segmentation fault\n");
    buf_release(&out);
}

TEST(supervisor_line_matters_from_warning_on_and_when_it_is_no_json)
{
    CHECK(!supervisor_line_matters(STR("{\"severity\":\"INFO\",\"message\":\"x\"}")));
    CHECK(supervisor_line_matters(STR("{\"severity\":\"WARNING\",\"message\":\"x\"}")));
    CHECK(supervisor_line_matters(STR("free(): invalid pointer")));
}
