#include "checksum.h"

#include <string.h>

static uint32_t table_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
    }
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t hardware_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
    uint64_t wide = crc;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = _mm_crc32_u64(wide, word);
        bytes += 8;
        count -= 8;
    }
    crc = (uint32_t)wide;
    while (count-- > 0) crc = _mm_crc32_u8(crc, *bytes++);
    return crc;
}

static int has_hardware_crc(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t hardware_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        crc = __crc32cd(crc, word);
        bytes += 8;
        count -= 8;
    }
    while (count-- > 0) crc = __crc32cb(crc, *bytes++);
    return crc;
}

static int has_hardware_crc(void) { return 1; }
#else
static uint32_t hardware_crc(uint32_t crc, const uint8_t *bytes, size_t count) { return table_crc(crc, bytes, count); }

static int has_hardware_crc(void) { return 0; }
#endif

uint32_t ops_crc32c(uint32_t crc, const void *bytes, size_t count) {
    crc = ~crc;
    crc = has_hardware_crc() ? hardware_crc(crc, bytes, count) : table_crc(crc, bytes, count);
    return ~crc;
}
