/* Forms as Twilio posts them: whatever is read can be written and read again, the same. */
#include "base/arena.h"
#include "base/url.h"
#include "fuzz.h"
#include "twilio/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = str_n(data, size);
    struct buf out = BUF_INIT(4 * MIB);
    struct arena a = ARENA_INIT;
    struct form form, again;
    struct twilio_webhook hook;
    size_t i;

    if (!form_parse(&form, &a, body)) {
        for (i = 0; i < form.n; i++)
            form_add(&out, arena_cstr(&a, form.pairs[i].key), form.pairs[i].value);
        FUZZ_HOLDS(!buf_status(&out));
        FUZZ_HOLDS(!form_parse(&again, &a, buf_str(&out)) && again.n <= form.n);
    }
    (void)twilio_webhook_parse(&hook, &a, body, NULL); /* must only survive */
    buf_release(&out);
    arena_release(&a);
    return 0;
}
