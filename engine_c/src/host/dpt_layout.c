/* SPDX-License-Identifier: Apache-2.0 */
/* Which layout of dpt_pack.h an op has, and whether it is packed. */
#include "dpt_geometry.h"
#include "dpt_pack.h"

int dpt_fits_gray(const dpt_op *op) {
    return op->kind == DPT_CONV && op->in.c == 1 && !dpt_dilated(op) && op->stride_h == 1 &&
           op->stride_w == 1 && op->pool_h == op->pool_w && op->pool_h <= 2 &&
           dpt_gray_quads(op) <= DPT_GRAY_QUADS && op->kernel_h <= DPT_GRAY_QUADS &&
           op->kernel_w <= DPT_GRAY_QUADS && op->out.c <= DPT_GRAY_MOST_CHANNELS;
}

size_t dpt_columns_windows(const dpt_op *op) {
    const size_t quads = dpt_is_signal(op) ? 1 : dpt_columns_quads(op);
    const size_t room = dpt_columns_room(op) / quads, reach = dpt_columns_reach(op);
    return room < reach ? 0 : (room - reach) / op->stride_w + 1;
}

/* How many narrow blocks a group has. Up to half a block of channels is narrow where that takes
 * fewer multiplications and a window has enough units to outweigh the cost of a panel of its
 * own, which is higher where the backend multiplies several blocks at once. */
static size_t layout_narrow_blocks(const dpt_op *op, uint32_t packing) {
    const size_t left = dpt_group_channels(op) % DPT_NARROW_LANES;
    const size_t blocks = (left + DPT_NARROW_CHANNELS - 1) / DPT_NARROW_CHANNELS;
    const size_t units = dpt_segment_units(op, DPT_NARROW_UNIT);
    return DPT_LAYOUT_HAS(packing, DPT_NARROW) && blocks <= 2 &&
                   blocks * units < dpt_segment_units(op, 4) &&
                   units * dpt_segments(op) >= ((packing & 15u) == 1 ? 4u : 8u) &&
                   !dpt_is_gray(op, packing)
               ? blocks
               : 0;
}

/* The op that computes two windows of a convolution as one, with a width of the output that is
 * even.
 */
static dpt_op layout_pair(const dpt_op *op) {
    dpt_op pair = *op;
    pair.out.w = op->out.w / 2;
    pair.out.c = (uint16_t)(2 * op->out.c);
    pair.kernel_w = (uint16_t)(op->kernel_w + op->stride_w);
    pair.stride_w = (uint16_t)(2 * op->stride_w);
    return pair;
}

int dpt_fits_pairs(const dpt_op *op, uint32_t packing) {
    if (op->kind != DPT_CONV || op->out.c != DPT_PAIR_CHANNELS || op->out.w % 2 != 0 ||
        op->pool_h != 1 || op->pool_w != 1 || op->dilation_w != 1 ||
        op->kernel_w + op->stride_w > UINT8_MAX || dpt_is_gray(op, packing)) {
        return 0;
    }
    const dpt_op pair = layout_pair(op);
    const size_t narrow = layout_narrow_blocks(op, packing);
    const size_t units =
        narrow > 0 ? narrow * dpt_segment_units(op, DPT_NARROW_UNIT) : dpt_segment_units(op, 4);
    return dpt_segments_are_rows(&pair) && dpt_segment_units(&pair, 4) < 2 * units;
}

/* The groups of few channels that fill a block together: as many as have no more channels than
 * lanes. A multiplication takes the same time for all of them as for one. */
static size_t layout_groups_together(const dpt_op *op, uint32_t packing) {
    size_t together = dpt_lanes(packing) / dpt_group_channels(op);
    if (op->kind != DPT_GROUPED || together <= 1 || layout_narrow_blocks(op, packing) > 0) {
        return 1;
    }
    for (; op->groups % together != 0; together--) {
    }
    return together;
}

dpt_op dpt_packed_op(const dpt_op *op, uint32_t packing) {
    dpt_op packed = dpt_is_column(op)         ? dpt_column_as_row(op)
                    : dpt_paired(op, packing) ? layout_pair(op)
                                              : *op;
    if (op->kind == DPT_GROUPED) {
        packed.groups = (uint16_t)(op->groups / layout_groups_together(op, packing));
    }
    return packed;
}

void dpt_find_layout(const dpt_op *op, uint32_t packing, dpt_layout *l) {
    l->lanes = dpt_lanes(packing);
    l->most = packing & 15u;
    l->groups = dpt_conv_groups(op);
    l->channels = dpt_group_channels(op);
    l->segments = dpt_segments(op);
    l->length = dpt_segment_length(op);
    l->narrow = layout_narrow_blocks(op, packing);
    l->wide = (l->channels + (l->narrow > 0 ? 0 : l->lanes - 1)) / l->lanes * l->lanes;
    l->padded = l->wide + l->narrow * l->lanes;
    l->turned = DPT_LAYOUT_HAS(packing, DPT_NARROW) && l->most > 1 &&
                l->wide / l->lanes % l->most == 1 && (l->length - 1) % 8 >= 4 &&
                l->segments * l->length >= 40;
    l->unit = l->narrow > 0 ? DPT_NARROW_UNIT : l->turned ? 8 : 4;
    const uint64_t wide = (uint64_t)l->wide * 4 * ((l->length + 3) / 4);
    const uint64_t unit = DPT_NARROW_UNIT, units = (l->length + unit - 1) / unit;
    l->bytes = (uint64_t)l->padded * 2 * sizeof(int32_t) +
               (wide + l->narrow * DPT_NARROW_CHANNELS * unit * units) * l->segments;
}

size_t dpt_pointer_windows(const dpt_op *op, const dpt_layout *l, size_t pointers) {
    const size_t taps = (size_t)op->kernel_h * op->kernel_w, pool = (size_t)op->pool_h * op->pool_w;
    const size_t tile = DPT_TILE, room = pointers / taps / tile * tile;
    const int split = l->segments != taps && op->in.c % l->unit != 0;
    const int zeros = op->pad == NULL && op->in.c > DPT_ZEROS;
    return split || zeros || room < pool ? 0 : room < DPT_CORNERS ? room : DPT_CORNERS;
}

int dpt_drives(const dpt_op *op, const dpt_layout *l) {
    return dpt_finds_taps(l->lanes) ||
           ((size_t)op->pool_h * op->pool_w <= DPT_CORNERS &&
            (!dpt_padded(op) || dpt_band_size(op, 1, 1) <= DPT_BAND_SIZE ||
             dpt_pointer_windows(op, l, DPT_POINTERS) > 0));
}

int dpt_packs_depthwise(const dpt_op *op, uint32_t packing, size_t pointers, size_t bytes) {
    if (op->kind != DPT_DEPTHWISE || dpt_has_columns(op, packing)) {
        return op->kind == DPT_DEPTHWISE;
    }
    const size_t pool = (size_t)op->pool_h * op->pool_w, size = dpt_depthwise_panel(packing);
    const size_t window = dpt_span_h(op, 1) * dpt_span_w(op, 1);
    const size_t width = op->out.c < size ? op->out.c : size;
    return pool <= pointers && pool * 4 * dpt_tap_quads(op, packing) <= pointers &&
           (!dpt_depthwise_copies(op, packing) || window * width + size <= bytes);
}
