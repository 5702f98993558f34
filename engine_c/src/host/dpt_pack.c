/* SPDX-License-Identifier: Apache-2.0 */
/* Packs the weights of a model for a backend into memory of the caller, once. */
#include "dpt_pack.h"

#include <string.h>

enum { PACK_ALIGNMENT = 64 };

/* An op with its layout, and the op that is computed in its place. */
typedef struct pack_work {
    const dpt_op *op;
    dpt_op computed;
    dpt_layout layout;
    int packs; /* whether the op is packed */
} pack_work;

static pack_work pack_work_of(const dpt_op *op, uint32_t packing) {
    pack_work k;
    k.op = op;
    k.packs = dpt_find_layout(op, packing, &k.layout, &k.computed);
    return k;
}

/* Whether the multipliers of an op that is packed are doubled: a backend multiplies several blocks,
 * with narrow ones. */
static int doubles(const pack_work *k, uint32_t packing) {
    const dpt_op *op = k->op;
    int32_t most = 0;
    for (size_t o = 0; o < op->out.c; o++) {
        most |= dpt_i32(op->mult + 4 * o);
    }
    return DPT_X86_HAS(packing, DPT_NARROW) && (packing & 15u) > 1 && op->shift == 0 &&
           op->out.type != DPT_I32 && most < 1 << 30 && (k->layout.form & DPT_IN_GRAY) == 0 &&
           (op->kind != DPT_DEPTHWISE || (k->layout.form & DPT_BY_COLUMNS) != 0);
}

/* Bytes of the tables of an op. An op has fewer than 2^17 channels (in whole blocks) of at most
 * 2^28 weights (and a unit that is filled up): fewer than 2^46 bytes. */
static uint64_t table_bytes(const pack_work *k) {
    return k->op->kind == DPT_DEPTHWISE ? k->layout.bytes : k->layout.groups * k->layout.bytes;
}

/* The same with the room for its layout, behind which the tables are aligned. So 64 bits hold the
 * sum over 2^16 ops; a size_t of 32 bits may be too small for one op. */
static uint64_t packed_bytes(const pack_work *k) {
    const uint64_t fill = (PACK_ALIGNMENT - table_bytes(k) % PACK_ALIGNMENT) % PACK_ALIGNMENT;
    return k->packs ? PACK_ALIGNMENT + table_bytes(k) + fill : 0;
}

/* Bytes of the weights of an op in 8 bits, in whole units of PACK_ALIGNMENT, where they have fewer:
 * the kernels of hosts read 8 bits. */
static uint64_t unpacked_bytes(const dpt_op *op) {
    if (op->weight_bits == 0 || op->weight_bits == 8) {
        return 0;
    }
    const dpt_weight_rows table = dpt_rows_of(op);
    return (table.rows * table.length + PACK_ALIGNMENT - 1) / PACK_ALIGNMENT * PACK_ALIGNMENT;
}

/* Writes the weights of an op in 8 bits to `to`, and makes the op read them there. */
static void unpack_op(dpt_op *op, uint8_t *to) {
    const dpt_weight_rows table = dpt_rows_of(op);
    const size_t bytes = (size_t)dpt_row_bytes(table.length, op->weight_bits);
    const uint32_t log2 = dpt_weights_log2(op->weight_bits), last = (1u << log2) - 1u;
    const int8_t *row = op->weight;
    op->weight = (const int8_t *)to;
    for (uint64_t r = 0; r < table.rows; r++, row += bytes) {
        for (size_t i = 0; i < (size_t)table.length; i++) {
            const int32_t w = dpt_weight(row + (i >> log2), i & last, op->weight_bits);
            *to++ = (uint8_t)((uint32_t)w & 0xFFu);
        }
    }
    op->weight_bits = 8;
}

/* Whether the model has unpacked weights and the backend has kernels for all of its ops. */
static int can_pack(const dpt_model *model, const dpt_backend *backend) {
    dpt_model plain = *model;
    plain.packing = 0;
    return dpt_fits(&plain, backend);
}

size_t dpt_packed_size(const dpt_model *model, const dpt_backend *backend) {
    uint64_t size = 0;
    if (backend == NULL) {
        backend = dpt_backend_best();
    }
    if (model == NULL) {
        return 0;
    }
    if (!can_pack(model, backend)) {
        return SIZE_MAX;
    }
    for (size_t i = 0; backend->packing != 0 && i < model->n_ops; i++) {
        const pack_work k = pack_work_of(&model->ops[i], backend->packing);
        size += unpacked_bytes(k.op) + packed_bytes(&k);
    }
    if (size == 0) {
        return 0;
    }
    return size < SIZE_MAX - PACK_ALIGNMENT ? (size_t)size + PACK_ALIGNMENT - 1 : SIZE_MAX;
}

static int32_t weight_sum(const int8_t *weight, size_t n) {
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weight[i];
    }
    return sum;
}

/* Packs the weights of a panel, unit by unit of a segment, with the units of all channels
 * beside each other. `weight` has the weights of its first channel, `to` is filled with 0 before.
 * Whole units are copied with a constant size, which is inlined. */
static void pack_weights(const dpt_layout *l, const dpt_panel *panel, const int8_t *weight,
                         uint8_t *to) {
    const size_t length = l->length, size = length * l->segments, unit = panel->unit;
    const size_t lanes = dpt_panel_channels(panel, l), exist = l->channels - panel->channel;
    const size_t channels = lanes < exist ? lanes : exist;
    for (size_t segment = 0; segment < l->segments; segment++, weight += length) {
        for (size_t at = 0; at < length; at += unit, to += lanes * unit) {
            const size_t left = length - at;
            for (size_t o = 0; o < channels; o++) {
                const int8_t *from = weight + o * size + at;
                if (left < unit) {
                    memcpy(to + o * unit, from, left);
                } else if (unit == 4) {
                    memcpy(to + o * 4, from, 4);
                } else {
                    memcpy(to + o * DPT_NARROW_UNIT, from, DPT_NARROW_UNIT);
                }
            }
        }
    }
}

/* The same of a panel of groups that are packed together: a channel has weights of 0 for the
 * activations of the others. `first`: number of its first channel in the op. */
static void pack_groups(const dpt_op *op, const dpt_layout *l, const dpt_panel *panel, size_t first,
                        uint8_t *to) {
    const size_t in = op->in.c / op->groups, out = op->out.c / op->groups, unit = panel->unit;
    const size_t lanes = dpt_panel_channels(panel, l), exist = l->channels - panel->channel;
    const size_t units = (l->length + unit - 1) / unit;
    for (size_t o = 0; o < lanes && o < exist; o++) {
        const int8_t *weight = op->weight + (first + o) * l->segments * in;
        const size_t begin = (first + o) / out * in % l->length;
        for (size_t i = 0; i < l->segments * in; i++) {
            const size_t at = begin + i % in, number = i / in * units + at / unit;
            to[(number * lanes + o) * unit + at % unit] = (uint8_t)weight[i];
        }
    }
}

/* Turns a block of two quads for each unit (dpt_pack.h). */
static void turn_block(const dpt_layout *l, uint8_t *to) {
    enum { LANES = DPT_NARROW_LANES };
    for (size_t n = l->segments * ((l->length + 7) / 8); n > 0; n--, to += 8 * LANES) {
        for (size_t lane = 0; lane < LANES; lane += 2) {
            uint8_t turned[16];
            memcpy(turned, to + 4 * lane, 4);
            memcpy(turned + 4, to + 4 * (LANES + lane + 1), 4);
            memcpy(turned + 8, to + 4 * (lane + 1), 4);
            memcpy(turned + 12, to + 4 * (LANES + lane), 4);
            memcpy(to + 4 * lane, turned, 8);
            memcpy(to + 4 * (LANES + lane), turned + 8, 8);
        }
    }
}

/* Packs the weights of pairs of windows: the second half of the lanes has its weights as many
 * columns further as its window. */
static void pack_pairs(const dpt_op *op, const dpt_layout *l, uint8_t *to) {
    const size_t length = (size_t)op->kernel_w * op->in.c, size = length * op->kernel_h;
    const size_t right = (size_t)op->stride_w * op->in.c, units = (l->length + 3) / 4;
    for (size_t o = 0; o < l->channels; o++) {
        const int8_t *weight = op->weight + o % op->out.c * size;
        for (size_t i = 0; i < size; i++) {
            const size_t at = i % length + (o < op->out.c ? 0 : right);
            const size_t unit = i / length * units + at / 4;
            to[4 * (unit * l->channels + o) + at % 4] = (uint8_t)weight[i];
        }
    }
}

/* Packs the weights for dpt_gray.inc, in the order in which its pixels are gathered. */
static void pack_gray(const dpt_op *op, uint8_t *to) {
    const size_t h = op->kernel_h, w = op->kernel_w, n = dpt_gray_quads(op);
    const size_t end = dpt_gray_columns(op) ? w - 1 : w, quads = (end + 3) / 4;
    for (size_t o = 0; o < op->out.c; o++) {
        const int8_t *weight = op->weight + o * h * w;
        uint8_t *panel =
            to + o / DPT_GRAY_CHANNELS * n * 4 * DPT_GRAY_CHANNELS + 4 * (o % DPT_GRAY_CHANNELS);
        for (size_t ky = 0; ky < h; ky++) {
            for (size_t kx = 0; kx < w; kx++) {
                const size_t quad = kx < end ? ky * quads + kx / 4 : h * quads + ky / 4;
                const size_t value = kx < end ? kx % 4 : ky % 4;
                panel[quad * 4 * DPT_GRAY_CHANNELS + value] = (uint8_t)weight[ky * w + kx];
            }
        }
    }
}

/* Bytes from the first weight of a panel to the weight of tap `tap` and lane 0. */
static size_t tap_place(const dpt_op *op, const dpt_layout *l, size_t tap) {
    const size_t quad = 4 * (size_t)l->lanes, y = tap / op->kernel_w, x = tap % op->kernel_w;
    if ((l->form & DPT_BY_COLUMNS) == 0) {
        return tap / 4 * quad + tap % 4;
    }
    if (!dpt_is_signal(op)) {
        return (y / 4 * op->kernel_w + x) * quad + y % 4;
    }
    const size_t end = 4 * dpt_columns_quads(op);
    const size_t at = end > 4 && x >= end - 4 ? x + end - op->kernel_w : x;
    return at / 4 * quad + at % 4;
}

/* Packs a depthwise convolution, panel by panel. The bias corrects as in pack_tables. */
static void pack_depthwise(const dpt_op *op, const dpt_layout *l, uint32_t offset, uint8_t *to) {
    const size_t size = l->lanes, taps = (size_t)op->kernel_h * op->kernel_w;
    const size_t bytes = size * (8 + (size_t)l->segments);
    const size_t exist = op->out.c < size ? op->out.c : size, lanes = exist * l->together;
    for (size_t panel = 0; panel < dpt_panels_of(op, size); panel++, to += bytes) {
        const size_t begin = dpt_panel_begin(op, size, panel);
        int32_t *bias = (int32_t *)(void *)to, *mult = bias + size;
        uint8_t *weight = (uint8_t *)(mult + size);
        for (size_t i = lanes; i < size; i++) {
            mult[i] = 2;
        }
        for (size_t i = 0; i < lanes; i++) {
            const size_t o = begin + i % exist;
            uint32_t sum = 0;
            for (size_t tap = 0; tap < taps; tap++) {
                const int32_t w = op->weight[tap * op->out.c + o];
                weight[tap_place(op, l, tap) + 4 * i] = (uint8_t)w;
                sum += (uint32_t)w; /* modulo 2^32 */
            }
            const uint32_t value = dpt_u32(op->bias + 4 * o) - offset * sum;
            memcpy(&bias[i], &value, sizeof value);
            mult[i] = dpt_i32(op->mult + 4 * o) << op->marks / DPT_DOUBLED;
        }
    }
}

/* Packs the biases and multipliers of a panel. The bias corrects for `offset`, the number that
 * is added to each activation (dpt_offset). The arithmetic is modulo 2^32, as in the accumulators;
 * the final values fit by the proof of NUMERICS.md section 4. `before`: channels of the groups
 * before this one. */
static void pack_tables(const dpt_op *op, const dpt_layout *l, const dpt_panel *panel,
                        uint32_t offset, size_t before, int32_t *bias, int32_t *mult) {
    const size_t own = (size_t)dpt_values_read(op);
    const size_t lanes = dpt_panel_channels(panel, l), exist = l->channels - panel->channel;
    for (size_t i = 0; i < lanes && i < exist; i++) {
        const size_t o = (before + panel->channel + i) % op->out.c;
        const uint32_t back =
            offset == 0 ? 0 : offset * (uint32_t)weight_sum(op->weight + o * own, own);
        const uint32_t value = dpt_u32(op->bias + 4 * o) - back;
        memcpy(&bias[i], &value, sizeof value);
        mult[i] = dpt_i32(op->mult + 4 * o) << op->marks / DPT_DOUBLED;
    }
}

/* Packs an op group by group, and the weights of planes and pairs in their own layouts. `offset`:
 * what is added to each activation. */
static void pack_groups_of(const pack_work *k, uint32_t offset, uint8_t *to) {
    const dpt_op *op = k->op;
    const dpt_layout *l = &k->layout;
    const size_t padded = dpt_layout_padded(l);
    const int gray = (l->form & DPT_IN_GRAY) != 0, paired = (l->form & DPT_IN_PAIRS) != 0;
    for (size_t group = 0; group < l->groups; group++, to += l->bytes) {
        int32_t *bias = (int32_t *)(void *)to, *mult = bias + padded;
        uint8_t *weights = (uint8_t *)(mult + padded);
        const size_t before = group * l->channels;
        for (size_t i = 0; i < padded; i++) {
            mult[i] = 2;
        }
        if (gray) {
            pack_gray(&k->computed, weights);
        } else if (paired) {
            pack_pairs(op, l, weights);
        }
        for (dpt_panel panel = dpt_panel_first(l, to); panel.blocks != 0;
             dpt_panel_next(l, &panel)) {
            const size_t at = (size_t)(panel.bias - bias);
            pack_tables(op, l, &panel, offset, before, bias + at, mult + at);
            if (!gray && !paired) {
                const size_t first = before + panel.channel;
                if (op->kind == DPT_GROUPED && l->groups != op->groups) {
                    pack_groups(op, l, &panel, first, to + (panel.weight - to));
                } else {
                    pack_weights(l, &panel, op->weight + first * l->segments * l->length,
                                 to + (panel.weight - to));
                }
            }
            if (!gray && dpt_is_turned(l, &panel)) {
                turn_block(l, to + (panel.weight - to));
            }
        }
    }
}

/* Writes the layout of an op, and its tables behind it; returns where the layout lies. */
static uint8_t *pack_op(const pack_work *k, uint32_t packing, uint8_t *to) {
    uint8_t *const at = to + PACK_ALIGNMENT - sizeof k->layout, *tables = to + PACK_ALIGNMENT;
    const uint32_t offset = (uint32_t)dpt_offset(k->op, packing);
    memset(to, 0, (size_t)packed_bytes(k));
    memcpy(at, &k->layout, sizeof k->layout);
    if (k->op->kind == DPT_DEPTHWISE) {
        dpt_op op = k->computed;
        op.marks = k->op->marks;
        pack_depthwise(&op, &k->layout, offset, tables);
    } else {
        pack_groups_of(k, offset, tables);
    }
    return at;
}

dpt_status dpt_model_pack(dpt_model *packed, dpt_op *ops, size_t ops_cap, const dpt_model *model,
                          const dpt_backend *backend, void *memory, size_t memory_size) {
    if (packed == NULL || ops == NULL || model == NULL) {
        return DPT_E_ARGUMENT;
    }
    if (backend == NULL) {
        backend = dpt_backend_best();
    }
    if (!backend->available() || !can_pack(model, backend)) {
        return DPT_E_BACKEND;
    }
    const size_t size = dpt_packed_size(model, backend);
    if (ops_cap < model->n_ops || memory_size < size || size == SIZE_MAX) {
        return DPT_E_CAPACITY;
    }
    if (memory == NULL && size > 0) {
        return DPT_E_ARGUMENT;
    }
    uint8_t *to = memory;
    if (to != NULL) {
        to += (PACK_ALIGNMENT - (uintptr_t)to % PACK_ALIGNMENT) % PACK_ALIGNMENT;
    }
    for (size_t i = 0; i < model->n_ops; i++) {
        ops[i] = model->ops[i];
        ops[i].packed = NULL;
        ops[i].marks &= DPT_IN_PLACE | DPT_FUSED;
        const uint64_t unpacked = backend->packing != 0 ? unpacked_bytes(&ops[i]) : 0;
        if (unpacked != 0) {
            unpack_op(&ops[i], to);
            to += (size_t)unpacked;
        }
        if (backend->packing == 0) {
            continue;
        }
        const pack_work k = pack_work_of(&ops[i], backend->packing);
        if (k.packs) {
            ops[i].marks |= doubles(&k, backend->packing) ? DPT_DOUBLED : 0;
            ops[i].packed = pack_op(&k, backend->packing, to);
            to += (size_t)packed_bytes(&k);
        }
    }
    *packed = *model;
    packed->ops = ops;
    packed->backend = backend;
    packed->packing = backend->packing;
    return DPT_OK;
}
