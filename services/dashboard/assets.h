/* dashboard/assets.h: the style sheet, script and icon that stand in the program itself. Their
 * addresses carry a version made from their content, so browsers may keep them. */
#ifndef DASHBOARD_ASSETS_H
#define DASHBOARD_ASSETS_H

#include <stdbool.h>

#include "base/str.h"

enum { ASSETS_VERSION_LEN = 16 };

struct asset {
    const char *name;
    const char *content_type;
    struct str data;
};
/* False: no such asset. */
bool asset_find(struct asset *ret, struct str name);
void assets_version(char out[ASSETS_VERSION_LEN + 1]);

#endif
