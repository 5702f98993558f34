/* SPDX-License-Identifier: Apache-2.0 */
/* What BLOB.md says of the kinds of ops, for the second reader (checks.h) and the mutants. Written
 * from that page and not from the engine. */
#ifndef KINDS_H
#define KINDS_H

#include <stdint.h>

enum {
    KINDS = 17,
    HISTORY = 11,
    UPSAMPLE = 12,
    RESIZE = 13,
    SLICE = 14,
    TRANSPOSE = 15,
    PRELU = 16,
    DELAY = 18,
    MINOR = 1,
    I32 = 2,
    I16 = 3
};

/* The number of kind `index`, from 0 on. */
static inline int kind_at(int index) {
    return index + 1 < 17 ? index + 1 : DELAY;
}
static inline int is_kind(int kind, int minor) {
    return (kind >= 1 && kind <= 12) ||
           (minor == 1 && ((kind >= RESIZE && kind <= PRELU) || kind == DELAY));
}

static inline int is_conv(int kind) {
    return kind == 1 || kind == 5 || kind == 6;
}
static inline int is_pool(int kind) {
    return kind == 3 || kind == 4;
}
/* Its outputs are values of its inputs, of their type and zero point. */
static inline int copies_values(int kind) {
    return kind == 3 || kind == 8 || kind == UPSAMPLE || kind == SLICE || kind == TRANSPOSE;
}
static inline int has_weights(int kind) {
    return is_conv(kind) || kind == 2 || kind == PRELU;
}
/* Whether a blob of a minor may have such weights of a kind. */
static inline int may_have_bits(int kind, int minor, int bits) {
    const int few = minor == 1 && (bits == 4 || bits == 2);
    return has_weights(kind) ? bits == 8 || (few && kind != PRELU) : bits == 0;
}
static inline int has_factors(int kind) {
    return kind == 7 || kind == PRELU;
}
static inline int second_may_be_pixel(int kind) {
    return kind == 10;
}
/* One value of the two at its place, requantized. */
static inline int is_binary(int kind) {
    return kind == 7 || second_may_be_pixel(kind);
}
static inline int has_two_inputs(int kind) {
    return is_binary(kind) || kind == 8;
}
static inline int requantizes(int kind) {
    return has_weights(kind) || is_binary(kind) || kind == 4 || kind == RESIZE;
}
/* Whether the kind reads, and whether it writes, 16-bit values. */
static inline int may_read_i16(int kind) {
    return is_binary(kind) || kind == 4;
}
static inline int may_write_i16(int kind) {
    return is_binary(kind) || kind == 9 || kind == DELAY;
}
static inline uint64_t largest_of_type(int type) {
    return type == 0 ? 255 : type == I16 ? 32768 : 128;
}
static inline uint64_t bytes_of_type(int type) {
    return type == I32 ? 4 : type == I16 ? 2 : 1;
}
static inline int may_lie_over_input(int kind) {
    return is_binary(kind) || kind == 9 || kind == PRELU;
}

/* The largest accumulator of a binary op, without its bias. */
static inline uint64_t binary_bound(const uint8_t *record) {
    const uint64_t a = largest_of_type(record[14]), b = largest_of_type(record[22]);
    const int zero_a = (int8_t)record[15], zero_b = (int8_t)record[23];
    if (has_factors(record[0])) {
        return (record[68] + 256u * record[69]) * a + (record[70] + 256u * record[71]) * b;
    }
    return (a + (uint64_t)(zero_a < 0 ? -zero_a : zero_a)) *
           (b + (uint64_t)(zero_b < 0 ? -zero_b : zero_b));
}

/* The largest accumulator of a PReLU, without its bias; `steepest` is the largest |slope|. */
static inline uint64_t prelu_bound(const uint8_t *record, uint64_t steepest) {
    const int zero = (int8_t)record[15];
    const uint64_t a = (record[14] == 0 ? 255u : 128u) + (uint64_t)(zero < 0 ? -zero : zero);
    const uint64_t above = record[68] + 256u * record[69],
                   below = (record[70] + 256u * record[71]) * steepest;
    return a * (above > below ? above : below);
}

#endif
