/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch memory of a thread. */
#ifndef DPK_THREADS_H
#define DPK_THREADS_H

#include <stddef.h>

/* n_floats of memory, aligned to 64 bytes, with whatever is in it; the thread's own until its next
 * call of this. NULL: there is none. */
float *dpk_scratch(size_t n_floats);

#endif
