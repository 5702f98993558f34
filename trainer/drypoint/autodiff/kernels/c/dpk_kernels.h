/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of the trainer's float kernels, which Python calls.
 *
 * The memory order of images is (C, H, W, N): the images of a batch are the lanes of vectors. A
 * kernel computes a block at a time, as many images as a vector has floats. It first copies the
 * block to padded scratch memory, so inner loops have no borders, no strides and no partial vector.
 *
 * A kernel is a task: it computes part p of n parts of the work that an argument struct describes.
 * A part is some blocks of images or some rows of a result, never some terms of a sum, so the bytes
 * do not depend on the number of threads. Arguments are trusted: Python has checked them. */
#ifndef DRYPOINT_KERNELS_H
#define DRYPOINT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

/* The result of a task. DPK_REFUSED: a value that Python refuses by an error; only a program, which
 * runs without Python, meets such a value. */
enum { DPK_DONE = 0, DPK_NO_MEMORY = 1, DPK_REFUSED = 2 };

typedef int dpk_task(const void *arguments, size_t part, size_t n_parts);

/* Images (n, c, h, w); strides in floats, any for inputs. Results of kernels have stride_n 1. */
typedef struct {
    float *data;
    size_t n, c, h, w;
    ptrdiff_t stride_n, stride_c, stride_h, stride_w;
} dpk_images;

/* y[row] = the sum of x[row][0..n_columns), without elements whose winner is 255. */
typedef struct {
    const float *x;         /* [n_rows][n_columns] */
    const uint8_t *winners; /* [n_rows][n_columns], or NULL */
    float *y;               /* [n_rows] */
    size_t n_rows, n_columns;
} dpk_row_sums;

/* y = pool(relu(correlation of x with weight, plus bias)). The task of the weight gradient reads
 * gradients from y and adds its result to weight, [n_terms][o][c / groups][kernel_h][kernel_w]:
 * each term is the sum over some of the images, so that parts share neither images nor their
 * copies.
 *
 * winners[i] is the number of the largest element in the pooling window of y[i], row by row, the
 * first of equal elements; 255 if the ReLU made y[i] 0. NULL: winners are not needed, or there is
 * neither ReLU nor pooling. The stride of the pooling is its window; it has no padding.
 *
 * The gradient with respect to x is a correlation of the gradients with the flipped weight: x holds
 * the gradients then, which x_winners, if given, distributes to the pixels before the pooling. */
typedef struct {
    dpk_images x, y;          /* (n, c, ...), (n, o, ...) */
    float *weight;            /* [o][c / groups][kernel_h][kernel_w] */
    const float *bias;        /* [o], or NULL */
    uint8_t *winners;         /* [o][y.h][y.w][n], or NULL */
    const uint8_t *x_winners; /* [c][x.h][x.w][n], or NULL */
    const float *points;      /* winograd tasks: the weight transformed by dpk_filters */
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    ptrdiff_t top, left; /* padding; below 0: the first -top rows of x are not read */
    size_t groups;
    size_t n_terms;        /* of the weight gradient; 1 if there are winners or several groups */
    size_t pool_h, pool_w; /* of y, or of x_winners; 1, 1: no pooling; at most 254 elements */
    int relu;
    int exact; /* integers: sums below 2^24 are exact, as they are without a Winograd transform */
} dpk_conv2d;

/* points = weights [n_pairs][r][r] transformed for Winograd, at n * n interpolation points:
 * [n * n][n_pairs], with n = r + 3. */
typedef struct {
    const float *weight;
    float *points;
    size_t n_pairs, r;
} dpk_filters;

/* y = the maximum of each window of x, or the sum divided by a divisor; winners as in dpk_conv2d,
 * without 255. Padding is minus infinity for a maximum, 0 for a sum. The task of the gradient reads
 * y and writes x. */
typedef struct {
    dpk_images x, y;
    uint8_t *winners;          /* [c][y.h][y.w][n]; NULL: not needed, or sums */
    size_t kernel_h, kernel_w; /* at most 255 elements if there are winners */
    size_t stride_h, stride_w;
    size_t top, left; /* padding */
    float divisor;    /* of sums, at least 1; 0: the maximum */
} dpk_pool2d;

/* y[row][column] = the sum over t of w[row][t] * x[t][column], plus bias[row]. If w or x has
 * many zeros, the terms of the zeros may be left out, infinite and NaN terms too: dpk_sparse.h. */
typedef struct {
    const float *w;    /* strides w_row, w_term */
    const float *x;    /* strides x_term, x_column */
    const float *bias; /* [n_rows], or NULL */
    float *y;          /* [n_rows][n_columns] */
    size_t n_rows, n_terms, n_columns;
    ptrdiff_t w_row, w_term, x_term, x_column;
    int relu;
} dpk_matmul;

/* y[t][o][c] = the sum over the elements i of term t of g[o][i] * x[c][i]. */
typedef struct {
    const float *g; /* [n_g][n] */
    const float *x; /* [n_x][n] */
    float *y;       /* [n_terms][n_g][n_x] */
    size_t n_g, n_x, n, n_terms;
} dpk_row_products;

/* A parameter with its gradient and optimizer state; all arrays are contiguous. */
typedef struct {
    float *w;              /* [n] */
    const float *const *g; /* [n_terms][n], n_terms >= 1: their sum, in order, is the gradient */
    float *m, *v;          /* [n], the moments; only Adam has v */
    size_t n, n_terms;
    int decays; /* whether weight decay applies; else decay is 0 below, and keep is 1 */
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

/* w = the sum of the n_terms terms of the gradient. No optimizer state is read or written. */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
} dpk_gradient_sum;

/* m += factor (w - m); m = w for a factor of 1. */
typedef struct {
    const dpk_parameter *parameters;
    size_t n_parameters;
    float factor;
} dpk_average;

/* y = max(x, 0), tanh x or 1 / (1 + e^-x); or y = x + value, where y may be x. The tasks of the
 * gradients read the gradient from x and the result of the function from `value`. */
typedef struct {
    const float *x, *value; /* [n]; value is NULL for a function */
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

/* y = f(x); or y = g * f'(x) if g, the gradients of f(x), is given. numpy/activations.py defines f
 * and f'. */
typedef struct {
    const float *x; /* [n] */
    const float *g; /* [n], or NULL */
    float *y;       /* [n] */
    size_t n;
    int function; /* f */
    float slope;  /* of DPK_LEAKY_RELU below 0 */
} dpk_activation;

/* scale_planes: y[c][i][n] = x[c][i][n] * factor[c][n], for a factor of each channel of each image,
 * or for all elements if n_places is 1. plane_products computes the gradient of the factor:
 * y[c][n] = the sum over i of x[c][i][n] * g[c][i][n], from the first place to the last. */
typedef struct {
    const float *x, *g;  /* [n_rows][n_places][n]; scale_planes does not read g */
    const float *factor; /* [n_rows][n]; plane_products does not read it */
    float *y;            /* [n_rows][n_places][n], or of plane_products [n_rows][n] */
    size_t n_rows, n_places, n;
} dpk_planes;

/* y = clip((x - mean) / sqrt(variance + epsilon) * scale + shift), with the mean and the variance
 * (the sum divided by n_columns) of each row of x, or with given ones. clip is to 0 .. most, or
 * none if most is 0. The task of the gradient reads the gradient g of y, mean and variance, and
 * writes the gradients of x (to y), scale and shift. Where the clip gave 0 or most, no gradient
 * passes. Without y (NULL), the tasks write the statistics and the gradients of scale and shift
 * alone. */
typedef struct {
    const float *x, *g;                     /* [n_rows][n_columns] */
    float *y;                               /* [n_rows][n_columns], or NULL */
    const float *scale, *shift;             /* [n_rows] */
    float *mean, *variance;                 /* [n_rows] */
    float *scale_gradient, *shift_gradient; /* [n_rows] */
    size_t n_rows, n_columns;
    float epsilon, most;
    float n_values;     /* of a row of the whole batch, n_columns or more */
    int has_statistics; /* whether mean and variance are given; else the task writes them */
    int has_sums;       /* whether the gradients of scale and shift are given, of the whole batch */
} dpk_batch_norm;

/* The statistics of a batch from the statistics of its parts (Chan et al. 1979): means, then
 * variances. */
typedef struct {
    float *const *x;     /* [n_terms] -> [2][n_rows] */
    const float *shares; /* [n_terms]: of the values of a row, in each part */
    float *y;            /* [2][n_rows] */
    size_t n_terms, n_rows;
} dpk_merge_statistics;

/* Few-bit weights in training: docs/few-bits.md. q = clamp(round(w * inverse), -largest, largest),
 * halves to even, with inverse = 1 / (ratio * unit) of the row. The task of the gradient reads the
 * gradient g of q, and writes the gradients of w (to y) and of ratio. */
typedef struct {
    const float *w, *g;        /* [n_rows][n_columns] */
    const float *ratio, *unit; /* [n_rows] */
    float *y;                  /* [n_rows][n_columns] */
    float *ratio_gradient;     /* [n_rows] */
    size_t n_rows, n_columns;
    float largest; /* 127, 7 or 1 */
} dpk_weight_codes;

/* Requantization in training: NUMERICS.md section 2, of accumulators in floats. The step of row r's
 * weights is ratio[r] * unit[r]; the steps of input and output are ratio * unit too. y is the
 * integer less the zero point; if `wide`, the real value of the i32 output. The task of the
 * gradient reads g and value, the result, and writes the gradients of x (to y), of the bias, and
 * the terms of each row in the gradient of the output's ratio. */
typedef struct {
    const float *x, *g, *value;        /* [n_rows][n_columns] */
    const float *bias, *ratio, *unit;  /* [n_rows]; bias: the real value */
    const float *in_ratio, *out_ratio; /* [1] */
    float *y;                          /* [n_rows][n_columns] */
    float *bias_gradient, *terms;      /* [n_rows] */
    size_t n_rows, n_columns;
    float in_unit, out_unit;
    float low, high; /* integers, -255 .. 255, less the zero point */
    int wide;        /* 1: no clamp, and the step of the output is 4 times the largest unit */
} dpk_requantize;

/* losses[i] = -sum of t * log softmax(x[i]) over classes, and its gradient with respect to x[i].
 * t = keep * rows[i] + share; without rows, rows[i] is 1 at the class targets[i] and else 0. */
typedef struct {
    const float *x;         /* [n][n_classes], strides below */
    const int64_t *targets; /* [n], 0 .. n_classes - 1; or NULL */
    const float *rows;      /* [n][n_classes], or NULL */
    float *losses;          /* [n] */
    float *gradient;        /* [n][n_classes], the strides of x */
    size_t n, n_classes;
    ptrdiff_t stride_n, stride_class;
    float keep, share;
} dpk_cross_entropy;

/* y[i][k] = g[i] * x[i][k]: the chain rule for a cross-entropy with gradient x. */
typedef struct {
    const float *g; /* [n], stride below */
    const float *x; /* [n][n_classes], strides below */
    float *y;       /* [n][n_classes], the strides of x */
    size_t n, n_classes;
    ptrdiff_t g_stride, stride_n, stride_class;
} dpk_scaled_rows;

/* y = scale x, or 0 where the 24 high bits of a hash of key and place are below the threshold; the
 * place is i * size + j for element j of example i, mod 2^32. */
typedef struct {
    const float *x;      /* [n][size], or [size][n] if `lanes` */
    float *y;            /* in the order of x */
    const uint32_t *key; /* [2] */
    size_t n, size;
    int lanes;
    uint32_t threshold; /* 0 .. 2^24 */
    float scale;
} dpk_dropout;

/* losses = the mean of (x - target)^2 over each example; gradient = (x - target) * scale. x, target
 * and gradient have the same strides, in floats; one of the two strides is 1. */
typedef struct {
    const float *x, *target; /* [n][size] */
    float *losses;           /* [n] */
    float *gradient;         /* [n][size] */
    size_t n, size;
    ptrdiff_t stride_n, stride_element;
    float scale; /* 2 / size */
} dpk_squared_error;

/* y = x, of one shape; y is contiguous, x has any strides, in floats. */
typedef struct {
    const float *x; /* NULL: zeros */
    float *y;
    size_t n_axes; /* 1 .. 6 */
    size_t shape[6];
    ptrdiff_t strides[6];
    const int64_t *rows; /* NULL, or of two axes the row of x for each row of y */
} dpk_copy;

/* The tasks, compiled for one instruction set. */
typedef struct {
    const char *name; /* of the instruction set */
    size_t n_lanes;   /* floats in a vector */
    dpk_task *sgd, *adam, *rmsprop, *sign_sgd, *average, *gradient_sum;
    dpk_task *pool2d, *pool2d_gradient, *row_sums, *conv2d, *conv2d_weight_gradient, *matmul;
    dpk_task *row_products;
    /* conv2d_weight_gradient with winners, kernel_w up to 8 and dilation_w 1. It does not add. */
    dpk_task *sparse_weight_gradient;
    dpk_task *add, *tanh, *tanh_gradient, *sigmoid, *sigmoid_gradient;
    dpk_task *activation, *scale_planes, *plane_products;
    dpk_task *relu, *relu_gradient, *cross_entropy, *squared_error, *scaled_rows, *copy, *dropout;
    dpk_task *batch_norm, *batch_norm_gradient, *merge_statistics;
    dpk_task *weight_codes, *weight_codes_gradient, *requantize, *requantize_gradient;
    /* conv2d for r by r kernels (3 or 5), stride 1, no dilation, one group, pooling over 1, 2 or 4.
     * Arguments as in dpk_conv2d, but winograd_input_gradient reads y and writes x. */
    dpk_task *filters, *winograd, *winograd_input_gradient, *winograd_weight_gradient;
} dpk_kernels;

/* The kernels of instruction set i of this CPU, the best set first; NULL after the last set. */
const dpk_kernels *dpk_available(size_t i);

/* Runs a task in n_parts parts on n_threads threads, 1..64 (not checked). With one thread or one
 * part, or while another caller uses the workers, the calling thread runs the task as one part; the
 * bytes are the same. Returns the result of the task. */
int dpk_run(dpk_task *task, const void *arguments, size_t n_threads, size_t n_parts);

/* Returns the memory that the C library keeps for later, and nothing uses, to the system. */
void dpk_return_memory(void);

/* A call of a task. */
typedef struct {
    dpk_task *task;
    const void *arguments;
    size_t n_parts;
} dpk_call;

/* A placeholder: a number or address in the arguments of a call, with its value in each run. */
typedef struct {
    void *to;           /* n_bytes */
    const char *values; /* [n_times][n_bytes] */
    size_t n_bytes;
} dpk_placeholder;

/* Calls that are run n_times, one after the other. Before each run its values are copied to the
 * placeholders. */
typedef struct {
    const dpk_call *calls;
    size_t n_calls;
    const dpk_placeholder *placeholders;
    size_t n_placeholders;
    size_t n_times;
} dpk_program;

/* Runs a program until a task does not return DPK_DONE. n_done: the number of complete runs. */
int dpk_run_program(const dpk_program *program, size_t n_threads, size_t *n_done);

/* Calls, one after the other. */
typedef struct {
    const dpk_call *calls;
    size_t n_calls;
} dpk_sequence;

/* Independent sequences: no sequence writes memory that another one reads or writes. */
typedef struct {
    const dpk_sequence *sequences;
    size_t n_sequences;
} dpk_sequences;

/* A task with arguments dpk_sequences and a part for each sequence. One thread runs a sequence,
 * with the help of threads that have no sequence left. */
int dpk_run_sequences(const void *arguments, size_t part, size_t n_parts);

/* cffi: end */

#endif
