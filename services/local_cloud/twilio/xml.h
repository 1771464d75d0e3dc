/* local_cloud/twilio/xml.h: a small strict XML reader for TwiML: elements, attributes, text, CDATA, comments,
 * character references. No DTD (refused), no namespaces. Source: XML 1.0, fifth edition. */
#ifndef LOCAL_CLOUD_TWILIO_XML_H
#define LOCAL_CLOUD_TWILIO_XML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { XML_DEPTH_MAX = 32, XML_ATTRS_MAX = 64 };

struct xml_attr {
    struct str name, value;
};

struct xml_node {
    struct str name;
    struct str text; /* of this element itself, pieces joined */
    const struct xml_attr *attrs;
    size_t n_attrs;
    struct xml_node *first_child, *next; /* elements only */
};

/* Everything lives in the arena. ERR_INVALID says what and at which byte. */
MUST_USE enum errc xml_parse(struct xml_node **ret, struct arena *a, struct str text,
                             struct err *err);
/* Attribute's value, or `dflt` when it is absent. */
struct str xml_attr(const struct xml_node *n, const char *name, const char *dflt);

#endif
