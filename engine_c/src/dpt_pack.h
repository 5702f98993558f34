/* SPDX-License-Identifier: Apache-2.0 */
/* How weights are laid out for instructions that multiply quads (dpt_quads.h).
 *
 * Output channels are grouped in blocks of 16, blocks in superblocks of as many as the backend
 * multiplies at once (its `packing`, at most BLOCKS). The packed op begins with the biases and
 * multipliers of all blocks as native int32, then has the superblocks: for
 * each quad of the reduction, row by row of the kernel, the 64 bytes of each block: byte 4 * lane +
 * i is the weight of value i of the quad for channel `lane`. What is missing to whole quads and
 * blocks is 0 (multipliers: 2). Everything starts at a multiple of 64 bytes. */
#ifndef DPT_PACK_H
#define DPT_PACK_H

#include "dpt_internal.h"

enum { BLOCKS = 4, LANES = 16, PATCH_SIZE = 4096 };

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

static inline size_t dpt_blocks(const dpt_op *op) {
    return (op->out.c + (size_t)LANES - 1) / LANES;
}

typedef struct dpt_superblock {
    size_t channel, blocks; /* the first channel; 0 blocks: past the end */
    const int32_t *bias, *mult;
    const uint8_t *weight;
} dpt_superblock;

static inline size_t dpt_superblock_blocks(const dpt_op *op, size_t channel, size_t packing) {
    const size_t left = dpt_blocks(op) - channel / LANES;
    return left < packing ? left : packing;
}

static inline dpt_superblock dpt_superblock_first(const dpt_op *op, size_t packing) {
    const int32_t *bias = op->packed, *mult = bias + LANES * dpt_blocks(op);
    const uint8_t *weight = (const uint8_t *)(mult + LANES * dpt_blocks(op));
    dpt_superblock s = {0, dpt_superblock_blocks(op, 0, packing), bias, mult, weight};
    return s;
}

static inline void dpt_superblock_next(const dpt_op *op, size_t packing, dpt_superblock *s) {
    s->weight += 64 * s->blocks * dpt_quads(op);
    s->bias += LANES * s->blocks;
    s->mult += LANES * s->blocks;
    s->channel += LANES * s->blocks;
    s->blocks = dpt_superblock_blocks(op, s->channel, packing);
}

#endif
