#include "dashboard/assets.h"

#include "base/crypto.h"
#include "base/embed.h"
#include "base/macros.h"

EMBED(style, "services/dashboard/assets/style.css");
EMBED(script, "services/dashboard/assets/dashboard.js");
EMBED(icon, "services/dashboard/assets/icon.svg");

static const struct {
    const char *name, *content_type, *data;
    const uint64_t *size;
} assets[] = {
    { "style.css", "text/css; charset=utf-8", embedded_style, &embedded_style_size },
    { "dashboard.js", "text/javascript; charset=utf-8", embedded_script, &embedded_script_size },
    { "icon.svg", "image/svg+xml", embedded_icon, &embedded_icon_size },
};

static struct str data_of(size_t i)
{
    return str_n(assets[i].data, (size_t)*assets[i].size);
}

bool asset_find(struct asset *ret, struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(assets); i++) {
        if (str_eq_c(name, assets[i].name)) {
            *ret = (struct asset){ assets[i].name, assets[i].content_type, data_of(i) };
            return true;
        }
    }
    return false;
}

void assets_version(char out[ASSETS_VERSION_LEN + 1])
{
    uint8_t digests[ARRAY_LEN(assets)][SHA256_LEN], all[SHA256_LEN];
    size_t i;

    for (i = 0; i < ARRAY_LEN(assets); i++)
        sha256(digests[i], data_of(i));
    sha256(all, str_n(digests, sizeof(digests)));
    hex_encode(out, all, ASSETS_VERSION_LEN / 2);
}
