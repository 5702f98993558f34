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

#define DPT_INLINE static inline __attribute__((always_inline)) DPT_TARGET
#ifdef __clang__
#define DPT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DPT_UNROLL _Pragma("GCC unroll 8")
#endif

#ifndef NARROW
#define NARROW 0
#endif
#ifndef PLANAR
#define PLANAR 0
#endif

enum { MOST_PLACES = 8, LAYOUT = DPT_PACKING(LANES, PACKING, FLIPS, NARROW, PLANAR) };

/* The places (pixels of a convolution, images of a dense op) that are computed at once: where the
 * window of each starts. A window is `rows` rows, `pitch` apart, of `quads` quads (narrow: units of
 * 16 bytes); a row may end in `tail` bytes that are less than that. */
typedef struct tile {
    const uint8_t *place[MOST_PLACES];
    size_t pitch;
    uint32_t rows, quads, tail;
} tile;

#if NARROW
#define UNIT(N) ((N) ? (int)NARROW_UNIT : 4)
DPT_INLINE quad unit_load(const int N, const uint8_t *p) {
    return N ? quad_spread(p) : quad_load(p);
}
#else
#define UNIT(N)         4
#define unit_load(N, p) ((void)(N), quad_load(p))
#endif

#ifdef OWN_MULTIPLY
static void multiply(int P, int B, int FLIP, const tile *t, const uint8_t *w,
                     sums acc[MOST_PLACES][BLOCKS]);
#define multiply_units(P, B, FLIP, N, t, w, acc) multiply(P, B, FLIP, t, w, acc)
#else
/* acc[p][b] += the unit at at[p] + i times that unit's weights. Each place's unit is loaded where
 * it is used: all at once would take the registers that the sums need. */
DPT_INLINE void step(const int P, const int B, const int FLIP, const int N,
                     const uint8_t *const *at, size_t i, const uint8_t *w,
                     sums acc[MOST_PLACES][BLOCKS]) {
    lanes weights[BLOCKS];
    DPT_UNROLL
    for (int b = 0; b < B; b++) {
        weights[b] = lanes_load(w + 4 * LANES * b);
    }
    DPT_UNROLL
    for (int p = 0; p < P; p++) {
        quad value = unit_load(N, at[p] + i);
        value = FLIP ? quad_flip(value) : value;
        DPT_UNROLL
        for (int b = 0; b < B; b++) {
            acc[p][b] = sums_dot(acc[p][b], value, weights[b]);
        }
    }
}

#if STRIP > 1
/* The same for a strip of STRIP quads. */
DPT_INLINE void strip_step(const int P, const int B, const int FLIP, const strip *a,
                           const uint8_t *w, sums acc[MOST_PLACES][BLOCKS]) {
    strip values[MOST_PLACES];
    DPT_UNROLL
    for (int p = 0; p < P; p++) {
        values[p] = FLIP ? strip_flip(a[p]) : a[p];
    }
    DPT_UNROLL
    for (int b = 0; b < B; b++) {
        strip_lanes weights;
        DPT_UNROLL
        for (int q = 0; q < STRIP; q++) {
            weights.quad[q] = lanes_load(w + 4 * LANES * (B * q + b));
        }
        DPT_UNROLL
        for (int p = 0; p < P; p++) {
            acc[p][b] = sums_dot_strip(acc[p][b], values[p], weights);
        }
    }
}
#endif

/* acc[p][b] = the sums of block b at place p; narrow ones are those of 4 lanes a channel still. */
DPT_INLINE void multiply_units(const int P, const int B, const int FLIP, const int N, const tile *t,
                               const uint8_t *w, sums acc[MOST_PLACES][BLOCKS]) {
    const uint8_t *at[MOST_PLACES];
    DPT_UNROLL
    for (int p = 0; p < P; p++) {
        at[p] = t->place[p];
        DPT_UNROLL
        for (int b = 0; b < B; b++) {
            acc[p][b] = sums_zero();
        }
    }
    for (uint32_t row = 0; row < t->rows; row++) {
        const size_t end = UNIT(N) * (size_t)t->quads;
        size_t i = 0;
#if STRIP > 1
        for (; i + 4 * STRIP <= end; i += 4 * STRIP, w += 4 * LANES * B * STRIP) {
            strip strips[MOST_PLACES];
            DPT_UNROLL
            for (int p = 0; p < P; p++) {
                strips[p] = strip_load(at[p] + i);
            }
            strip_step(P, B, FLIP, strips, w, acc);
        }
#endif
        for (; i < end; i += UNIT(N), w += 4 * LANES * B) {
            step(P, B, FLIP, N, at, i, w, acc);
        }
        if (t->tail != 0) { /* the last, incomplete unit; its missing bytes meet weights of 0 */
            uint8_t bytes[MOST_PLACES][NARROW_UNIT];
            const uint8_t *copies[MOST_PLACES];
            DPT_UNROLL
            for (int p = 0; p < P; p++) {
                memset(bytes[p], 0, sizeof bytes[p]);
                memcpy(bytes[p], at[p] + end, t->tail);
                copies[p] = bytes[p];
            }
            step(P, B, FLIP, N, copies, 0, w, acc);
            w += 4 * LANES * B;
        }
        DPT_UNROLL
        for (int p = 0; p < P; p++) {
            at[p] += t->pitch;
        }
    }
}
#endif

/* Narrow sums, 4 lanes a channel and place, become sums like others, of 4 channels; the places are
 * one or a multiple of 4. */
#if NARROW
DPT_INLINE void unfold(const int P, const int N, sums acc[MOST_PLACES][BLOCKS]) {
    if (!N) {
        return;
    }
    DPT_UNROLL
    for (int p = 0; p < P; p += 4) {
        sums four[4];
        DPT_UNROLL
        for (int i = 0; i < 4; i++) {
            four[i] = acc[P < 4 ? 0 : p + i][0];
        }
        narrow_sums(four);
        DPT_UNROLL
        for (int i = 0; i < 4; i++) {
            acc[P < 4 ? 0 : p + i][0] = four[P < 4 ? 0 : i];
        }
    }
}
#else
#define unfold(P, N, acc) (void)(N)
#endif

/* One op on one plane, and the superblock of channels that is being computed. */
typedef struct job {
    const dpt_op *op;
    const uint8_t *in;
    void *out;
    dpt_superblock s;
} job;

/* Requantizes and stores `blocks` blocks of each of n output pixels. It is not inlined: it is long,
 * and the sums of a tile are few. It reads a copy of the op, which no store to `out` can change. */
static __attribute__((noinline)) DPT_TARGET void finish(const job *j, size_t pixel, size_t n,
                                                        sums result[][BLOCKS], int blocks) {
    const dpt_op op = *j->op;
    const int32_t *const bias = j->s.bias, *const mult = j->s.mult;
    void *const out = j->out;
    const size_t first = j->s.channel, left = op.out.c - first;
    const size_t full = j->s.unit == 4 ? (size_t)LANES : (size_t)NARROW_CHANNELS;
    for (size_t i = 0; i < n; i++) {
        const size_t index = (pixel + i) * op.out.c + first;
        for (size_t b = 0; b < (size_t)blocks; b++) {
            const size_t at = LANES * b, most = left - at;
            sums_finish(&op, result[i][b], bias + at, mult + at, out, index + at,
                        most < full ? most : full);
        }
    }
}

#include "dpt_quads_conv.h"

/* A superblock of a dense op on n vectors, P at a time. */
DPT_INLINE void multiply_vectors(const int P, const int B, const int FLIP, const int N,
                                 const job *j, size_t n) {
    const size_t size = dpt_elements(j->op->in);
    tile t = {{0}, 0, 1, (uint32_t)(size / UNIT(N)), (uint32_t)(size % UNIT(N))};
    for (size_t from = 0; from < n; from += (size_t)P) {
        sums acc[MOST_PLACES][BLOCKS];
        for (int p = 0; p < P; p++) {
            t.place[p] = j->in + size * (from + (size_t)p < n ? from + (size_t)p : n - 1);
        }
        multiply_units(P, B, FLIP, N, &t, j->s.weight, acc);
        unfold(P, N, acc);
        const size_t left = n - from;
        finish(j, from, left < (size_t)P ? left : (size_t)P, acc, B);
    }
}

#ifdef CHAINS
/* The same for one vector. Its units go to C chains of sums in turn, since a multiplication waits
 * for the one before it in its sum. */
DPT_INLINE void multiply_vector(const int C, const int B, const int FLIP, const int N,
                                const job *j) {
    const uint32_t size = (uint32_t)dpt_elements(j->op->in);
    const uint32_t whole = size / (uint32_t)(C * UNIT(N)) * (uint32_t)(C * UNIT(N));
    const tile t = {{j->in + whole}, 0, 1, (size - whole) / UNIT(N), size % UNIT(N)};
    const uint8_t *in = j->in, *w = j->s.weight;
    sums chain[MOST_PLACES][BLOCKS], acc[MOST_PLACES][BLOCKS];
    DPT_UNROLL
    for (int c = 0; c < C; c++) {
        DPT_UNROLL
        for (int b = 0; b < B; b++) {
            chain[c][b] = sums_zero();
        }
    }
    for (uint32_t i = 0; i < whole; i += (uint32_t)(C * UNIT(N)), w += 4 * LANES * B * C) {
#ifdef PREFETCH
        for (int line = 0; line < 4 * LANES * B * C; line += 64) {
            __builtin_prefetch((const void *)((uintptr_t)w + PREFETCH + (uintptr_t)line));
        }
#endif
        DPT_UNROLL
        for (int c = 0; c < C; c++) {
            step(1, B, FLIP, N, &in, i + (size_t)(UNIT(N) * c), w + 4 * LANES * B * c, &chain[c]);
        }
    }
    multiply_units(1, B, FLIP, N, &t, w, acc);
    DPT_UNROLL
    for (int b = 0; b < B; b++) {
        DPT_UNROLL
        for (int c = 0; c < C; c++) {
            acc[0][b] = sums_add(acc[0][b], chain[c][b]);
        }
    }
    unfold(1, N, acc);
    finish(j, 0, 1, acc, B);
}
#define DENSE_ONE(B, FLIP, N, j) multiply_vector(CHAINS(B), B, FLIP, N, j)
#else
#define DENSE_ONE(B, FLIP, N, j) multiply_vectors(1, B, FLIP, N, j, 1)
#endif

#define DPT_SUPERBLOCK(NAME, P, B, FLIP, N)                                                        \
    static DPT_TARGET void conv_##NAME(const job *j, size_t n) {                                   \
        const int area = j->op->pool_h * j->op->pool_w;                                            \
        (void)n; /* one plane */                                                                   \
        if (area == 1) {                                                                           \
            convolve(P, B, 1, FLIP, N, j);                                                         \
        } else if (area == 4) {                                                                    \
            convolve(P, B, 4, FLIP, N, j);                                                         \
        } else {                                                                                   \
            convolve_any(P, B, FLIP, N, j);                                                        \
        }                                                                                          \
    }                                                                                              \
    static DPT_TARGET void dense_##NAME(const job *j, size_t n) {                                  \
        if (n == 1) {                                                                              \
            DENSE_ONE(B, FLIP, N, j);                                                              \
        } else {                                                                                   \
            multiply_vectors(P, B, FLIP, N, j, n);                                                 \
        }                                                                                          \
    }
#define DPT_WIDE(B)                                                                                \
    DPT_SUPERBLOCK(B##_0, PLACES(B), B, 0, 0)                                                      \
    DPT_SUPERBLOCK(B##_1, PLACES(B), B, 1, 0)

DPT_WIDE(1)
#if PACKING == 1
#define DPT_ROW(what, FLIP) {what##_1_##FLIP}
#else
DPT_WIDE(2)
#if PACKING == 2
#define DPT_ROW(what, FLIP) {what##_1_##FLIP, what##_2_##FLIP}
#else
DPT_WIDE(3)
DPT_WIDE(4)
#if PACKING == 4
#define DPT_ROW(what, FLIP) {what##_1_##FLIP, what##_2_##FLIP, what##_3_##FLIP, what##_4_##FLIP}
#else
DPT_WIDE(5)
#define DPT_ROW(what, FLIP)                                                                        \
    {what##_1_##FLIP, what##_2_##FLIP, what##_3_##FLIP, what##_4_##FLIP, what##_5_##FLIP}
#endif
#endif
#endif

/* By whether activations are flipped, and the blocks of the superblock less 1. */
typedef void superblock_kernel(const job *j, size_t n);
static superblock_kernel *const conv_kernels[2][PACKING] = {DPT_ROW(conv, 0), DPT_ROW(conv, 1)};
static superblock_kernel *const dense_kernels[2][PACKING] = {DPT_ROW(dense, 0), DPT_ROW(dense, 1)};

#if NARROW
DPT_SUPERBLOCK(narrow_0, PLACES(1), 1, 0, 1)
DPT_SUPERBLOCK(narrow_1, PLACES(1), 1, 1, 1)
static superblock_kernel *const conv_narrow[2] = {conv_narrow_0, conv_narrow_1};
static superblock_kernel *const dense_narrow[2] = {dense_narrow_0, dense_narrow_1};
#define DPT_KERNEL(what, flip, s)                                                                  \
    ((s).unit == 4 ? what##_kernels[flip][(s).blocks - 1] : what##_narrow[flip])
#else
#define DPT_KERNEL(what, flip, s) what##_kernels[flip][(s).blocks - 1]
#endif

#if PLANAR
#include "dpt_planes.h"
#endif

/* All of a band: a convolution without padding, whose windows may be read in whole units. */
static void convolve_band(const dpt_op *op, const uint8_t *in, void *out) {
    const int flip = dpt_offset(op, LAYOUT) != 0;
    job j = {op, in, out, dpt_superblock_first(op, LAYOUT)};
    for (; j.s.blocks != 0; dpt_superblock_next(op, LAYOUT, &j.s)) {
        DPT_KERNEL(conv, flip, j.s)(&j, 1);
    }
}

/* Without packed weights (dpt_pack.c leaves out a window larger than a band) the plain kernels give
 * the same bytes. */
static void quads_conv(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    if (op->packed == NULL) {
        dpt_scalar_conv(op, in, out, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *image = (const uint8_t *)in[0] + i * dpt_elements(op->in);
        uint8_t *result = dpt_output(op, out, i);
#if PLANAR
        if (dpt_planar(op, LAYOUT)) {
            const job j = {op, image, result, dpt_superblock_first(op, LAYOUT)};
            plane_conv(&j, dpt_offset(op, LAYOUT) != 0);
            continue;
        }
#endif
        convolve_bands(op, image, result, convolve_band);
    }
}

static void quads_dense(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    if (op->packed == NULL) {
        dpt_scalar_dense(op, in, out, n);
        return;
    }
    const int flip = dpt_offset(op, LAYOUT) != 0;
    job j = {op, in[0], out, dpt_superblock_first(op, LAYOUT)};
    for (; j.s.blocks != 0; dpt_superblock_next(op, LAYOUT, &j.s)) {
        DPT_KERNEL(dense, flip, j.s)(&j, n);
    }
}
