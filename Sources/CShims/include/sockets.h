#pragma once
#include <stdint.h>

/// A listening TCP socket, close-on-exec and non-blocking, on a numeric address of IPv4 or IPv6. Returns 0 or an errno.
/// Port 0 takes a free one.
int ops_listen(const char *address, uint16_t port, int *descriptor);

/// The port a socket is bound to; 0 where it is bound to none.
uint16_t ops_local_port(int descriptor);
