/* SPDX-License-Identifier: Apache-2.0 */
/* Distorts exactly allocated images with wild maps, and encodes them, by every kernel: for
 * sanitizers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpd_kernels.h"

static uint32_t state = 1;

static uint32_t next(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static int32_t within(int32_t most) {
    return (int32_t)(next() % (2u * (uint32_t)most + 1)) - most;
}

static int try_encoding(size_t n, size_t channels) {
    enum { IMAGES = 2 };
    const size_t all = IMAGES * n * channels;
    uint8_t *pixels = malloc(all);
    float *table = malloc(256 * channels * sizeof *table), *out = malloc(all * sizeof *out);
    if (!pixels || !table || !out)
        return 1;
    for (size_t i = 0; i < all; i++)
        pixels[i] = (uint8_t)next();
    for (size_t i = 0; i < 256 * channels; i++)
        table[i] = (float)i;
    int wrong = 0;
    const dpd_kernels *kernels;
    for (size_t k = 0; (kernels = dpd_available(k)) != NULL; k++) {
        memset(out, 0, all * sizeof *out);
        kernels->encode(IMAGES, n, channels, pixels, table, out);
        for (size_t i = 0; i < all; i++) {
            const size_t image = i / (n * channels), c = i / n % channels;
            const size_t from = (image * n + i % n) * channels + c;
            wrong |= out[i] != (float)(256 * c + pixels[from]);
        }
    }
    free(out);
    free(table);
    free(pixels);
    return wrong;
}

static int try_size(size_t height, size_t width, size_t channels, size_t n_rows, size_t n_columns) {
    enum { N = 3 };
    const size_t bytes = N * height * width * channels;
    uint8_t *images = malloc(bytes), *out = malloc(bytes), *first = malloc(bytes);
    int32_t *rows = calloc(n_rows * height + 1, sizeof *rows);
    int32_t *columns = calloc(n_columns * width + 1, sizeof *columns);
    uint64_t keys[N];
    int32_t maps[N][6];
    if (!images || !out || !first || !rows || !columns)
        return 1;
    for (size_t i = 0; i < bytes; i++)
        images[i] = (uint8_t)next();
    for (size_t i = 0; i < n_rows * height; i++)
        rows[i] = within(1 << 13);
    for (size_t i = 0; i < n_columns * width; i++)
        columns[i] = within(1 << 13);
    for (size_t i = 0; i < N; i++) {
        keys[i] = (uint64_t)next() << 32 | next();
        for (size_t j = 0; j < 6; j++)
            maps[i][j] = within(j % 3 ? 140000 : 100 << 16);
    }
    const dpd_warp warp = {height, width, channels, n_rows, n_columns, 1850, rows, columns};
    int32_t *scratch = malloc(dpd_warp_scratch_size(&warp) * sizeof *scratch);
    int wrong = scratch == NULL;
    const dpd_kernels *kernels;
    for (size_t k = 0; !wrong && (kernels = dpd_available(k)) != NULL; k++) {
        kernels->warp_images(&warp, N, images, keys, &maps[0][0], scratch, k ? out : first);
        if (k && memcmp(out, first, bytes) != 0) {
            printf("%s differs at %zu x %zu x %zu\n", kernels->name, height, width, channels);
            wrong = 1;
        }
    }
    free(scratch);
    free(columns);
    free(rows);
    free(first);
    free(out);
    free(images);
    return wrong;
}

int main(void) {
    int wrong = 0;
    for (size_t height = 1; height < 20; height += 3)
        for (size_t width = 1; width < 40; width += 5)
            for (size_t channels = 1; channels < 4; channels++)
                for (size_t control = 0; control < 8; control += 4)
                    wrong |= try_size(height, width, channels, control, control);
    for (size_t n = 1; n < 40; n++)
        for (size_t channels = 1; channels < 4; channels++)
            wrong |= try_encoding(n, channels);
    return wrong;
}
