/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-VNNI: vpdpbusd in 256-bit registers, 32 products an instruction.
 *
 * Assumes AVX-VNNI, and what dpt_avx2.c assumes; dpt_cpu.c checks both. */
#include "dpt_internal.h"

#ifdef DPT_AVXVNNI
#include "dpt_quads.h"

#include <immintrin.h>

#define QUADS_NAME(kind) dpt_avxvnni_##kind /* dpt_avxvnni_conv, ... */
#ifdef DPT_AVX2
#define QUADS_VALUES(kind) dpt_avx2_##kind /* dpt_avx2_add, ... */
#define QUADS_POOLS(kind)  dpt_avx2_##kind /* dpt_avx2_maxpool, ... */
#endif
#define QUADS_TARGET __attribute__((target("avx2,avxvnni")))

typedef __m256i quad;

#define ymm_quad(bytes)    (bytes)
#define ymm_weights(bytes) (bytes)

/* GCC copies each accumulator to another register and back around _mm256_dpbusd_avx_epi32. The
 * assembly does not. */
QUADS_INLINE __m256i ymm_dot(__m256i acc, quad a, quad w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(a), "x"(w));
    return acc;
}

#include "dpt_ymm.inc"

static int avxvnni_available(void) {
    return dpt_cpu_has(DPT_CPU_AVXVNNI);
}

const dpt_backend dpt_avxvnni = {"avxvnni", avxvnni_available, QUADS_PACKING, QUADS_KERNELS,
                                 dpt_run_rows};
#endif
