/* SPDX-License-Identifier: Apache-2.0 */
/* Distortion. The four neighbours of each pixel are first packed into one 32-bit word, so that a
 * source costs one load. Loops over x run to a multiple of 16 and have no branch: compilers make
 * vectors of them, for which the whole is compiled once for each instruction set. */
#include "dpd_kernels.h"

#include <string.h>

enum { LANES = 16, CONTROLS = 8 /* of _warp_map.py */, ROW_BUFFERS = 6 };

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

static size_t rounded_up(size_t n) {
    return (n + LANES - 1) / LANES * LANES;
}

/* The scratch memory, divided. */
typedef struct {
    size_t lanes;                 /* width, rounded up */
    size_t row;                   /* width with two black pixels on both sides */
    size_t n;                     /* packed words of a channel */
    size_t plane_size;            /* bytes */
    uint32_t *packed;             /* [channels][n] */
    int32_t *controls;            /* [n_rows][n_columns] */
    int32_t *columns;             /* [n_columns][lanes]: weights, 0 beyond the width */
    int32_t *spread_x, *spread_y; /* [n_rows][lanes], Q10 */
    int32_t *source_x, *source_y; /* [lanes], of the row at hand, Q16 */
    int32_t *sum, *place, *value; /* [lanes] */
    uint32_t *four;               /* [lanes] */
    uint8_t *plane;               /* one channel with two black pixels around, and slack */
} memory;

static memory sizes_of(const dpd_warp *warp) {
    memory m = {.lanes = rounded_up(warp->width), .row = warp->width + 4};
    m.n = rounded_up(m.row * (warp->height + 3));
    m.plane_size = m.n + rounded_up(m.row + 1);
    return m;
}

size_t dpd_warp_scratch_size(const dpd_warp *warp) {
    const memory m = sizes_of(warp);
    return m.n * warp->channels + warp->n_rows * warp->n_columns + m.plane_size / 4 +
           m.lanes * (warp->n_columns + 2 * warp->n_rows + ROW_BUFFERS);
}

static int32_t *taken(int32_t **next, size_t n) {
    int32_t *begin = *next;
    *next += n;
    return begin;
}

static memory divided(const dpd_warp *warp, int32_t *scratch) {
    memory m = sizes_of(warp);
    m.packed = (uint32_t *)taken(&scratch, m.n * warp->channels);
    m.columns = taken(&scratch, warp->n_columns * m.lanes);
    m.spread_x = taken(&scratch, warp->n_rows * m.lanes);
    m.spread_y = taken(&scratch, warp->n_rows * m.lanes);
    m.source_x = taken(&scratch, m.lanes);
    m.source_y = taken(&scratch, m.lanes);
    m.sum = taken(&scratch, m.lanes);
    m.place = taken(&scratch, m.lanes);
    m.value = taken(&scratch, m.lanes);
    m.four = (uint32_t *)taken(&scratch, m.lanes);
    m.controls = taken(&scratch, warp->n_rows * warp->n_columns);
    m.plane = (uint8_t *)scratch;
    memset(m.plane, 0, m.plane_size);
    memset(m.columns, 0, sizeof *m.columns * warp->n_columns * m.lanes);
    for (size_t i = 0; i < warp->n_columns; i++) {
        memcpy(m.columns + i * m.lanes, warp->columns + i * warp->width,
               sizeof *m.columns * warp->width);
    }
    return m;
}

/* Number n of the stream of a key: _counter_random.py. */
static uint64_t number(uint64_t key, uint64_t n) {
    uint64_t z = key + 0x9E3779B97F4A7C15u * (n + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* One direction's field, from random control points to [n_rows][lanes], Q10. A control point is
 * below 2^17 and the weights at a place add up to 2^14. */
INLINE void spread_controls(const dpd_warp *warp, uint64_t key, uint64_t first, const memory *m,
                            int32_t *restrict spread) {
    const size_t n = warp->n_rows * warp->n_columns, lanes = m->lanes;
    int32_t *restrict controls = m->controls;
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = number(key, first + i);
        const uint64_t sum =
            (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        controls[i] = (int32_t)((((int64_t)sum - 2 * 0xFFFF) * warp->gain + (1 << 15)) >> 16);
    }
    for (size_t j = 0; j < warp->n_rows; j++) {
        int32_t *restrict out = spread + j * lanes;
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

/* Adds one direction's field at row y to the sources. */
INLINE void add_field(const dpd_warp *warp, size_t y, size_t lanes, const int32_t *restrict spread,
                      int32_t *restrict sum, int32_t *restrict source) {
    for (size_t x = 0; x < lanes; x++) {
        sum[x] = 1 << 7;
    }
    for (size_t j = 0; j < warp->n_rows; j++) {
        const int32_t weight = warp->rows[j * warp->height + y];
        if (weight != 0) {
            for (size_t x = 0; x < lanes; x++) {
                sum[x] += weight * spread[j * lanes + x];
            }
        }
    }
    for (size_t x = 0; x < lanes; x++) {
        source[x] += sum[x] >> 8;
    }
}

/* packed[i] = plane[i], [i + 1], [i + row], [i + row + 1], the lowest byte first. */
INLINE void pack(const uint8_t *restrict plane, size_t row, size_t n, uint32_t *restrict packed) {
    for (size_t i = 0; i < n; i++) {
        packed[i] = (uint32_t)plane[i] | (uint32_t)plane[i + 1] << 8 |
                    (uint32_t)plane[i + row] << 16 | (uint32_t)plane[i + row + 1] << 24;
    }
}

INLINE void pack_image(const dpd_warp *warp, const uint8_t *image, const memory *m) {
    const size_t channels = warp->channels, stride = warp->width * channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t y = 0; y < warp->height; y++) {
            uint8_t *to = m->plane + (y + 2) * m->row + 2;
            if (channels == 1) {
                memcpy(to, image + y * stride, warp->width);
            } else {
                for (size_t x = 0; x < warp->width; x++) {
                    to[x] = image[y * stride + x * channels + c];
                }
            }
        }
        pack(m->plane, m->row, m->n, m->packed + c * m->n);
    }
}

/* Where the pixels of row y come from. */
INLINE void find_sources(const dpd_warp *warp, size_t y, const int32_t *map, const memory *m) {
    int32_t *restrict source_x = m->source_x, *restrict source_y = m->source_y;
    const int32_t start_x = map[0] + map[2] * (int32_t)y, step_x = map[1];
    const int32_t start_y = map[3] + map[5] * (int32_t)y, step_y = map[4];
    for (size_t x = 0; x < m->lanes; x++) {
        source_x[x] = start_x + step_x * (int32_t)x;
        source_y[x] = start_y + step_y * (int32_t)x;
    }
    if (warp->n_rows != 0) {
        add_field(warp, y, m->lanes, m->spread_x, m->sum, source_x);
        add_field(warp, y, m->lanes, m->spread_y, m->sum, source_y);
    }
}

INLINE int32_t clipped(int32_t value, int32_t low, int32_t high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

/* Where the sources are in a channel's packed words; those beyond the black rim are moved to it. */
INLINE void find_places(const dpd_warp *warp, const memory *m) {
    const int32_t *restrict source_x = m->source_x, *restrict source_y = m->source_y;
    int32_t *restrict place = m->place;
    const int32_t width = (int32_t)warp->width, height = (int32_t)warp->height;
    const int32_t row = (int32_t)m->row;
    for (size_t x = 0; x < m->lanes; x++) {
        const int32_t column = clipped(source_x[x] >> 16, -2, width) + 2;
        place[x] = (clipped(source_y[x] >> 16, -2, height) + 2) * row + column;
    }
}

/* The value between four neighbours, by the fractions of the source. */
INLINE void blend(size_t lanes, const uint32_t *restrict four, const int32_t *restrict source_x,
                  const int32_t *restrict source_y, int32_t *restrict value) {
    for (size_t x = 0; x < lanes; x++) {
        const int32_t f = (int32_t)four[x], right = source_x[x] >> 8 & 255;
        const int32_t left = 256 - right, down = source_y[x] >> 8 & 255;
        const int32_t above = (f & 255) * left + (f >> 8 & 255) * right;
        const int32_t below = (f >> 16 & 255) * left + (f >> 24 & 255) * right;
        value[x] = (above * (256 - down) + below * down + (1 << 15)) >> 16;
    }
}

INLINE void write_row(const dpd_warp *warp, const memory *m, uint8_t *out) {
    const size_t channels = warp->channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t x = 0; x < m->lanes; x++) {
            m->four[x] = m->packed[c * m->n + (size_t)m->place[x]];
        }
        blend(m->lanes, m->four, m->source_x, m->source_y, m->value);
        if (channels == 1) {
            for (size_t x = 0; x < warp->width; x++) {
                out[x] = (uint8_t)m->value[x];
            }
        } else {
            for (size_t x = 0; x < warp->width; x++) {
                out[x * channels + c] = (uint8_t)m->value[x];
            }
        }
    }
}

INLINE void warp_images(const dpd_warp *warp, size_t n, const uint8_t *images, const uint64_t *keys,
                        const int32_t *maps, int32_t *scratch, uint8_t *out) {
    const memory m = divided(warp, scratch);
    const size_t stride = warp->width * warp->channels;
    for (size_t i = 0; i < n; i++) {
        pack_image(warp, images + i * warp->height * stride, &m);
        if (warp->n_rows != 0) {
            const uint64_t n_controls = warp->n_rows * warp->n_columns;
            spread_controls(warp, keys[i], CONTROLS, &m, m.spread_x);
            spread_controls(warp, keys[i], CONTROLS + n_controls, &m, m.spread_y);
        }
        for (size_t y = 0; y < warp->height; y++) {
            find_sources(warp, y, maps + 6 * i, &m);
            find_places(warp, &m);
            write_row(warp, &m, out + (i * warp->height + y) * stride);
        }
    }
}

#define COMPILED(name)                                                                             \
    static void name(const dpd_warp *warp, size_t n, const uint8_t *images, const uint64_t *keys,  \
                     const int32_t *maps, int32_t *scratch, uint8_t *out) {                        \
        warp_images(warp, n, images, keys, maps, scratch, out);                                    \
    }

COMPILED(warp_images_portable)
static const dpd_kernels portable = {"portable", warp_images_portable};

#if defined(__GNUC__) && defined(__x86_64__)

__attribute__((target("avx2"))) COMPILED(warp_images_avx2) static const dpd_kernels avx2 = {
    "avx2", warp_images_avx2};

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
COMPILED(warp_images_avx512) static const dpd_kernels avx512 = {"avx512", warp_images_avx512};

const dpd_kernels *dpd_available(size_t i) {
    const dpd_kernels *found[4] = {NULL};
    size_t n = 0;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        found[n++] = &avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        found[n++] = &avx2;
    }
    found[n++] = &portable;
    return i < n ? found[i] : NULL;
}

#else

const dpd_kernels *dpd_available(size_t i) {
    return i == 0 ? &portable : NULL;
}

#endif
