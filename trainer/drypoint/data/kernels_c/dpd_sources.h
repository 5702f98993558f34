/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRYPOINT_DATA_SOURCES_H
#define DRYPOINT_DATA_SOURCES_H

#include "dpd_isa.h"

/* Where the pixels of a row come from: that of x from start + step * x + field[x], Q16. */
typedef struct {
    int32_t start_x, step_x, start_y, step_y;
    const int32_t *field_x, *field_y; /* NULL: none */
} dpd_sources;

#endif
