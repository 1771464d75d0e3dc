/* crm/crm.h: what every CRM can do with a lead. Calls block on the worker that makes them; results live
 * in ctx->arena. One instance serves all workers at once. */
#ifndef CRM_CRM_H
#define CRM_CRM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"

struct crm;
struct google;

struct crm_env {
    struct google *google;
};

struct crm_field {
    struct str name, value;
};

/* Empty texts leave what is known of the contact as it is. */
struct crm_lead {
    struct str key; /* the phone number in E.164, or "call-{sid}": one contact for each key */
    struct str name, phone, email, postcode, need, service;
    const struct crm_field *fields;
    size_t n_fields;
    bool qualified, review; /* review: a person should look at it */
    struct str reason;      /* why it is not qualified; may be empty */
    struct str call_sid;
    struct str write_key; /* a repeat with the same one changes nothing */
    int64_t at_us;
    int keep_days; /* after at_us, for makers that keep leads themselves */
};

struct crm_ops {
    const char *name; /* as in the business profile */
    enum errc (*create)(struct crm **ret, const struct crm_env *env, struct err *err);
    /* Creates the contact or updates it; *ret_id in ctx->arena, *ret_known: it was there before. */
    enum errc (*save)(struct crm *c, struct ctx *ctx, const struct crm_lead *lead,
                      struct str *ret_id, bool *ret_known, struct err *err);
    void (*destroy)(struct crm *c);
};

struct crm { /* the head of every maker's own struct */
    const struct crm_ops *ops;
};

const struct crm_ops *crm_maker(struct str name);
const char *crm_maker_names(void);
MUST_USE enum errc crm_create(struct crm **ret, struct str maker, const struct crm_env *env,
                              struct err *err);
struct crm *crm_destroy(struct crm *c); /* NULL is fine; returns NULL */
MUST_USE enum errc crm_save(struct crm *c, struct ctx *ctx, const struct crm_lead *lead,
                            struct str *ret_id, bool *ret_known, struct err *err);

#endif
