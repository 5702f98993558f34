/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between the driver (dpt_driver.c), which is plain C and compiled once, and the tables of
 * micro-kernels, one for each instruction set. The driver says where activations lie; a
 * micro-kernel multiplies them by packed weights (dpt_pack.h), requantizes and stores. */
#ifndef DPT_DRIVER_H
#define DPT_DRIVER_H

#include "dpt_internal.h"

#include <string.h>

enum { DPT_MOST_BLOCKS = 5, DPT_NARROW_CHANNELS = 4, DPT_NARROW_UNIT = 16 };
enum { DPT_DEPTHWISE_PANEL = 16 }; /* channels of a panel of a depthwise convolution, at least */

/* Windows of a tile, which micro-kernels multiply at once or in parts. What the driver has room
 * for: corners of windows; pointers to their taps; bytes of a pixel of padding without values;
 * bytes of a copy of padded input, also of a depthwise op, and what is read behind it. */
enum { DPT_TILE = DPT_SMALL_STACK ? 2 : 8 };
enum { DPT_CORNERS = 256, DPT_POINTERS = 1024, DPT_ZEROS = 0x1000 };
enum { DPT_BAND_SIZE = 0x3800, DPT_DEPTHWISE_BAND = 0x2400, DPT_SLACK = DPT_NARROW_UNIT - 1 };

/* A mark of packed ops on AVX-512 whose outputs are bytes, without a shift, and whose multipliers
 * are below 2^30, and packed doubled. NUMERICS.md section 2 is
 * clamp(((acc * 2m >> 32) + 2 * zero + 1) >> 1) then, with all but the product in 16 bits that
 * saturate: the clamp is to bytes. Of its acc = 51,234 and m = 8,323,200 that makes
 * (198 + 1) >> 1 = 99. */
enum { DPT_DOUBLED = 0x80 }; /* the highest bit */

/* Which activations a backend multiplies with their highest bit flipped: signed ones, which become
 * unsigned and 128 larger, or unsigned ones, which become signed and 128 smaller. The packed biases
 * correct the result. */
enum { DPT_FLIPS_NONE, DPT_FLIPS_I8, DPT_FLIPS_U8 };

#define DPT_NARROW 0x400
#define DPT_GRAY   0x800

/* The number of a layout, for dpt_backend.packing: lanes of a block (4, 8 .. 60), blocks of a
 * panel (1 .. BLOCKS), what is flipped, whether there are narrow blocks (then 16 lanes), and
 * whether ops of one channel have pixels in the lanes. */
#define DPT_PACKING(lanes, blocks, flips, narrow, gray)                                            \
    ((gray) * DPT_GRAY | (narrow) * DPT_NARROW | (flips) << 8 | (lanes) / 4 << 4 | (blocks))

/* What is added to every activation of this op before the multiplication: 128, 0 or -128. */
static inline int32_t dpt_offset(const dpt_op *op, uint32_t packing) {
    const uint32_t flips = packing >> 8 & 3u;
    return flips == DPT_FLIPS_I8 && op->in.type == DPT_I8   ? 128
           : flips == DPT_FLIPS_U8 && op->in.type == DPT_U8 ? -128
                                                            : 0;
}

/* How an op is packed: what dpt_model_pack and the exporter find once, and write in front of its
 * tables, and what the driver reads. Where the op is computed as another one (`form`), it describes
 * that one. A depthwise op has as `segments` its taps, filled up to quads, as `lanes` the channels
 * of a panel. _packing_quads.py writes the same 32 bytes. */
typedef struct dpt_layout {
    uint64_t bytes;            /* of a group, or of all panels of a depthwise op */
    uint32_t segments, length; /* of a window; activations of a segment */
    uint32_t channels, wide;   /* output channels of a group; of these in whole blocks */
    uint16_t groups;           /* of the op */
    uint8_t lanes, most;       /* of a block; blocks of a panel, at most */
    uint8_t narrow;            /* narrow blocks of a group */
    uint8_t together;          /* pixels that a panel of a depthwise op has in its lanes */
    uint8_t flip;              /* what activations are flipped with */
    uint8_t form;              /* DPT_AS_ROW ... */
} dpt_layout;
DPT_STATIC_ASSERT(dpt_layout_has_32_bytes, sizeof(dpt_layout) == 32);

/* Of planes one pixel wide, the op on planes one pixel high is computed. A depthwise op reads
 * copies of the input. On x86-64 alone: pairs of windows, as one; pixels in the lanes
 * (dpt_gray.inc); columns (dpt_columns.inc); panels of one block are turned. */
enum {
    DPT_AS_ROW = 1,
    DPT_OF_COPIES = 2,
    DPT_IN_PAIRS = 4,
    DPT_IN_GRAY = 8,
    DPT_BY_COLUMNS = 16,
    DPT_TURNED = 32
};

/* Whether the number of a layout, or a form, has a flag that x86-64 alone has: elsewhere the
 * compiler leaves out what follows from it. */
#ifdef DPT_DETECT_X86
#define DPT_X86_HAS(bits, flag) (((bits) & (flag)) != 0)
#else
#define DPT_X86_HAS(bits, flag) ((void)(bits), 0)
#endif

/* The layout in front of an op's tables. */
static inline dpt_layout dpt_layout_of(const dpt_op *op) {
    dpt_layout l;
    memcpy(&l, op->packed, sizeof l);
    return l;
}

static inline const uint8_t *dpt_tables_of(const dpt_op *op) {
    return (const uint8_t *)op->packed + sizeof(dpt_layout);
}

/* Biases of a group with the fill of its blocks; multipliers, too. */
static inline size_t dpt_layout_padded(const dpt_layout *l) {
    return l->wide + (size_t)l->narrow * l->lanes;
}

/* Activations that are multiplied at once, at most. */
static inline size_t dpt_layout_unit(const dpt_layout *l) {
    return l->narrow > 0 ? DPT_NARROW_UNIT : DPT_X86_HAS(l->form, DPT_TURNED) ? 8 : 4;
}

/* The op that is computed in the place of `op`. */
dpt_op dpt_form_op(const dpt_op *op, uint32_t form);

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

/* How many windows of a padded convolution the driver computes by pointers to their taps, at most,
 * with room for so many pointers; 0: none, since taps begin in the middle of a unit of weights, or
 * the driver lacks room. */
size_t dpt_pointer_windows(const dpt_op *op, const dpt_layout *l, size_t pointers);

/* Whether the driver has room for the pointers of a depthwise convolution to all taps of an output,
 * `pointers` at most, and for copies of what it reads, `bytes` at most. */
int dpt_has_room_for_taps(const dpt_op *op, const dpt_layout *l, size_t pointers, size_t bytes);

static inline int dpt_padded(const dpt_op *op) {
    return (op->pad_top | op->pad_left | op->pad_bottom | op->pad_right) != 0;
}

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
        const size_t most = (size_t)l->lanes * l->most, left = l->wide - panel->channel;
        panel->blocks = left < most ? left / l->lanes : l->most;
        panel->unit = 4;
    } else {
        panel->blocks = panel->channel < l->channels;
        panel->unit = DPT_NARROW_UNIT;
    }
}

/* Whether a panel is turned. */
static inline int dpt_is_turned(const dpt_layout *l, const dpt_panel *panel) {
    return DPT_X86_HAS(l->form, DPT_TURNED) && panel->blocks == 1 && panel->unit == 4;
}

/* The first panel of a group whose tables are at `packed`. */
static inline dpt_panel dpt_panel_first(const dpt_layout *l, const void *packed) {
    DPT_ASSERT(packed != NULL && (uintptr_t)packed % sizeof(int32_t) == 0);
    const size_t padded = dpt_layout_padded(l);
    const int32_t *bias = packed, *mult = bias + padded;
    dpt_panel panel = {0, 0, 0, bias, mult, (const uint8_t *)(mult + padded)};
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

/* Where the activations of windows lie. A window is `rows` by `columns` segments of `length` bytes:
 * the rows of a kernel, or its taps. Window p of tile t has its first segment at
 * at[next * t + p] + advance * t. The pointers of the last tile are all valid.
 *
 * With `segment` 0 there is one pointer a window. Its next segment lies `across` bytes further, in
 * the next row `down` bytes further. Otherwise there is a pointer for each segment: segment s of
 * window p is at[next * t + segment * s + p]. Some of these point to padding. */
typedef struct dpt_taps {
    const uint8_t *const *at;
    size_t segment, next, advance;
    uint32_t rows, columns;
    ptrdiff_t across, down;
    size_t length;
} dpt_taps;

/* What windows are read from: the input, some of its channels, or a copy of a band. Windows reach
 * into padding where there is a pixel of it. */
typedef struct dpt_plane {
    const uint8_t *at;  /* the first channel of the pixel at (0, 0) */
    const uint8_t *pad; /* NULL: zeros */
    int32_t height, width;
    size_t pixel; /* bytes from a pixel to the next */
} dpt_plane;

/* The pixel at (y, x), or a pixel of padding. */
static inline const uint8_t *dpt_plane_pixel(const dpt_plane *p, int32_t y, int32_t x) {
    const int inside = y >= 0 && y < p->height && x >= 0 && x < p->width;
    return inside ? p->at + ((ptrdiff_t)y * p->width + x) * (ptrdiff_t)p->pixel : p->pad;
}

/* The corner of a window of an op, whose windows are counted output pixel by output pixel. */
void dpt_find_corner(const dpt_op *op, size_t window, int32_t *y, int32_t *x);

/* The windows of one panel of channels. */
typedef struct dpt_gemm_job {
    const dpt_op *op; /* how to requantize and store: out, lo, hi, shift */
    void *out;
    const dpt_taps *taps;
    const dpt_plane *plane; /* where an `exact` kernel finds taps itself; NULL: at `taps` */
    dpt_panel panel;
    size_t first, end;    /* the panel's first channel in the output; where its group ends */
    size_t offset;        /* bytes added to every pointer of `taps` */
    size_t pixel, pixels; /* number of the first output pixel; how many there are */
    uint32_t pool;        /* windows of an output pixel, which follow each other */
} dpt_gemm_job;
typedef void dpt_gemm(const dpt_gemm_job *job);

/* Windows of a depthwise convolution, for some panels of channels. A window has `taps` pointers,
 * whole quads, to channel `begin` of the pixels that it reads. */
typedef struct dpt_depthwise_job dpt_depthwise_job;
typedef void dpt_depthwise(const dpt_depthwise_job *job);
struct dpt_depthwise_job {
    dpt_depthwise *kernel; /* a copy of the table's */
    const dpt_op *op;
    void *out;
    const uint8_t *packed;    /* of panel 0 */
    const uint8_t *const *at; /* the pointers of all windows of all outputs */
    size_t taps, size;        /* size: channels of a panel */
    size_t first, end, begin; /* the panels, and the first channel of the first */
    size_t index, outputs;    /* channel 0 of the first output; how many outputs there are */
    size_t lanes, apart;      /* of a panel, that are stored; from an output to the next */
    uint32_t pool;            /* windows of an output, which follow each other */
};

/* Writes the pointers to all taps of the window at (y, x), row by row, each `apart` pointers behind
 * the tap before; returns where the next would lie. */
const uint8_t **dpt_point_taps(const dpt_op *op, const dpt_plane *plane, int32_t y, int32_t x,
                               size_t apart, const uint8_t **to);

/* Some panels of 16 channels of a depthwise convolution that is packed by columns. The buffer holds
 * the quads of `width` channels of each column; the quad of byte i of a row lies at 4 * i. */
enum { DPT_COLUMN_QUAD = 4 * DPT_DEPTHWISE_PANEL }; /* bytes of a quad of each channel of a panel */
typedef struct dpt_columns_slab {
    const struct dpt_microkernels *kernels;
    const dpt_op *op;
    const uint8_t *tables; /* of all panels */
    const uint8_t *packed; /* of the first panel */
    const uint8_t *pad;    /* columns of padding */
    size_t first, end;     /* the panels */
    size_t begin, width;   /* the first channel, and how many there are */
    size_t together, each; /* columns in 16 lanes, and channels of each */
    size_t columns;        /* of the kernel; 1: its quads may be taps beside each other */
    size_t quads, plane;   /* quads of a column; bytes of the buffer from one to the next */
    size_t back;           /* how much nearer the last quad lies */
    size_t rows;           /* of the input in the quads */
    size_t room;           /* quads that the buffer has room for */
    int32_t top, left;     /* of the first window */
    uint8_t flip;          /* what activations are flipped with */
} dpt_columns_slab;

/* Stores the quads of n runs of `bytes` bytes, at least 16, of four rows, each byte ^ flip. The
 * next run of a row lies `apart` bytes further. */
typedef void dpt_interleave(uint8_t flip, const uint8_t *const *rows, const size_t *apart, size_t n,
                            size_t bytes, uint8_t *quads);

/* Multiplies and stores n windows beside each other for all panels, whose columns begin at `quads`,
 * as outputs from number `index` on; if `twice`, the windows below them as well. */
typedef void dpt_columns(const dpt_columns_slab *s, int twice, const uint8_t *quads, size_t n,
                         void *out, size_t index);

/* Whole planes of an op of a layout of its own, on n inputs. */
typedef void dpt_plane_kernel(const dpt_op *op, const dpt_layout *l, const uint8_t *in, void *out,
                              size_t n);

/* The micro-kernels of an instruction set; [flip]: whether activations are multiplied with bit 7
 * flipped; [blocks]: of the panel, less 1.
 *
 * `gemm` and `narrow` read whole units: DPT_SLACK bytes behind a segment may be read. `exact`,
 * `exact_narrow` and `exact_turned` read nothing but the segments; they are meant for one window,
 * or few. An entry is NULL where the backend's layout of weights has nothing for it: narrow
 * blocks, DPT_GRAY for `gray`, narrow blocks for `interleave` and `columns`. `groups` computes four
 * groups of four channels that read four; NULL where no kernel does. */
typedef struct dpt_microkernels {
    dpt_gemm *gemm[2][DPT_MOST_BLOCKS], *exact[DPT_MOST_BLOCKS];
    dpt_gemm *narrow, *exact_narrow;
    dpt_gemm *turned, *exact_turned;
    dpt_gemm *groups[2];
    dpt_depthwise *depthwise;
    dpt_plane_kernel *gray;
    dpt_kernel *maxpool; /* of bytes */
    dpt_interleave *interleave;
    dpt_columns *columns;
} dpt_microkernels;

/* Run a convolution, grouped and dilated ones too, a dense op, a depthwise convolution. The plain
 * kernels compute an op that is not packed. */
void dpt_drive_conv(const dpt_microkernels *kernels, const dpt_op *op, const void *const in[2],
                    void *out, size_t n);
void dpt_drive_dense(const dpt_microkernels *kernels, const dpt_op *op, const void *const in[2],
                     void *out, size_t n);
void dpt_drive_depthwise(const dpt_microkernels *kernels, const dpt_op *op, const void *const in[2],
                         void *out, size_t n);

#endif
