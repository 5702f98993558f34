/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's float kernels, as Python calls them.
 *
 * Images lie in memory as (C, H, W, N), the batch innermost: "in the lanes". A kernel takes as many
 * images at a time as the instruction set has floats in a vector (a block), whatever the channel
 * count, and copies them into a padded block of its own first: so no inner loop knows of borders,
 * of strides or of a batch that is no multiple of the vector.
 *
 * A kernel is a task: part p of n parts of a piece of work that an argument struct describes. The
 * parts share out blocks of images or rows of a result, never the terms of one sum, so any number
 * of threads gives the same bytes. Arguments are trusted: Python has checked them. */
#ifndef DRYPOINT_KERNELS_H
#define DRYPOINT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

/* What a task returns. DPK_REFUSED: a value is one that Python would not have let through; it is
 * met only where calls are made again, without Python. */
enum { DPK_DONE = 0, DPK_NO_MEMORY = 1, DPK_REFUSED = 2 };

typedef int dpk_task(const void *arguments, size_t part, size_t n_parts);

/* Images (n, c, h, w) anywhere in memory; strides in floats. What a kernel writes has stride_n 1.
 */
typedef struct {
    float *data;
    size_t n, c, h, w;
    ptrdiff_t stride_n, stride_c, stride_h, stride_w;
} dpk_images;

/* y[row] = the sum of x[row][0..n_columns), of those whose winner is not 255 if winners is given.
 */
typedef struct {
    const float *x;         /* [n_rows][n_columns] */
    const uint8_t *winners; /* the same, or NULL */
    float *y;               /* [n_rows] */
    size_t n_rows, n_columns;
} dpk_row_sums;

/* y = pool(relu(correlation of x with weight, plus bias)); and the gradient by the weight, where y
 * holds gradients and the result is added to weight.
 *
 * winners says where each y came from: the number of the element in the pooling window, row by row,
 * the first of equals; 255 if y is 0 by the ReLU. NULL: nobody asks, or y is the plain correlation.
 * Windows of the pooling touch each other, without padding.
 *
 * The gradient by x is a correlation too, of the gradients with the weight turned round: these lie
 * in x then, and come out of their pooling by x_winners, if given. */
typedef struct {
    dpk_images x, y;          /* (n, c, ...), (n, o, ...) */
    float *weight;            /* [o][c / groups][kernel_h][kernel_w] */
    const float *bias;        /* [o], or NULL */
    uint8_t *winners;         /* [o][y.h][y.w][n], or NULL */
    const uint8_t *x_winners; /* [c][x.h][x.w][n], or NULL */
    const float *points;      /* [n * n][o][c], of the winograd tasks */
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    ptrdiff_t top, left; /* padding; below 0: so many rows or columns of x are not read */
    size_t groups;
    size_t pool_h, pool_w; /* of y, or of x_winners; 1, 1: no pooling; at most 254 elements */
    int relu;
} dpk_conv2d;

/* Weights [n_pairs][r][r] at the n * n points of a fast convolution: [n * n][n_pairs]. */
typedef struct {
    const float *weight;
    float *points;
    size_t n_pairs, r;
} dpk_filters;

/* y = the largest or the mean of each window of x; winners as in dpk_conv2d, without 255. Padding
 * never wins, and counts as zeros in a mean. The gradient takes y and writes x. */
typedef struct {
    dpk_images x, y;
    uint8_t *winners; /* [c][y.h][y.w][n]; NULL for means, and when nobody will ask */
    size_t kernel_h, kernel_w, stride_h,
        stride_w;     /* at most 255 elements where there are winners */
    size_t top, left; /* padding */
    int mean;
} dpk_pool2d;

/* y[row][column] = the sum over t of w[row][t] * x[t][column], plus bias[row]. Where w or x has
 * many zeros, their terms may be left out, infinite and NaN ones too: see dpk_sparse.h. */
typedef struct {
    const float *w;    /* strides w_row, w_term */
    const float *x;    /* strides x_term, x_column */
    const float *bias; /* [n_rows], or NULL */
    float *y;          /* [n_rows][n_columns] */
    size_t n_rows, n_terms, n_columns;
    ptrdiff_t w_row, w_term, x_term, x_column;
    int relu;
} dpk_matmul;

/* One parameter and what an optimizer keeps of it; all contiguous. */
typedef struct {
    float *w;              /* [n] */
    const float *const *g; /* [n_terms][n]: its gradient is their sum, from the first to the last */
    float *m, *v;          /* [n], the moments of Adam; of the others m is their only state */
    size_t n, n_terms;
    int decays; /* whether w is drawn to 0; else decay counts as 0 below, keep as 1 */
} dpk_parameter;

/* g += decay w; v = momentum v + g; w -= rate * (v, or by Nesterov g + momentum v). */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
    float rate, momentum, decay;
    int nesterov;
} dpk_sgd;

/* m += c1 (g - m); v += c2 (g g - v); w = keep w - rate m / (unbias sqrt v + eps). */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
    float rate, c1, c2, unbias, eps, keep;
} dpk_adam;

/* g += decay w; m += c (g^2 - m); w -= rate g / (sqrt m + eps). */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
    float rate, c, eps, decay;
} dpk_rmsprop;

/* m += c (g - m); w = keep w - rate (sign of m). */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
    float rate, c, keep;
} dpk_sign_sgd;

/* w is the gradient. */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
} dpk_total;

/* m += share (w - m); of a share of 1 m is w. */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
    float share;
} dpk_average;

/* y = max(x, 0), tanh x or 1 / (1 + e^-x); the gradient of each, for gradients x, where it gave
 * `value`; and y = x + value, where y may be x. */
typedef struct {
    const float *x, *value; /* [n]; value is NULL for a function itself */
    float *y;               /* [n] */
    size_t n;
} dpk_elements;

/* The functions of a dpk_activation. */
enum {
    DPK_RELU6 = 0,
    DPK_LEAKY_RELU = 1,
    DPK_HARDSIGMOID = 2,
    DPK_HARDSWISH = 3,
    DPK_SILU = 4,
    DPK_GELU = 5
};

/* y = f(x); or y = g * f'(x) where g, gradients of f(x), is given. numpy/activations.py defines f
 * and f'. */
typedef struct {
    const float *x; /* [n] */
    const float *g; /* [n], or NULL */
    float *y;       /* [n] */
    size_t n;
    int function; /* f */
    float slope;  /* of DPK_LEAKY_RELU below 0 */
} dpk_activation;

/* Images with a factor for each channel of each image: y[c][i][n] = x[c][i][n] * factor[c][n]. With
 * one place it is the product of two arrays. plane_products writes the gradient by the factor:
 * y[c][n] = the sum over i of x[c][i][n] * g[c][i][n], from the first place to the last. */
typedef struct {
    const float *x, *g;  /* [n_rows][n_places][n]; scale_planes does not read g */
    const float *factor; /* [n_rows][n]; plane_products does not read it */
    float *y;            /* [n_rows][n_places][n], or of plane_products [n_rows][n] */
    size_t n_rows, n_places, n;
} dpk_planes;

/* With the mean and the variance (by n_columns) of each row of x, unit = (x - mean) / sqrt(variance
 * + epsilon): y = unit * scale + shift. The gradient takes gradients g of y, mean and variance, and
 * writes that by x into y, by scale and by shift; it does not read shift. */
typedef struct {
    const float *x, *g;                     /* [n_rows][n_columns] */
    float *y;                               /* likewise */
    const float *scale, *shift;             /* [n_rows] */
    float *mean, *variance;                 /* [n_rows] */
    float *scale_gradient, *shift_gradient; /* [n_rows] */
    size_t n_rows, n_columns;
    float epsilon;
} dpk_batch_norm;

/* losses[i] = -sum of t * log softmax(x[i]) over classes, and its gradient by x[i]; t is keep times
 * the row i, which is 1 at the class targets[i] and else 0 where there are no rows, plus share. */
typedef struct {
    const float *x;         /* [n][n_classes], strides below */
    const int64_t *targets; /* [n], 0 .. n_classes - 1; or NULL */
    const float *rows;      /* [n][n_classes], or NULL */
    float *losses;          /* [n] */
    float *gradient;        /* as x */
    size_t n, n_classes;
    ptrdiff_t stride_n, stride_class;
    float keep, share;
} dpk_cross_entropy;

/* y[i][k] = g[i] * x[i][k]: the way back through a cross-entropy, of which x is the gradient. */
typedef struct {
    const float *g; /* [n], stride below */
    const float *x; /* [n][n_classes], strides below */
    float *y;       /* as x */
    size_t n, n_classes;
    ptrdiff_t g_stride, stride_n, stride_class;
} dpk_scaled_rows;

/* y = scale x, or 0 where the 24 high bits of a hash of key and place are below the threshold; the
 * place is i * size + j for element j of example i, mod 2^32. */
typedef struct {
    const float *x;      /* [n][size], or [size][n] if `lanes` */
    float *y;            /* likewise */
    const uint32_t *key; /* [2] */
    size_t n, size;
    int lanes;
    uint32_t threshold; /* 0 .. 2^24 */
    float scale;
} dpk_dropout;

/* y, contiguous, from x of the same shape anywhere in memory; strides in floats. */
typedef struct {
    const float *x; /* NULL: zeros */
    float *y;
    size_t n_axes; /* 1 .. 6 */
    size_t shape[6];
    ptrdiff_t strides[6];
} dpk_copy;

/* One compiled set of tasks. */
typedef struct {
    const char *name; /* of the instruction set */
    size_t n_lanes;   /* floats in a vector */
    dpk_task *sgd, *adam, *rmsprop, *sign_sgd, *average, *total;
    dpk_task *pool2d, *pool2d_gradient, *row_sums, *conv2d, *conv2d_weight_gradient, *matmul;
    /* conv2d_weight_gradient for winners, kernel_w up to 8 and dilation_w 1; written, not added. */
    dpk_task *sparse_weight_gradient;
    dpk_task *add, *tanh, *tanh_gradient, *sigmoid, *sigmoid_gradient;
    dpk_task *activation, *scale_planes, *plane_products;
    dpk_task *relu, *relu_gradient, *cross_entropy, *scaled_rows, *copy, *dropout;
    dpk_task *batch_norm, *batch_norm_gradient;
    /* conv2d for r by r kernels (3 or 5), stride 1, no dilation, one group, pooling over 1, 2 or 4.
     * By the definition of dpk_conv2d, but input_gradient takes y and writes x. */
    dpk_task *filters, *winograd, *winograd_input_gradient, *winograd_weight_gradient;
} dpk_kernels;

/* Sets that this CPU can run, the best first: i = 0, 1, ... until NULL. */
const dpk_kernels *dpk_available(size_t i);

/* All parts of a task, n_parts if there are several threads, 1..64: each takes the next one as soon
 * as it is free. Returns as a task does. */
int dpk_run(dpk_task *task, const void *arguments, size_t n_threads, size_t n_parts);

/* A task with all that it is given. */
typedef struct {
    dpk_task *task;
    const void *arguments;
    size_t n_parts;
} dpk_call;

/* Numbers or addresses in the arguments of calls, which are others each time. */
typedef struct {
    void *to;           /* n_bytes */
    const char *values; /* [n_times][n_bytes] */
    size_t n_bytes;
} dpk_varying;

/* Calls that are made n_times, one after the other; before each time what varies is put where it
 * belongs. */
typedef struct {
    const dpk_call *calls;
    size_t n_calls;
    const dpk_varying *varying;
    size_t n_varying;
    size_t n_times;
} dpk_program;

/* dpk_run of each call; stops at the first that is not done. n_done: how many times all were. */
int dpk_run_program(const dpk_program *program, size_t n_threads, size_t *n_done);

/* Calls, one after the other. */
typedef struct {
    const dpk_call *calls;
    size_t n_calls;
} dpk_sequence;

/* Sequences of which none writes what another one reads or writes. */
typedef struct {
    const dpk_sequence *sequences;
    size_t n_sequences;
} dpk_sequences;

/* A task of dpk_sequences, one for each part: it is done by one thread, and by others that have
 * nothing left to do. */
int dpk_run_sequences(const void *arguments, size_t part, size_t n_parts);

/* cffi: end */

#endif
