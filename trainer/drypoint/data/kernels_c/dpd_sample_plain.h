/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels between pixels, in plain C, where there are no vectors of a known width. */
#ifndef DRYPOINT_DATA_SAMPLE_PLAIN_H
#define DRYPOINT_DATA_SAMPLE_PLAIN_H

#include "dpd_memory.h"
#include "dpd_sources.h"

enum { BLOCK = 64 }; /* pixels between loops: short ones, of which compilers make vectors */

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

/* In numbers of 16 bits, of which a vector has twice as many: above is 255 * 256 at most. */
DPD_INLINE uint8_t blended(uint32_t four, int32_t x, int32_t y) {
    const uint16_t right = (uint16_t)(x >> 8 & 255), left = (uint16_t)(256 - right);
    const uint16_t down = (uint16_t)(y >> 8 & 255), up = (uint16_t)(256 - down);
    const uint16_t a = (uint16_t)(four & 255), b = (uint16_t)(four >> 8 & 255);
    const uint16_t c = (uint16_t)(four >> 16 & 255), d = (uint16_t)(four >> 24);
    const uint16_t above = (uint16_t)(a * left + b * right),
                   below = (uint16_t)(c * left + d * right);
    return (uint8_t)(((uint32_t)above * up + (uint32_t)below * down + (1 << 15)) >> 16);
}

/* The row of a channel, of m->lanes pixels. */
DPD_INLINE void sample_row(const dpd_warp *warp, const dpd_memory *m, const uint32_t *packed,
                           const dpd_sources *s, uint8_t *out) {
    const int32_t last_x = (int32_t)warp->width + 1, last_y = (int32_t)warp->height + 1;
    for (size_t begin = 0, n; begin < m->lanes; begin += n) {
        int32_t x[BLOCK], y[BLOCK], at[BLOCK];
        uint32_t four[BLOCK];
        n = m->lanes - begin < BLOCK ? m->lanes - begin : BLOCK;
        for (size_t i = 0; i < n; i++) {
            x[i] = s->start_x + s->step_x * (int32_t)(begin + i);
            y[i] = s->start_y + s->step_y * (int32_t)(begin + i);
        }
        if (s->field_x != NULL) {
            for (size_t i = 0; i < n; i++) {
                x[i] += s->field_x[begin + i];
                y[i] += s->field_y[begin + i];
            }
        }
        for (size_t i = 0; i < n; i++) {
            at[i] = place(y[i], last_y) * (int32_t)m->row + place(x[i], last_x);
        }
        for (size_t i = 0; i < n; i++) {
            four[i] = packed[at[i]];
        }
        for (size_t i = 0; i < n; i++) {
            out[begin + i] = blended(four[i], x[i], y[i]);
        }
    }
}

#endif
