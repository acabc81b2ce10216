#pragma once
#include <stddef.h>
#include <stdint.h>

// The fast judge of JSON: reads 64 bytes at a time and says "valid" only of what certainly is. What it does not vouch
// for is for the careful reader to judge, which also knows how to say what is wrong and where.

/// The greatest depth limit that can be asked for.
#define OPS_JSON_DEPTH_MAX 1024

/// A container of a text that was vouched for, in the order in which they open.
struct ops_container {
    /// Offset of the byte after its closing bracket.
    uint32_t end;
    /// Number of the first container that opens after it has closed.
    uint32_t next;
};

/// Whether `bytes` are one JSON object or array by RFC 8259: grammar, UTF-8, escapes, no unpaired surrogates, and at
/// most `depth_max` levels. 1 means that they are; 0 that they may or may not be.
///
/// Undecided are: scalars at the top, exponents, blanks of more than 63 bytes in front, and texts of 1 GB.
/// - `containers`: room for `count` entries, of which each container's is filled in; or NULL.
int ops_json_scan(
    const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers);

/// The same by the instructions that every machine has; for tests.
int ops_json_scan_portable(
    const uint8_t *bytes, size_t count, uint32_t depth_max, struct ops_container *containers);
