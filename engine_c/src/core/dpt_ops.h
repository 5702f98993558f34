/* SPDX-License-Identifier: Apache-2.0 */
/* One row a kind of op: its name in drypoint.h, its kernel in dpt_scalar.c, what it has and may do.
 * The gate (dpt_model.c, dpt_plan.c) asks for what a kind has; it names a kind only for a rule of
 * this kind alone. */
#ifndef DPT_OPS_H
#define DPT_OPS_H

/* The gate refuses a field that the kind does not have and that is not 0. */
enum {
    DPT_HAS_SECOND = 1,      /* a second input */
    DPT_HAS_WINDOW = 2,      /* kernel, stride, padding */
    DPT_HAS_CONVOLUTION = 4, /* dilation, pool */
    DPT_HAS_GROUPS = 8,
    DPT_HAS_RULE = 16,    /* requantization: shift, lo, hi, bias, mult */
    DPT_HAS_FACTORS = 32, /* of a sum of two inputs, of the two sides of a PReLU */
    DPT_HAS_WEIGHTS = 64,
    DPT_HAS_TABLE = 128, /* of a lookup, where other kinds have weights */
    DPT_HAS_PAD = 256,   /* padding values */
    DPT_MAY_LIE_OVER_INPUT = 512,
    DPT_SECOND_MAY_BE_PIXEL = 1024, /* a value for each channel */
    DPT_HAS_REPEAT = 2048,          /* of an upsample: kernel, and outputs that are left out */
    DPT_COPIES = 4096,       /* values of its inputs: type and zero point stay, or widen to i32 */
    DPT_HAS_CORNER = 8192,   /* of a slice: first row, column and channel; stride */
    DPT_HAS_RATIO = 16384,   /* of a resize: kernel, stride, dilation */
    DPT_MAY_BE_WIDE = 32768, /* 16-bit values: reads them if it has a rule, writes if no window */
    DPT_HAS_CONV_FIELDS = DPT_HAS_WINDOW | DPT_HAS_CONVOLUTION | DPT_HAS_RULE | DPT_HAS_WEIGHTS |
        DPT_HAS_PAD,
    DPT_IS_BINARY = DPT_HAS_SECOND | DPT_HAS_RULE | DPT_MAY_LIE_OVER_INPUT | DPT_MAY_BE_WIDE
};

/* PLAIN: the kinds that only dpt_scalar.c computes. The tables of the backends list the others,
 * since some backend has an own kernel. WEIGHTS: kinds with weights. */
#define DPT_OPS(PLAIN, VALUES, WEIGHTS)                                                            \
    WEIGHTS(DPT_CONV, dpt_scalar_conv, DPT_HAS_CONV_FIELDS)                                        \
    WEIGHTS(DPT_DENSE, dpt_scalar_dense, DPT_HAS_RULE | DPT_HAS_WEIGHTS)                           \
    VALUES(DPT_MAXPOOL, dpt_scalar_maxpool, DPT_HAS_WINDOW | DPT_COPIES)                           \
    VALUES(DPT_AVGPOOL, dpt_scalar_avgpool,                                                        \
           DPT_HAS_WINDOW | DPT_HAS_RULE | DPT_HAS_PAD | DPT_MAY_BE_WIDE)                          \
    WEIGHTS(DPT_GROUPED, dpt_scalar_grouped, DPT_HAS_CONV_FIELDS | DPT_HAS_GROUPS)                 \
    WEIGHTS(DPT_DEPTHWISE, dpt_scalar_depthwise, DPT_HAS_CONV_FIELDS)                              \
    VALUES(DPT_ADD, dpt_scalar_add, DPT_IS_BINARY | DPT_HAS_FACTORS)                               \
    VALUES(DPT_CONCAT, dpt_scalar_concat, DPT_HAS_SECOND | DPT_COPIES)                             \
    VALUES(DPT_LOOKUP, dpt_scalar_lookup,                                                          \
           DPT_HAS_TABLE | DPT_MAY_LIE_OVER_INPUT | DPT_MAY_BE_WIDE)                               \
    VALUES(DPT_MUL, dpt_scalar_mul, DPT_IS_BINARY | DPT_SECOND_MAY_BE_PIXEL)                       \
    PLAIN(DPT_HISTORY, dpt_scalar_history, DPT_HAS_WINDOW | DPT_HAS_PAD)                           \
    PLAIN(DPT_UPSAMPLE, dpt_scalar_upsample, DPT_HAS_REPEAT | DPT_COPIES)                          \
    VALUES(DPT_RESIZE, dpt_scalar_resize, DPT_HAS_RATIO | DPT_HAS_RULE)                            \
    PLAIN(DPT_SLICE, dpt_scalar_slice, DPT_HAS_CORNER | DPT_COPIES)                                \
    PLAIN(DPT_TRANSPOSE, dpt_scalar_transpose, DPT_HAS_GROUPS | DPT_COPIES)                        \
    PLAIN(DPT_PRELU, dpt_scalar_prelu,                                                             \
          DPT_HAS_RULE | DPT_HAS_FACTORS | DPT_HAS_WEIGHTS | DPT_MAY_LIE_OVER_INPUT)               \
    PLAIN(DPT_DELAY, dpt_scalar_delay, DPT_HAS_GROUPS | DPT_HAS_PAD | DPT_MAY_BE_WIDE)

#define DPT_NOTHING(kind, kernel, facts)
#define DPT_FACTS_OF(kind, kernel, facts)        [kind] = (facts),
#define DPT_PLAIN_KERNEL_OF(kind, kernel, facts) [kind] = kernel,

/* In every table of kernels, and in a table of plain kernels for all but weights; both end with a
 * comma. */
#define DPT_PLAIN_KERNELS                                                                          \
    [DPT_WIDE] = dpt_scalar_wide, DPT_OPS(DPT_PLAIN_KERNEL_OF, DPT_NOTHING, DPT_NOTHING)
#define DPT_VALUES_KERNELS                                                                         \
    [DPT_WIDE] = dpt_scalar_wide, DPT_OPS(DPT_PLAIN_KERNEL_OF, DPT_PLAIN_KERNEL_OF, DPT_NOTHING)

#endif
