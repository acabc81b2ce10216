#define _GNU_SOURCE
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int ops_spawn(pid_t *pid, const char *path, char *const arguments[], char *const environment[],
              const int descriptors[3], const char *directory) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0) return error;
    if ((error = posix_spawn_file_actions_init(&actions)) != 0) {
        posix_spawnattr_destroy(&attributes);
        return error;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (int i = 0; i < 3 && error == 0; i++) error = posix_spawn_file_actions_adddup2(&actions, descriptors[i], i);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (error == 0 && directory != NULL) error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (error == 0) error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static int limit(int resource, int64_t value) {
    if (value < 0) return 0;
    struct rlimit bound = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    return setrlimit(resource, &bound);
}

/// Runs in the child, between fork and exec: only calls that are safe after a fork of many threads.
static int confine(const struct ops_confinement *bounds) {
    if (limit(RLIMIT_AS, bounds->memory_bytes) != 0) return errno;
    if (limit(RLIMIT_NPROC, bounds->processes) != 0) return errno;
    if (limit(RLIMIT_NOFILE, bounds->open_files) != 0) return errno;
    if (limit(RLIMIT_FSIZE, bounds->file_bytes) != 0) return errno;
    if (limit(RLIMIT_CPU, bounds->cpu_seconds) != 0) return errno;
    if (!bounds->has_user) return 0;
    // The system call itself: the library's functions signal all threads, which the child does not have.
    if (syscall(SYS_setgroups, bounds->group_count, bounds->groups) != 0) return errno;
    if (syscall(SYS_setresgid, bounds->group, bounds->group, bounds->group) != 0) return errno;
    if (syscall(SYS_setresuid, bounds->user, bounds->user, bounds->user) != 0) return errno;
    return 0;
}

static void become(const char *path, char *const arguments[], char *const environment[], const int descriptors[3],
                   const char *directory, const struct ops_confinement *bounds, int report) {
    int error = 0;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setpgid(0, 0) != 0) error = errno;
    // Out of the way of 0, 1 and 2; each of the three is at 3 or above already.
    for (int i = 0; i < 3 && error == 0; i++) {
        if (dup2(descriptors[i], i) < 0) error = errno;
    }
    if (error == 0) error = confine(bounds);
    if (error == 0 && directory != NULL && chdir(directory) != 0) error = errno;
    if (error == 0) {
        // All above 2 close themselves, the report's end among them.
        syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
        execve(path, arguments, environment);
        error = errno;
    }
    while (write(report, &error, sizeof error) < 0 && errno == EINTR) {}
    _exit(127);
}

int ops_spawn_confined(pid_t *pid, const char *path, char *const arguments[], char *const environment[],
                       const int descriptors[3], const char *directory, const struct ops_confinement *bounds) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) become(path, arguments, environment, descriptors, directory, bounds, report[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (child > 0) {
        // Ends without a word when the program has been started.
        ssize_t count;
        while ((count = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) {}
        if (count <= 0) {
            error = 0;
            *pid = child;
        } else {
            while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        }
    }
    close(report[0]);
    return error;
}

int ops_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int ops_reap(pid_t pid, int *exit_code, int *signal) {
    int status = 0;
    pid_t reaped = waitpid(pid, &status, WNOHANG);
    if (reaped <= 0) return (int)reaped;
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return 1;
}

int ops_kill_group(pid_t group, int signal) { return kill(-group, signal) == 0 ? 0 : errno; }

int ops_memory_file(const void *bytes, size_t count) {
    int descriptor = memfd_create("input", MFD_CLOEXEC);
    if (descriptor < 0) return -1;
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = write(descriptor, next, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            int error = errno;
            close(descriptor);
            errno = error;
            return -1;
        }
        next += written;
        count -= (size_t)written;
    }
    lseek(descriptor, 0, SEEK_SET);
    return descriptor;
}

size_t ops_readable_bytes(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}
