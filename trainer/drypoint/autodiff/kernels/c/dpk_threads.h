/* SPDX-License-Identifier: Apache-2.0 */
/* What a task may ask of the thread that runs it. */
#ifndef DPK_THREADS_H
#define DPK_THREADS_H

#include "dpk_kernels.h"

/* n_floats of memory, aligned to 64 bytes, with whatever is in it; the thread's own until its next
 * call of this. NULL: there is none. */
float *dpk_scratch(size_t n_floats);

/* All parts of a task, by a part of another one: n_parts of them, if there are threads that have
 * nothing else to do. Returns as a task does. */
int dpk_run_inside(dpk_task *task, const void *arguments, size_t n_parts);

#endif
