#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A process that starts programs for this one: a copy of it as it was when it was small, so that starting one costs the
/// same however much memory this process takes.
///
/// Between the spawner and each program is a supervisor, beneath which all descendants of the program stay, whatever
/// session, group or environment they give themselves, and whoever of them dies first.
struct ops_spawner {
    pid_t process;
    int orders;
    /// Shared with the spawner: the program that is to be started.
    void *memory;
};

/// What a program and its arguments, its environment and so on may take together.
enum { OPS_PROGRAM_BYTES_MAX = 4 << 20 };

/// Makes a spawner, which ends when this process does. Returns 0 or an errno.
int ops_spawner_open(struct ops_spawner *spawner);

/// Ends the spawner; not the supervisors that there are.
void ops_spawner_close(const struct ops_spawner *spawner);

/// A program to start and what it is held to.
struct ops_program {
    const char *path;
    /// Both end in NULL.
    char *const *arguments;
    char *const *environment;
    /// NULL for the current one; else one that the user may enter.
    const char *directory;
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

/// A running program.
struct ops_child {
    /// Leader of a process group of its own.
    pid_t program;
    /// To the supervisor: readable when there is news.
    int link;
};

/// What a supervisor can be told.
enum {
    /// Send SIGTERM to the program's group.
    OPS_TERMINATE = 'T',
    /// Kill the program and all its descendants, and then end. Also done when this process is gone.
    OPS_KILL = 'K',
    /// End, and leave alone what is left of the program.
    OPS_RELEASE = 'R',
};

/// Starts a program with default signal handling and no inherited descriptors but the three given for standard input,
/// output and error. Not for two threads at a time. Returns 0 or an errno, EPIPE where the spawner is gone; `*child` is
/// set on success.
int ops_spawn(const struct ops_spawner *spawner, struct ops_child *child, const struct ops_program *program,
              const int descriptors[3]);

/// What the supervisor has to say. Returns 1 when the program has ended and fills in the outcome, 0 for nothing new, -1
/// when the supervisor has ended. `*exit_code` is the exit status, or -1 when `*signal` says which signal ended it.
int ops_child_news(const struct ops_child *child, int *exit_code, int *signal);

/// Tells the supervisor what to do.
void ops_child_order(const struct ops_child *child, char order);

/// An anonymous, close-on-exec file that holds `bytes`, read from its start; -1 and errno on failure. As the standard
/// input of a child it needs no one to write to it while the child runs.
int ops_memory_file(const void *bytes, size_t count);

/// Bytes that can be read from a pipe without waiting; 0 where that cannot be told.
size_t ops_readable_bytes(int descriptor);
