#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A non-blocking, close-on-exec event counter; -1 and errno on failure.
int ops_eventfd(void);

/// `open` with `O_CLOEXEC` added; -1 and errno on failure.
int ops_open(const char *path, int flags, mode_t mode);

/// Takes an exclusive lock of the whole open file without waiting. Returns 0 or an errno.
int ops_lock_exclusive(int descriptor);

/// Gives the lock back, also where a child that is just being started still holds a copy of the descriptor.
void ops_unlock(int descriptor);

/// Makes sure that `size` bytes of the file are allocated. Returns 0 or an errno.
int ops_preallocate(int descriptor, int64_t size);

/// Free and total bytes of the file system that holds `path`. Returns 0 or an errno.
int ops_disk_space(const char *path, uint64_t *free_bytes, uint64_t *total_bytes);

/// What tells versions of a file apart: bytes, time of change in nanoseconds, inode. Returns 0 or an errno.
int ops_file_stamp(const char *path, int64_t *size, int64_t *modified, uint64_t *inode);

/// A pair of close-on-exec descriptors, read end first. Returns 0 or an errno.
int ops_pipe(int descriptors[2], int nonblocking_read);

/// Seconds since boot as the kernel counts them, unaffected by clock changes, in nanoseconds.
int64_t ops_monotonic_nanoseconds(void);

/// Nanoseconds since 1970-01-01T00:00:00Z.
int64_t ops_realtime_nanoseconds(void);

/// Fills `bytes` from the kernel's random generator; aborts if that is impossible.
void ops_random(void *bytes, size_t count);

/// Resident set of this process in bytes, or 0 if it cannot be read.
uint64_t ops_resident_bytes(void);
