/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend that multiplies quads includes before it defines its instructions. The contract
 * between such a backend and the driver is in dpt_quads.inc. */
#ifndef DPT_QUADS_H
#define DPT_QUADS_H

#include "dpt_internal.h"
#include "dpt_geometry.h"
#include "dpt_pack.h"

#include <string.h>

/* A function that becomes part of its callers. It may use the instructions of QUADS_TARGET, an
 * attribute that the backend defines. */
#define QUADS_INLINE static inline __attribute__((always_inline)) QUADS_TARGET

/* Unrolls the loop that follows, so that accumulators indexed by its counter stay in registers. */
#ifdef __clang__
#define QUADS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define QUADS_UNROLL _Pragma("GCC unroll 8")
#endif

/* Where quads_output_store stores acc[p]: outputs behind the first. */
#define QUADS_PLACE(p, near, far) ((size_t)((p) % 2) * (near) + (size_t)((p) / 2) * (far))

/* The first multiple of 64 bytes in a table, which has at most 15 numbers before it. */
static inline int32_t *quads_aligned(int32_t *table) {
    return table + (64 - (uintptr_t)table % 64) % 64 / sizeof *table;
}

/* Of an op on two tensors, whose values are multiplied as unsigned bytes: what each tensor's bytes
 * are flipped with, 0x80 for DPT_I8; the factors of a sum; what is subtracted from each factor of a
 * product. */
typedef struct quads_two {
    uint8_t flip[2];
    uint16_t factors[2];
    int32_t zero[2];
} quads_two;

/* How accumulators begin, and how the first n channels are stored, of a backend without
 * QUADS_OUTPUTS: its quads_acc_store adds the biases. `acc` is 0. */
#define QUADS_STORES_ONE                                                                           \
    typedef int quads_output;                                                                      \
    QUADS_INLINE quads_output quads_output_of(const dpt_op *op) {                                  \
        (void)op;                                                                                  \
        return 0;                                                                                  \
    }                                                                                              \
    QUADS_INLINE quads_acc quads_start(quads_acc acc, const int32_t *bias) {                       \
        (void)bias;                                                                                \
        return acc;                                                                                \
    }                                                                                              \
    QUADS_INLINE void quads_finish(const dpt_op *op, const quads_output *output,                   \
                                   const quads_acc *acc, const int32_t *bias, const int32_t *mult, \
                                   void *out, size_t index, size_t n) {                            \
        (void)output;                                                                              \
        quads_acc_store(op, *acc, bias, mult, out, index, n);                                      \
    }

/* The kernels of a backend that no header declares. */
#define QUADS_PROTOTYPES                                                                           \
    dpt_kernel QUADS_NAME(conv), QUADS_NAME(dense), QUADS_NAME(depthwise), QUADS_NAME(add),        \
        QUADS_NAME(mul), QUADS_NAME(maxpool), QUADS_NAME(avgpool)

/* The entry points of ops with weights, by the functions of dpt_driver.h. */
#define QUADS_DRIVEN(kind, drive)                                                                  \
    void QUADS_NAME(kind)(const dpt_op *op, const void *const in[2], void *out, size_t n) {        \
        drive(&quads_microkernels, op, in, out, n);                                                \
    }

/* The kernels of a backend, for its table. */
#define QUADS_KERNELS                                                                              \
    {[DPT_MAXPOOL] = QUADS_POOLS(maxpool), [DPT_AVGPOOL] = QUADS_POOLS(avgpool),                   \
     [DPT_CONCAT] = dpt_scalar_concat,     [DPT_LOOKUP] = dpt_scalar_lookup,                       \
     [DPT_CONV] = QUADS_NAME(conv),        [DPT_GROUPED] = QUADS_NAME(conv),                       \
     [DPT_DENSE] = QUADS_NAME(dense),      [DPT_DEPTHWISE] = QUADS_NAME(depthwise),                \
     [DPT_ADD] = QUADS_VALUES(add),        [DPT_MUL] = QUADS_VALUES(mul),                          \
     [DPT_RESIZE] = dpt_scalar_resize,     DPT_PLAIN_KERNELS}

#endif
