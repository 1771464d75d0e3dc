#include "base/die.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DIE_TEXT_MAX = 256 };

void die(const char *fmt, ...)
{
    char text[DIE_TEXT_MAX], line[DIE_TEXT_MAX + 64];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = snprintf(line, sizeof(line), "{\"severity\":\"CRITICAL\",\"message\":\"%s\"}\n",
                 n < 0 ? fmt : text);
    if (n > 0) /* where write fails there is nobody left to tell */
        (void)!write(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1));
    abort();
}
