/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's float kernels, as Python calls them.
 *
 * Images lie in memory as (C, H, W, N), the batch innermost: "in the lanes". A kernel takes as many
 * images at a time as the instruction set has floats in a vector, whatever the channel count.
 *
 * A kernel is a task: part p of n parts of a piece of work that an argument struct describes. What
 * a part computes depends on p and n only in which elements it is, never in the order of a sum, so
 * any number of threads gives the same bytes. Arguments are trusted: Python has checked them. */
#ifndef DRYPOINT_KERNELS_H
#define DRYPOINT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

typedef void dpk_task(const void *arguments, size_t part, size_t n_parts);

/* y[row] = the sum of x[row][0..n_columns). */
typedef struct {
    const float *x; /* [n_rows][n_columns] */
    float *y;       /* [n_rows] */
    size_t n_rows, n_columns;
} dpk_row_sums;

/* One compiled set of tasks, each named after its argument struct. */
typedef struct {
    const char *name; /* of the instruction set */
    size_t n_lanes;   /* floats in a vector */
    dpk_task *row_sums;
} dpk_kernels;

/* Sets that this CPU can run, the best first: i = 0, 1, ... until NULL. */
const dpk_kernels *dpk_available(size_t i);

/* All parts of a task, in n_threads threads at most. */
void dpk_run(dpk_task *task, const void *arguments, size_t n_threads);

/* cffi: end */

#endif
