#include "dashboard/recording.h"

#include "test.h"

TEST(range_parse_honours_one_range_and_ignores_the_rest)
{
    static const struct {
        const char *header;
        int64_t size;
        enum range_kind want;
        int64_t from, to;
    } rows[] = {
        { "bytes=0-", 100, RANGE_PART, 0, 99 },
        { "bytes=0-0", 100, RANGE_PART, 0, 0 },
        { "bytes=10-19", 100, RANGE_PART, 10, 19 },
        { "Bytes = 10-19", 100, RANGE_PART, 10, 19 },
        { "bytes=90-1000", 100, RANGE_PART, 90, 99 },
        { "bytes=99-99999999999999999999", 100, RANGE_PART, 99, 99 },
        { "bytes=-10", 100, RANGE_PART, 90, 99 },
        { "bytes=-1000", 100, RANGE_PART, 0, 99 },
        { "bytes=-99999999999999999999", 100, RANGE_PART, 0, 99 },
        { "bytes=100-", 100, RANGE_OUTSIDE, 0, 0 },
        { "bytes=99999999999999999999-", 100, RANGE_OUTSIDE, 0, 0 },
        { "bytes=-0", 100, RANGE_OUTSIDE, 0, 0 },
        { "bytes=0-", 0, RANGE_OUTSIDE, 0, 0 },
        { "bytes=-5", 0, RANGE_OUTSIDE, 0, 0 },
        { "bytes=0-1,5-6", 100, RANGE_WHOLE, 0, 0 },
        { "bytes=9-8", 100, RANGE_WHOLE, 0, 0 },
        { "bytes=-", 100, RANGE_WHOLE, 0, 0 },
        { "bytes=a-b", 100, RANGE_WHOLE, 0, 0 },
        { "bytes=+1-2", 100, RANGE_WHOLE, 0, 0 },
        { "bytes=1--2", 100, RANGE_WHOLE, 0, 0 },
        { "bytes", 100, RANGE_WHOLE, 0, 0 },
        { "seconds=1-2", 100, RANGE_WHOLE, 0, 0 },
        { "", 100, RANGE_WHOLE, 0, 0 },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct byte_range r = { 0, 0 };
        enum range_kind kind = range_parse(str_c(rows[i].header), rows[i].size, &r);

        if (kind != rows[i].want || r.from != rows[i].from || r.to != rows[i].to)
            FAIL_TEST("\"%s\" of %lld: kind %d, %lld-%lld", rows[i].header, (long long)rows[i].size,
                      kind, (long long)r.from, (long long)r.to);
    }
}
