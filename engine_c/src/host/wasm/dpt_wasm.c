/* SPDX-License-Identifier: Apache-2.0 */
/* WebAssembly SIMD128. (The results of relaxed SIMD depend on the machine.) The products of two
 * quads are added in 16 bits before they go to accumulators of 32: with both factors signed, two
 * products are at most 2 * 128 * 127 < 2^15.
 *
 * Assumes SIMD128: a module with it loads nowhere else. WebAssembly is little-endian and reads at
 * any address. */
#include "dpt_internal.h"

#ifdef DPT_WASM
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_wasm_##kind

#include <wasm_simd128.h>

#define QUADS_TARGET
#define QUADS_LANES      4
#define QUADS_FLIPS      DPT_FLIPS_U8
#define QUADS_CHUNK      2
#define QUADS_BLOCKS     2
#define QUADS_WINDOWS(B) 4

typedef v128_t quad, quads_weights;

typedef struct quads_chunk {
    quad quad[QUADS_CHUNK];
} quads_chunk;

typedef struct quads_chunk_weights {
    quads_weights quad[QUADS_CHUNK];
} quads_chunk_weights;

/* Each channel has two lanes, which are added at the end: channels 0 and 1 in `low`, channels 2 and
 * 3 in `high`. */
typedef struct quads_acc {
    v128_t low, high;
} quads_acc;

QUADS_INLINE quad quad_load(const uint8_t *p, uint8_t flip) {
    return wasm_v128_xor(wasm_v128_load32_splat(p), wasm_u8x16_splat(flip));
}

QUADS_INLINE quads_chunk quads_chunk_load(const uint8_t *p, uint8_t flip) {
    const quads_chunk s = {{quad_load(p, flip), quad_load(p + 4, flip)}};
    return s;
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    return wasm_v128_load(p);
}

QUADS_INLINE quads_acc quads_acc_zero(void) {
    const quads_acc zero = {wasm_i32x4_const_splat(0), wasm_i32x4_const_splat(0)};
    return zero;
}

/* Adds each two neighbouring products of 16 bits to an accumulator. */
QUADS_INLINE quads_acc wasm_add_products(quads_acc acc, v128_t low, v128_t high) {
    acc.low = wasm_i32x4_add(acc.low, wasm_i32x4_extadd_pairwise_i16x8(low));
    acc.high = wasm_i32x4_add(acc.high, wasm_i32x4_extadd_pairwise_i16x8(high));
    return acc;
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    return wasm_add_products(acc, wasm_i16x8_extmul_low_i8x16(a, w),
                             wasm_i16x8_extmul_high_i8x16(a, w));
}

/* The bytes of four taps, interleaved channel by channel: 4 channels a register. */
QUADS_INLINE void quads_acc_dot_taps(quads_acc *acc, const uint8_t *const *tap, size_t at,
                                     uint8_t flip, const uint8_t *w) {
    v128_t t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = wasm_v128_load(tap[i] + at);
        t[i] = wasm_v128_xor(t[i], wasm_u8x16_splat(flip));
    }
#define WASM_LOW_BYTES(a, b)                                                                       \
    wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define WASM_HIGH_BYTES(a, b)                                                                      \
    wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
    const v128_t ab = WASM_LOW_BYTES(t[0], t[1]), cd = WASM_LOW_BYTES(t[2], t[3]);
    const v128_t ef = WASM_HIGH_BYTES(t[0], t[1]), gh = WASM_HIGH_BYTES(t[2], t[3]);
    const quad quads[4] = {wasm_i16x8_shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11),
                           wasm_i16x8_shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15),
                           wasm_i16x8_shuffle(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11),
                           wasm_i16x8_shuffle(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15)};
    QUADS_UNROLL
    for (int b = 0; b < 4; b++) {
        acc[b] = quads_acc_dot(acc[b], quads[b], quads_weights_load(w + 16 * b));
    }
}

QUADS_INLINE quads_acc quads_acc_dot_chunk(quads_acc acc, quads_chunk a, quads_chunk_weights w) {
    const v128_t low = wasm_i16x8_add(wasm_i16x8_extmul_low_i8x16(a.quad[0], w.quad[0]),
                                      wasm_i16x8_extmul_low_i8x16(a.quad[1], w.quad[1]));
    const v128_t high = wasm_i16x8_add(wasm_i16x8_extmul_high_i8x16(a.quad[0], w.quad[0]),
                                       wasm_i16x8_extmul_high_i8x16(a.quad[1], w.quad[1]));
    return wasm_add_products(acc, low, high);
}

#define QUADS_GROUPS 1
QUADS_INLINE void quads_acc_dot_groups(quads_acc *acc, const uint8_t *p, uint8_t flip,
                                       const quads_weights *w) {
    QUADS_UNROLL
    for (int b = 0; b < 4; b++) {
        acc[b] = quads_acc_dot(acc[b], quad_load(p + 4 * b, flip), w[b]);
    }
}

/* The accumulators with one lane for each channel. */
QUADS_INLINE v128_t wasm_one_lane(quads_acc a) {
    return wasm_i32x4_add(wasm_i32x4_shuffle(a.low, a.high, 0, 2, 4, 6),
                          wasm_i32x4_shuffle(a.low, a.high, 1, 3, 5, 7));
}

/* Accumulators of which each channel has a second lane of 0. */
QUADS_INLINE quads_acc wasm_two_lanes(v128_t a) {
    const quads_acc acc = {wasm_u64x2_extend_low_u32x4(a), wasm_u64x2_extend_high_u32x4(a)};
    return acc;
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    const v128_t most = wasm_i32x4_max(wasm_one_lane(a), wasm_one_lane(b));
    return wasm_two_lanes(most);
}

/* Four bytes, flipped, as 16-bit numbers less `zero`, in the first half. */
QUADS_INLINE v128_t wasm_four(const uint8_t *p, uint8_t flip, int32_t zero) {
    const v128_t bytes = wasm_v128_xor(wasm_v128_load32_zero(p), wasm_u8x16_splat(flip));
    return wasm_i16x8_sub(wasm_u16x8_extend_low_u8x16(bytes), wasm_i16x8_splat((int16_t)zero));
}

QUADS_INLINE quads_acc quads_acc_sum(const uint8_t *a, const uint8_t *b, const quads_two *t) {
    const v128_t x = wasm_four(a, t->flip[0], 0), y = wasm_four(b, t->flip[1], 0);
    const v128_t both = wasm_i16x8_shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
    const v128_t w = wasm_i32x4_splat(t->factors[0] | (int32_t)t->factors[1] << 16);
    return wasm_two_lanes(wasm_i32x4_dot_i16x8(both, w));
}

QUADS_INLINE quads_acc quads_acc_product(const uint8_t *a, const uint8_t *b, const quads_two *t) {
    return wasm_two_lanes(wasm_i32x4_extmul_low_i16x8(wasm_four(a, t->flip[0], t->zero[0]),
                                                      wasm_four(b, t->flip[1], t->zero[1])));
}

/* The instructions of dpt_quads_pool.inc on 16 channels. */
typedef v128_t quads_bytes;

QUADS_INLINE quads_bytes quads_bytes_load(const uint8_t *p) {
    return wasm_v128_load(p);
}

QUADS_INLINE void quads_bytes_store(uint8_t *p, quads_bytes bytes) {
    wasm_v128_store(p, bytes);
}

QUADS_INLINE quads_bytes quads_bytes_flip(quads_bytes bytes, uint8_t flip) {
    return wasm_v128_xor(bytes, wasm_u8x16_splat(flip));
}

QUADS_INLINE quads_bytes quads_bytes_max(quads_bytes a, quads_bytes b) {
    return wasm_u8x16_max(a, b);
}

typedef struct quads_sums {
    v128_t low, high;
} quads_sums;

QUADS_INLINE quads_sums quads_sums_zero(void) {
    const quads_sums zero = {wasm_i16x8_const_splat(0), wasm_i16x8_const_splat(0)};
    return zero;
}

QUADS_INLINE quads_sums quads_sums_add(quads_sums s, quads_bytes bytes) {
    s.low = wasm_i16x8_add(s.low, wasm_u16x8_extend_low_u8x16(bytes));
    s.high = wasm_i16x8_add(s.high, wasm_u16x8_extend_high_u8x16(bytes));
    return s;
}

QUADS_INLINE void quads_sums_flush(quads_sums s, int32_t *totals) {
    const v128_t sums[4] = {wasm_u32x4_extend_low_u16x8(s.low), wasm_u32x4_extend_high_u16x8(s.low),
                            wasm_u32x4_extend_low_u16x8(s.high),
                            wasm_u32x4_extend_high_u16x8(s.high)};
    for (int i = 0; i < 4; i++) {
        wasm_v128_store(totals + 4 * i, wasm_i32x4_add(wasm_v128_load(totals + 4 * i), sums[i]));
    }
}

/* NUMERICS.md section 2, with products of 64 bits, two lanes at a time. The high halves are y. */
QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    const v128_t half = wasm_i64x2_const_splat((int64_t)1 << 31), m = wasm_v128_load(mult);
    const v128_t a =
        wasm_i32x4_shl(wasm_i32x4_add(wasm_one_lane(acc), wasm_v128_load(bias)), op->shift);
    const v128_t low = wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(a, m), half);
    const v128_t high = wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(a, m), half);
    v128_t y = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
    y = wasm_i32x4_add(y, wasm_i32x4_splat(op->out.zero));
    y = wasm_i32x4_max(y, wasm_i32x4_splat(op->lo));
    y = wasm_i32x4_min(y, wasm_i32x4_splat(op->hi));
    if (op->out.type == DPT_I32) {
        int32_t values[QUADS_LANES];
        wasm_v128_store(values, y);
        memcpy((int32_t *)out + index, values, n * sizeof values[0]);
    } else {
        uint8_t *const to = (uint8_t *)out + index;
        const v128_t bytes =
            wasm_i8x16_shuffle(y, y, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
        const uint32_t word = wasm_u32x4_extract_lane(bytes, 0);
        if (n == QUADS_LANES) {
            memcpy(to, &word, sizeof word);
        } else {
            for (size_t i = 0; i < n; i++) {
                to[i] = (uint8_t)(word >> 8 * i & 0xFFu);
            }
        }
    }
}

#include "dpt_quads.inc"

const dpt_backend dpt_wasm = {"wasm", dpt_always, QUADS_PACKING, QUADS_KERNELS, dpt_run_rows};
#endif
