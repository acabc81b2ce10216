#include "jsonscan.h"

#include <string.h>

// Each block of 64 bytes becomes a dozen words of 64 bits, one for each class of character; the grammar is then a
// matter of what may follow what, asked of all 64 positions at once by shifts and additions. Only brackets are taken
// one by one, since whether a comma parts members or elements depends on the container it is in. There is no branch on
// the length of a string or number, which is what byte-wise readers spend most of their time mispredicting.
//
// - Source: the classes and the masks of strings and escapes are those of Langdale and Lemire, "Parsing gigabytes of
//   JSON per second"; judging the grammar on the masks themselves is our own.

typedef uint8_t bytes64 __attribute__((ext_vector_type(64)));
typedef _Bool bits64 __attribute__((ext_vector_type(64)));

#define INLINE static inline __attribute__((always_inline))

/// Bit n: the comparison held for byte n. Compiles to the machine's own instruction for it where there is one.
#define MASK(comparison) mask_of(__builtin_convertvector(comparison, bits64))

INLINE uint64_t mask_of(bits64 bits) {
    uint64_t mask;
    memcpy(&mask, &bits, sizeof mask);
    return mask;
}

/// What is carried from one block to the next.
struct carries {
    uint64_t escaped, in_string, scalar, digit, minus, dot, fraction, zero;
    uint64_t after_brace, after_comma, after_colon, after_value, after_key, after_member;
    uint64_t first_keys, other_keys;
    /// Bytes of words and of UTF-8 sequences that reach into the next block.
    uint64_t word, sequence;
    /// Where the escape of a low surrogate is expected.
    size_t low_surrogate;
};

/// The masks of a block.
struct block {
    uint64_t quotes, escapes, controls, spaces, high;
    uint64_t braces, opens, closes, commas, colons, digits, minuses, dots, zeros;
};

INLINE struct block classify(const uint8_t *bytes) {
    bytes64 text;
    memcpy(&text, bytes, sizeof text);
    // The brackets of objects and arrays differ in one bit.
    bytes64 folded = text | 0x20;
    return (struct block){
        .quotes = MASK(text == '"'),
        .escapes = MASK(text == '\\'),
        .controls = MASK(text < 0x20),
        .spaces = MASK(text == ' '),
        .high = MASK(text >= 0x80),
        .braces = MASK(text == '{'),
        .opens = MASK(folded == '{'),
        .closes = MASK(folded == '}'),
        .commas = MASK(text == ','),
        .colons = MASK(text == ':'),
        .digits = MASK((bytes64)(text - '0') < 10),
        .minuses = MASK(text == '-'),
        .dots = MASK(text == '.'),
        .zeros = MASK(text == '0'),
    };
}

/// Tab, line feed and carriage return.
INLINE uint64_t line_blanks(const uint8_t *bytes) {
    bytes64 text;
    memcpy(&text, bytes, sizeof text);
    return MASK(text == '\t') | MASK(text == '\n') | MASK(text == '\r');
}

/// Each bit moved to the byte after it.
INLINE uint64_t next_byte(uint64_t bits, uint64_t *carry) {
    uint64_t moved = bits << 1 | *carry;
    *carry = bits >> 63;
    return moved;
}

/// Each bit of `starts`, which lies in or right behind a run of ones in `runs`, moved to the end of the run: adding
/// one at a place carries it to the next zero.
INLINE uint64_t run_ends(uint64_t runs, uint64_t starts, uint64_t *carry) {
    uint64_t first, sum;
    int over = __builtin_add_overflow(runs, starts, &first);
    over |= __builtin_add_overflow(first, *carry, &sum);
    *carry = (uint64_t)over;
    return sum & ~runs;
}

/// Each bit moved to the next byte that is not blank.
INLINE uint64_t next_token(uint64_t bits, uint64_t blanks, uint64_t *carry) {
    uint64_t moved = next_byte(bits, carry);
    if (blanks == 0) return moved;
    uint64_t nothing = 0;
    uint64_t ends = run_ends(blanks, moved & blanks, &nothing);
    *carry |= nothing;
    return (moved & ~blanks) | ends;
}

/// Bit n: an odd number of the bits up to n are set.
INLINE uint64_t parity_so_far(uint64_t bits) {
    for (int distance = 1; distance < 64; distance *= 2) bits ^= bits << distance;
    return bits;
}

/// The characters that a backslash escapes.
INLINE uint64_t escaped_characters(uint64_t escapes, uint64_t *carry) {
    if (escapes == 0) {
        uint64_t escaped = *carry;
        *carry = 0;
        return escaped;
    }
    const uint64_t even = 0x5555555555555555;
    escapes &= ~*carry;
    uint64_t follows = escapes << 1 | *carry;
    // Of a run of backslashes every other one escapes; which, depends on whether it begins at an odd place.
    uint64_t odd_starts = escapes & ~even & ~follows;
    uint64_t from_even;
    *carry = (uint64_t)__builtin_add_overflow(odd_starts, escapes, &from_even);
    return (even ^ from_even << 1) & follows;
}

// MARK: What is looked at one by one

static int hexadecimal_unit(const uint8_t *bytes, size_t count, size_t at) {
    if (at + 4 > count) return -1;
    int unit = 0;
    for (size_t i = at; i < at + 4; i++) {
        uint8_t letter = (uint8_t)((bytes[i] | 0x20) - 'a');
        uint8_t digit = (uint8_t)(bytes[i] - '0');
        if (digit > 9 && letter > 5) return -1;
        unit = unit << 4 | (digit <= 9 ? digit : letter + 10);
    }
    return unit;
}

/// Whether the character at `at` may follow a backslash.
static int is_escape(const uint8_t *bytes, size_t count, size_t at, size_t *low_surrogate) {
    switch (bytes[at]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return 1;
    case 'u': break;
    default: return 0;
    }
    int unit = hexadecimal_unit(bytes, count, at + 1);
    if (unit < 0) return 0;
    if ((unit & 0xFC00) == 0xDC00) return *low_surrogate == at;
    if ((unit & 0xFC00) != 0xD800) return 1;
    *low_surrogate = at + 6;
    if (at + 7 > count || bytes[at + 5] != '\\' || bytes[at + 6] != 'u') return 0;
    return (hexadecimal_unit(bytes, count, at + 7) & 0xFC00) == 0xDC00;
}

/// The length of the word at `at`, or 0 if it is none or does not stand alone.
static size_t word_length(const uint8_t *bytes, size_t count, size_t at) {
    size_t length;
    if (at + 4 < count && memcmp(bytes + at, "true", 4) == 0) length = 4;
    else if (at + 5 < count && memcmp(bytes + at, "false", 5) == 0) length = 5;
    else if (at + 4 < count && memcmp(bytes + at, "null", 4) == 0) length = 4;
    else return 0;
    uint8_t before = bytes[at - 1], after = bytes[at + length];
    if (before > ' ' && before != '[' && before != ',' && before != ':') return 0;
    if (after > ' ' && after != ']' && after != ',' && after != '}') return 0;
    return length;
}

/// The length of the UTF-8 sequence of a character beyond ASCII, or 0 if it is malformed (RFC 3629, section 4).
static size_t sequence_length(const uint8_t *bytes, size_t count, size_t at) {
    const uint8_t *s = bytes + at;
    size_t left = count - at;
    uint8_t low = 0x80, high = 0xBF;
    size_t length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (s[0] < 0xC2 || s[0] > 0xF4 || left < length) return 0;
    if (s[0] == 0xE0) low = 0xA0;
    if (s[0] == 0xED) high = 0x9F;
    if (s[0] == 0xF0) low = 0x90;
    if (s[0] == 0xF4) high = 0x8F;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    return length;
}

/// Takes `length` bits away from the place of the lowest one; what reaches into the next block is carried.
INLINE uint64_t without_lowest(uint64_t bits, size_t length, uint64_t *carry) {
    unsigned place = (unsigned)__builtin_ctzll(bits);
    uint64_t ones = ((uint64_t)1 << length) - 1;
    if (place + length > 64) *carry = ones >> (64 - place);
    return bits & ~(ones << place);
}

/// Whether each of the words, escapes and sequences marked in a block is right.
static int specials_are_right(
    const uint8_t *bytes, size_t count, size_t base, uint64_t words, uint64_t escaped, uint64_t high,
    struct carries *carry
) {
    words &= ~carry->word;
    carry->word = 0;
    while (words != 0) {
        size_t length = word_length(bytes, count, base + (size_t)__builtin_ctzll(words));
        if (length == 0) return 0;
        words = without_lowest(words, length, &carry->word);
    }
    for (; escaped != 0; escaped &= escaped - 1) {
        size_t at = base + (size_t)__builtin_ctzll(escaped);
        if (at >= count || !is_escape(bytes, count, at, &carry->low_surrogate)) return 0;
    }
    high &= ~carry->sequence;
    carry->sequence = 0;
    while (high != 0) {
        size_t length = sequence_length(bytes, count, base + (size_t)__builtin_ctzll(high));
        if (length == 0) return 0;
        high = without_lowest(high, length, &carry->sequence);
    }
    return 1;
}

// MARK: Containers

enum { IN_ARRAY = 0, IN_OBJECT = 1, AT_END = 2 };

/// The containers around the place that is read: number x 4 + kind.
struct nesting {
    uint32_t frame, depth, depth_max;
    /// Containers so far.
    uint32_t opened;
    uint32_t stack[OPS_JSON_DEPTH_MAX];
};

/// Takes the brackets of a block in turn.
/// - `faults`: for each kind of container, what must not stand directly in it.
/// Answers whether nothing does, and brackets agree.
INLINE int brackets_agree(
    struct nesting *nesting, const uint8_t *bytes, size_t base, uint64_t opens, uint64_t closes,
    const uint64_t faults[3], struct ops_container *containers
) {
    uint64_t found = 0, rest = ~(uint64_t)0;
    for (uint64_t left = opens | closes; left != 0; left &= left - 1) {
        uint64_t up_to_here = left ^ (left - 1);
        uint32_t at = (uint32_t)base + (uint32_t)__builtin_ctzll(left);
        uint32_t kind = bytes[at] >> 5 & 1;
        found |= faults[nesting->frame & 3] & up_to_here & rest;
        rest = ~up_to_here;
        if (opens & left & -left) {
            if (nesting->depth == nesting->depth_max) return 0;
            nesting->stack[nesting->depth++] = nesting->frame;
            nesting->frame = nesting->opened++ << 2 | kind;
        } else {
            if ((nesting->frame & 3) != kind) return 0;
            if (containers != NULL) {
                containers[nesting->frame >> 2] = (struct ops_container){at + 1, nesting->opened};
            }
            nesting->frame = nesting->stack[--nesting->depth];
        }
    }
    return (found | (faults[nesting->frame & 3] & rest)) == 0;
}

// MARK: Blocks

/// Judges one block.
/// - `bytes`: the whole text; `text`: the block at offset `base` of it, padded with blanks at the end.
/// - `first`: the bracket that the text begins with, if it is in this block.
INLINE int block_is_right(
    const uint8_t *bytes, size_t count, const uint8_t *text, size_t base, uint64_t first, struct carries *carry,
    struct nesting *nesting, struct ops_container *containers
) {
    struct block is = classify(text);
    uint64_t escaped = escaped_characters(is.escapes, &carry->escaped);
    uint64_t quotes = is.quotes & ~escaped;
    uint64_t strings = parity_so_far(quotes) ^ carry->in_string;  // with the opening quote, without the closing one
    carry->in_string = (uint64_t)((int64_t)strings >> 63);
    uint64_t outside = ~strings & ~quotes;
    uint64_t opening = quotes & strings;
    uint64_t wrong = is.controls & strings;
    wrong |= is.escapes & ~strings;
    uint64_t blanks = is.spaces & outside;
    if (is.controls & outside) blanks |= line_blanks(text) & outside;
    uint64_t opens = is.opens & outside, closes = is.closes & outside;
    uint64_t commas = is.commas & outside, colons = is.colons & outside;
    uint64_t scalars = outside & ~(blanks | opens | closes | commas | colons);

    // Numbers: -?(0|[1-9][0-9]*)(\.[0-9]+)?
    uint64_t digits = is.digits & scalars, minuses = is.minuses & scalars, dots = is.dots & scalars;
    uint64_t after_digit = next_byte(digits, &carry->digit);
    uint64_t starts = scalars & ~next_byte(scalars, &carry->scalar);
    uint64_t after_minus = next_byte(minuses, &carry->minus), after_dot = next_byte(dots, &carry->dot);
    wrong |= (minuses & ~starts) | ((after_minus | after_dot) & ~digits) | (dots & ~after_digit);
    wrong |= run_ends(digits, after_dot & digits, &carry->fraction) & dots;
    wrong |= next_byte(is.zeros & (starts | after_minus), &carry->zero) & digits;

    uint64_t words = scalars & ~(digits | minuses | dots);
    if ((words | escaped | is.high) != 0 &&
        !specials_are_right(bytes, count, base, words, escaped, is.high, carry)) return 0;

    // What follows what. A string is a key if it is the first in an object, or if a colon follows it.
    uint64_t after_brace = next_token(is.braces & outside, blanks, &carry->after_brace);
    uint64_t after_comma = next_token(commas, blanks, &carry->after_comma);
    uint64_t after_colon = next_token(colons, blanks, &carry->after_colon);
    uint64_t closing = quotes & ~strings;
    uint64_t after_value = next_token(closing | closes | scalars, blanks, &carry->after_value);
    uint64_t first_keys = run_ends(strings, opening & after_brace, &carry->first_keys);
    uint64_t other_keys = run_ends(strings, opening & after_comma, &carry->other_keys);
    uint64_t after_key = next_token(first_keys, blanks, &carry->after_key);
    uint64_t after_member = next_token(other_keys, blanks, &carry->after_member);
    wrong |= opening & after_value;
    wrong |= (opens | starts) & (after_value | after_brace);
    wrong |= commas & ~after_value;
    wrong |= closes & (after_comma | after_colon);
    wrong |= (after_key & ~colons) | (colons & ~(after_key | after_member));
    if (wrong != 0) return 0;
    const uint64_t faults[3] = {
        [IN_ARRAY] = colons,
        [IN_OBJECT] = (after_comma & ~opening) | (after_member & ~colons),
        [AT_END] = ~blanks & ~first,
    };
    return brackets_agree(nesting, bytes, base, opens, closes, faults, containers);
}

INLINE int scan(const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers) {
    size_t first = 0;
    while (first < count && first < 64 &&
           (bytes[first] == ' ' || (bytes[first] >= '\t' && bytes[first] <= '\r'))) first++;
    if (first == count || first == 64 || (bytes[first] != '{' && bytes[first] != '[')) return 0;
    if (count >> 30 != 0) return 0;
    struct carries carry;
    memset(&carry, 0, sizeof carry);
    struct nesting nesting;
    nesting.frame = AT_END;
    nesting.depth = 0;
    nesting.opened = 0;
    nesting.depth_max = depth_max < OPS_JSON_DEPTH_MAX ? depth_max : OPS_JSON_DEPTH_MAX;
    uint64_t first_bit = (uint64_t)1 << first;
    size_t base = 0;
    for (; base + 64 <= count; base += 64) {
        if (!block_is_right(bytes, count, bytes + base, base, first_bit, &carry, &nesting, containers)) return 0;
        first_bit = 0;
    }
    if (base < count) {
        uint8_t rest[64];
        memset(rest, ' ', sizeof rest);
        memcpy(rest, bytes + base, count - base);
        if (!block_is_right(bytes, count, rest, base, first_bit, &carry, &nesting, containers)) return 0;
    }
    return nesting.frame == AT_END && nesting.opened > 0;
}

// MARK: Variants

int ops_json_scan_portable(
    const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers
) {
    return scan(bytes, count, depth_max, containers);
}

#if defined(__x86_64__)
__attribute__((target("avx512bw,avx512vl,avx2,bmi,bmi2,popcnt"))) static int scan_avx512(
    const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers
) {
    return scan(bytes, count, depth_max, containers);
}

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static int scan_avx2(
    const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers
) {
    return scan(bytes, count, depth_max, containers);
}

int ops_json_scan(const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers) {
    int has_bits = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (has_bits && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return scan_avx512(bytes, count, depth_max, containers);
    }
    if (has_bits) return scan_avx2(bytes, count, depth_max, containers);
    return scan(bytes, count, depth_max, containers);
}
#else
int ops_json_scan(const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers) {
    return scan(bytes, count, depth_max, containers);
}
#endif
