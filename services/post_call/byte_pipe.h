/* post_call/byte_pipe.h: bytes from one thread to another through a fixed buffer. The writer waits while it
 * is full, the reader while it is empty, so that a slow side holds the other one back and nothing piles
 * up. One writer, one reader. */
#ifndef POST_CALL_BYTE_PIPE_H
#define POST_CALL_BYTE_PIPE_H

#include <stddef.h>

#include "base/err.h"

struct byte_pipe;

struct byte_pipe *byte_pipe_create(size_t size) MUST_USE;
/* When neither side uses it any more. NULL is fine; returns NULL. */
struct byte_pipe *byte_pipe_destroy(struct byte_pipe *p);

/* Writer. Returns when all of it is in the pipe; ERR_CLOSED: the reader has left. */
MUST_USE enum errc byte_pipe_write(struct byte_pipe *p, const char *data, size_t n);
/* Writer, last: nothing more comes. `rc` other than ERR_OK: what was written is not the whole. */
void byte_pipe_finish(struct byte_pipe *p, enum errc rc);

/* Reader. Waits until there is something to read or the writer has finished; returns the writer's rc. */
MUST_USE enum errc byte_pipe_wait(struct byte_pipe *p);
/* Reader. At least one byte, at most `max`; *n 0 is the end. What the writer's rc says comes at once,
 * whatever is still in the pipe. */
MUST_USE enum errc byte_pipe_read(struct byte_pipe *p, char *out, size_t max, size_t *n);
/* Reader, last: the writer need not go on. */
void byte_pipe_leave(struct byte_pipe *p);

#endif
