#include "crm/crm.h"

#include "base/macros.h"
#include "crm/local.h"

static const struct crm_ops *const makers[] = { &crm_local };

const struct crm_ops *crm_maker(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(makers); i++) {
        if (str_eq_c(name, makers[i]->name))
            return makers[i];
    }
    return NULL;
}

const char *crm_maker_names(void)
{
    return "local";
}

enum errc crm_create(struct crm **ret, struct str maker, const struct crm_env *env, struct err *err)
{
    const struct crm_ops *ops = crm_maker(maker);

    if (!ops)
        return err_set(err, ERR_INVALID, "crm maker \"" STR_FMT "\" must be one of %s",
                       STR_ARG(maker), crm_maker_names());
    return ops->create(ret, env, err);
}

struct crm *crm_destroy(struct crm *c)
{
    if (c)
        c->ops->destroy(c);
    return NULL;
}

enum errc crm_save(struct crm *c, struct ctx *ctx, const struct crm_lead *lead, struct str *ret_id,
                   bool *ret_known, struct err *err)
{
    enum errc rc = c->ops->save(c, ctx, lead, ret_id, ret_known, err);

    return rc ? err_wrap(err, rc, "save lead") : ERR_OK;
}
