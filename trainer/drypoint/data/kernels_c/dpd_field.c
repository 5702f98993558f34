/* SPDX-License-Identifier: Apache-2.0 */
/* The elastic field. */
#include "dpd_field.h"
#include "dpd_vector.h"

enum { CONTROLS = 8 /* of _warp_map.py */ };

/* Number n of the stream of a key: _counter_random.py. */
static uint64_t number(uint64_t key, uint64_t n) {
    uint64_t z = key + 0x9E3779B97F4A7C15u * (n + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* out[x] = (the sum over i of weights[i * stride] * rows[i][x]) / 2^bits, rounded to nearest. */
#ifdef DPD_VECTOR

DPD_INLINE void weigh(size_t n, const int32_t *weights, size_t stride, const int32_t *rows,
                      size_t lanes, int bits, int32_t *out) {
    for (size_t x = 0; x < lanes; x += DPD_WIDTH) {
        dpd_vec sum = V(set1_epi32)(1 << (bits - 1));
        for (size_t i = 0; i < n; i++) {
            const dpd_vec weight = V(set1_epi32)(weights[i * stride]);
            sum = V(add_epi32)(sum, V(mullo_epi32)(weight, dpd_load(rows + i * lanes + x)));
        }
        dpd_store(out + x, V(sra_epi32)(sum, _mm_cvtsi32_si128(bits)));
    }
}

#else

DPD_INLINE void weigh(size_t n, const int32_t *restrict weights, size_t stride,
                      const int32_t *restrict rows, size_t lanes, int bits, int32_t *restrict out) {
    for (size_t x = 0; x < lanes; x++) {
        out[x] = 1 << (bits - 1);
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t weight = weights[i * stride];
        for (size_t x = 0; x < lanes; x++) {
            out[x] += weight * rows[i * lanes + x];
        }
    }
    for (size_t x = 0; x < lanes; x++) {
        out[x] >>= bits;
    }
}

#endif

/* One direction's field, from random control points to [n_rows][lanes], Q10. A control point is
 * below 2^17 and the weights at a place add up to 2^14. */
static void spread(const dpd_warp *warp, uint64_t key, uint64_t first, const dpd_memory *m,
                   int32_t *sums) {
    const size_t n = warp->n_columns;
    for (size_t i = 0; i < warp->n_rows * n; i++) {
        const uint64_t bits = number(key, first + i);
        const uint64_t sum =
            (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        m->controls[i] = (int32_t)((((int64_t)sum - 2 * 0xFFFF) * warp->gain + (1 << 15)) >> 16);
    }
    for (size_t j = 0; j < warp->n_rows; j++) {
        weigh(n, m->controls + j * n, 1, m->columns, m->lanes, 14, sums + j * m->lanes);
    }
}

void DPD(spread_controls)(const dpd_warp *warp, uint64_t key, const dpd_memory *m) {
    spread(warp, key, CONTROLS, m, m->spread_x);
    spread(warp, key, CONTROLS + warp->n_rows * warp->n_columns, m, m->spread_y);
}

void DPD(find_field)(const dpd_warp *warp, size_t y, const dpd_memory *m) {
    const size_t height = warp->height;
    size_t begin = 0, end = warp->n_rows; /* of the rows that weigh something: four */
    while (begin < end && warp->rows[begin * height + y] == 0) {
        begin++;
    }
    while (begin < end && warp->rows[(end - 1) * height + y] == 0) {
        end--;
    }
    const int32_t *weights = warp->rows + begin * height + y;
    const size_t skipped = begin * m->lanes;
    weigh(end - begin, weights, height, m->spread_x + skipped, m->lanes, 8, m->field_x);
    weigh(end - begin, weights, height, m->spread_y + skipped, m->lanes, 8, m->field_y);
}
