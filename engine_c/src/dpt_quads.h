/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of every backend whose instructions multiply quads: four activations that follow each
 * other in a row, by four weights, summed into one int32 lane. A lane is an output channel.
 *
 * Included once by each such backend, after it has defined, for blocks of LANES channels:
 *
 *     DPT_TARGET                     the attribute that lets its functions use the instructions
 *     LANES, FLIPS                   lanes of a block; which activations are flipped (dpt_pack.h)
 *     quad   quad_load(p), quad_flip(quad)      four activations for all lanes; each byte ^ 0x80
 *     lanes  lanes_load(p)                      4 * LANES bytes of weights: a quad for each lane
 *     sums   sums_zero(), sums_dot(sums, quad, lanes), sums_max(a, b); sums_add
 *     void   sums_finish(op, sums, bias, mult, out, index, n)   requantize, store n channels
 *
 *     PACKING                        blocks of channels that are multiplied at once: 1, 2, 4, 5
 *     PLACES(B)                      places whose sums of B blocks fill the registers, 4 or 8
 *
 *     STRIP                          quads that are multiplied together where a row has them; more
 *                                    than 1: strip_load(p), strip_flip(strip), sums_dot_strip(sums,
 *                                    strip, strip_lanes) with the weights' quads in .quad[]
 *     OWN_MULTIPLY                   optional: it defines multiply() after this file, and none of
 *                                    quad, lanes, strip and sums_dot
 *     CHAINS(B)                      optional: chains of sums that hide how long a multiplication
 *                                    takes, where a single dense vector has but B sums; sums_add
 *     PREFETCH                       optional, with CHAINS: bytes ahead at which the weights of a
 *                                    single dense vector are asked for
 *     NARROW                         optional, 1 with LANES 16: narrow blocks (dpt_pack.h), whose
 * 16 lanes are 4 quads of each of 4 channels: quad_spread(p), 16 activations for each channel, and
 * narrow_sums(s, acc[4]), which turns the sums of 4 places into those of 4 channels at each place,
 * in the first 4 lanes
 *     PLANAR                         optional, 1: ops of one channel go to dpt_planes.h
 *
 * dpt_pack.c lays weights out as this file reads them. Functions take constants (P places, B
 * blocks, A places a pooling window, FLIP, N narrow) and are inlined into their few uses, so that
 * the sums stay in registers: there is one algorithm, and the compiler unrolls it. */
#include "dpt_internal.h"
#include "dpt_pack.h"

#include <string.h>

#define QUADS_INLINE static inline __attribute__((always_inline)) QUADS_TARGET
#ifdef __clang__
#define QUADS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define QUADS_UNROLL _Pragma("GCC unroll 8")
#endif

#ifndef QUADS_NARROW
#define QUADS_NARROW 0
#endif
#ifndef QUADS_PLANAR
#define QUADS_PLANAR 0
#endif

enum {
    QUADS_MOST_WINDOWS = 8,
    QUADS_PACKING = DPT_PACKING(QUADS_LANES, QUADS_BLOCKS, QUADS_FLIPS, QUADS_NARROW, QUADS_PLANAR)
};

/* The places (pixels of a convolution, images of a dense op) that are computed at once: where the
 * window of each starts. A window is `rows` rows, `pitch` apart, of `quads` quads (narrow: units of
 * 16 bytes); a row may end in `tail` bytes that are less than that. */
typedef struct quads_windows {
    const uint8_t *place[QUADS_MOST_WINDOWS];
    size_t pitch;
    uint32_t rows, quads, tail;
} quads_windows;

#if QUADS_NARROW
#define QUADS_UNIT(N) ((N) ? (int)DPT_NARROW_UNIT : 4)
QUADS_INLINE quad quads_unit_load(const int N, const uint8_t *p) {
    return N ? quad_spread(p) : quad_load(p);
}
#else
#define QUADS_UNIT(N)         4
#define quads_unit_load(N, p) ((void)(N), quad_load(p))
#endif

#ifdef QUADS_OWN_MULTIPLY
static void quads_multiply(int P, int B, int FLIP, const quads_windows *t, const uint8_t *w,
                           quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]);
#define quads_multiply_windows(P, B, FLIP, N, t, w, acc) quads_multiply(P, B, FLIP, t, w, acc)
#else
/* acc[p][b] += the unit at at[p] + i times that unit's weights. Each place's unit is loaded where
 * it is used: all at once would take the registers that the sums need. */
QUADS_INLINE void quads_multiply_unit(const int P, const int B, const int FLIP, const int N,
                                      const uint8_t *const *at, size_t i, const uint8_t *w,
                                      quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]) {
    quads_weights weights[DPT_MOST_BLOCKS];
    QUADS_UNROLL
    for (int b = 0; b < B; b++) {
        weights[b] = quads_weights_load(w + 4 * QUADS_LANES * b);
    }
    QUADS_UNROLL
    for (int p = 0; p < P; p++) {
        quad value = quads_unit_load(N, at[p] + i);
        value = FLIP ? quad_flip(value) : value;
        QUADS_UNROLL
        for (int b = 0; b < B; b++) {
            acc[p][b] = quads_acc_dot(acc[p][b], value, weights[b]);
        }
    }
}

#if QUADS_CHUNK > 1
/* The same for a strip of STRIP quads. */
QUADS_INLINE void quads_multiply_chunk(const int P, const int B, const int FLIP,
                                       const quads_chunk *a, const uint8_t *w,
                                       quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]) {
    quads_chunk values[QUADS_MOST_WINDOWS];
    QUADS_UNROLL
    for (int p = 0; p < P; p++) {
        values[p] = FLIP ? quads_chunk_flip(a[p]) : a[p];
    }
    QUADS_UNROLL
    for (int b = 0; b < B; b++) {
        quads_chunk_weights weights;
        QUADS_UNROLL
        for (int q = 0; q < QUADS_CHUNK; q++) {
            weights.quad[q] = quads_weights_load(w + 4 * QUADS_LANES * (B * q + b));
        }
        QUADS_UNROLL
        for (int p = 0; p < P; p++) {
            acc[p][b] = quads_acc_dot_chunk(acc[p][b], values[p], weights);
        }
    }
}
#endif

/* acc[p][b] = the sums of block b at place p; narrow ones are those of 4 lanes a channel still. */
QUADS_INLINE void quads_multiply_windows(const int P, const int B, const int FLIP, const int N,
                                         const quads_windows *t, const uint8_t *w,
                                         quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]) {
    const uint8_t *at[QUADS_MOST_WINDOWS];
    QUADS_UNROLL
    for (int p = 0; p < P; p++) {
        at[p] = t->place[p];
        QUADS_UNROLL
        for (int b = 0; b < B; b++) {
            acc[p][b] = quads_acc_zero();
        }
    }
    for (uint32_t row = 0; row < t->rows; row++) {
        const size_t end = QUADS_UNIT(N) * (size_t)t->quads;
        size_t i = 0;
#if QUADS_CHUNK > 1
        for (; i + 4 * QUADS_CHUNK <= end;
             i += 4 * QUADS_CHUNK, w += 4 * QUADS_LANES * B * QUADS_CHUNK) {
            quads_chunk chunks[QUADS_MOST_WINDOWS];
            QUADS_UNROLL
            for (int p = 0; p < P; p++) {
                chunks[p] = quads_chunk_load(at[p] + i);
            }
            quads_multiply_chunk(P, B, FLIP, chunks, w, acc);
        }
#endif
        for (; i < end; i += QUADS_UNIT(N), w += 4 * QUADS_LANES * B) {
            quads_multiply_unit(P, B, FLIP, N, at, i, w, acc);
        }
        if (t->tail != 0) { /* the last, incomplete unit; its missing bytes meet weights of 0 */
            uint8_t bytes[QUADS_MOST_WINDOWS][DPT_NARROW_UNIT];
            const uint8_t *copies[QUADS_MOST_WINDOWS];
            QUADS_UNROLL
            for (int p = 0; p < P; p++) {
                memset(bytes[p], 0, sizeof bytes[p]);
                memcpy(bytes[p], at[p] + end, t->tail);
                copies[p] = bytes[p];
            }
            quads_multiply_unit(P, B, FLIP, N, copies, 0, w, acc);
            w += 4 * QUADS_LANES * B;
        }
        QUADS_UNROLL
        for (int p = 0; p < P; p++) {
            at[p] += t->pitch;
        }
    }
}
#endif

/* Narrow sums, 4 lanes a channel and place, become sums like others, of 4 channels; the places are
 * one or a multiple of 4. */
#if QUADS_NARROW
QUADS_INLINE void quads_unfold_narrow(const int P, const int N,
                                      quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]) {
    if (!N) {
        return;
    }
    QUADS_UNROLL
    for (int p = 0; p < P; p += 4) {
        quads_acc four[4];
        QUADS_UNROLL
        for (int i = 0; i < 4; i++) {
            four[i] = acc[P < 4 ? 0 : p + i][0];
        }
        quads_acc_from_narrow(four);
        QUADS_UNROLL
        for (int i = 0; i < 4; i++) {
            acc[P < 4 ? 0 : p + i][0] = four[P < 4 ? 0 : i];
        }
    }
}
#else
#define quads_unfold_narrow(P, N, acc) (void)(N)
#endif

/* One op on one plane, and the superblock of channels that is being computed. */
typedef struct quads_job {
    const dpt_op *op;
    const uint8_t *in;
    void *out;
    dpt_superblock s;
} quads_job;

/* Requantizes and stores `blocks` blocks of each of n output pixels. It is not inlined: it is long,
 * and the sums of a tile are few. It reads a copy of the op, which no store to `out` can change. */
static __attribute__((noinline)) QUADS_TARGET void quads_store(const quads_job *j, size_t pixel,
                                                               size_t n,
                                                               quads_acc result[][DPT_MOST_BLOCKS],
                                                               int blocks) {
    const dpt_op op = *j->op;
    const int32_t *const bias = j->s.bias, *const mult = j->s.mult;
    void *const out = j->out;
    const size_t first = j->s.channel, left = op.out.c - first;
    const size_t full = j->s.unit == 4 ? (size_t)QUADS_LANES : (size_t)DPT_NARROW_CHANNELS;
    for (size_t i = 0; i < n; i++) {
        const size_t index = (pixel + i) * op.out.c + first;
        for (size_t b = 0; b < (size_t)blocks; b++) {
            const size_t at = QUADS_LANES * b, most = left - at;
            quads_acc_store(&op, result[i][b], bias + at, mult + at, out, index + at,
                            most < full ? most : full);
        }
    }
}

#include "dpt_quads_conv.h"

/* A superblock of a dense op on n vectors, P at a time. */
QUADS_INLINE void quads_dense_batch(const int P, const int B, const int FLIP, const int N,
                                    const quads_job *j, size_t n) {
    const size_t size = dpt_elements(j->op->in);
    quads_windows t = {
        {0}, 0, 1, (uint32_t)(size / QUADS_UNIT(N)), (uint32_t)(size % QUADS_UNIT(N))};
    for (size_t from = 0; from < n; from += (size_t)P) {
        quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS];
        for (int p = 0; p < P; p++) {
            t.place[p] = j->in + size * (from + (size_t)p < n ? from + (size_t)p : n - 1);
        }
        quads_multiply_windows(P, B, FLIP, N, &t, j->s.weight, acc);
        quads_unfold_narrow(P, N, acc);
        const size_t left = n - from;
        quads_store(j, from, left < (size_t)P ? left : (size_t)P, acc, B);
    }
}

#ifdef QUADS_CHAINS
/* The same for one vector. Its units go to C chains of sums in turn, since a multiplication waits
 * for the one before it in its sum. */
QUADS_INLINE void quads_dense_single(const int C, const int B, const int FLIP, const int N,
                                     const quads_job *j) {
    const uint32_t size = (uint32_t)dpt_elements(j->op->in);
    const uint32_t whole = size / (uint32_t)(C * QUADS_UNIT(N)) * (uint32_t)(C * QUADS_UNIT(N));
    const quads_windows t = {
        {j->in + whole}, 0, 1, (size - whole) / QUADS_UNIT(N), size % QUADS_UNIT(N)};
    const uint8_t *in = j->in, *w = j->s.weight;
    quads_acc chain[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS], acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS];
    QUADS_UNROLL
    for (int c = 0; c < C; c++) {
        QUADS_UNROLL
        for (int b = 0; b < B; b++) {
            chain[c][b] = quads_acc_zero();
        }
    }
    for (uint32_t i = 0; i < whole;
         i += (uint32_t)(C * QUADS_UNIT(N)), w += 4 * QUADS_LANES * B * C) {
#ifdef QUADS_PREFETCH
        for (int line = 0; line < 4 * QUADS_LANES * B * C; line += 64) {
            __builtin_prefetch((const void *)((uintptr_t)w + QUADS_PREFETCH + (uintptr_t)line));
        }
#endif
        QUADS_UNROLL
        for (int c = 0; c < C; c++) {
            quads_multiply_unit(1, B, FLIP, N, &in, i + (size_t)(QUADS_UNIT(N) * c),
                                w + 4 * QUADS_LANES * B * c, &chain[c]);
        }
    }
    quads_multiply_windows(1, B, FLIP, N, &t, w, acc);
    QUADS_UNROLL
    for (int b = 0; b < B; b++) {
        QUADS_UNROLL
        for (int c = 0; c < C; c++) {
            acc[0][b] = quads_acc_add(acc[0][b], chain[c][b]);
        }
    }
    quads_unfold_narrow(1, N, acc);
    quads_store(j, 0, 1, acc, B);
}
#define QUADS_DENSE_SINGLE(B, FLIP, N, j) quads_dense_single(QUADS_CHAINS(B), B, FLIP, N, j)
#else
#define QUADS_DENSE_SINGLE(B, FLIP, N, j) quads_dense_batch(1, B, FLIP, N, j, 1)
#endif

#define QUADS_SUPERBLOCK(NAME, P, B, FLIP, N)                                                      \
    static QUADS_TARGET void quads_conv_##NAME(const quads_job *j, size_t n) {                     \
        const int area = j->op->pool_h * j->op->pool_w;                                            \
        (void)n; /* one plane */                                                                   \
        if (area == 1) {                                                                           \
            quads_convolve(P, B, 1, FLIP, N, j);                                                   \
        } else if (area == 4) {                                                                    \
            quads_convolve(P, B, 4, FLIP, N, j);                                                   \
        } else {                                                                                   \
            quads_convolve_any_pool(P, B, FLIP, N, j);                                             \
        }                                                                                          \
    }                                                                                              \
    static QUADS_TARGET void quads_dense_##NAME(const quads_job *j, size_t n) {                    \
        if (n == 1) {                                                                              \
            QUADS_DENSE_SINGLE(B, FLIP, N, j);                                                     \
        } else {                                                                                   \
            quads_dense_batch(P, B, FLIP, N, j, n);                                                \
        }                                                                                          \
    }
#define QUADS_WIDE(B)                                                                              \
    QUADS_SUPERBLOCK(B##_0, QUADS_WINDOWS(B), B, 0, 0)                                             \
    QUADS_SUPERBLOCK(B##_1, QUADS_WINDOWS(B), B, 1, 0)

QUADS_WIDE(1)
#if QUADS_BLOCKS == 1
#define QUADS_KERNEL_ROW(what, FLIP) {quads_##what##_1_##FLIP}
#else
QUADS_WIDE(2)
#if QUADS_BLOCKS == 2
#define QUADS_KERNEL_ROW(what, FLIP) {quads_##what##_1_##FLIP, quads_##what##_2_##FLIP}
#else
QUADS_WIDE(3)
QUADS_WIDE(4)
#if QUADS_BLOCKS == 4
#define QUADS_KERNEL_ROW(what, FLIP)                                                               \
    {quads_##what##_1_##FLIP, quads_##what##_2_##FLIP, quads_##what##_3_##FLIP,                    \
     quads_##what##_4_##FLIP}
#else
QUADS_WIDE(5)
#define QUADS_KERNEL_ROW(what, FLIP)                                                               \
    {quads_##what##_1_##FLIP, quads_##what##_2_##FLIP, quads_##what##_3_##FLIP,                    \
     quads_##what##_4_##FLIP, quads_##what##_5_##FLIP}
#endif
#endif
#endif

/* By whether activations are flipped, and the blocks of the superblock less 1. */
typedef void quads_kernel(const quads_job *j, size_t n);
static quads_kernel *const quads_conv_kernels[2][QUADS_BLOCKS] = {QUADS_KERNEL_ROW(conv, 0),
                                                                  QUADS_KERNEL_ROW(conv, 1)};
static quads_kernel *const quads_dense_kernels[2][QUADS_BLOCKS] = {QUADS_KERNEL_ROW(dense, 0),
                                                                   QUADS_KERNEL_ROW(dense, 1)};

#if QUADS_NARROW
QUADS_SUPERBLOCK(narrow_0, QUADS_WINDOWS(1), 1, 0, 1)
QUADS_SUPERBLOCK(narrow_1, QUADS_WINDOWS(1), 1, 1, 1)
static quads_kernel *const quads_conv_narrow[2] = {quads_conv_narrow_0, quads_conv_narrow_1};
static quads_kernel *const quads_dense_narrow[2] = {quads_dense_narrow_0, quads_dense_narrow_1};
#define QUADS_KERNEL(what, flip, s)                                                                \
    ((s).unit == 4 ? quads_##what##_kernels[flip][(s).blocks - 1] : quads_##what##_narrow[flip])
#else
#define QUADS_KERNEL(what, flip, s) quads_##what##_kernels[flip][(s).blocks - 1]
#endif

#if QUADS_PLANAR
#include "dpt_planes.h"
#endif

/* All of a band: a convolution without padding, whose windows may be read in whole units. */
static void quads_convolve_band(const dpt_op *op, const uint8_t *in, void *out) {
    const int flip = dpt_offset(op, QUADS_PACKING) != 0;
    quads_job j = {op, in, out, dpt_superblock_first(op, QUADS_PACKING)};
    for (; j.s.blocks != 0; dpt_superblock_next(op, QUADS_PACKING, &j.s)) {
        QUADS_KERNEL(conv, flip, j.s)(&j, 1);
    }
}

/* Without packed weights (dpt_pack.c leaves out a window larger than a band) the plain kernels give
 * the same bytes. */
static void quads_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    if (op->packed == NULL) {
        dpt_scalar_conv(op, in, out, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *image = (const uint8_t *)in + i * dpt_elements(op->in);
        uint8_t *result = dpt_output(op, out, i);
#if QUADS_PLANAR
        if (dpt_planar(op, QUADS_PACKING)) {
            const quads_job j = {op, image, result, dpt_superblock_first(op, QUADS_PACKING)};
            planes_conv(&j, dpt_offset(op, QUADS_PACKING) != 0);
            continue;
        }
#endif
        quads_convolve_bands(op, image, result, quads_convolve_band);
    }
}

static void quads_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    if (op->packed == NULL) {
        dpt_scalar_dense(op, in, out, n);
        return;
    }
    const int flip = dpt_offset(op, QUADS_PACKING) != 0;
    quads_job j = {op, in, out, dpt_superblock_first(op, QUADS_PACKING)};
    for (; j.s.blocks != 0; dpt_superblock_next(op, QUADS_PACKING, &j.s)) {
        QUADS_KERNEL(dense, flip, j.s)(&j, n);
    }
}
