/* SPDX-License-Identifier: Apache-2.0 */
/* How weights are laid out for instructions that multiply quads (dpt_quads.h).
 *
 * Output channels are grouped in blocks of as many as the backend computes in one value (its
 * lanes), blocks in superblocks of as many as it multiplies at once. The packed op begins with the
 * biases and multipliers of all blocks as native int32, then has the superblocks: for each quad of
 * the reduction, row by row of the kernel, the quads of each lane: byte 4 * lane + i is the weight
 * of value i of the quad for channel `lane` of the superblock. What is missing to whole quads and
 * blocks is 0 (multipliers: 2). The first op starts at a multiple of 64 bytes, and so does every
 * quad of weights where a block has 16 lanes; with 4 lanes they start at multiples of 16. */
#ifndef DPT_PACK_H
#define DPT_PACK_H

#include "dpt_internal.h"

enum { BLOCKS = 5, PATCH_SIZE = 4096 };

/* Activations that a backend multiplies with their highest bit flipped: signed ones as unsigned
 * (128 larger), or unsigned ones as signed (128 smaller). The biases make up for it. */
enum { FLIPS_NONE, FLIPS_I8, FLIPS_U8 };

/* The number of a layout, for dpt_backend.packing: lanes of a block (4, 8 .. 60), blocks of a
 * superblock (1 .. BLOCKS), and what is flipped. */
#define DPT_PACKING(lanes, blocks, flips) ((flips) << 8 | (lanes) / 4 << 4 | (blocks))

static inline size_t dpt_lanes(uint32_t packing) {
    return (size_t)4 * (packing >> 4 & 15u);
}

/* What is added to every activation of this op before the multiplication: 128, 0 or -128. */
static inline int32_t dpt_offset(const dpt_op *op, uint32_t packing) {
    const uint32_t flips = packing >> 8;
    return flips == FLIPS_I8 && op->in_type == DPT_I8   ? 128
           : flips == FLIPS_U8 && op->in_type == DPT_U8 ? -128
                                                        : 0;
}

/* The quads of one row of the reduction: a kernel's row, or the whole input of a dense op. */
static inline size_t dpt_row_quads(const dpt_op *op) {
    const size_t row =
        op->kind == DPT_DENSE ? dpt_elements(op->in) : (size_t)op->kernel_w * op->in.c;
    return (row + 3) / 4;
}

/* The quads of the whole reduction. */
static inline size_t dpt_quads(const dpt_op *op) {
    return dpt_row_quads(op) * (op->kind == DPT_DENSE ? 1u : op->kernel_h);
}

/* The channels of whole blocks. */
static inline size_t dpt_padded_channels(const dpt_op *op, uint32_t packing) {
    const size_t block = dpt_lanes(packing);
    return (op->out.c + block - 1) / block * block;
}

typedef struct dpt_superblock {
    size_t channel, blocks; /* the first channel; 0 blocks: past the end */
    const int32_t *bias, *mult;
    const uint8_t *weight;
} dpt_superblock;

static inline size_t dpt_superblock_blocks(const dpt_op *op, size_t channel, uint32_t packing) {
    const size_t left = (dpt_padded_channels(op, packing) - channel) / dpt_lanes(packing);
    return left < (packing & 15u) ? left : (packing & 15u);
}

static inline dpt_superblock dpt_superblock_first(const dpt_op *op, uint32_t packing) {
    const int32_t *bias = op->packed, *mult = bias + dpt_padded_channels(op, packing);
    const uint8_t *weight = (const uint8_t *)(mult + dpt_padded_channels(op, packing));
    dpt_superblock s = {0, dpt_superblock_blocks(op, 0, packing), bias, mult, weight};
    return s;
}

static inline void dpt_superblock_next(const dpt_op *op, uint32_t packing, dpt_superblock *s) {
    const size_t channels = dpt_lanes(packing) * s->blocks;
    s->weight += 4 * channels * dpt_quads(op);
    s->bias += channels;
    s->mult += channels;
    s->channel += channels;
    s->blocks = dpt_superblock_blocks(op, s->channel, packing);
}

#endif
