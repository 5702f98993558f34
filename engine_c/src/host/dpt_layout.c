/* SPDX-License-Identifier: Apache-2.0 */
/* Which layout of dpt_pack.h an op has, and whether it is packed. */
#include "dpt_geometry.h"
#include "dpt_pack.h"

enum { LAYOUT_PAIR_CHANNELS = 8 }; /* of an op whose windows are computed as pairs */

static size_t layout_lanes(uint32_t packing) {
    return (size_t)4 * (packing >> 4 & 15u);
}

/* Whether micro-kernels find taps themselves where the driver has no room for pointers to them: on
 * RISC-V V, which alone has blocks of 32 lanes. */
static int layout_finds_taps(uint32_t packing) {
    return layout_lanes(packing) == 32;
}

/* A window is cut into segments, whose activations follow each other in the input: the rows of the
 * kernel, or its taps where rows are dilated or grouped, or where a window does not fit a band. A
 * dense op has one segment. */
static int layout_has_rows(const dpt_op *op) {
    return op->kind == DPT_CONV && op->dilation_w == 1 && dpt_band_size(op, 1, 1) <= DPT_BAND_SIZE;
}

/* How many segments a window has, and the activations of each. */
static size_t layout_segments(const dpt_op *op) {
    return op->kind == DPT_DENSE ? 1u
           : layout_has_rows(op) ? op->kernel_h
                                 : (size_t)op->kernel_h * op->kernel_w;
}

static size_t layout_length(const dpt_op *op) {
    return op->kind == DPT_DENSE     ? dpt_elements(op->in)
           : op->kind == DPT_GROUPED ? (size_t)op->in.c / op->groups
           : layout_has_rows(op)     ? (size_t)op->kernel_w * op->in.c
                                     : op->in.c;
}

/* The units of a segment, `unit` activations each (4: quads); the last one may be filled up. */
static size_t layout_units(const dpt_op *op, size_t unit) {
    return (layout_length(op) + unit - 1) / unit;
}

static size_t layout_channels(const dpt_op *op) {
    return op->kind == DPT_GROUPED ? (size_t)op->out.c / op->groups : op->out.c;
}

/* Whether dpt_gray.inc computes the op, with pixels in the lanes. */
static int layout_is_gray(const dpt_op *op, uint32_t packing) {
    return DPT_X86_HAS(packing, DPT_GRAY) && op->kind == DPT_CONV && op->in.c == 1 &&
           !dpt_dilated(op) && op->stride_h == 1 && op->stride_w == 1 && op->pool_h == op->pool_w &&
           op->pool_h <= 2 && dpt_gray_quads(op) <= DPT_GRAY_QUADS &&
           op->kernel_h <= DPT_GRAY_QUADS && op->kernel_w <= DPT_GRAY_QUADS &&
           op->out.c <= DPT_GRAY_MOST_CHANNELS;
}

/* How many narrow blocks a group has. Up to half a block of channels is narrow where that takes
 * fewer multiplications and a window has enough units to outweigh the cost of a panel of its
 * own, which is higher where the backend multiplies several blocks at once. */
static size_t layout_narrow_blocks(const dpt_op *op, uint32_t packing) {
    const size_t left = layout_channels(op) % DPT_NARROW_LANES;
    const size_t blocks = (left + DPT_NARROW_CHANNELS - 1) / DPT_NARROW_CHANNELS;
    const size_t units = layout_units(op, DPT_NARROW_UNIT);
    return DPT_X86_HAS(packing, DPT_NARROW) && blocks <= 2 &&
                   blocks * units < layout_units(op, 4) &&
                   units * layout_segments(op) >= ((packing & 15u) == 1 ? 4u : 8u) &&
                   !layout_is_gray(op, packing)
               ? blocks
               : 0;
}

/* Whether an op is packed as a convolution of twice its channels, with two windows in 16 lanes. */
static int layout_has_pairs(const dpt_op *op, uint32_t packing) {
    if (!DPT_X86_HAS(packing, DPT_NARROW) || op->kind != DPT_CONV ||
        op->out.c != LAYOUT_PAIR_CHANNELS || op->out.w % 2 != 0 || op->pool_h != 1 ||
        op->pool_w != 1 || op->dilation_w != 1 || op->kernel_w + op->stride_w > UINT8_MAX ||
        layout_is_gray(op, packing)) {
        return 0;
    }
    const dpt_op pair = dpt_form_op(op, DPT_IN_PAIRS);
    const size_t narrow = layout_narrow_blocks(op, packing);
    const size_t units =
        narrow > 0 ? narrow * layout_units(op, DPT_NARROW_UNIT) : layout_units(op, 4);
    return layout_has_rows(&pair) && layout_units(&pair, 4) < 2 * units;
}

/* The groups of few channels that fill a block together: as many as have no more channels than
 * lanes. A multiplication takes the same time for all of them as for one. */
static size_t layout_groups_together(const dpt_op *op, uint32_t packing) {
    size_t together = layout_lanes(packing) / layout_channels(op);
    if (op->kind != DPT_GROUPED || together <= 1 || layout_narrow_blocks(op, packing) > 0) {
        return 1;
    }
    for (; op->groups % together != 0; together--) {
    }
    return together;
}

/* Whether the driver computes a convolution. Else more windows are pooled than it has room for, or
 * the window of a padded op fits no band and has too many taps for pointers. */
static int layout_fits_driver(const dpt_op *op, const dpt_layout *l, uint32_t packing) {
    return op->kind == DPT_DENSE || layout_finds_taps(packing) ||
           ((size_t)op->pool_h * op->pool_w <= DPT_CORNERS &&
            (!dpt_padded(op) || dpt_band_size(op, 1, 1) <= DPT_BAND_SIZE ||
             dpt_pointer_windows(op, l, DPT_POINTERS) > 0));
}

/* A convolution that may be in groups, or a dense op. */
static int layout_of_segments(const dpt_op *op, uint32_t packing, dpt_layout *l) {
    const size_t lanes = layout_lanes(packing), most = packing & 15u;
    const size_t length = layout_length(op), segments = layout_segments(op);
    const size_t narrow = layout_narrow_blocks(op, packing), channels = layout_channels(op);
    const size_t wide = (channels + (narrow > 0 ? 0 : lanes - 1)) / lanes * lanes;
    const int turned = DPT_X86_HAS(packing, DPT_NARROW) && most > 1 && wide / lanes % most == 1 &&
                       (length - 1) % 8 >= 4 && segments * length >= 40;
    l->length = (uint32_t)length;
    l->channels = (uint32_t)channels;
    l->wide = (uint32_t)wide;
    l->groups = op->kind == DPT_GROUPED ? op->groups : 1;
    l->segments = (uint32_t)segments;
    l->lanes = (uint8_t)lanes;
    l->most = (uint8_t)most;
    l->narrow = (uint8_t)narrow;
    l->form = (uint8_t)(l->form | (turned ? DPT_TURNED : 0));
    const uint64_t unit = DPT_NARROW_UNIT, tables = (uint64_t)dpt_layout_padded(l) * 8;
    l->bytes = tables + ((uint64_t)wide * 4 * ((length + 3) / 4) +
                         narrow * DPT_NARROW_CHANNELS * unit * ((length + unit - 1) / unit)) *
                            segments;
    if (layout_is_gray(op, packing)) {
        const size_t panels = (channels + DPT_GRAY_CHANNELS - 1) / DPT_GRAY_CHANNELS;
        l->form = (uint8_t)(l->form | DPT_IN_GRAY);
        l->bytes = tables + (panels * DPT_GRAY_CHANNELS * 4 * dpt_gray_quads(op) + 63) / 64 * 64;
    }
    return layout_fits_driver(op, l, packing);
}

/* Whether a depthwise convolution has the layout of dpt_columns.inc, for backends of x86-64: it has
 * one output a channel, taps so near to each other that a window fits the buffer, and outputs that
 * can be pooled as bytes. */
static int layout_has_columns(const dpt_op *op, uint32_t packing) {
    const size_t quads = dpt_is_signal(op) ? 1 : dpt_columns_quads(op);
    return DPT_X86_HAS(packing, DPT_NARROW) && op->in.c == op->out.c &&
           dpt_columns_reach(op) <= dpt_columns_room(op) / quads &&
           (!dpt_pools(op) || (op->out.type != DPT_I32 && dpt_columns_pooled(op) > 0));
}

/* How many pixels a panel of `lanes` channels has in its lanes: several where windows begin in
 * columns that follow each other, and the channels fill the lanes by columns, or half of the lanes
 * of a copied plane. */
static size_t layout_together(const dpt_op *op, size_t lanes, int columns) {
    const size_t c = op->out.c;
    const int several =
        columns ? lanes % c == 0 : op->in.c == c && !dpt_pools(op) && 2 * c <= lanes;
    return op->stride_w == 1 && several ? lanes / c : 1u;
}

static int layout_of_taps(const dpt_op *op, uint32_t packing, dpt_layout *l) {
    const int columns = layout_has_columns(op, packing), finds = layout_finds_taps(packing);
    const size_t taps = (size_t)op->kernel_h * op->kernel_w, own = layout_lanes(packing);
    const size_t lanes = own > DPT_DEPTHWISE_PANEL ? own : (size_t)DPT_DEPTHWISE_PANEL;
    const size_t quads =
        columns && !dpt_is_signal(op) ? dpt_columns_quads(op) * op->kernel_w : (taps + 3) / 4;
    const size_t together = layout_together(op, lanes, columns);
    const int repeats = op->in.c != op->out.c, few = finds ? together > 1 : op->in.c < lanes;
    l->segments = (uint32_t)(4 * quads);
    l->lanes = (uint8_t)lanes;
    l->together = (uint8_t)together;
    const uint32_t reads = columns ? DPT_BY_COLUMNS : repeats || few ? DPT_OF_COPIES : 0;
    l->form = (uint8_t)(l->form | reads);
    l->bytes = (uint64_t)dpt_panels_of(op, lanes) * lanes * (8 + 4 * quads);
    return columns || finds || dpt_has_room_for_taps(op, l, DPT_POINTERS, DPT_DEPTHWISE_BAND);
}

int dpt_find_layout(const dpt_op *op, uint32_t packing, dpt_layout *l, dpt_op *packed) {
    memset(l, 0, sizeof *l);
    if (op->kind != DPT_CONV && op->kind != DPT_GROUPED && op->kind != DPT_DENSE &&
        op->kind != DPT_DEPTHWISE) {
        return 0;
    }
    l->form = dpt_is_column(op) ? DPT_AS_ROW : layout_has_pairs(op, packing) ? DPT_IN_PAIRS : 0;
    l->flip = dpt_offset(op, packing) != 0 ? 0x80 : 0;
    *packed = dpt_form_op(op, l->form);
    if (op->kind == DPT_GROUPED) {
        packed->groups = (uint16_t)(op->groups / layout_groups_together(op, packing));
    }
    return op->kind == DPT_DEPTHWISE ? layout_of_taps(packed, packing, l)
                                     : layout_of_segments(packed, packing, l);
}
