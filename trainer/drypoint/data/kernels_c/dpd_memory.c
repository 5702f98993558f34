/* SPDX-License-Identifier: Apache-2.0 */
#include "dpd_memory.h"

#include <string.h>

static size_t rounded_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static dpd_memory sizes_of(const dpd_warp *warp) {
    dpd_memory m = {.lanes = rounded_up(warp->width, DPD_LANES), .row = warp->width + 2};
    m.n = rounded_up(m.row * (warp->height + 2), DPD_BLOCK);
    return m;
}

/* The last word packs what is a row and a pixel further. */
static size_t plane_size(const dpd_memory *m) {
    return m->n + rounded_up(m->row + 1, DPD_BLOCK);
}

size_t dpd_warp_scratch_size(const dpd_warp *warp) {
    const dpd_memory m = sizes_of(warp);
    return m.n * warp->channels + m.lanes * (warp->n_columns + 2 * warp->n_rows + 2) +
           warp->n_rows * warp->n_columns + (m.lanes + plane_size(&m)) / sizeof(int32_t);
}

static int32_t *taken(int32_t **next, size_t n) {
    int32_t *begin = *next;
    *next += n;
    return begin;
}

dpd_memory dpd_divided(const dpd_warp *warp, int32_t *scratch) {
    dpd_memory m = sizes_of(warp);
    m.packed = (uint32_t *)taken(&scratch, m.n * warp->channels);
    m.columns = taken(&scratch, warp->n_columns * m.lanes);
    m.spread_x = taken(&scratch, warp->n_rows * m.lanes);
    m.spread_y = taken(&scratch, warp->n_rows * m.lanes);
    m.field_x = taken(&scratch, m.lanes);
    m.field_y = taken(&scratch, m.lanes);
    m.controls = taken(&scratch, warp->n_rows * warp->n_columns);
    m.values = (uint8_t *)scratch;
    m.plane = m.values + m.lanes;
    memset(m.plane, 0, plane_size(&m));
    memset(m.columns, 0, sizeof *m.columns * warp->n_columns * m.lanes);
    for (size_t i = 0; i < warp->n_columns; i++) {
        memcpy(m.columns + i * m.lanes, warp->columns + i * warp->width,
               sizeof *m.columns * warp->width);
    }
    return m;
}
