/* base/embed.h: a file of the source tree as bytes in the program, NUL-ended. The path is relative to the
 * repository's root; say it to CMake too (vc_embed), so that a change of the file rebuilds. ccache keeps
 * nothing of a source that embeds.
 *
 *     EMBED(page_html, "services/dashboard/page.html");
 *     http_reply(r, 200, "text/html; charset=utf-8", EMBEDDED(page_html)); */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include "base/str.h"

#define EMBED(name, path)               \
    __asm__(".pushsection .rodata\n"    \
            "embedded_" #name ":\n"     \
            ".incbin \"" path "\"\n"    \
            "embedded_" #name "_end:\n" \
            ".byte 0\n"                 \
            ".popsection\n");           \
    extern const char embedded_##name[], embedded_##name##_end[]

#define EMBEDDED(name) str_n(embedded_##name, (size_t)(embedded_##name##_end - embedded_##name))

#endif
