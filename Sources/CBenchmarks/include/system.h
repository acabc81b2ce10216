#pragma once
#include <stdint.h>

/// Waits until `ops_monotonic_nanoseconds` has come to this.
void bench_sleep_until(int64_t nanoseconds);

/// Removes a directory and all that is in it.
void bench_remove_tree(const char *path);
