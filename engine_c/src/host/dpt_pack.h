/* SPDX-License-Identifier: Apache-2.0 */
/* The layouts of packed weights for backends that multiply quads (dpt_quads.inc).
 *
 * A block is as many output channels as the backend has lanes in one accumulator value; a panel is
 * as many blocks as it multiplies at once. A window is cut into segments (dpt_segments): rows of
 * the kernel, or taps. A packed op has, group after group, the biases and multipliers of all blocks
 * as native int32, then the panels. A panel has, for each quad of each segment, a quad of weights
 * for each lane: byte 4 * lane + i is the weight of activation i of the quad for channel `lane` of
 * the panel. Incomplete quads and blocks are filled up with 0 (multipliers: 2). The first op starts
 * at a multiple of 64 bytes, and so does every quad of weights where a block has 16 lanes; with 4
 * lanes they start at multiples of 16.
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
 * fewer multiplications. It is packed and computed as a convolution of 16 channels (dpt_packed_op):
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

#include "dpt_internal.h"

enum { DPT_MOST_BLOCKS = 5, DPT_NARROW_CHANNELS = 4, DPT_NARROW_UNIT = 16 };
enum { DPT_NARROW_LANES = 16 }; /* of a block, in layouts with narrow blocks */
enum { DPT_PAIR_CHANNELS = 8 };
enum { DPT_BAND_SIZE = 0x3800, DPT_DEPTHWISE_BAND = 0x2400, DPT_SLACK = DPT_NARROW_UNIT - 1 };
enum { DPT_GRAY_CHANNELS = 4, DPT_GRAY_QUADS = 16, DPT_GRAY_MOST_CHANNELS = 64 };

/* A mark of packed ops on AVX-512 whose outputs are bytes, without a shift, and whose multipliers
 * are below 2^30, and packed doubled. NUMERICS.md section 2 is clamp(((acc * 2m >> 32) + 2 * zero +
 * 1)
 * >> 1) then, with all but the product in 16 bits that saturate: the clamp is to bytes. Of its
 * acc = 51,234 and m = 8,323,200 that makes (198 + 1) >> 1 = 99. */
enum { DPT_DOUBLED = 0x80 }; /* the highest bit */

/* Which activations a backend multiplies with their highest bit flipped: signed ones, which become
 * unsigned and 128 larger, or unsigned ones, which become signed and 128 smaller. The packed biases
 * correct the result. */
enum { DPT_FLIPS_NONE, DPT_FLIPS_I8, DPT_FLIPS_U8 };

/* Depthwise convolutions that are packed: channels of a panel for quads, and how many quads of each
 * channel dpt_columns.inc has in its buffer; the memory of DPT_COLUMNS_POOLED of them holds outputs
 * that are pooled. */
enum { DPT_DEPTHWISE_PANEL = 16, DPT_COLUMNS_QUADS = 256, DPT_COLUMNS_POOLED = 64 };

#define DPT_NARROW 0x400
#define DPT_GRAY   0x800

/* Whether a layout has DPT_NARROW or DPT_GRAY: on x86-64 alone. Elsewhere the compiler leaves out
 * what follows from it. */
#ifdef DPT_DETECT_X86
#define DPT_LAYOUT_HAS(packing, flag) (((packing) & (flag)) != 0)
#else
#define DPT_LAYOUT_HAS(packing, flag) ((void)(packing), 0)
#endif

/* The number of a layout, for dpt_backend.packing: lanes of a block (4, 8 .. 60), blocks of a
 * panel (1 .. BLOCKS), what is flipped, whether there are narrow blocks (then 16 lanes), and
 * whether ops of one channel have pixels in the lanes. */
#define DPT_PACKING(lanes, blocks, flips, narrow, gray)                                            \
    ((gray) * DPT_GRAY | (narrow) * DPT_NARROW | (flips) << 8 | (lanes) / 4 << 4 | (blocks))

static inline size_t dpt_lanes(uint32_t packing) {
    return (size_t)4 * (packing >> 4 & 15u);
}

/* What is added to every activation of this op before the multiplication: 128, 0 or -128. */
static inline int32_t dpt_offset(const dpt_op *op, uint32_t packing) {
    const uint32_t flips = packing >> 8 & 3u;
    return flips == DPT_FLIPS_I8 && op->in.type == DPT_I8   ? 128
           : flips == DPT_FLIPS_U8 && op->in.type == DPT_U8 ? -128
                                                            : 0;
}

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

/* How many windows beside each other dpt_columns.inc has room for, at most. */
size_t dpt_columns_windows(const dpt_op *op);

/* How many outputs beside each other of a pooled op it has room for before they are pooled. */
static inline size_t dpt_columns_pooled(const dpt_op *op) {
    const size_t each = (size_t)op->pool_h * op->pool_w * op->out.c;
    return DPT_COLUMNS_POOLED * 4 * DPT_DEPTHWISE_PANEL / each;
}

/* Whether a depthwise convolution has the layout of dpt_columns.inc, for backends of x86-64: it has
 * one output a channel, taps that are near enough to each other, and outputs that can be pooled as
 * bytes. */
static inline int dpt_has_columns(const dpt_op *op, uint32_t packing) {
    return DPT_LAYOUT_HAS(packing, DPT_NARROW) && op->in.c == op->out.c &&
           dpt_columns_windows(op) > 0 &&
           (!dpt_pools(op) || (op->out.type != DPT_I32 && dpt_columns_pooled(op) > 0));
}

/* How many columns of the input a panel has in its lanes: several where 16 is a multiple of the
 * channels and windows begin in columns that follow each other. */
static inline size_t dpt_columns_together(const dpt_op *op) {
    const size_t lanes = DPT_DEPTHWISE_PANEL;
    return op->stride_w == 1 && lanes % op->out.c == 0 ? lanes / op->out.c : 1u;
}

/* The quads of taps of a depthwise kernel; a quad of fewer than four taps is filled up. */
static inline size_t dpt_tap_quads(const dpt_op *op, uint32_t packing) {
    return dpt_has_columns(op, packing) && !dpt_is_signal(op)
               ? dpt_columns_quads(op) * op->kernel_w
               : ((size_t)op->kernel_h * op->kernel_w + 3) / 4;
}

/* The channels of a panel of a depthwise convolution in a layout. */
static inline size_t dpt_depthwise_panel(uint32_t packing) {
    return dpt_lanes(packing) > DPT_DEPTHWISE_PANEL ? dpt_lanes(packing)
                                                    : (size_t)DPT_DEPTHWISE_PANEL;
}

/* Whether dpt_drive_depthwise copies the input: channels that several outputs read, or fewer than a
 * panel has. */
static inline int dpt_depthwise_copies(const dpt_op *op, uint32_t packing) {
    return op->in.c != op->out.c || op->in.c < dpt_depthwise_panel(packing);
}

/* How many pixels of a copied plane a panel of an op packed by taps has in its lanes. */
static inline size_t dpt_taps_together(const dpt_op *op, uint32_t packing) {
    return op->in.c == op->out.c && op->stride_w == 1 && op->pool_h == 1 && op->pool_w == 1 &&
                   2u * op->in.c <= dpt_depthwise_panel(packing)
               ? dpt_depthwise_panel(packing) / op->in.c
               : 1u;
}

/* Input rows (columns), padding included, that n output rows (columns) of a convolution read. */
static inline size_t dpt_span_h(const dpt_op *op, size_t n) {
    return (n * op->pool_h - 1) * op->stride_h + (op->kernel_h - 1u) * op->dilation_h + 1;
}

static inline size_t dpt_span_w(const dpt_op *op, size_t n) {
    return (n * op->pool_w - 1) * op->stride_w + (op->kernel_w - 1u) * op->dilation_w + 1;
}

/* Bytes of a copy of the input that `rows` by `columns` of the output read, with the bytes that the
 * last unit of a row reads beyond its window. */
static inline uint64_t dpt_band_size(const dpt_op *op, size_t rows, size_t columns) {
    return (uint64_t)dpt_span_h(op, rows) * dpt_span_w(op, columns) * op->in.c + DPT_SLACK;
}

/* A window is cut into segments, whose activations follow each other in the input: the rows of the
 * kernel, or its taps where rows are dilated or grouped, or where a window does not fit a band. A
 * dense op has one segment. */
static inline int dpt_segments_are_rows(const dpt_op *op) {
    return op->kind == DPT_CONV && op->dilation_w == 1 && dpt_band_size(op, 1, 1) <= DPT_BAND_SIZE;
}

/* How many segments a window has, and the activations of each. */
static inline size_t dpt_segments(const dpt_op *op) {
    return op->kind == DPT_DENSE       ? 1u
           : dpt_segments_are_rows(op) ? op->kernel_h
                                       : (size_t)op->kernel_h * op->kernel_w;
}

static inline size_t dpt_segment_length(const dpt_op *op) {
    return op->kind == DPT_DENSE       ? dpt_elements(op->in)
           : op->kind == DPT_GROUPED   ? (size_t)op->in.c / op->groups
           : dpt_segments_are_rows(op) ? (size_t)op->kernel_w * op->in.c
                                       : op->in.c;
}

/* The units of a segment, `unit` activations each (4: quads); the last one may be filled up. */
static inline size_t dpt_segment_units(const dpt_op *op, size_t unit) {
    return (dpt_segment_length(op) + unit - 1) / unit;
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

/* Whether dpt_gray.inc computes the op, with pixels in the lanes. */
int dpt_fits_gray(const dpt_op *op);

static inline int dpt_is_gray(const dpt_op *op, uint32_t packing) {
    return DPT_LAYOUT_HAS(packing, DPT_GRAY) && dpt_fits_gray(op);
}

/* The groups of a convolution, and the output channels of each. */
static inline size_t dpt_conv_groups(const dpt_op *op) {
    return op->kind == DPT_GROUPED ? op->groups : 1u;
}

static inline size_t dpt_group_channels(const dpt_op *op) {
    return op->kind == DPT_GROUPED ? (size_t)op->out.c / op->groups : op->out.c;
}

/* Whether an op is packed as a convolution of twice its channels, with two windows in 16 lanes. */
int dpt_fits_pairs(const dpt_op *op, uint32_t packing);

static inline int dpt_paired(const dpt_op *op, uint32_t packing) {
    return DPT_LAYOUT_HAS(packing, DPT_NARROW) && dpt_fits_pairs(op, packing);
}

/* The op whose packed layout and micro-kernels serve `op`: of planes one pixel wide, the op on
 * planes one pixel high; of pairs of windows, the op that computes two as one; of groups that fill
 * a block together, the op of fewer groups; or the op itself. */
dpt_op dpt_packed_op(const dpt_op *op, uint32_t packing);

/* The layout of a packed convolution or dense op, the same for each of its groups. Its op is what
 * dpt_packed_op returns. */
typedef struct dpt_layout {
    size_t lanes, most;      /* of a block; blocks of a panel, at most */
    size_t groups, channels; /* of the op; output channels of a group */
    size_t segments, length; /* of a window; activations of a segment */
    size_t wide, narrow;     /* channels of whole blocks of a group; its narrow blocks */
    size_t padded;           /* biases of a group with the fill of its blocks; multipliers, too */
    size_t unit;             /* activations that are multiplied at once, at most */
    int turned;              /* whether a panel of one block is turned */
    uint64_t bytes;          /* of a group */
} dpt_layout;

void dpt_find_layout(const dpt_op *op, uint32_t packing, dpt_layout *l);

/* Windows of a tile, which micro-kernels multiply at once or in parts. What the driver has room
 * for: corners of windows; pointers to their taps; bytes of a pixel of padding without values. */
enum { DPT_CORNERS = 256, DPT_POINTERS = 1024, DPT_ZEROS = 0x1000 };
#ifdef DPT_RVV
enum { DPT_TILE = 2 };
#else
enum { DPT_TILE = 8 };
#endif

/* How many windows of a padded convolution the driver computes by pointers to their taps, at most,
 * with room for so many pointers; 0: none, since taps begin in the middle of a unit of weights, or
 * the driver lacks room. */
size_t dpt_pointer_windows(const dpt_op *op, const dpt_layout *l, size_t pointers);

static inline int dpt_padded(const dpt_op *op) {
    return (op->pad_top | op->pad_left | op->pad_bottom | op->pad_right) != 0;
}

/* Whether micro-kernels find taps themselves where the driver has no room for pointers to them: on
 * RISC-V V, which alone has blocks of 32 lanes. */
static inline int dpt_finds_taps(size_t lanes) {
    return lanes == 32;
}

/* Whether the driver computes a convolution. Else more windows are pooled than it has room for, or
 * the window of a padded op fits no band and has too many taps for pointers. */
int dpt_drives(const dpt_op *op, const dpt_layout *l);

/* Whether a depthwise convolution is packed by columns, or by taps that the driver has room for:
 * for so many pointers, and so many bytes of copies. */
int dpt_packs_depthwise(const dpt_op *op, uint32_t packing, size_t pointers, size_t bytes);

/* The channels that are multiplied next: a panel of `blocks` blocks or, with `unit`
 * DPT_NARROW_UNIT, a narrow block. */
typedef struct dpt_panel {
    size_t channel, blocks; /* the first channel in its group; 0 blocks: past the end */
    size_t unit;            /* activations of a segment that are multiplied at once: 4, or 16 */
    const int32_t *bias, *mult;
    const uint8_t *weight;
} dpt_panel;

/* The channels of a panel. */
static inline size_t dpt_panel_channels(const dpt_panel *panel, const dpt_layout *l) {
    return panel->unit == 4 ? l->lanes * panel->blocks : (size_t)DPT_NARROW_CHANNELS;
}

static inline void dpt_panel_measure(const dpt_layout *l, dpt_panel *panel) {
    if (panel->channel < l->wide) {
        const size_t most = l->lanes * l->most, left = l->wide - panel->channel;
        panel->blocks = left < most ? left / l->lanes : l->most;
        panel->unit = 4;
    } else {
        panel->blocks = panel->channel < l->channels;
        panel->unit = DPT_NARROW_UNIT;
    }
}

/* Whether a panel is turned. */
static inline int dpt_is_turned(const dpt_layout *l, const dpt_panel *panel) {
    return l->turned && panel->blocks == 1 && panel->unit == 4;
}

/* The first panel of a group that is packed at `packed`. */
static inline dpt_panel dpt_panel_first(const dpt_layout *l, const void *packed) {
    DPT_ASSERT(packed != NULL && (uintptr_t)packed % sizeof(int32_t) == 0);
    const int32_t *bias = packed, *mult = bias + l->padded;
    dpt_panel panel = {0, 0, 0, bias, mult, (const uint8_t *)(mult + l->padded)};
    dpt_panel_measure(l, &panel);
    return panel;
}

static inline void dpt_panel_next(const dpt_layout *l, dpt_panel *panel) {
    const size_t channels = dpt_panel_channels(panel, l);
    panel->weight += channels * l->segments * ((l->length + panel->unit - 1) & ~(panel->unit - 1));
    panel->bias += l->lanes * panel->blocks;
    panel->mult += l->lanes * panel->blocks;
    panel->channel += channels;
    dpt_panel_measure(l, panel);
}

#endif
