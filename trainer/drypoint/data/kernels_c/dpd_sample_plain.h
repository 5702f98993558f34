/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels between pixels, in plain C, where there are no vectors of a known width. */
#ifndef DRYPOINT_DATA_SAMPLE_PLAIN_H
#define DRYPOINT_DATA_SAMPLE_PLAIN_H

#include "dpd_memory.h"
#include "dpd_sources.h"

/* packed[i] holds plane[i], [i + 1], [i + row], [i + row + 1]. */
DPD_INLINE void pack(const dpd_memory *m, uint32_t *restrict packed) {
    const uint8_t *restrict plane = m->plane;
    const size_t row = m->row;
    for (size_t i = 0; i < m->n; i++) {
        packed[i] = (uint32_t)plane[i] | (uint32_t)plane[i + 1] << 8 |
                    (uint32_t)plane[i + row] << 16 | (uint32_t)plane[i + row + 1] << 24;
    }
}

/* Counted from the black pixel before the first; black too is what is beyond the last. */
DPD_INLINE int32_t place(int32_t source, int32_t last) {
    const int32_t at = (source >> 16) + 1;
    return at < 0 || at > last ? last : at;
}

DPD_INLINE uint8_t blended(uint32_t packed, int32_t x, int32_t y) {
    const int32_t four = (int32_t)packed, right = x >> 8 & 255, left = 256 - right;
    const int32_t down = y >> 8 & 255;
    const int32_t above = (four & 255) * left + (four >> 8 & 255) * right;
    const int32_t below = (four >> 16 & 255) * left + (four >> 24 & 255) * right;
    return (uint8_t)((above * (256 - down) + below * down + (1 << 15)) >> 16);
}

/* The row of a channel, of m->lanes pixels. */
DPD_INLINE void sample_row(const dpd_warp *warp, const dpd_memory *m, const uint32_t *packed,
                           const dpd_sources *s, uint8_t *out) {
    const int32_t last_x = (int32_t)warp->width + 1, last_y = (int32_t)warp->height + 1;
    for (size_t begin = 0; begin < m->lanes; begin += DPD_LANES) {
        int32_t x[DPD_LANES], y[DPD_LANES], at[DPD_LANES];
        uint32_t four[DPD_LANES];
        for (size_t i = 0; i < DPD_LANES; i++) {
            x[i] = s->start_x + s->step_x * (int32_t)(begin + i);
            y[i] = s->start_y + s->step_y * (int32_t)(begin + i);
        }
        if (s->field_x != NULL) {
            for (size_t i = 0; i < DPD_LANES; i++) {
                x[i] += s->field_x[begin + i];
                y[i] += s->field_y[begin + i];
            }
        }
        for (size_t i = 0; i < DPD_LANES; i++) {
            at[i] = place(y[i], last_y) * (int32_t)m->row + place(x[i], last_x);
        }
        for (size_t i = 0; i < DPD_LANES; i++) {
            four[i] = packed[at[i]];
        }
        for (size_t i = 0; i < DPD_LANES; i++) {
            out[begin + i] = blended(four[i], x[i], y[i]);
        }
    }
}

#endif
