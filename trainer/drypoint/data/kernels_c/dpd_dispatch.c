/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that asks what CPU this is. */
#include "dpd_kernels.h"

#ifdef DPD_HAS_avx512
dpd_warp_images dpd_warp_images_avx512;
dpd_encode dpd_encode_avx512;
static const dpd_kernels avx512 = {"avx512", dpd_warp_images_avx512, dpd_encode_avx512};

static int has_avx512(void) {
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

#ifdef DPD_HAS_avx2
dpd_warp_images dpd_warp_images_avx2;
dpd_encode dpd_encode_avx2;
static const dpd_kernels avx2 = {"avx2", dpd_warp_images_avx2, dpd_encode_avx2};

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
#endif

dpd_warp_images dpd_warp_images_portable;
dpd_encode dpd_encode_portable;
static const dpd_kernels portable = {"portable", dpd_warp_images_portable, dpd_encode_portable};

static int always(void) {
    return 1;
}

static const struct {
    const dpd_kernels *kernels;
    int (*available)(void);
} table[] = {
#ifdef DPD_HAS_avx512
    {&avx512, has_avx512},
#endif
#ifdef DPD_HAS_avx2
    {&avx2, has_avx2},
#endif
    {&portable, always},
};

const dpd_kernels *dpd_available(size_t i) {
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        if (table[row].available() && i-- == 0) {
            return table[row].kernels;
        }
    }
    return NULL;
}
