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

/* dpk_run of one call, or of two at once: the second may begin when as many have arrived as the
 * first has parts. */
int dpk_run_jobs(const dpk_call *calls, size_t n_calls, size_t n_threads);

/* A part of the first job has done what the second one waits for; said once by each. From any other
 * part it means nothing. */
void dpk_arrive(void);

#endif
