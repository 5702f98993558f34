/* SPDX-License-Identifier: Apache-2.0 */
/* Distortion, image after image and row after row. The four neighbours of each pixel are first
 * packed into one 32-bit word, so that a source costs one load. */
#include "dpd_field.h"
#include "dpd_vector.h"

#ifdef DPD_VECTOR
#include "dpd_sample_vector.h"
#else
#include "dpd_sample_plain.h"
#endif

#include <string.h>

enum { CHUNK = 16 };

/* Copies a row in chunks of a fixed size, which are single moves, while `room` bytes may be read:
 * what a chunk writes beyond the row is where black pixels and then the next rows come. */
static void copy_row(const uint8_t *from, size_t width, size_t room, uint8_t *to) {
    if (room >= width + CHUNK) {
        for (size_t x = 0; x < width; x += CHUNK) {
            memcpy(to + x, from + x, CHUNK);
        }
    } else {
        memcpy(to, from, width);
    }
    to[width] = to[width + 1] = 0;
}

static void pack_image(const dpd_warp *warp, const uint8_t *image, const dpd_memory *m) {
    const size_t channels = warp->channels, width = warp->width, size = warp->height * width;
    for (size_t c = 0; c < channels; c++) {
        for (size_t y = 0; y < warp->height; y++) {
            uint8_t *to = m->plane + (y + 1) * m->row + 1;
            if (channels == 1) {
                copy_row(image + y * width, width, size - y * width, to);
            } else {
                for (size_t x = 0; x < width; x++) {
                    to[x] = image[(y * width + x) * channels + c];
                }
            }
        }
        pack(m, m->packed + c * m->n);
    }
}

DPD_INLINE void write_row(const dpd_warp *warp, const dpd_memory *m, const dpd_sources *sources,
                          size_t room, uint8_t *out) {
    const size_t channels = warp->channels;
    if (channels == 1 && room >= m->lanes) { /* the next row comes over what is beyond this one */
        sample_row(warp, m, m->packed, sources, out);
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        sample_row(warp, m, m->packed + c * m->n, sources, m->values);
        for (size_t x = 0; x < warp->width; x++) {
            out[x * channels + c] = m->values[x];
        }
    }
}

dpd_warp_images DPD(warp_images);

void DPD(warp_images)(const dpd_warp *warp, size_t n, const uint8_t *images, const uint64_t *keys,
                      const int32_t *maps, int32_t *scratch, uint8_t *out) {
    const dpd_memory m = dpd_divided(warp, scratch);
    const size_t stride = warp->width * warp->channels, size = warp->height * stride;
    for (size_t i = 0; i < n; i++) {
        const int32_t *map = maps + 6 * i;
        dpd_sources sources = {.step_x = map[1], .step_y = map[4]};
        pack_image(warp, images + i * size, &m);
        if (warp->n_rows != 0) {
            DPD(spread_controls)(warp, keys[i], &m);
            sources.field_x = m.field_x;
            sources.field_y = m.field_y;
        }
        for (size_t y = 0; y < warp->height; y++) {
            sources.start_x = map[0] + map[2] * (int32_t)y;
            sources.start_y = map[3] + map[5] * (int32_t)y;
            if (warp->n_rows != 0) {
                DPD(find_field)(warp, y, &m);
            }
            write_row(warp, &m, &sources, size - y * stride, out + i * size + y * stride);
        }
    }
}
