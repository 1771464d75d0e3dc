/* crm/local.h: the maker "local": leads kept in Firestore, one document for each contact:
 *   leads/{id}: name, phone, email, postcode, need, service, fields (map), qualified, review, reason,
 *   callSid (the latest call), calls (all of them), writes (keys of the latest writes), createdAt, updatedAt,
 *   ttlAt
 * The id is derived from the lead's key, so that one person is one document. */
#ifndef CRM_LOCAL_H
#define CRM_LOCAL_H

#include "crm/crm.h"

enum { CRM_LOCAL_CALLS_MAX = 50 }; /* calls and writes remembered of a contact, the latest ones */

extern const struct crm_ops crm_local;

#endif
