#define _GNU_SOURCE
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int limit(int resource, int64_t value) {
    if (value < 0) return 0;
    struct rlimit bound = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    return setrlimit(resource, &bound);
}

static int confine(const struct ops_program *program) {
    if (limit(RLIMIT_AS, program->memory_bytes) != 0) return errno;
    if (limit(RLIMIT_NPROC, program->processes) != 0) return errno;
    if (limit(RLIMIT_NOFILE, program->open_files) != 0) return errno;
    if (limit(RLIMIT_FSIZE, program->file_bytes) != 0) return errno;
    if (limit(RLIMIT_CPU, program->cpu_seconds) != 0) return errno;
    if (!program->has_user) return 0;
    // The system call itself: the library's functions signal all threads, which this process does not have.
    if (syscall(SYS_setgroups, program->group_count, program->groups) != 0) return errno;
    if (syscall(SYS_setresgid, program->group, program->group, program->group) != 0) return errno;
    if (syscall(SYS_setresuid, program->user, program->user, program->user) != 0) return errno;
    return 0;
}

/// Becomes the program. Runs on the memory of the supervisor, which waits meanwhile; says there why it failed.
__attribute__((noreturn, noinline))
static void become(const struct ops_program *program, volatile int *error) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    *error = setpgid(0, 0) == 0 ? confine(program) : errno;
    if (*error == 0 && program->directory != NULL && chdir(program->directory) != 0) *error = errno;
    if (*error == 0) {
        execve(program->path, program->arguments, program->environment);
        *error = errno;
    }
    _exit(127);
}

enum { LINK = 3, ORPHAN_ROUNDS_MAX = 1000, ORPHAN_ROUND_MILLISECONDS = 10 };

/// Kills the children of this process; those of theirs become its own when they die.
/// Returns how many signals were sent, or -1 where the kernel keeps no list of children.
static int kill_children(void) {
    static char list[64 << 10];
    int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t length = read(file, list, sizeof list);
    close(file);
    int killed = 0;
    pid_t next = 0;
    // Every number ends in a blank: one that did not fit comes again in the next round.
    for (ssize_t place = 0; place < length; place++) {
        if (list[place] != ' ') {
            next = next * 10 + (list[place] - '0');
            continue;
        }
        if (next > 0 && kill(next, SIGKILL) == 0) killed++;
        next = 0;
    }
    return killed;
}

/// Kills all that descends from this process, and waits for it to be gone. Left to the kernel is what does not die of
/// it, and to itself what this process may not kill, having become another user's.
static void kill_descendants(pid_t program, int signals) {
    // What it has not left is killed at once. The program has not been reaped, so the number is still its own.
    kill(-program, SIGKILL);
    for (int round = 0; round < ORPHAN_ROUNDS_MAX; round++) {
        int killed = kill_children();
        pid_t reaped;
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0) {}
        if ((reaped < 0 && errno == ECHILD) || killed <= 0) return;
        struct signalfd_siginfo news;
        struct pollfd polled = {.fd = signals, .events = POLLIN};
        if (poll(&polled, 1, ORPHAN_ROUND_MILLISECONDS) > 0) (void)!read(signals, &news, sizeof news);
    }
}

static void tell(int link, int first, int second) {
    int message[2] = {first, second};
    send(link, message, sizeof message, MSG_NOSIGNAL);
}

/// Nothing that this process inherited is to be kept open, or in use, by it.
static void leave_standard_descriptors(void) {
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) dup2(nowhere, i);
    if (nowhere > 2) close(nowhere);
}

/// Reaps what has ended, but the program itself: while it is not reaped no stranger can get its number.
/// Returns whether the program has ended, and reports that.
static int reap_orphans(pid_t program) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return 0;
        if (info.si_pid == program) {
            if (info.si_code == CLD_EXITED) tell(LINK, info.si_status, 0); else tell(LINK, -1, info.si_status);
            return 1;
        }
        waitpid(info.si_pid, NULL, 0);
    }
}

/// The life of a supervisor: a copy of the spawner, and so with one thread and no memory to speak of.
__attribute__((noreturn))
static void supervise(const struct ops_program *program, const int descriptors[3], int link) {
    for (int i = 0; i < 3; i++) dup2(descriptors[i], i);
    dup2(link, LINK);
    syscall(SYS_close_range, LINK + 1u, ~0u, 0u);
    fcntl(LINK, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "opsbus-command");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &standard, NULL);

    volatile int error = 0;
    pid_t child = vfork();
    if (child == 0) become(program, &error);
    if (child < 0) error = errno;
    tell(LINK, error, child);
    if (error != 0) _exit(1);
    leave_standard_descriptors();

    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd polled[2] = {{.fd = LINK, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    int has_ended = reap_orphans(child);
    for (;;) {
        if (poll(polled, 2, -1) < 0) continue;
        struct signalfd_siginfo news;
        if (polled[1].revents != 0) {
            (void)!read(signals, &news, sizeof news);
            if (!has_ended) has_ended = reap_orphans(child);
        }
        if (polled[0].revents == 0) continue;
        char order = OPS_KILL;
        ssize_t count = recv(LINK, &order, 1, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count == 1 && order == OPS_RELEASE) {
            while (waitpid(-1, NULL, WNOHANG) > 0) {}
            _exit(0);
        }
        if (count == 1 && order == OPS_TERMINATE) {
            kill(-child, SIGTERM);
            continue;
        }
        kill_descendants(child, signals);
        _exit(0);
    }
}

enum { PASSED_COUNT = 4 };

/// One message with descriptors: standard input, output and error, and the supervisor's end of its link.
union passage {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(PASSED_COUNT * sizeof(int))];
};

static struct msghdr envelope(union passage *passage, struct iovec *byte) {
    return (struct msghdr){
        .msg_iov = byte, .msg_iovlen = 1, .msg_control = passage, .msg_controllen = sizeof *passage};
}

/// The life of a spawner: makes a supervisor for each program, until its owner is gone.
__attribute__((noreturn))
static void spawn_all(const struct ops_program *program, int orders) {
    dup2(orders, LINK);
    syscall(SYS_close_range, LINK + 1u, ~0u, 0u);
    leave_standard_descriptors();
    // Out of reach of what is sent to the owner's group.
    setpgid(0, 0);
    prctl(PR_SET_NAME, "opsbus-spawner");
    // Nobody waits for supervisors.
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigaction(SIGCHLD, &ignored, NULL);
    for (;;) {
        char order;
        union passage passage;
        struct iovec byte = {&order, 1};
        struct msghdr message = envelope(&passage, &byte);
        ssize_t count = recvmsg(LINK, &message, MSG_CMSG_CLOEXEC);
        if (count < 0 && errno == EINTR) continue;
        if (count != 1 || message.msg_controllen < CMSG_LEN(PASSED_COUNT * sizeof(int))) _exit(0);
        int passed[PASSED_COUNT];
        memcpy(passed, CMSG_DATA(&passage.header), sizeof passed);
        pid_t supervisor = fork();
        if (supervisor == 0) supervise(program, passed, passed[3]);
        if (supervisor < 0) tell(passed[3], errno, 0);
        for (int i = 0; i < PASSED_COUNT; i++) close(passed[i]);
    }
}

int ops_spawner_open(struct ops_spawner *spawner) {
    int orders[2];
    void *memory = mmap(NULL, OPS_PROGRAM_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return errno;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) != 0) {
        munmap(memory, OPS_PROGRAM_BYTES_MAX);
        return errno;
    }
    // Those that come after it keep them blocked, but for the programs.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = fork();
    if (process == 0) spawn_all(memory, orders[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(orders[1]);
    *spawner = (struct ops_spawner){.process = process, .orders = orders[0], .memory = memory};
    if (process > 0) return 0;
    ops_spawner_close(spawner);
    return error;
}

void ops_spawner_close(const struct ops_spawner *spawner) {
    close(spawner->orders);
    if (spawner->process > 0) {
        while (waitpid(spawner->process, NULL, 0) < 0 && errno == EINTR) {}
    }
    munmap(spawner->memory, OPS_PROGRAM_BYTES_MAX);
}

/// What is left of the shared memory.
struct room {
    char *next;
    size_t left;
};

static void *take(struct room *room, const void *bytes, size_t count, size_t alignment) {
    size_t gap = (size_t)-(uintptr_t)room->next & (alignment - 1);
    if (room->left < gap || room->left - gap < count) return NULL;
    char *place = room->next + gap;
    if (count > 0) memcpy(place, bytes, count);
    room->next = place + count;
    room->left -= gap + count;
    return place;
}

static const char *take_text(struct room *room, const char *text) { return take(room, text, strlen(text) + 1, 1); }

static char *const *take_list(struct room *room, char *const *list) {
    size_t count = 0;
    while (list[count] != NULL) count++;
    const char **copy = take(room, list, (count + 1) * sizeof *list, sizeof *list);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        if ((copy[i] = take_text(room, list[i])) == NULL) return NULL;
    }
    return (char *const *)copy;
}

/// Puts the program where the spawner sees it, at the same addresses. Returns 0 or an errno.
static int share(const struct ops_spawner *spawner, const struct ops_program *program) {
    struct ops_program *shared = spawner->memory;
    struct room room = {(char *)(shared + 1), OPS_PROGRAM_BYTES_MAX - sizeof *shared};
    *shared = *program;
    shared->path = take_text(&room, program->path);
    shared->arguments = take_list(&room, program->arguments);
    shared->environment = take_list(&room, program->environment);
    if (program->directory != NULL) shared->directory = take_text(&room, program->directory);
    shared->groups = take(&room, program->groups, program->group_count * sizeof *program->groups, sizeof(gid_t));
    int fits = shared->path != NULL && shared->arguments != NULL && shared->environment != NULL
        && shared->groups != NULL && (shared->directory != NULL || program->directory == NULL);
    return fits ? 0 : E2BIG;
}

/// Has the spawner make a supervisor. Returns 0 or an errno.
static int order_supervisor(const struct ops_spawner *spawner, const int descriptors[3], int link) {
    int passed[PASSED_COUNT] = {descriptors[0], descriptors[1], descriptors[2], link};
    char order = 0;
    union passage passage = {
        .header = {.cmsg_len = CMSG_LEN(sizeof passed), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&passage.header), passed, sizeof passed);
    struct iovec byte = {&order, 1};
    struct msghdr message = envelope(&passage, &byte);
    ssize_t sent;
    while ((sent = sendmsg(spawner->orders, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {}
    return sent == 1 ? 0 : errno;
}

int ops_spawn(const struct ops_spawner *spawner, struct ops_child *child, const struct ops_program *program,
              const int descriptors[3]) {
    int link[2];
    int error = share(spawner, program);
    if (error != 0) return error;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0) return errno;
    error = order_supervisor(spawner, descriptors, link[1]);
    close(link[1]);
    if (error == 0) {
        int message[2];
        ssize_t count;
        while ((count = recv(link[0], message, sizeof message, 0)) < 0 && errno == EINTR) {}
        error = count == sizeof message ? message[0] : EPIPE;
        *child = (struct ops_child){.program = message[1], .link = link[0]};
    }
    if (error != 0) close(link[0]);
    return error;
}

int ops_child_news(const struct ops_child *child, int *exit_code, int *signal) {
    int message[2];
    ssize_t count = recv(child->link, message, sizeof message, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count != sizeof message) return -1;
    *exit_code = message[0];
    *signal = message[1];
    return 1;
}

void ops_child_order(const struct ops_child *child, char order) { send(child->link, &order, 1, MSG_NOSIGNAL); }

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
