#pragma once
#include <stdint.h>

/// Identifier of the calling thread. Opaque to the optimiser, unlike `pthread_self`, which glibc declares `const`:
/// across a suspension point Swift may otherwise reuse the value of another thread.
uint64_t ops_thread_id(void);

/// Names the calling thread, at most 15 bytes, for `top -H` and core dumps.
void ops_thread_set_name(const char *name);

/// Starts a detached thread with 8 MiB of stack that calls `body(context)`. Returns 0 or an errno.
int ops_thread_start(void (*body)(void *), void *context);
