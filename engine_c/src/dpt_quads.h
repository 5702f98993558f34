/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend that multiplies quads includes before it defines its instructions. The contract
 * between such a backend and the driver is in dpt_quads.inc. */
#ifndef DPT_QUADS_H
#define DPT_QUADS_H

#include "dpt_internal.h"
#include "dpt_pack.h"

#include <string.h>

/* A function that becomes part of its callers. It may use the instructions of QUADS_TARGET, an
 * attribute that the backend defines. */
#define QUADS_INLINE static inline __attribute__((always_inline)) QUADS_TARGET

/* Makes the compiler unroll the loop that follows: accumulators indexed by its counter then stay in
 * registers. */
#ifdef __clang__
#define QUADS_UNROLL _Pragma("clang loop unroll(full)")
#else
#define QUADS_UNROLL _Pragma("GCC unroll 8")
#endif

/* Where quads_output_store stores acc[p]: outputs behind the first. */
#define QUADS_PLACE(p, near, far) ((size_t)((p) % 2) * (near) + (size_t)((p) / 2) * (far))

#endif
