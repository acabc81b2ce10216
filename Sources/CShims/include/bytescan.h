#pragma once
#include <stdint.h>

// Sixteen bytes at a time: bit i of the result is set when byte i is one of the wanted ones.

#if defined(__SSE2__)
#include <emmintrin.h>

/// Bytes that end a run of plain characters in a JSON string: `"`, `\`, below 0x20, or above 0x7F.
static inline uint32_t ops_mask_string_special(const uint8_t *bytes) {
    __m128i block = _mm_loadu_si128((const __m128i *)bytes);
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    // Signed comparison: bytes above 0x7F are negative, so this finds them together with the control characters.
    __m128i outside = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), outside));
}
#else
static inline uint32_t ops_mask_string_special(const uint8_t *bytes) {
    uint32_t mask = 0;
    for (int i = 0; i < 16; i++) {
        uint8_t byte = bytes[i];
        if (byte == '"' || byte == '\\' || byte < 0x20 || byte > 0x7F) mask |= 1u << i;
    }
    return mask;
}
#endif
