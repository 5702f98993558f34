/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of floats in GCC's and Clang's notation, as wide as the instruction set of this file. */
#ifndef DPK_VECTOR_H
#define DPK_VECTOR_H

#include "dpk_kernels.h"

#if defined(__AVX512F__)
#define DPK_LANES 16
#elif defined(__AVX2__)
#define DPK_LANES 8
#else
#define DPK_LANES 4
#endif

/* dpk_name_isa: each instruction set has its own copy of every function that is not static. */
#define DPK_JOIN_(name, isa) dpk_##name##_##isa
#define DPK_JOIN(name, isa)  DPK_JOIN_(name, isa)
#define DPK(name)            DPK_JOIN(name, DPK_ISA)

typedef float dpk_vec __attribute__((vector_size(4 * DPK_LANES)));
typedef float dpk_unaligned __attribute__((vector_size(4 * DPK_LANES), aligned(4), may_alias));

static inline dpk_vec dpk_load(const float *x) {
    return *(const dpk_unaligned *)x;
}

static inline void dpk_store(float *x, dpk_vec v) {
    *(dpk_unaligned *)x = v;
}

/* The sum of the lanes, by halves: the same order wherever the vector is as wide. */
static inline float dpk_sum(dpk_vec v) {
    float x[DPK_LANES];
    for (size_t i = 0; i < DPK_LANES; i++)
        x[i] = v[i];
    for (size_t half = DPK_LANES / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            x[i] += x[i + half];
    return x[0];
}

/* Where part p of n parts of `count` things begins; part n is the end. */
static inline size_t dpk_begin(size_t count, size_t part, size_t n_parts) {
    return count * part / n_parts;
}

#endif
