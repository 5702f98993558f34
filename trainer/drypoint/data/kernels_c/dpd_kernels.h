/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to every pixel before a net sees it: distortion, in integers, and encoding.
 *
 * _warp_reference.py says what a distortion computes; every instruction set gives the same bytes.
 * Arguments are trusted: Python has checked them. */
#ifndef DRYPOINT_DATA_KERNELS_H
#define DRYPOINT_DATA_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* cffi: begin */

/* What all images of a call share. */
typedef struct {
    size_t height, width; /* pixels, at most DPD_SIDE_MAX */
    size_t channels;
    size_t n_rows, n_columns; /* control points of the elastic field; 0: no field */
    int32_t gain;             /* of their random numbers */
    const int32_t *rows;      /* [n_rows][height], Q14 */
    const int32_t *columns;   /* [n_columns][width], Q14 */
} dpd_warp;

/* Sources in Q16 stay below 2^31 up to this side. */
#define DPD_SIDE_MAX 4096

/* Scratch memory of a distortion, as a number of int32_t. */
size_t dpd_warp_scratch_size(const dpd_warp *warp);

/* Distorts n images [n][height][width][channels] into out, of the same shape. keys: [n], of the
 * elastic field; maps: [n][6], Q16. */
typedef void dpd_warp_images(const dpd_warp *warp, size_t n, const uint8_t *images,
                             const uint64_t *keys, const int32_t *maps, int32_t *scratch,
                             uint8_t *out);

/* Looks every pixel up: pixels [n][size][channels], table [channels][256], out [n][channels][size].
 */
typedef void dpd_encode(size_t n, size_t size, size_t channels, const uint8_t *pixels,
                        const float *table, float *out);

/* One compiled set. */
typedef struct {
    const char *name; /* of the instruction set */
    dpd_warp_images *warp_images;
    dpd_encode *encode;
} dpd_kernels;

/* Sets that this CPU can run, the best first: i = 0, 1, ... until NULL. */
const dpd_kernels *dpd_available(size_t i);

/* cffi: end */

#endif
