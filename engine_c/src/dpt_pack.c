/* SPDX-License-Identifier: Apache-2.0 */
/* Lays the weights of a model out for a backend, once, in memory that the caller gives. */
#include "dpt_pack.h"

#include <string.h>

enum { ALIGNMENT = 64 };

/* Whether an op has a packed form: it has weights, and its window fits the driver's patch. */
static int packs(const dpt_op *op) {
    return op->kind == DPT_DENSE || (op->kind == DPT_CONV && 4 * dpt_quads(op) <= PATCH_SIZE);
}

static size_t packed_bytes(const dpt_op *op, uint32_t packing) {
    const size_t each = 2 * sizeof(int32_t) + 4 * dpt_quads(op);
    return packs(op) ? dpt_padded_channels(op, packing) * each : 0;
}

size_t dpt_packed_size(const dpt_model *model, const dpt_backend *backend) {
    size_t size = 0;
    if (model == NULL || backend == NULL || backend->packing == 0) {
        return 0;
    }
    for (size_t i = 0; i < model->n_ops; i++) {
        size += packed_bytes(&model->ops[i], backend->packing);
    }
    return size == 0 ? 0 : size + ALIGNMENT - 1;
}

/* The weights of one channel as rows of quads, in lane `lane` of block `b` of a superblock; the sum
 * of all of them. */
static int32_t pack_channel(const dpt_op *op, size_t channel, uint8_t *to, size_t stride) {
    const size_t rows = op->kind == DPT_DENSE ? 1u : op->kernel_h;
    const size_t length =
        op->kind == DPT_DENSE ? dpt_elements(op->in) : (size_t)op->kernel_w * op->in.c;
    const int8_t *weight = op->weight + channel * rows * length;
    int32_t sum = 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < length; i++) {
            to[i / 4 * stride + i % 4] = (uint8_t)*weight;
            sum += *weight++;
        }
        to += stride * dpt_row_quads(op);
    }
    return sum;
}

/* The bias makes up for what is added to the activations (dpt_offset). The arithmetic is modulo
 * 2^32, as the sums in the lanes are; what comes out fits by the proof. */
static void pack_op(const dpt_op *op, uint32_t packing, uint8_t *to) {
    const size_t channels = dpt_padded_channels(op, packing);
    const uint32_t offset = (uint32_t)dpt_offset(op, packing);
    int32_t *bias = (int32_t *)(void *)to, *mult = bias + channels;
    memset(to, 0, packed_bytes(op, packing));
    for (size_t o = 0; o < channels; o++) {
        mult[o] = o < op->out.c ? dpt_i32(op->mult + 4 * o) : 2;
    }
    dpt_superblock s = dpt_superblock_first(op, packing);
    for (; s.blocks != 0; dpt_superblock_next(op, packing, &s)) {
        uint8_t *weights = to + (s.weight - to);
        const size_t lanes = dpt_lanes(packing) * s.blocks;
        for (size_t lane = 0; lane < lanes && s.channel + lane < op->out.c; lane++) {
            const size_t o = s.channel + lane;
            const int32_t sum = pack_channel(op, o, weights + 4 * lane, 4 * lanes);
            const uint32_t value = dpt_u32(op->bias + 4 * o) - offset * (uint32_t)sum;
            memcpy(&bias[o], &value, sizeof value);
        }
    }
}

dpt_status dpt_model_pack(dpt_model *packed, dpt_op *ops, size_t ops_cap, const dpt_model *model,
                          const dpt_backend *backend, void *memory, size_t memory_size) {
    if (packed == NULL || ops == NULL || model == NULL) {
        return DPT_E_ARGUMENT;
    }
    if (backend == NULL) {
        backend = dpt_backend_best();
    }
    if (!backend->available()) {
        return DPT_E_BACKEND;
    }
    if (ops_cap < model->n_ops || memory_size < dpt_packed_size(model, backend)) {
        return DPT_E_CAPACITY;
    }
    if (memory == NULL && dpt_packed_size(model, backend) > 0) {
        return DPT_E_ARGUMENT;
    }
    uint8_t *to = memory;
    if (to != NULL) {
        to += (ALIGNMENT - (uintptr_t)to % ALIGNMENT) % ALIGNMENT;
    }
    for (size_t i = 0; i < model->n_ops; i++) {
        ops[i] = model->ops[i];
        ops[i].packed = NULL;
        if (backend->packing != 0 && packs(&ops[i])) {
            ops[i].packed = to;
            pack_op(&ops[i], backend->packing, to);
            to += packed_bytes(&ops[i], backend->packing);
        }
    }
    *packed = *model;
    packed->ops = ops;
    packed->backend = backend;
    packed->packing = backend->packing;
    return DPT_OK;
}
