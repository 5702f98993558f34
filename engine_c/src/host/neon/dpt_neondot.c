/* SPDX-License-Identifier: Apache-2.0 */
/* Neon with the dot product of Armv8.2 (SDOT), whose factors are both signed.
 *
 * Assumes the dot product, which the compiler's flags promise or dpt_cpu.c checks. */
#include "dpt_internal.h"

#ifdef DPT_NEONDOT
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_neondot_##kind

#define QUADS_TARGET      __attribute__((target("+dotprod")))
#define QUADS_FLIPS       DPT_FLIPS_U8
#define NEONLANE_DOT      "sdot"
#define NEONLANE_DOT_TAPS vdotq_s32
#include "dpt_neonlane.inc"

static int neondot_available(void) {
    return dpt_cpu_has(DPT_CPU_NEONDOT);
}

const dpt_backend dpt_neondot = {"neondot", neondot_available, QUADS_PACKING, QUADS_KERNELS,
                                 dpt_run_rows};
#endif
