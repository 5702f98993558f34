/* SPDX-License-Identifier: Apache-2.0 */
/* Files that include this are compiled once for each instruction set, whose name is DPD_ISA. */
#ifndef DRYPOINT_DATA_ISA_H
#define DRYPOINT_DATA_ISA_H

#include "dpd_kernels.h"

/* dpd_name_isa: each instruction set has its own copy of every function that is not static. */
#define DPD_JOIN_(name, isa) dpd_##name##_##isa
#define DPD_JOIN(name, isa)  DPD_JOIN_(name, isa)
#define DPD(name)            DPD_JOIN(name, DPD_ISA)

#if defined(__GNUC__)
#define DPD_INLINE static inline __attribute__((always_inline))
#else
#define DPD_INLINE static inline
#endif

#endif
