#include "voice/engine.h"

static const struct voice_engine_ops *const makers[] = { &openai_realtime_ops };

const struct voice_engine_ops *voice_engine_find(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(makers); i++) {
        if (str_eq_c(name, makers[i]->name))
            return makers[i];
    }
    return NULL;
}
