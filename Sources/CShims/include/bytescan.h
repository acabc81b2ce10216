#pragma once
#include <stddef.h>
#include <stdint.h>

// Sixteen bytes at a time: bit i of the result is set when byte i is one of the wanted ones. The portable versions
// define the meaning; the SSE2 ones are the same in five instructions.

/// Where the characters that matter to the skipping of containers stand in a block of 64 bytes.
struct ops_block {
    uint64_t quotes;
    uint64_t escapes;
    uint64_t opens;
    uint64_t closes;
};

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

/// `"` and `\`.
static inline uint32_t ops_mask_quote_or_escape(const uint8_t *bytes) {
    __m128i block = _mm_loadu_si128((const __m128i *)bytes);
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(quote, escape));
}

/// One given byte.
static inline uint32_t ops_mask_byte(const uint8_t *bytes, uint8_t wanted) {
    __m128i block = _mm_loadu_si128((const __m128i *)bytes);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8((char)wanted)));
}

static inline struct ops_block ops_scan_block(const uint8_t *bytes, uint8_t open, uint8_t close) {
    struct ops_block result = {0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + 16 * i));
        uint64_t quotes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
        uint64_t escapes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
        uint64_t opens = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8((char)open)));
        uint64_t closes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8((char)close)));
        result.quotes |= quotes << (16 * i);
        result.escapes |= escapes << (16 * i);
        result.opens |= opens << (16 * i);
        result.closes |= closes << (16 * i);
    }
    return result;
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

static inline uint32_t ops_mask_quote_or_escape(const uint8_t *bytes) {
    uint32_t mask = 0;
    for (int i = 0; i < 16; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') mask |= 1u << i;
    }
    return mask;
}

static inline uint32_t ops_mask_byte(const uint8_t *bytes, uint8_t wanted) {
    uint32_t mask = 0;
    for (int i = 0; i < 16; i++) {
        if (bytes[i] == wanted) mask |= 1u << i;
    }
    return mask;
}

static inline struct ops_block ops_scan_block(const uint8_t *bytes, uint8_t open, uint8_t close) {
    struct ops_block result = {0, 0, 0, 0};
    for (int i = 0; i < 64; i++) {
        if (bytes[i] == '"') result.quotes |= 1ull << i;
        if (bytes[i] == '\\') result.escapes |= 1ull << i;
        if (bytes[i] == open) result.opens |= 1ull << i;
        if (bytes[i] == close) result.closes |= 1ull << i;
    }
    return result;
}
#endif

// A GNU function, not declared to Swift by its own header; linear in the sum of both lengths.
extern void *memmem(const void *text, size_t text_count, const void *wanted, size_t wanted_count);

/// The first occurrence of `wanted` in `text`, or NULL.
static inline const void *ops_find(const void *text, size_t text_count, const void *wanted, size_t wanted_count) {
    return memmem(text, text_count, wanted, wanted_count);
}

/// Asks for the first lines of `bytes`, at most four, before any of them is looked at: where they lie in main memory,
/// they then arrive together, and not each after the one before it has been read.
static inline void ops_prefetch(const void *bytes, size_t count) {
    const char *line = (const char *)bytes;
    for (size_t offset = 0; offset < 256 && offset < count; offset += 64) __builtin_prefetch(line + offset);
}

/// 10^n for n in 0...8.
static inline uint64_t ops_power_of_ten(uint32_t n) {
    static const uint32_t powers[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    return powers[n];
}
