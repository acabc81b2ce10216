#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, as in iSCSI and ext4) of `count` bytes, continuing from `crc` (0 to start).
uint32_t ops_crc32c(uint32_t crc, const void *bytes, size_t count);
