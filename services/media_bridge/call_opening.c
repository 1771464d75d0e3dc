/* Disclosure and greeting from kept audio: heard from the stream's start on, while the engine is being connected. */
#include "media_bridge/call_internal.h"

/* Names of its items, for playout and journal as well as for the engine. */
static const struct {
    struct str id, cut_id;
} names[OPENING_PARTS] = {
    { STR("opening-disclosure"), STR("opening-disclosure-cut") },
    { STR("opening-greeting"), STR("opening-greeting-cut") },
};

static struct voice_part part_of(enum opening_part p)
{
    return (struct voice_part){ .response_id = names[p].id, .item_id = names[p].id };
}

static bool find_part(struct str item_id, enum opening_part *ret)
{
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++) {
        if (str_eq(item_id, names[i].id)) {
            *ret = (enum opening_part)i;
            return true;
        }
    }
    return false;
}

bool call_part_is_kept(const struct voice_part *part)
{
    enum opening_part p;

    return find_part(part->item_id, &p);
}

bool call_opening_plays(const struct call *c)
{
    struct voice_part part;

    return c->opening.kept && playout_current(c->playout, &part) && call_part_is_kept(&part);
}

void call_opening_protect(struct call *c)
{
    if (call_opening_plays(c))
        turn_on_kept(c->turn, names[OPENING_DISCLOSURE].id, call_now_us(c));
}

void call_opening_play(struct call *c)
{
    const struct opening *o = c->bridge->opening;
    const struct profile *profile = c->bridge->profile;
    const struct str texts[] = { profile->disclosure, profile->greeting };
    size_t i;

    if (!opening_ready(o))
        return;
    c->opening.kept = true;
    for (i = 0; i < OPENING_PARTS; i++) {
        const struct voice_part part = part_of((enum opening_part)i);
        struct str audio = opening_audio(o, (enum opening_part)i);

        journal_agent_text(c->journal, part.item_id, texts[i], true);
        if (playout_add(c->playout, &part, (const uint8_t *)audio.p, audio.n))
            log_error(&c->log, "opening not played: the queue is full");
        playout_part_end(c->playout, &part);
    }
    call_opening_protect(c);
    call_pump(c);
}

static void not_told(struct call *c, enum errc rc)
{
    if (rc)
        log_warn(&c->log, "voice engine took no word of the opening: %s", errc_name(rc));
}

/* Under their names, as long as the caller may interrupt what is still being heard. */
void call_opening_tell(struct call *c)
{
    size_t i;

    for (i = 0; i < OPENING_PARTS; i++) {
        struct str said = journal_said(c->journal, names[i].id);

        if (said.n)
            not_told(c, c->ops->remember_as(c->engine, names[i].id, STR_EMPTY, said));
    }
    c->opening.told = true;
}

/* The caller has interrupted: the engine, too, is to know only what was heard. */
void call_opening_cut(struct call *c, const struct playout_heard *heard)
{
    struct str said = journal_said(c->journal, heard->part.item_id);
    enum opening_part p;

    if (!c->opening.told || !find_part(heard->part.item_id, &p))
        return;
    not_told(c, c->ops->forget(c->engine, names[p].id));
    if (said.n)
        not_told(c, c->ops->remember_as(c->engine, names[p].cut_id,
                                        p > 0 ? names[p - 1].id : STR_EMPTY, said));
}

void call_opening_engine_lost(struct call *c)
{
    c->opening.told = false; /* the next one is told without names */
    call_opening_take_drop(c);
}

void call_opening_take_drop(struct call *c)
{
    opening_take_drop(c->opening.take);
    c->opening.take = NULL;
}
