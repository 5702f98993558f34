/* SPDX-License-Identifier: Apache-2.0 */
/* RISC-V V, with registers of any length: 32 channels at a time. A segment load separates the four
 * weights of each channel's quad. Each activation multiplies the weights of 32 channels, and two
 * products are added in 16 bits: with both factors signed, they are at most 2 * 128 * 127 < 2^15.
 */
#include "dpt_internal.h"

#ifdef DPT_RVV
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_rvv_##kind

#include <riscv_vector.h>

#define QUADS_TARGET
#define QUADS_LANES        32
#define QUADS_FLIPS        DPT_FLIPS_U8
#define QUADS_CHUNK        1
#define QUADS_BLOCKS       1
#define QUADS_WINDOWS(B)   4
#define QUADS_OWN_MULTIPLY /* C has no arrays of registers whose length is not known */

/* The accumulators in memory. A register of V has at least 128 bits, so 8 registers hold them. */
typedef struct quads_acc {
    int32_t lane[QUADS_LANES];
} quads_acc;

QUADS_INLINE quads_acc quads_acc_zero(void) {
    quads_acc s;
    __riscv_vse32_v_i32m8(s.lane, __riscv_vmv_v_x_i32m8(0, QUADS_LANES), QUADS_LANES);
    return s;
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    const vint32m8_t x = __riscv_vle32_v_i32m8(a.lane, QUADS_LANES);
    const vint32m8_t y = __riscv_vle32_v_i32m8(b.lane, QUADS_LANES);
    __riscv_vse32_v_i32m8(a.lane, __riscv_vmax_vv_i32m8(x, y, QUADS_LANES), QUADS_LANES);
    return a;
}

/* NUMERICS.md section 2: vsmul computes (a * b + 2^30) >> 31 when it rounds to nearest, ties up,
 * without rounding before the shift; b = m / 2 gives the rule of that section. vsmul saturates only
 * where a = b = -2^31, and m / 2 is positive. */
QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    vint32m8_t y = __riscv_vle32_v_i32m8(acc.lane, n);
    y = __riscv_vadd_vv_i32m8(y, __riscv_vle32_v_i32m8(bias, n), n);
    y = __riscv_vsll_vx_i32m8(y, op->shift, n);
    const vint32m8_t half = __riscv_vsra_vx_i32m8(__riscv_vle32_v_i32m8(mult, n), 1, n);
    y = __riscv_vsmul_vv_i32m8(y, half, __RISCV_VXRM_RNU, n);
    y = __riscv_vadd_vx_i32m8(y, op->out.zero, n);
    y = __riscv_vmax_vx_i32m8(y, op->lo, n);
    y = __riscv_vmin_vx_i32m8(y, op->hi, n);
    if (op->out.type == DPT_I32) {
        __riscv_vse32_v_i32m8((int32_t *)out + index, y, n);
    } else {
        const vint8m2_t bytes = __riscv_vncvt_x_x_w_i8m2(__riscv_vncvt_x_x_w_i16m4(y, n), n);
        __riscv_vse8_v_i8m2((int8_t *)out + index, bytes, n);
    }
}

/* 32 bytes as 16-bit numbers. */
QUADS_INLINE vint16m4_t rvv_wide(const uint8_t *p, const int SIGNED) {
    if (SIGNED) {
        return __riscv_vsext_vf2_i16m4(__riscv_vle8_v_i8m2((const int8_t *)p, QUADS_LANES),
                                       QUADS_LANES);
    }
    return __riscv_vreinterpret_v_u16m4_i16m4(
        __riscv_vzext_vf2_u16m4(__riscv_vle8_v_u8m2(p, QUADS_LANES), QUADS_LANES));
}

QUADS_INLINE quads_acc quads_acc_sum(const uint8_t *a, const uint8_t *b, const int A_SIGNED,
                                     const int B_SIGNED, const uint16_t *factors) {
    quads_acc acc;
    vint32m8_t x = __riscv_vwmul_vx_i32m8(rvv_wide(a, A_SIGNED), (int16_t)factors[0], QUADS_LANES);
    x = __riscv_vwmacc_vx_i32m8(x, (int16_t)factors[1], rvv_wide(b, B_SIGNED), QUADS_LANES);
    __riscv_vse32_v_i32m8(acc.lane, x, QUADS_LANES);
    return acc;
}

/* 32 channels of a tap, with bit 7 flipped where FLIP is set. */
QUADS_INLINE vint8m2_t rvv_tap(const uint8_t *p, const int FLIP) {
    const vint8m2_t a = __riscv_vle8_v_i8m2((const int8_t *)p, QUADS_LANES);
    return FLIP ? __riscv_vxor_vx_i8m2(a, -128, QUADS_LANES) : a;
}

QUADS_INLINE void quads_acc_dot_taps(quads_acc *acc, const uint8_t *const *tap, size_t at,
                                     const int FLIP, const uint8_t *weights) {
    const vint8m2x4_t w = __riscv_vlseg4e8_v_i8m2x4((const int8_t *)weights, QUADS_LANES);
    vint32m8_t x = __riscv_vle32_v_i32m8(acc->lane, QUADS_LANES);
    vint16m4_t two = __riscv_vwmul_vv_i16m4(__riscv_vget_v_i8m2x4_i8m2(w, 0),
                                            rvv_tap(tap[0] + at, FLIP), QUADS_LANES);
    two = __riscv_vwmacc_vv_i16m4(two, __riscv_vget_v_i8m2x4_i8m2(w, 1), rvv_tap(tap[1] + at, FLIP),
                                  QUADS_LANES);
    x = __riscv_vwadd_wv_i32m8(x, two, QUADS_LANES);
    two = __riscv_vwmul_vv_i16m4(__riscv_vget_v_i8m2x4_i8m2(w, 2), rvv_tap(tap[2] + at, FLIP),
                                 QUADS_LANES);
    two = __riscv_vwmacc_vv_i16m4(two, __riscv_vget_v_i8m2x4_i8m2(w, 3), rvv_tap(tap[3] + at, FLIP),
                                  QUADS_LANES);
    x = __riscv_vwadd_wv_i32m8(x, two, QUADS_LANES);
    __riscv_vse32_v_i32m8(acc->lane, x, QUADS_LANES);
}

#include "dpt_quads.inc"

/* x += a and y += b, widened. GCC puts the result of __riscv_vwadd_wv_i32m8 into other registers
 * than the operand's; there are too few, and GCC spills eight at a time. The assembly adds in
 * place. Its "memory" keeps GCC from loading and multiplying the next activations earlier, which
 * would spill, too. */
#define RVV_ADD_WIDE(x, a)                                                                         \
    __asm__("vsetvli zero, %2, e16, m4, ta, ma\n\tvwadd.wv %0, %0, %1"                             \
            : "+vr"(x)                                                                             \
            : "vr"(a), "r"(QUADS_LANES)                                                            \
            : "vl", "vtype", "memory")
#define RVV_ADD_WIDE_2(x, y, a, b)                                                                 \
    __asm__("vsetvli zero, %4, e16, m4, ta, ma\n\tvwadd.wv %0, %0, %2\n\tvwadd.wv %1, %1, %3"      \
            : "+vr"(x), "+vr"(y)                                                                   \
            : "vr"(a), "vr"(b), "r"(QUADS_LANES)                                                   \
            : "vl", "vtype", "memory")

/* Activations a[0] and a[1], with the bits of `flip` flipped, times the weights of all channels. */
QUADS_INLINE vint16m4_t rvv_products(const uint8_t *a, uint8_t flip, vint8m2_t w0, vint8m2_t w1) {
    const vint16m4_t first = __riscv_vwmul_vx_i16m4(w0, (int8_t)(a[0] ^ flip), QUADS_LANES);
    return __riscv_vwmacc_vx_i16m4(first, (int8_t)(a[1] ^ flip), w1, QUADS_LANES);
}

/* *x += the quad a times the weights; with P = 2 also *y += the quad b times the same weights. */
QUADS_INLINE void rvv_add_quad(const int P, vint32m8_t *x, vint32m8_t *y, const uint8_t *a,
                               const uint8_t *b, uint8_t flip, const int8_t *weights) {
    const vint8m2x4_t w = __riscv_vlseg4e8_v_i8m2x4(weights, QUADS_LANES);
    const vint8m2_t w0 = __riscv_vget_v_i8m2x4_i8m2(w, 0), w1 = __riscv_vget_v_i8m2x4_i8m2(w, 1);
    const vint8m2_t w2 = __riscv_vget_v_i8m2x4_i8m2(w, 2), w3 = __riscv_vget_v_i8m2x4_i8m2(w, 3);
    if (P == 1) {
        RVV_ADD_WIDE(*x, rvv_products(a, flip, w0, w1));
        RVV_ADD_WIDE(*x, rvv_products(a + 2, flip, w2, w3));
    } else {
        RVV_ADD_WIDE_2(*x, *y, rvv_products(a, flip, w0, w1), rvv_products(b, flip, w0, w1));
        RVV_ADD_WIDE_2(*x, *y, rvv_products(a + 2, flip, w2, w3),
                       rvv_products(b + 2, flip, w2, w3));
    }
}

/* The accumulators of windows p and p + 1, or with P = 1 of window p alone. */
QUADS_INLINE void rvv_multiply(const int P, const quads_windows *t, int p, uint8_t flip,
                               const uint8_t *weights,
                               quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]) {
    const int8_t *w = (const int8_t *)weights;
    const uint8_t *a = t->start[p], *b = t->start[p + P - 1];
    vint32m8_t x = __riscv_vmv_v_x_i32m8(0, QUADS_LANES), y = x;
    for (uint32_t row = 0; row < t->rows; row++) {
        const size_t end = 4 * (size_t)t->units;
        for (size_t i = 0; i < end; i += 4, w += 4 * QUADS_LANES) {
            rvv_add_quad(P, &x, &y, a + i, b + i, flip, w);
        }
        if (t->tail != 0) {
            uint8_t last[2][4] = {{0}};
            memcpy(last[0], a + end, t->tail);
            memcpy(last[1], b + end, t->tail);
            rvv_add_quad(P, &x, &y, last[0], last[1], flip, w);
            w += 4 * QUADS_LANES;
        }
        a += t->pitch;
        b += t->pitch;
    }
    __riscv_vse32_v_i32m8(acc[p][0].lane, x, QUADS_LANES);
    if (P == 2) {
        __riscv_vse32_v_i32m8(acc[p + 1][0].lane, y, QUADS_LANES);
    }
}

static void quads_multiply(int P, int B, int FLIP, const quads_windows *t, const uint8_t *w,
                           quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS]) {
    const uint8_t flip = FLIP ? 0x80 : 0;
    (void)B; /* 1 */
    if (P == 1) {
        rvv_multiply(1, t, 0, flip, w, acc);
    }
    for (int p = 0; p + 1 < P; p += 2) {
        rvv_multiply(2, t, p, flip, w, acc);
    }
}

static int rvv_available(void) {
    return 1;
}

const dpt_backend dpt_rvv = {"rvv", rvv_available, QUADS_PACKING, QUADS_KERNELS};
#else
typedef int dpt_rvv_is_empty; /* C has no empty files */
#endif
