#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Starts a program as the leader of a new process group, with default signal handling and no inherited descriptors
/// but the three given for standard input, output and error.
///
/// `directory` may be NULL for the current one. Returns 0 or an errno; `*pid` is set on success.
int ops_spawn(pid_t *pid, const char *path, char *const arguments[], char *const environment[],
              const int descriptors[3], const char *directory);

/// What a program is held to.
struct ops_confinement {
    /// As whom it runs; `has_user` 0 for as this process.
    int has_user;
    uid_t user;
    gid_t group;
    const gid_t *groups;
    size_t group_count;
    /// Each a limit for `setrlimit`, or -1 for this process's own.
    int64_t memory_bytes;
    int64_t processes;
    int64_t open_files;
    int64_t file_bytes;
    int64_t cpu_seconds;
};

/// `ops_spawn` within bounds. The directory must be one that the user may enter.
int ops_spawn_confined(pid_t *pid, const char *path, char *const arguments[], char *const environment[],
                       const int descriptors[3], const char *directory, const struct ops_confinement *bounds);

/// A close-on-exec descriptor that becomes readable when the process ends; -1 and errno on failure.
int ops_pidfd_open(pid_t pid);

/// Reaps a child without waiting. Returns 1 and fills in the outcome if it has ended, 0 if it runs, -1 and errno.
/// `*exit_code` is the exit status, or -1 when `*signal` says which signal ended it.
int ops_reap(pid_t pid, int *exit_code, int *signal);

/// Sends a signal to every process of the group; 0 or an errno.
int ops_kill_group(pid_t group, int signal);

/// An anonymous, close-on-exec file that holds `bytes`, read from its start; -1 and errno on failure. As the standard
/// input of a child it needs no one to write to it while the child runs.
int ops_memory_file(const void *bytes, size_t count);

/// Bytes that can be read from a pipe without waiting; 0 where that cannot be told.
size_t ops_readable_bytes(int descriptor);
