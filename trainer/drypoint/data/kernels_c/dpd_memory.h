/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch memory of a distortion, divided. */
#ifndef DRYPOINT_DATA_MEMORY_H
#define DRYPOINT_DATA_MEMORY_H

#include "dpd_kernels.h"

/* Rows of scratch memory have room for whole vectors of every instruction set. */
enum { DPD_LANES = 16, DPD_BLOCK = 64 /* bytes that are packed at once, at most */ };

typedef struct {
    size_t lanes;                 /* width, rounded up to DPD_LANES */
    size_t row;                   /* width with a black pixel on both sides */
    size_t n;                     /* packed words of a channel, a multiple of DPD_BLOCK */
    uint32_t *packed;             /* [channels][n] */
    int32_t *columns;             /* [n_columns][lanes]: weights, 0 beyond the width */
    int32_t *spread_x, *spread_y; /* [n_rows][lanes], Q10 */
    int32_t *field_x, *field_y;   /* [lanes], of the row at hand, Q16 */
    int32_t *controls;            /* [n_rows][n_columns] */
    uint8_t *values;              /* [lanes], of the row at hand */
    uint8_t *plane;               /* one channel with black pixels around, and slack */
} dpd_memory;

/* Black pixels in the plane, weights in the columns. */
dpd_memory dpd_divided(const dpd_warp *warp, int32_t *scratch);

#endif
