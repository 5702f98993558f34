/* SPDX-License-Identifier: Apache-2.0 */
/* Neon with the integer extension of Armv8.6 (i8mm): SUDOT multiplies signed weights by unsigned
 * activations.
 *
 * Assumes i8mm, which the compiler's flags promise or dpt_cpu.c checks. */
#include "dpt_internal.h"

#ifdef DPT_NEONI8MM
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_neoni8mm_##kind

#define QUADS_TARGET                 __attribute__((target("+i8mm")))
#define QUADS_FLIPS                  DPT_FLIPS_I8
#define NEONLANE_DOT                 "sudot"
#define NEONLANE_DOT_TAPS(acc, w, a) vusdotq_s32(acc, vreinterpretq_u8_s8(a), w)
#include "dpt_neonlane.inc"

static int neoni8mm_available(void) {
    return dpt_cpu_has(DPT_CPU_NEONI8MM);
}

const dpt_backend dpt_neoni8mm = {"neoni8mm", neoni8mm_available, QUADS_PACKING, QUADS_KERNELS,
                                  dpt_run_rows};
#endif
