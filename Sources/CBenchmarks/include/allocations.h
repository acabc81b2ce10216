#pragma once
#include <stdint.h>

/// Calls of the allocator since the program began. Linked into the benchmarks only: this target stands in for `malloc`.
uint64_t bench_allocations(void);

/// Bytes that live allocations occupy.
uint64_t bench_live_bytes(void);
