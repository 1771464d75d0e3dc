#include "calendar/calendar.h"

#include "base/macros.h"
#include "calendar/local.h"

static const struct calendar_ops *const makers[] = { &calendar_local };

const struct calendar_ops *calendar_maker(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(makers); i++) {
        if (str_eq_c(name, makers[i]->name))
            return makers[i];
    }
    return NULL;
}

const char *calendar_maker_names(void)
{
    return "local";
}

enum errc calendar_create(struct calendar **ret, struct str maker, const struct calendar_env *env,
                          struct err *err)
{
    const struct calendar_ops *ops = calendar_maker(maker);

    if (!ops)
        return err_set(err, ERR_INVALID, "calendar maker \"" STR_FMT "\" must be one of %s",
                       STR_ARG(maker), calendar_maker_names());
    return ops->create(ret, env, err);
}

struct calendar *calendar_destroy(struct calendar *c)
{
    if (c)
        c->ops->destroy(c);
    return NULL;
}

enum errc calendar_free_busy(struct calendar *c, struct ctx *ctx, struct str calendar,
                             struct time_range in, struct busy_list *ret, struct err *err)
{
    enum errc rc = in.to_s - in.from_s > (int64_t)CALENDAR_RANGE_MAX_DAYS * 86400
                       ? err_set(err, ERR_LIMIT, "more than %d days", CALENDAR_RANGE_MAX_DAYS)
                       : c->ops->free_busy(c, ctx, calendar, in, ret, err);

    return rc ? err_wrap(err, rc, "free/busy of calendar " STR_FMT, STR_ARG(calendar)) : ERR_OK;
}

enum errc calendar_book(struct calendar *c, struct ctx *ctx, const struct calendar_event *e,
                        struct err *err)
{
    enum errc rc = c->ops->book(c, ctx, e, err);

    return rc ? err_wrap(err, rc, "book in calendar " STR_FMT, STR_ARG(e->calendar)) : ERR_OK;
}

enum errc calendar_find(struct calendar *c, struct ctx *ctx, struct str calendar,
                        struct str event_id, struct err *err)
{
    enum errc rc = c->ops->find(c, ctx, calendar, event_id, err);

    return rc ? err_wrap(err, rc, "find in calendar " STR_FMT, STR_ARG(calendar)) : ERR_OK;
}

enum errc calendar_cancel(struct calendar *c, struct ctx *ctx, struct str calendar,
                          struct str event_id, struct err *err)
{
    enum errc rc = c->ops->cancel(c, ctx, calendar, event_id, err);

    return rc ? err_wrap(err, rc, "cancel in calendar " STR_FMT, STR_ARG(calendar)) : ERR_OK;
}
