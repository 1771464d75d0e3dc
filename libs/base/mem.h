/* base/mem.h: the only door to the heap. Running out of memory ends the process with one line, so no
 * caller carries a path for it; whatever a peer can enlarge is bounded long before. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

void *mem_alloc(size_t size) MUST_USE;                /* size 0 gives a valid pointer */
void *mem_zalloc(size_t size) MUST_USE;               /* zeroed */
void *mem_calloc(size_t count, size_t size) MUST_USE; /* zeroed; overflow ends the process */
void *mem_realloc(void *p, size_t size) MUST_USE;
char *mem_strdup(const char *s) MUST_USE; /* NULL stays NULL */
char *mem_str_dup(struct str s) MUST_USE; /* adds the NUL */
void mem_free(void *p);                   /* NULL is fine */
size_t mem_in_use(void); /* bytes of the heap, whoever has them: ours and the libraries' */
/* Overwrites secrets in a way that the compiler cannot drop. */
void mem_wipe(void *p, size_t size);

#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

#endif
