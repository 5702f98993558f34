/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between the driver (dpt_driver.c), which is plain C and compiled once, and the tables of
 * micro-kernels, one for each instruction set. The driver says where activations lie; a
 * micro-kernel multiplies them by packed weights (dpt_pack.h), requantizes and stores. */
#ifndef DPT_DRIVER_H
#define DPT_DRIVER_H

#include "dpt_pack.h"

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
typedef void dpt_plane_kernel(const dpt_op *op, const uint8_t *in, void *out, size_t n);

/* The micro-kernels of an instruction set; [flip]: whether activations are multiplied with bit 7
 * flipped; [blocks]: of the panel, less 1.
 *
 * `gemm` and `narrow` read whole units: DPT_SLACK bytes behind a segment may be read. `exact`,
 * `exact_narrow` and `exact_turned` read nothing but the segments; they are meant for one window,
 * or few. An entry is NULL where the layout of weights, `packing`, has nothing for it: narrow
 * blocks, DPT_GRAY for `gray`, narrow blocks for `interleave` and `columns`. `groups` computes four
 * groups of four channels that read four; NULL where no kernel does. */
typedef struct dpt_microkernels {
    uint32_t packing; /* DPT_PACKING */
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

/* Runs a packed convolution, grouped and dilated ones too, on n inputs. */
void dpt_drive_conv(const dpt_microkernels *kernels, const dpt_op *op, const uint8_t *in, void *out,
                    size_t n);

/* Runs a packed dense op on n inputs. */
void dpt_drive_dense(const dpt_microkernels *kernels, const dpt_op *op, const uint8_t *in,
                     void *out, size_t n);

/* Runs a packed depthwise convolution on n inputs. */
void dpt_drive_depthwise(const dpt_microkernels *kernels, const dpt_op *op, const uint8_t *in,
                         void *out, size_t n);

#endif
