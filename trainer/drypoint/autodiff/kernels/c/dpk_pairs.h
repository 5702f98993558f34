/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of integers: a lane has a pair of integers of 16 bits instead of a float, so an
 * instruction multiplies two. A pair has neighbouring channels of x; or, where a group has one
 * channel, the pixels that neighbouring taps of a row read.
 *
 * The sums have 32 bits. Weights of at most 127, pixels of at most 255 and at most DPK_PAIRS_TAPS
 * taps keep them below 2^31; other convolutions are computed in floats. */
#ifndef DPK_PAIRS_H
#define DPK_PAIRS_H

#include "dpk_block.h"

enum { DPK_PAIRS_TAPS = 1 << 16 };

/* The planes of the pairs of a group, and the taps of a row in a pair. */
DPK_INLINE size_t dpk_pair_planes(size_t n_channels) {
    return dpk_groups(n_channels, 2);
}

DPK_INLINE size_t dpk_pair_taps(size_t n_channels) {
    return n_channels > 1 ? 1 : 2;
}

/* Whether a convolution can be computed by pairs; writes the pairs of its weights,
 * [o][planes][kernel_h][kernel_w / taps in a pair, rounded up]. */
int DPK(pair_weights)(const dpk_conv2d *a, uint32_t *pairs);

/* Replaces a block of n_channels channels by pairs, whose planes have the size of the frame; pixel
 * (i, j) of one channel gets (i, j + distance) beside it. Returns 0 and changes nothing if a pixel
 * is beyond 255. */
int DPK(pair_block)(size_t n_channels, const dpk_frame *frame, size_t distance, float *block);

#endif
