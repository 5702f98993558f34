/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the instruction sets of this CPU; no other file depends on the CPU. */
#include "dpk_kernels.h"

#ifdef DPK_HAS_avx512
extern const dpk_kernels dpk_kernels_avx512;

static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

#ifdef DPK_HAS_avx2
extern const dpk_kernels dpk_kernels_avx2;

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

extern const dpk_kernels dpk_kernels_portable;

static int always(void) {
    return 1;
}

static const struct {
    const dpk_kernels *kernels;
    int (*available)(void);
} table[] = {
#ifdef DPK_HAS_avx512
    {&dpk_kernels_avx512, has_avx512},
#endif
#ifdef DPK_HAS_avx2
    {&dpk_kernels_avx2, has_avx2},
#endif
    {&dpk_kernels_portable, always},
};

const dpk_kernels *dpk_available(size_t i) {
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        if (table[row].available() && i-- == 0)
            return table[row].kernels;
    return NULL;
}
