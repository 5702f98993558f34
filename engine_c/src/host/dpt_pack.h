/* SPDX-License-Identifier: Apache-2.0 */
/* The layouts of packed weights for backends that multiply quads (dpt_quads.inc).
 *
 * A block is as many output channels as the backend has lanes in one accumulator value; a panel is
 * as many blocks as it multiplies at once. A window is cut into segments (dpt_layout): rows of
 * the kernel, or taps. A packed op has its dpt_layout, 32 bytes; then, group after group, the
 * biases and multipliers of all blocks as native int32, then the panels. A panel has, for each quad
 * of each segment, a quad of weights for each lane: byte 4 * lane + i is the weight of activation i
 * of the quad for channel `lane` of the panel. Incomplete quads and blocks are filled up with 0
 * (multipliers: 2). The tables of an op start at a multiple of 64 bytes, and so does every quad of
 * weights where a block has 16 lanes; with 4 lanes they start at multiples of 16. (An export has
 * them at multiples of 4.)
 *
 * A 2x2 convolution of 3 channels to 5, with blocks of 4 lanes, 2 of them in a panel: two segments
 * of 6 activations, two quads each. 64 bytes of tables (8 biases, 8 multipliers), then one panel of
 * 4 quads of 8 lanes, 128 bytes, of which 60 are weights.
 *
 * Where the last block of 16 lanes has few channels, most of its products would be with 0. Such
 * channels go into narrow blocks, of DPT_NARROW_CHANNELS channels each: for each DPT_NARROW_UNIT
 * activations of a segment, the weights of each channel, byte 16 * channel + i. A narrow block has
 * the biases and multipliers of 16 lanes, too.
 *
 * A panel of one block is turned where a backend can multiply several: 8 activations are loaded for
 * two neighbouring lanes at once, and a lane of each two has the second quad first. So a load
 * serves two multiplications. Lanes 0 and 1 of a unit have quad 0 of channel 0 and quad 1 of
 * channel 1, then quad 0 of channel 1 and quad 1 of channel 0, in an accumulator of their own. A
 * window of fewer than 40 activations gains nothing by it.
 *
 * A convolution of 8 channels fills 16 lanes with two windows beside each other, where that takes
 * fewer multiplications. It is packed and computed as a convolution of 16 channels (DPT_IN_PAIRS):
 * its window has the columns of both, and weights of 0 in the columns that only the other one
 * reads. Its outputs lie in the same order.
 *
 * Groups of few channels are packed and computed together, as one group of all their channels: a
 * channel has weights of 0 for the activations of the others, which would meet no weights.
 *
 * Small convolutions of one input channel have the layout of dpt_gray.inc: for each
 * DPT_GRAY_CHANNELS channels, quad by quad of the kernel, the quad of each channel.
 *
 * A depthwise convolution has, panel after panel of channels, the biases, the multipliers, and for
 * each quad of taps the quad of each channel. The quads of dpt_driver_depthwise.c are the taps in
 * their order, the quads of dpt_columns.inc are taps below each other. Where the lanes hold several
 * pixels, the tables of the channels are repeated. */
#ifndef DPT_PACK_H
#define DPT_PACK_H

#include "dpt_driver.h"

enum { DPT_NARROW_LANES = 16 }; /* of a block, in layouts with narrow blocks */
enum { DPT_GRAY_CHANNELS = 4, DPT_GRAY_QUADS = 16, DPT_GRAY_MOST_CHANNELS = 64 };

/* How many quads of each channel of a depthwise op dpt_columns.inc has in its buffer; the memory of
 * DPT_COLUMNS_POOLED of them holds outputs that are pooled. */
enum { DPT_COLUMNS_QUADS = 256, DPT_COLUMNS_POOLED = 64 };

/* Whether a depthwise kernel has one row, as a signal's has. In the layout of dpt_columns.inc its
 * quads are taps beside each other then. The last quad ends with the last tap: taps that two quads
 * have meet weights of 0 in the last one. */
static inline int dpt_is_signal(const dpt_op *op) {
    return op->kernel_h == 1;
}

/* The quads of a depthwise kernel, in each of its columns where it is no signal's; the last one may
 * be filled up. */
static inline size_t dpt_columns_quads(const dpt_op *op) {
    return ((dpt_is_signal(op) ? op->kernel_w : op->kernel_h) + 3u) / 4;
}

/* The columns of the input that the first taps of a window's quads lie in, from first to last. */
static inline size_t dpt_columns_reach(const dpt_op *op) {
    const size_t last = op->kernel_w - 1u, quad = dpt_is_signal(op) ? 3 : 0;
    return (last > quad ? last - quad : 0) * op->dilation_w + 1;
}

/* Quads that dpt_columns.inc has room for, beside outputs that are pooled. */
static inline size_t dpt_columns_room(const dpt_op *op) {
    return dpt_pools(op) ? DPT_COLUMNS_QUADS - DPT_COLUMNS_POOLED : DPT_COLUMNS_QUADS;
}

/* How many outputs beside each other of a pooled op it has room for before they are pooled. */
static inline size_t dpt_columns_pooled(const dpt_op *op) {
    const size_t each = (size_t)op->pool_h * op->pool_w * op->out.c;
    return DPT_COLUMNS_POOLED * 4 * DPT_DEPTHWISE_PANEL / each;
}

/* Whether each row of the kernel ends in one value behind its whole quads, and these values are
 * multiplied four rows at a time. */
static inline int dpt_gray_columns(const dpt_op *op) {
    return op->kernel_w % 4 == 1 && op->kernel_h > 1;
}

/* The quads of a kernel with pixels in the lanes. */
static inline size_t dpt_gray_quads(const dpt_op *op) {
    const size_t h = op->kernel_h, w = op->kernel_w;
    return dpt_gray_columns(op) ? h * (w / 4) + (h + 3) / 4 : h * ((w + 3) / 4);
}

/* Fills *l, and *packed with the op that is computed in the place of `op`: of planes one pixel
 * wide, the op on planes one pixel high; of pairs of windows, the op that computes two as one; of
 * groups that fill a block together, the op of fewer groups; or the op itself. Returns whether the
 * op is packed: it has weights, and the driver has room for it. */
int dpt_find_layout(const dpt_op *op, uint32_t packing, dpt_layout *l, dpt_op *packed);

#endif
