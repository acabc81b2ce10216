#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

int ops_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int ops_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int ops_lock_exclusive(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno; }

void ops_unlock(int descriptor) { flock(descriptor, LOCK_UN); }

int ops_preallocate(int descriptor, int64_t size) { return posix_fallocate(descriptor, 0, size); }

int ops_disk_space(const char *path, uint64_t *free_bytes, uint64_t *total_bytes) {
    struct statvfs info;
    if (statvfs(path, &info) != 0) return errno;
    *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    *total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
    return 0;
}

int ops_file_stamp(const char *path, int64_t *size, int64_t *modified, uint64_t *inode) {
    struct stat status;
    if (stat(path, &status) != 0) return errno;
    *size = status.st_size;
    *modified = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    *inode = status.st_ino;
    return 0;
}

int ops_pipe(int descriptors[2], int nonblocking_read) {
    if (pipe2(descriptors, O_CLOEXEC) != 0) return errno;
    if (nonblocking_read && fcntl(descriptors[0], F_SETFL, O_NONBLOCK) != 0) return errno;
    return 0;
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ops_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }

int64_t ops_realtime_nanoseconds(void) { return nanoseconds(CLOCK_REALTIME); }

void ops_random(void *bytes, size_t count) {
    uint8_t *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            abort();
        }
        next += got;
        count -= (size_t)got;
    }
}

uint64_t ops_resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    unsigned long size = 0, resident = 0;
    int fields = fscanf(file, "%lu %lu", &size, &resident);
    fclose(file);
    return fields == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}
