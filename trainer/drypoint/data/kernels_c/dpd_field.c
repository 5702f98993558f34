/* SPDX-License-Identifier: Apache-2.0 */
/* The elastic field. Loops over x run to a multiple of DPD_LANES and have no branch: compilers make
 * vectors of them. */
#include "dpd_field.h"

enum { CONTROLS = 8 /* of _warp_map.py */ };

/* Number n of the stream of a key: _counter_random.py. */
static uint64_t number(uint64_t key, uint64_t n) {
    uint64_t z = key + 0x9E3779B97F4A7C15u * (n + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* One direction's field, from random control points to [n_rows][lanes], Q10. A control point is
 * below 2^17 and the weights at a place add up to 2^14. */
static void spread(const dpd_warp *warp, uint64_t key, uint64_t first, const dpd_memory *m,
                   int32_t *restrict sums) {
    const size_t n = warp->n_rows * warp->n_columns, lanes = m->lanes;
    int32_t *restrict controls = m->controls;
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = number(key, first + i);
        const uint64_t sum =
            (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        controls[i] = (int32_t)((((int64_t)sum - 2 * 0xFFFF) * warp->gain + (1 << 15)) >> 16);
    }
    for (size_t j = 0; j < warp->n_rows; j++) {
        int32_t *restrict out = sums + j * lanes;
        for (size_t x = 0; x < lanes; x++) {
            out[x] = 1 << 13;
        }
        for (size_t i = 0; i < warp->n_columns; i++) {
            const int32_t control = controls[j * warp->n_columns + i];
            const int32_t *restrict weight = m->columns + i * lanes;
            for (size_t x = 0; x < lanes; x++) {
                out[x] += control * weight[x];
            }
        }
        for (size_t x = 0; x < lanes; x++) {
            out[x] >>= 14;
        }
    }
}

void DPD(spread_controls)(const dpd_warp *warp, uint64_t key, const dpd_memory *m) {
    spread(warp, key, CONTROLS, m, m->spread_x);
    spread(warp, key, CONTROLS + warp->n_rows * warp->n_columns, m, m->spread_y);
}

/* One direction's field at row y. */
static void row_of(const dpd_warp *warp, size_t y, size_t lanes, const int32_t *restrict sums,
                   int32_t *restrict field) {
    for (size_t x = 0; x < lanes; x++) {
        field[x] = 1 << 7;
    }
    for (size_t j = 0; j < warp->n_rows; j++) {
        const int32_t weight = warp->rows[j * warp->height + y];
        if (weight != 0) {
            for (size_t x = 0; x < lanes; x++) {
                field[x] += weight * sums[j * lanes + x];
            }
        }
    }
    for (size_t x = 0; x < lanes; x++) {
        field[x] >>= 8;
    }
}

void DPD(find_field)(const dpd_warp *warp, size_t y, const dpd_memory *m) {
    row_of(warp, y, m->lanes, m->spread_x, m->field_x);
    row_of(warp, y, m->lanes, m->spread_y, m->field_y);
}
