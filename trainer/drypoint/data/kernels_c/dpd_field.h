/* SPDX-License-Identifier: Apache-2.0 */
/* The elastic field: a sum of splines over random control points. */
#ifndef DRYPOINT_DATA_FIELD_H
#define DRYPOINT_DATA_FIELD_H

#include "dpd_isa.h"
#include "dpd_memory.h"

/* What an image's control points give, summed over columns: spread_x and spread_y. */
void DPD(spread_controls)(const dpd_warp *warp, uint64_t key, const dpd_memory *m);

/* The field at row y: field_x and field_y. */
void DPD(find_field)(const dpd_warp *warp, size_t y, const dpd_memory *m);

#endif
