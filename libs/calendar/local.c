#include "calendar/local.h"

#include "base/mem.h"
#include "google/firestore.h"

enum { DAY_SECONDS = 86400, US = 1000000 };

struct local_calendar {
    struct calendar head;
    struct google *google;
};

static struct local_calendar *local_of(struct calendar *c)
{
    return CONTAINER_OF(c, struct local_calendar, head);
}

static enum errc local_create(struct calendar **ret, const struct calendar_env *env,
                              struct err *err)
{
    struct local_calendar *l;

    if (!env->google)
        return err_set(err, ERR_INVALID, "calendar maker local needs Firestore");
    l = MEM_NEW(struct local_calendar);
    l->head.ops = &calendar_local;
    l->google = env->google;
    *ret = &l->head;
    return ERR_OK;
}

static void local_destroy(struct calendar *c)
{
    mem_free(local_of(c));
}

static struct str parent_path(struct ctx *ctx, struct str calendar)
{
    return arena_printf(ctx->arena, "localCalendars/" STR_FMT, STR_ARG(calendar));
}

static struct str event_path(struct ctx *ctx, struct str calendar, struct str id)
{
    return arena_printf(ctx->arena, "localCalendars/" STR_FMT "/events/" STR_FMT, STR_ARG(calendar),
                        STR_ARG(id));
}

static void keep_overlapping(struct ctx *ctx, const struct fs_docs *docs, struct time_range in,
                             struct busy_list *ret)
{
    struct time_range *items = ARENA_ARRAY(ctx->arena, struct time_range, docs->n + 1);
    size_t i;

    ret->items = items;
    ret->n = 0;
    for (i = 0; i < docs->n; i++) {
        struct time_range r = { fs_time_or(docs->items[i].fields, "start", 0) / US,
                                fs_time_or(docs->items[i].fields, "end", 0) / US };

        if (time_range_overlaps(r, in))
            items[ret->n++] = r;
    }
}

static enum errc local_free_busy(struct calendar *c, struct ctx *ctx, struct str calendar,
                                 struct time_range in, struct busy_list *ret, struct err *err)
{
    const int64_t reach_s = (int64_t)CALENDAR_LOCAL_EVENT_MAX_DAYS * DAY_SECONDS;
    const struct fs_filter filters[] = {
        { "start", FS_GE, FS_TIME((in.from_s - reach_s) * US) },
        { "start", FS_LT, FS_TIME(in.to_s * US) },
    };
    const struct fs_order orders[] = { { "start", false } };
    const struct firestore_query q = {
        .parent = parent_path(ctx, calendar),
        .collection = "events",
        .filters = filters,
        .n_filters = ARRAY_LEN(filters),
        .orders = orders,
        .n_orders = ARRAY_LEN(orders),
        .limit = CALENDAR_BUSY_MAX + 1,
    };
    struct fs_docs docs;
    enum errc rc = firestore_query(local_of(c)->google, ctx, &q, &docs, err);

    if (rc)
        return rc;
    if (docs.n > CALENDAR_BUSY_MAX)
        return err_set(err, ERR_LIMIT, "more than %d events", CALENDAR_BUSY_MAX);
    keep_overlapping(ctx, &docs, in, ret);
    return ERR_OK;
}

static enum errc local_book(struct calendar *c, struct ctx *ctx, const struct calendar_event *e,
                            struct err *err)
{
    struct firestore_commit *commit = firestore_commit_begin(local_of(c)->google, ctx);
    struct fsw *w = firestore_create(commit, event_path(ctx, e->calendar, e->id));

    fsw_time(w, "start", e->when.from_s * US);
    fsw_time(w, "end", e->when.to_s * US);
    fsw_bool(w, "allDay", false);
    fsw_str(w, "timeZone", e->time_zone);
    fsw_str(w, "summary", e->summary);
    fsw_str(w, "description", e->description);
    fsw_str(w, "callSid", e->call_sid);
    fsw_time(w, "createdAt", clock_wall_us(ctx->clock));
    return firestore_commit(commit, NULL, err);
}

static enum errc local_find(struct calendar *c, struct ctx *ctx, struct str calendar,
                            struct str event_id, struct err *err)
{
    struct fs_doc doc;
    enum errc rc =
        firestore_get(local_of(c)->google, ctx, event_path(ctx, calendar, event_id), &doc, err);

    if (rc)
        return rc;
    return doc.exists ? ERR_OK : err_set(err, ERR_NOT_FOUND, "no such event");
}

static enum errc local_cancel(struct calendar *c, struct ctx *ctx, struct str calendar,
                              struct str event_id, struct err *err)
{
    struct firestore_commit *commit = firestore_commit_begin(local_of(c)->google, ctx);

    firestore_delete(commit, event_path(ctx, calendar, event_id), FS_PRE_EXISTS);
    return firestore_commit(commit, NULL, err);
}

const struct calendar_ops calendar_local = {
    .name = "local",
    .create = local_create,
    .free_busy = local_free_busy,
    .book = local_book,
    .find = local_find,
    .cancel = local_cancel,
    .destroy = local_destroy,
};
