/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends, best first, and the choice among them. */
#include "dpt_internal.h"

static const dpt_backend *const backends[] = {
#ifdef DPT_AVX512VNNI
    &dpt_avx512vnni,
#endif
#ifdef DPT_AVXVNNI
    &dpt_avxvnni,
#endif
#ifdef DPT_AVX2
    &dpt_avx2,
#endif
#ifdef DPT_SSE41
    &dpt_sse41,
#endif
#ifdef DPT_NEONI8MM
    &dpt_neoni8mm,
#endif
#ifdef DPT_NEONDOT
    &dpt_neondot,
#endif
#ifdef DPT_NEON
    &dpt_neon,
#endif
#ifdef DPT_RVV
    &dpt_rvv,
#endif
#ifdef DPT_WASM
    &dpt_wasm,
#endif
    &dpt_scalar,
};

const dpt_backend *dpt_backend_at(size_t index) {
    return index < sizeof backends / sizeof backends[0] ? backends[index] : NULL;
}

/* The last row runs everywhere, so the loop ends. */
const dpt_backend *dpt_backend_best(void) {
    for (size_t i = 0;; i++) {
        if (backends[i]->available()) {
            return backends[i];
        }
    }
}
