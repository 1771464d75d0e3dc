#include "twiml_webhook/fallback.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "concierge/profile.h"
#include "twilio/twiml.h"
#include "twiml_webhook/answers.h"

static enum errc document(struct twiml *t, struct arena *arena, struct str *ret, struct err *err)
{
    const char *path = getenv("BUSINESS_PROFILE");
    const struct profile *profile = NULL;
    enum errc rc;

    if (!path)
        return err_set(err, ERR_INVALID,
                       "BUSINESS_PROFILE: required: path of the business profile");
    rc = profile_load(&profile, arena, path, err);
    if (rc)
        return rc;
    answer_static(t, &(struct answers){ .profile = profile });
    return twiml_finish(t, ret, err);
}

int fallback_print(void)
{
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct twiml t;
    struct str text = STR_EMPTY;
    enum errc rc;

    twiml_init(&t, TWIML_BYTES_MAX);
    rc = document(&t, &arena, &text, &err);
    if (rc)
        fprintf(stderr, "twiml-webhook: %s\n", err.text);
    else
        printf(STR_FMT "\n", STR_ARG(text));
    twiml_release(&t);
    arena_release(&arena);
    return rc ? 2 : 0;
}
