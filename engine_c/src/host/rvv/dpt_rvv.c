/* SPDX-License-Identifier: Apache-2.0 */
/* RISC-V V, with registers of 128 bits or more: 32 channels at a time. A segment load separates the
 * four weights of each channel's quad. Each activation multiplies the weights of 32 channels, and
 * two products are added in 16 bits: with both factors signed, the sum is at most
 * 2 * 128 * 127 < 2^15.
 *
 * The accumulators stay in registers, whose length C does not know: no array or struct can hold
 * them. So this backend has micro-kernels of its own (dpt_rvv_gemm.inc).
 *
 * Assumes V 1.0, little-endian, and 32 lanes of 32 bits in 8 registers, thus 128 bits in each:
 * dpt_backends.h asks the compiler's flags. Tables of int32 lie at multiples of 4 bytes. */
#include "dpt_internal.h"

#ifdef DPT_RVV
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_rvv_##kind

#include <riscv_vector.h>

#define QUADS_TARGET
#define QUADS_LANES 32

enum { QUADS_PACKING = DPT_PACKING(QUADS_LANES, 1, DPT_FLIPS_U8, 0, 0), QUADS_PANEL = QUADS_LANES };

/* NUMERICS.md section 2: vsmul computes (a * b + 2^30) >> 31 when it rounds to nearest, ties up,
 * without rounding before the shift; b = m / 2 gives the rule of that section. vsmul saturates only
 * where a = b = -2^31, and m / 2 is positive. Stores n channels as outputs number `index` and
 * following. */
QUADS_INLINE void rvv_store(const dpt_op *op, vint32m8_t y, const int32_t *bias,
                            const int32_t *mult, void *out, size_t index, size_t n) {
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

/* The accumulators of dpt_quads_values.inc, in memory. A register of V has at least 128 bits, so 8
 * registers hold them. */
typedef struct quads_acc {
    int32_t lane[QUADS_LANES];
} quads_acc;

QUADS_INLINE quads_acc quads_acc_zero(void) {
    quads_acc acc;
    __riscv_vse32_v_i32m8(acc.lane, __riscv_vmv_v_x_i32m8(0, QUADS_LANES), QUADS_LANES);
    return acc;
}

QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    rvv_store(op, __riscv_vle32_v_i32m8(acc.lane, n), bias, mult, out, index, n);
}

/* 32 bytes, flipped, as 16-bit numbers. */
QUADS_INLINE vint16m4_t rvv_wide(const uint8_t *p, uint8_t flip) {
    const vuint8m2_t bytes =
        __riscv_vxor_vx_u8m2(__riscv_vle8_v_u8m2(p, QUADS_LANES), flip, QUADS_LANES);
    return __riscv_vreinterpret_v_u16m4_i16m4(__riscv_vzext_vf2_u16m4(bytes, QUADS_LANES));
}

QUADS_INLINE quads_acc quads_acc_sum(const uint8_t *a, const uint8_t *b, const quads_two *t) {
    quads_acc acc;
    vint32m8_t x =
        __riscv_vwmul_vx_i32m8(rvv_wide(a, t->flip[0]), (int16_t)t->factors[0], QUADS_LANES);
    x = __riscv_vwmacc_vx_i32m8(x, (int16_t)t->factors[1], rvv_wide(b, t->flip[1]), QUADS_LANES);
    __riscv_vse32_v_i32m8(acc.lane, x, QUADS_LANES);
    return acc;
}

QUADS_INLINE quads_acc quads_acc_product(const uint8_t *a, const uint8_t *b, const quads_two *t) {
    quads_acc acc;
    const vint16m4_t x =
        __riscv_vsub_vx_i16m4(rvv_wide(a, t->flip[0]), (int16_t)t->zero[0], QUADS_LANES);
    const vint16m4_t y =
        __riscv_vsub_vx_i16m4(rvv_wide(b, t->flip[1]), (int16_t)t->zero[1], QUADS_LANES);
    __riscv_vse32_v_i32m8(acc.lane, __riscv_vwmul_vv_i32m8(x, y, QUADS_LANES), QUADS_LANES);
    return acc;
}

/* The instructions of dpt_quads_pool.inc on 32 channels. */
typedef vuint8m2_t quads_bytes;

QUADS_INLINE quads_bytes quads_bytes_load(const uint8_t *p) {
    return __riscv_vle8_v_u8m2(p, QUADS_LANES);
}

QUADS_INLINE void quads_bytes_store(uint8_t *p, quads_bytes bytes) {
    __riscv_vse8_v_u8m2(p, bytes, QUADS_LANES);
}

QUADS_INLINE quads_bytes quads_bytes_flip(quads_bytes bytes, uint8_t flip) {
    return __riscv_vxor_vx_u8m2(bytes, flip, QUADS_LANES);
}

QUADS_INLINE quads_bytes quads_bytes_max(quads_bytes a, quads_bytes b) {
    return __riscv_vmaxu_vv_u8m2(a, b, QUADS_LANES);
}

typedef vuint16m4_t quads_sums;

QUADS_INLINE quads_sums quads_sums_zero(void) {
    return __riscv_vmv_v_x_u16m4(0, QUADS_LANES);
}

QUADS_INLINE quads_sums quads_sums_add(quads_sums s, quads_bytes bytes) {
    return __riscv_vwaddu_wv_u16m4(s, bytes, QUADS_LANES);
}

QUADS_INLINE void quads_sums_flush(quads_sums s, int32_t *totals) {
    uint32_t *const to = (uint32_t *)(void *)totals;
    const vuint32m8_t x = __riscv_vle32_v_u32m8(to, QUADS_LANES);
    __riscv_vse32_v_u32m8(to, __riscv_vwaddu_wv_u32m8(x, s, QUADS_LANES), QUADS_LANES);
}

#define QUADS_VALUES QUADS_NAME
#define QUADS_POOLS  QUADS_NAME
QUADS_STORES_ONE
#include "dpt_quads_values.inc"
#include "dpt_rvv_gemm.inc"
#include "dpt_rvv_depthwise.inc"
#include "dpt_quads_pool.inc"

static const dpt_microkernels quads_microkernels = {.gemm = {{rvv_gemm_pairs}, {rvv_gemm_pairs}},
                                                    .exact = {rvv_gemm_exact},
                                                    .depthwise = rvv_depthwise};

QUADS_DRIVEN(conv, dpt_drive_conv)
QUADS_DRIVEN(dense, dpt_drive_dense)
QUADS_DRIVEN(depthwise, dpt_drive_depthwise)

const dpt_backend dpt_rvv = {"rvv", dpt_always, QUADS_PACKING, QUADS_KERNELS, dpt_run_rows};
#endif
