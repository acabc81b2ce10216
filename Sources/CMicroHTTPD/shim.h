#pragma once
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <microhttpd.h>

// Swift cannot call functions with a variable number of arguments.

struct ops_http_options {
    int listen_socket;
    unsigned connections_max;
    /// Of one client address; 0 for no limit.
    unsigned connections_per_address_max;
    unsigned idle_timeout_seconds;
    size_t memory_per_connection;
    /// PEM; both NULL for plain HTTP.
    const char *certificate;
    const char *key;
    /// Handed to every callback.
    void *context;
    /// Called with the request's target as it came; its result is the request's context.
    void *(*begin)(void *context, const char *target, struct MHD_Connection *connection);
    MHD_AccessHandlerCallback handle;
    MHD_RequestCompletedCallback end;
    MHD_NotifyConnectionCallback notify_connection;
};

/// Makes a server that serves while its owner calls ops_http_wait and MHD_run in turn. NULL where that is impossible.
static inline struct MHD_Daemon *ops_http_start(const struct ops_http_options *options) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    if (options->certificate != NULL) flags |= MHD_USE_TLS;
    struct MHD_OptionItem security[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->key},
        {MHD_OPTION_END, 0, NULL},
    };
    if (options->certificate == NULL) security[0].option = MHD_OPTION_END;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, options->handle, options->context,
        MHD_OPTION_LISTEN_SOCKET, options->listen_socket,
        MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address_max,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->memory_per_connection,
        MHD_OPTION_URI_LOG_CALLBACK, options->begin, options->context,
        MHD_OPTION_NOTIFY_COMPLETED, options->end, options->context,
        MHD_OPTION_NOTIFY_CONNECTION, options->notify_connection, options->context,
        MHD_OPTION_ARRAY, security,
        MHD_OPTION_END);
}

/// A descriptor by which other threads end ops_http_wait. -1 where there is none left.
static inline int ops_http_make_wake(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/// Ends the present ops_http_wait, or the next one.
static inline void ops_http_wake(int wake) { eventfd_write(wake, 1); }

/// Waits until a socket has something to do or another thread says so: the library sees only the former. At most so many
/// milliseconds.
static inline void ops_http_wait(struct MHD_Daemon *daemon, int wake, int milliseconds) {
    MHD_UNSIGNED_LONG_LONG timeout;
    if (MHD_get_timeout(daemon, &timeout) == MHD_YES && timeout < (MHD_UNSIGNED_LONG_LONG)milliseconds)
        milliseconds = (int)timeout;
    struct pollfd descriptors[] = {
        {MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, POLLIN, 0}, {wake, POLLIN, 0}};
    eventfd_t count;
    if (poll(descriptors, 2, milliseconds) > 0 && descriptors[1].revents != 0) eventfd_read(wake, &count);
}

/// The socket of a connection; -1 where it cannot be told.
static inline int ops_http_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}
