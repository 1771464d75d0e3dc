#include "concierge/agenda.h"

#include "google/firestore.h"

enum { US = 1000000, DAY_SECONDS = 86400 };

struct str agenda_path(struct arena *a, struct str calendar, struct date d)
{
    char date[DATE_TEXT_MAX];

    date_text(date, d);
    return arena_printf(a, "agenda/" STR_FMT ":%s", STR_ARG(calendar), date);
}

struct agenda agenda_read(struct arena *a, const struct jval *fields, int64_t now_s)
{
    const struct jval *entries = fs_map(fields, "entries"), *v;
    struct json_iter it = json_iter(entries);
    struct agenda g = { ARENA_ARRAY(a, struct agenda_entry, json_len(entries) + 1), 0 };
    struct str id;

    while (json_next(&it, &id, &v)) {
        const struct jval *f = fs_val_map(v);
        struct agenda_entry e = {
            .id = id,
            .booked = str_eq(fs_str(f, "kind"), STR("booked")),
            .blocked = { fs_time_or(f, "start", 0) / US, fs_time_or(f, "end", 0) / US },
            .call_sid = fs_str(f, "callSid"),
            .service = fs_str(f, "service"),
            .expires_s = fs_time_or(f, "expiresAt", 0) / US,
        };

        if (e.booked || e.expires_s > now_s)
            g.items[g.n++] = e;
    }
    return g;
}

bool agenda_blocked(const struct agenda *g, struct time_range r, struct str call_sid)
{
    size_t i;

    for (i = 0; i < g->n; i++) {
        const struct agenda_entry *e = &g->items[i];

        if (time_range_overlaps(e->blocked, r) && (e->booked || !str_eq(e->call_sid, call_sid)))
            return true;
    }
    return false;
}

const struct agenda_entry *agenda_find(const struct agenda *g, struct str id)
{
    size_t i;

    for (i = 0; i < g->n; i++) {
        if (str_eq(g->items[i].id, id))
            return &g->items[i];
    }
    return NULL;
}

bool agenda_put(struct agenda *g, const struct agenda_entry *e)
{
    size_t i;

    for (i = 0; i < g->n && !str_eq(g->items[i].id, e->id); i++)
        ;
    if (i == AGENDA_ENTRIES_MAX)
        return false;
    g->items[i] = *e;
    if (i == g->n)
        g->n++;
    return true;
}

void agenda_drop(struct agenda *g, struct str id)
{
    size_t i;

    for (i = 0; i < g->n; i++) {
        if (str_eq(g->items[i].id, id) && !g->items[i].booked) {
            g->items[i] = g->items[--g->n];
            return;
        }
    }
}

void agenda_write(struct firestore_commit *c, const struct fs_doc *doc, struct str calendar,
                  struct date d, const struct agenda *g, int keep_days)
{
    struct fsw *w = firestore_set(c, doc->path, fs_pre_unchanged(doc));
    char date[DATE_TEXT_MAX];
    size_t i;

    date_text(date, d);
    fsw_str(w, "calendar", calendar);
    fsw_cstr(w, "date", date);
    fsw_map(w, "entries");
    for (i = 0; i < g->n; i++) {
        const struct agenda_entry *e = &g->items[i];

        fsw_key_map(w, e->id);
        fsw_cstr(w, "kind", e->booked ? "booked" : "hold");
        fsw_time(w, "start", e->blocked.from_s * US);
        fsw_time(w, "end", e->blocked.to_s * US);
        fsw_str(w, "callSid", e->call_sid);
        fsw_str(w, "service", e->service);
        if (!e->booked)
            fsw_time(w, "expiresAt", e->expires_s * US);
        fsw_end(w);
    }
    fsw_end(w);
    fsw_ttl(w, (date_days(d) + 1) * DAY_SECONDS * US, keep_days);
}
