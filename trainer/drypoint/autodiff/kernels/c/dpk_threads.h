/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that a task may call. */
#ifndef DPK_THREADS_H
#define DPK_THREADS_H

#include "dpk_kernels.h"

/* Uninitialized memory of n_floats, aligned to 64 bytes, for the calling thread until its next
 * call. NULL: there is no memory. */
float *dpk_scratch(size_t n_floats);

/* Runs a task inside a part of another task, in n_parts parts if other threads are free. Returns
 * the result of the task. */
int dpk_run_inside(dpk_task *task, const void *arguments, size_t n_parts);

#endif
