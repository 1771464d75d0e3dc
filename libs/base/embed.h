/* base/embed.h: a file of the source tree as bytes in the program, NUL-ended. The path is relative to the
 * repository's root; say it to CMake too (vc_embed), so that a change of the file rebuilds. ccache keeps
 * nothing of a source that embeds.
 *
 *     EMBED(page_html, "services/dashboard/page.html");
 *     http_reply(r, 200, "text/html; charset=utf-8", EMBEDDED(page_html)); */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stdint.h>

#include "base/str.h"

#define EMBED(name, path)                     \
    __asm__(".pushsection .rodata\n"          \
            "embedded_" #name ":\n"           \
            ".incbin \"" path "\"\n"          \
            "1: .byte 0\n"                    \
            ".balign 8\n"                     \
            "embedded_" #name "_size:\n"      \
            ".quad 1b - embedded_" #name "\n" \
            ".popsection\n");                 \
    extern const char embedded_##name[];      \
    extern const uint64_t embedded_##name##_size

#define EMBEDDED(name) str_n(embedded_##name, (size_t)embedded_##name##_size)

#endif
