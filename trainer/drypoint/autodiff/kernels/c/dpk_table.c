/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of one instruction set. */
#include "dpk_tasks.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

#define MEMBER(name) .name = DPK(name),

const dpk_kernels DPK(kernels) = {.name = TEXT(DPK_ISA), .n_lanes = DPK_LANES, DPK_TASKS(MEMBER)};
