/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the float kernels over random shapes in buffers of exactly their size, for the sanitizers:
 * in one part and in five, which must give the same bytes. With -DTHREADS the parts are threads,
 * else they run one after the other and scratch memory too is exactly as large as it is asked for.
 * With -DRESULTS what the portable kernels write goes to stdout as it is, to be compared. */
#include "dpk_kernels.h"
#include "dpk_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;

static size_t draw(size_t low, size_t high) {
    state = state * 1664525U + 1013904223U;
    return low + (state >> 8) % (high - low + 1);
}

static void *allocated[1 << 12];
static size_t n_allocated;

/* Memory of exactly this size, until `release`. */
static void *memory(size_t size) {
    void *bytes = malloc(size ? size : 1);
    if (bytes == NULL || n_allocated == sizeof allocated / sizeof *allocated)
        exit(2);
    return allocated[n_allocated++] = bytes;
}

static void release(void) {
    while (n_allocated > 0)
        free(allocated[--n_allocated]);
}

static float *numbers(size_t n) {
    float *x = memory(4 * n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)draw(0, 2000) / 1000 - 1;
    return x;
}

#ifndef THREADS
float *dpk_scratch(size_t n_floats) {
    static void *held;
    free(held);
    if (posix_memalign(&held, 64, 4 * n_floats))
        return NULL;
    return held;
}

int dpk_run(dpk_task *task, const void *arguments, size_t n_threads, size_t n_parts) {
    int failed = n_threads == 0;
    for (size_t part = 0; part < n_parts; part++)
        failed |= task(arguments, part, n_parts);
    return failed;
}

int dpk_run_inside(dpk_task *task, const void *arguments, size_t n_parts) {
    return dpk_run(task, arguments, 1, n_parts);
}

#endif

/* Writes zeros and runs a task, in one part and in five: the same bytes. */
static void check(const char *name, dpk_task *task, const void *arguments, void *written,
                  size_t size) {
    void *first = memory(size);
    memset(written, 0, size);
    int failed = dpk_run(task, arguments, 1, 1);
    memcpy(first, written, size);
    memset(written, 0, size);
    failed |= dpk_run(task, arguments, 3, 5);
    if (failed || memcmp(first, written, size) != 0) {
        printf("%s: %s\n", name, failed ? "no memory" : "five parts give other bytes than one");
        exit(1);
    }
#ifdef RESULTS
    if (fwrite(written, 1, size, stdout) != size)
        exit(3);
#endif
}

static dpk_images in_lanes(size_t n, size_t c, size_t h, size_t w) {
    const dpk_images x = {numbers(n * c * h * w), n,           c, h, w, 1, (ptrdiff_t)(h * w * n),
                          (ptrdiff_t)(w * n),     (ptrdiff_t)n};
    return x;
}

static dpk_images in_rows(size_t n, size_t c, size_t h, size_t w) {
    dpk_images x = in_lanes(n, c, h, w);
    x.stride_n = (ptrdiff_t)(c * h * w);
    x.stride_c = (ptrdiff_t)(h * w);
    x.stride_h = (ptrdiff_t)w;
    x.stride_w = 1;
    return x;
}

static size_t count(const dpk_images *x) {
    return x->n * x->c * x->h * x->w;
}

static void convolution(const dpk_kernels *k, int fast) {
    dpk_conv2d a = {.groups = fast ? 1 : draw(1, 2), .n_terms = 1, .relu = (int)draw(0, 1)};
    const size_t c = draw(0, 2) ? draw(1, 7) : 1, o = draw(0, 2) ? draw(1, 14) : 1, n = draw(1, 40),
                 top = draw(0, 2);
    a.kernel_h = fast ? 3 + 2 * draw(0, 1) : draw(1, 5);
    a.kernel_w = fast ? a.kernel_h : draw(1, 6);
    a.stride_h = fast ? 1 : draw(1, 2);
    a.stride_w = fast ? 1 : draw(1, 2);
    a.dilation_h = fast ? 1 : draw(1, 2);
    a.dilation_w = fast ? 1 : draw(1, 2);
    a.pool_h = (size_t)1 << draw(0, 2);
    a.pool_w = fast ? (size_t)1 << draw(0, 2) : draw(1, 3);
    a.top = (ptrdiff_t)top;
    a.left = (ptrdiff_t)draw(0, 2);
    const size_t rows = draw(a.pool_h, 11), columns = draw(a.pool_w, 11);
    size_t h = (rows - 1) * a.stride_h + (a.kernel_h - 1) * a.dilation_h + 1;
    size_t w = (columns - 1) * a.stride_w + (a.kernel_w - 1) * a.dilation_w + 1;
    h = h > top ? h - top : 1;
    w = w > (size_t)a.left ? w - (size_t)a.left : 1;
    a.x = draw(0, 1) ? in_lanes(n, c * a.groups, h, w) : in_rows(n, c * a.groups, h, w);
    a.y = in_lanes(n, o * a.groups, rows / a.pool_h, columns / a.pool_w);
    const size_t size = 4 * count(&a.y), n_weights = o * a.groups * c * a.kernel_h * a.kernel_w;
    float *bias = numbers(o * a.groups), *weight = numbers(n_weights), *points = NULL;
    a.exact = (int)draw(0, 1);
    a.bias = a.exact ? NULL : bias;
    a.weight = weight;
    a.winners = memory(count(&a.y));
    if (fast) {
        const size_t all = (a.kernel_h + 3) * (a.kernel_h + 3) * c * o;
        points = numbers(all);
        const dpk_filters filters = {a.weight, points, c * o, a.kernel_h};
        check("filters", k->filters, &filters, points, 4 * all);
        a.points = points;
    }
    check("conv2d", fast ? k->winograd : k->conv2d, &a, a.y.data, size);
    dpk_images dx = in_lanes(n, c * a.groups, h, w);
    if (fast) {
        dpk_conv2d back = a;
        back.x = dx;
        check("input gradient", k->winograd_input_gradient, &back, dx.data, 4 * count(&dx));
    } else if (a.stride_h == 1 && a.stride_w == 1) { /* by the turned weight: any of its shape */
        dpk_conv2d back = a;
        back.x = a.y;
        back.y = dx;
        back.x_winners = a.winners;
        back.winners = NULL;
        back.bias = NULL;
        back.top = (ptrdiff_t)((a.kernel_h - 1) * a.dilation_h) - a.top;
        back.left = (ptrdiff_t)((a.kernel_w - 1) * a.dilation_w) - a.left;
        check("input gradient", k->conv2d, &back, dx.data, 4 * count(&dx));
    }
    check("weight gradient", fast ? k->winograd_weight_gradient : k->conv2d_weight_gradient, &a,
          weight, 4 * n_weights);
    if (a.groups == 1 && a.pool_h * a.pool_w == 1) {
        dpk_conv2d halves = a;
        halves.n_terms = 2;
        halves.winners = NULL;
        halves.weight = numbers(2 * n_weights);
        check("weight gradient in two terms",
              fast ? k->winograd_weight_gradient : k->conv2d_weight_gradient, &halves,
              halves.weight, 8 * n_weights);
    }
    if (!fast && a.dilation_w == 1)
        check("sparse weight gradient", k->sparse_weight_gradient, &a, weight, 4 * n_weights);
    float *sums = numbers(a.y.c);
    const dpk_row_sums rows_of = {a.y.data, a.winners, sums, a.y.c, count(&a.y) / a.y.c};
    check("bias gradient", k->row_sums, &rows_of, sums, 4 * a.y.c);
}

static void pooling(const dpk_kernels *k) {
    dpk_pool2d a = {.kernel_h = draw(1, 3), .kernel_w = draw(1, 3), .divisor = (float)draw(0, 3)};
    a.stride_h = draw(1, 3);
    a.stride_w = draw(1, 3);
    a.top = draw(0, a.kernel_h - 1);
    a.left = draw(0, a.kernel_w - 1);
    const size_t n = draw(1, 40), c = draw(1, 3), h = draw(3, 9), w = draw(3, 9);
    a.x = draw(0, 1) ? in_lanes(n, c, h, w) : in_rows(n, c, h, w);
    a.y = in_lanes(n, c, (h + a.top - a.kernel_h) / a.stride_h + 1,
                   (w + a.left - a.kernel_w) / a.stride_w + 1);
    a.winners = a.divisor > 0 ? NULL : memory(count(&a.y));
    check("pool2d", k->pool2d, &a, a.y.data, 4 * count(&a.y));
    a.x = in_lanes(n, c, h, w);
    check("pool2d gradient", k->pool2d_gradient, &a, a.x.data, 4 * count(&a.x));
}

/* Numbers of which one of n is not 0. */
static float *few_numbers(size_t count, size_t n) {
    float *x = numbers(count);
    for (size_t i = 0; i < count; i++)
        x[i] = draw(1, n) == 1 ? x[i] : 0;
    return x;
}

static void product(const dpk_kernels *k, size_t most) {
    const size_t rows = draw(1, most), terms = draw(1, most), columns = draw(1, 5 * most);
    const int turned = (int)draw(0, 1);
    float *w = few_numbers(rows * terms, draw(1, 4)), *x = few_numbers(terms * columns, draw(1, 4));
    float *y = numbers(rows * columns), *bias = numbers(rows);
    const dpk_matmul a = {.w = w,
                          .x = x,
                          .bias = draw(0, 1) ? bias : NULL,
                          .y = y,
                          .n_rows = rows,
                          .n_terms = terms,
                          .n_columns = columns,
                          .w_row = turned ? 1 : (ptrdiff_t)terms,
                          .w_term = turned ? (ptrdiff_t)rows : 1,
                          .x_term = turned ? 1 : (ptrdiff_t)columns,
                          .x_column = turned ? (ptrdiff_t)terms : 1,
                          .relu = (int)draw(0, 1)};
    check("matmul", k->matmul, &a, y, 4 * rows * columns);
}

/* Sequences of copies of copies, of other lengths; then a program that makes them twice, for x and
 * for what lies after it. */
static void together(const dpk_kernels *k) {
    enum { LISTS = 3, CALLS = 9 };
    const size_t n = draw(2, 100);
    float *x = numbers(2 * n), *y = numbers(LISTS * CALLS * n);
    dpk_copy copies[LISTS][CALLS];
    dpk_call calls[LISTS][CALLS];
    dpk_sequence lists[LISTS];
    dpk_placeholder placeholders[LISTS];
    const float *reads[LISTS][2];
    for (size_t i = 0; i < LISTS; i++) {
        for (size_t j = 0; j < CALLS; j++) {
            float *to = y + (i * CALLS + j) * n;
            const dpk_copy copy = {j ? to - n : x, to, 1, {n}, {1}, NULL};
            const dpk_call call = {k->copy, &copies[i][j], draw(1, 3)};
            copies[i][j] = copy;
            calls[i][j] = call;
        }
        const dpk_sequence list = {calls[i], CALLS - 3 * i};
        const dpk_placeholder reading = {&copies[i][0].x, (const char *)reads[i], sizeof(float *)};
        lists[i] = list;
        placeholders[i] = reading;
        reads[i][0] = x;
        reads[i][1] = x + n;
    }
    const dpk_sequences all = {lists, LISTS};
    check("sequences", dpk_run_sequences, &all, y, 4 * LISTS * CALLS * n);
    for (size_t i = 0; i < LISTS; i++)
        if (memcmp(x, y + (i * CALLS + CALLS - 1 - 3 * i) * n, 4 * n))
            exit(1);
    const dpk_call call = {dpk_run_sequences, &all, LISTS};
    const dpk_program program = {&call, 1, placeholders, LISTS, 2};
    size_t n_done;
    if (dpk_run_program(&program, 3, &n_done) || n_done != 2)
        exit(1);
    for (size_t i = 0; i < LISTS; i++)
        if (memcmp(x + n, y + (i * CALLS + CALLS - 1 - 3 * i) * n, 4 * n))
            exit(1);
}

static void update(const dpk_kernels *k) {
    const size_t n = draw(0, 3) ? draw(1, 100) : draw(1, 3000);
    float *w = numbers(n), *g = numbers(n), *more = numbers(n), *m = numbers(n), *v = numbers(n);
    const float *terms[] = {g, more, g};
    memset(v, 0, 4 * n);
    const dpk_parameter p = {w, terms, m, v, n, draw(1, 3), (int)draw(0, 1)};
    const dpk_gradient_sum total = {&p, 1};
    const dpk_sgd sgd = {&p, 1, 0.1F, 0.9F, 0.5F, (int)draw(0, 1)};
    const dpk_adam adam = {&p, 1, 0.1F, 0.1F, 0.01F, 1, 1e-8F, 0.5F};
    const dpk_rmsprop rmsprop = {&p, 1, 0.1F, 0.01F, 1e-8F, 0.5F};
    const dpk_sign_sgd sign_sgd = {&p, 1, 0.1F, 0.1F, 0.5F};
    const dpk_average average = {&p, 1, 0.1F};
    int failed = dpk_run(k->sgd, &sgd, 3, 5);
    failed |= dpk_run(k->adam, &adam, 3, 5);
    failed |= dpk_run(k->sign_sgd, &sign_sgd, 3, 5);
    failed |= dpk_run(k->average, &average, 3, 5);
    failed |= dpk_run(k->gradient_sum, &total, 3, 5);
    memset(m, 0, 4 * n);
    failed |= dpk_run(k->rmsprop, &rmsprop, 3, 5);
    if (failed)
        exit(1);
}

static void elements(const dpk_kernels *k) {
    const size_t n = draw(0, 100);
    float *x = numbers(n), *value = numbers(n), *y = numbers(n);
    const dpk_elements relu = {x, NULL, y, n}, gradient = {x, value, y, n};
    check("relu", k->relu, &relu, y, 4 * n);
    check("relu gradient", k->relu_gradient, &gradient, y, 4 * n);
    check("add", k->add, &gradient, y, 4 * n);
    check("tanh", k->tanh, &relu, y, 4 * n);
    check("tanh gradient", k->tanh_gradient, &gradient, y, 4 * n);
    check("sigmoid", k->sigmoid, &relu, y, 4 * n);
    check("sigmoid gradient", k->sigmoid_gradient, &gradient, y, 4 * n);
    for (int function = DPK_RELU6; function <= DPK_GELU; function++) {
        const dpk_activation forward = {x, NULL, y, n, function, 0.1F};
        const dpk_activation back = {x, value, y, n, function, 0.1F};
        check("activation", k->activation, &forward, y, 4 * n);
        check("activation gradient", k->activation, &back, y, 4 * n);
    }
}

static void planes(const dpk_kernels *k) {
    const size_t n = draw(1, 40), rows = draw(1, 9), places = draw(1, 30), all = rows * places * n;
    float *x = numbers(all), *g = numbers(all), *factor = numbers(rows * n), *y = numbers(all);
    float *sums = numbers(rows * n);
    const dpk_planes scaled = {x, NULL, factor, y, rows, places, n};
    const dpk_planes products = {x, g, NULL, sums, rows, places, n};
    check("scaled planes", k->scale_planes, &scaled, y, 4 * all);
    check("products of planes", k->plane_products, &products, sums, 4 * rows * n);
}

/* Any order of the axes of an array without gaps; and zeros. */
static void copies(const dpk_kernels *k) {
    const size_t a = draw(1, 20), b = draw(1, 5), c = draw(1, 20), n = a * b * c;
    const dpk_copy orders[] = {
        {.shape = {a, b, c}, .strides = {(ptrdiff_t)(b * c), (ptrdiff_t)c, 1}},
        {.shape = {c, a, b}, .strides = {1, (ptrdiff_t)(b * c), (ptrdiff_t)c}},
        {.shape = {b, a, c}, .strides = {(ptrdiff_t)c, (ptrdiff_t)(b * c), 1}},
    };
    float *x = numbers(n), *y = numbers(n);
    dpk_copy copy = orders[draw(0, 2)];
    copy.n_axes = 3;
    copy.y = y;
    check("zeros", k->copy, &copy, y, 4 * n);
    copy.x = x;
    check("copy", k->copy, &copy, y, 4 * n);
    const dpk_copy row = {.x = x, .y = y, .n_axes = 1, .shape = {n}, .strides = {1}};
    check("copy of a row", k->copy, &row, y, 4 * n);
    const dpk_copy turned = {x, y, 2, {b * c, a}, {1, (ptrdiff_t)(b * c)}, NULL};
    check("turned copy", k->copy, &turned, y, 4 * n);
    int64_t rows[20];
    for (size_t i = 0; i < a; i++)
        rows[i] = (int64_t)draw(0, a - 1);
    const dpk_copy some = {x, y, 2, {a, b * c}, {(ptrdiff_t)(b * c), 1}, rows};
    check("copy of some rows", k->copy, &some, y, 4 * n);
}

static void dropout(const dpk_kernels *k) {
    const size_t n = draw(0, 40), size = draw(0, 30);
    const uint32_t key[2] = {(uint32_t)draw(0, 1 << 30), (uint32_t)draw(0, 1 << 30)};
    float *x = numbers(n * size), *y = numbers(n * size);
    const dpk_dropout a = {x, y, key, n, size, (int)draw(0, 1), (uint32_t)draw(0, 1 << 24), 2};
    check("dropout", k->dropout, &a, y, 4 * n * size);
}

/* Depthwise windows of up to 3 by 3 where they lie, with padding and rows without any pixel. */
static void depthwise(const dpk_kernels *k) {
    dpk_conv2d a = {.groups = draw(2, 5), .n_terms = 1, .pool_h = 1, .pool_w = 1};
    const size_t n = draw(4, 40), h = draw(1, 6), w = draw(1, 6);
    a.kernel_h = draw(1, 3);
    a.kernel_w = draw(1, 3);
    a.stride_h = draw(1, 2);
    a.stride_w = draw(1, 2);
    a.dilation_h = draw(1, 3);
    a.dilation_w = draw(1, 3);
    a.top = (ptrdiff_t)draw(0, 8) - 2;
    a.left = (ptrdiff_t)draw(0, 8) - 2;
    a.x = in_lanes(n, a.groups, h, w);
    const size_t rows = draw(1, 5), columns = draw(1, 5);
    a.y = in_lanes(n, a.groups, rows, columns);
    const size_t n_weights = a.groups * a.kernel_h * a.kernel_w;
    float *weight = numbers(n_weights), *bias = numbers(a.groups);
    a.weight = weight;
    a.bias = draw(0, 1) ? bias : NULL;
    check("depthwise", k->conv2d, &a, a.y.data, 4 * count(&a.y));
    check("its weight gradient", k->conv2d_weight_gradient, &a, weight, 4 * n_weights);
}

static void normalization(const dpk_kernels *k) {
    const size_t rows = draw(1, 6), columns = draw(1, 200), all = 4 * rows * columns;
    float *x = numbers(rows * columns), *g = numbers(rows * columns), *y = numbers(rows * columns);
    float *of[6]; /* scale, shift, mean, variance, and gradients by the first two */
    for (size_t i = 0; i < 6; i++)
        of[i] = numbers(rows);
    dpk_batch_norm a = {x,
                        g,
                        y,
                        of[0],
                        of[1],
                        of[2],
                        of[3],
                        of[4],
                        of[5],
                        rows,
                        columns,
                        0.1F,
                        (float)draw(0, 1),
                        (float)columns,
                        0,
                        0};
    check("batch norm", k->batch_norm, &a, y, all);
    a.has_statistics = 1;
    check("batch norm by its statistics", k->batch_norm, &a, y, all);
    check("its gradient", k->batch_norm_gradient, &a, y, all);
    a.has_sums = 1;
    check("its gradient by its sums", k->batch_norm_gradient, &a, y, all);
    a.y = NULL;
    a.has_statistics = a.has_sums = 0;
    check("its statistics alone", k->batch_norm, &a, of[3], 4 * rows);
    check("its sums alone", k->batch_norm_gradient, &a, of[4], 4 * rows);
    float *parts[2] = {numbers(2 * rows), numbers(2 * rows)};
    const float shares[2] = {0.25F, 0.75F};
    const dpk_merge_statistics both = {parts, shares, numbers(2 * rows), 2, rows};
    check("statistics of two parts", k->merge_statistics, &both, both.y, 8 * rows);
}

/* An array of one number. */
static float *all_of(float number, size_t n) {
    float *x = numbers(n);
    for (size_t i = 0; i < n; i++)
        x[i] = number;
    return x;
}

static void quantization(const dpk_kernels *k) {
    const size_t rows = draw(1, 6), columns = draw(1, 200), all = 4 * rows * columns;
    float *x = numbers(rows * columns), *g = numbers(rows * columns), *y = numbers(rows * columns);
    float *value = numbers(rows * columns), *bias = numbers(rows), *terms = numbers(rows);
    float *ratio = all_of(1, rows), *unit = all_of(0.25F, rows), *gradient = numbers(rows);
    const dpk_weight_codes w = {x, g, ratio, unit, y, gradient, rows, columns, 7};
    check("codes of weights", k->weight_codes, &w, y, all);
    check("their gradient", k->weight_codes_gradient, &w, y, all);
    for (int wide = 0; wide < 2; wide++) {
        const dpk_requantize r = {.x = x,
                                  .g = g,
                                  .value = value,
                                  .bias = bias,
                                  .ratio = ratio,
                                  .unit = unit,
                                  .in_ratio = ratio,
                                  .out_ratio = ratio,
                                  .y = y,
                                  .bias_gradient = gradient,
                                  .terms = terms,
                                  .n_rows = rows,
                                  .n_columns = columns,
                                  .in_unit = 0.5F,
                                  .out_unit = 1,
                                  .low = -3,
                                  .high = 2,
                                  .wide = wide};
        check("requantization", k->requantize, &r, y, all);
        check("its gradient", k->requantize_gradient, &r, y, all);
    }
}

static void row_products(const dpk_kernels *k) {
    const size_t n_g = draw(1, 14), n_x = draw(1, 12), n = draw(1, 1200);
    const size_t n_terms = draw(1, 2), all = n_terms * n_g * n_x;
    float *g = numbers(n_g * n), *x = numbers(n_x * n), *y = numbers(all);
    const dpk_row_products a = {g, x, y, n_g, n_x, n, n_terms};
    check("row products", k->row_products, &a, y, 4 * all);
}

static void losses(const dpk_kernels *k) {
    const size_t n = draw(1, 40), n_classes = draw(1, 12);
    const int lanes = (int)draw(0, 1);
    float *x = numbers(n * n_classes), *y = numbers(n * n_classes), *of = numbers(n);
    float *rows = numbers(n * n_classes);
    int64_t *targets = memory(n * sizeof *targets);
    for (size_t i = 0; i < n; i++)
        targets[i] = (int64_t)draw(0, n_classes - 1);
    const dpk_cross_entropy a = {.x = x,
                                 .targets = lanes ? targets : NULL,
                                 .rows = lanes ? NULL : rows,
                                 .losses = of,
                                 .gradient = y,
                                 .n = n,
                                 .n_classes = n_classes,
                                 .stride_n = lanes ? 1 : (ptrdiff_t)n_classes,
                                 .stride_class = lanes ? (ptrdiff_t)n : 1,
                                 .keep = 0.9F,
                                 .share = 0.1F / (float)n_classes};
    check("cross entropy", k->cross_entropy, &a, of, 4 * n);
    check("its gradient", k->cross_entropy, &a, y, 4 * n * n_classes);
    const dpk_squared_error squares = {
        x, rows, of, y, n, n_classes, a.stride_n, a.stride_class, 2 / (float)n_classes};
    check("squared error", k->squared_error, &squares, of, 4 * n);
    check("gradient of the squared error", k->squared_error, &squares, y, 4 * n * n_classes);
    const dpk_scaled_rows scaled = {of, x, y, n, n_classes, 1, a.stride_n, a.stride_class};
    check("rows scaled", k->scaled_rows, &scaled, y, 4 * n * n_classes);
}

#ifdef THREADS
typedef struct {
    unsigned *done; /* [n_parts]: how often each part was done */
    size_t n_parts;
    unsigned long delay;
} counting;

static int count_part(const void *arguments, size_t part, size_t n_parts) {
    const counting *a = arguments;
    for (volatile unsigned long i = 0; i < a->delay; i++) {
    }
    a->done[part] += part < n_parts;
    return 0;
}

static int fail_last(const void *arguments, size_t part, size_t n_parts) {
    return count_part(arguments, part, n_parts) || part + 1 == n_parts;
}

/* Some thread runs each part of each job once. Each job has memory of its own: a worker that wakes
 * up late must find the next job, not the arguments of the last one. */
static void jobs(size_t n) {
    for (size_t job = 0; job < n; job++) {
        const size_t n_threads = draw(2, 4), n_parts = draw(2, 9);
        const int fails = (int)draw(0, 1);
        unsigned *done = memory(n_parts * sizeof *done);
        memset(done, 0, n_parts * sizeof *done);
        counting *a = memory(sizeof *a);
        memset(a, 0, sizeof *a);
        a->done = done;
        a->delay = draw(0, 1) * draw(0, 500); /* workers come too late, or have time to help */
        int wrong = dpk_run(fails ? fail_last : count_part, a, n_threads, n_parts) != fails;
        for (size_t part = 0; part < n_parts; part++)
            wrong |= done[part] != 1;
        release();
        if (wrong) {
            puts("a part was not done once");
            exit(1);
        }
    }
}

#endif

int main(int n_arguments, char **arguments) {
    const int rounds = n_arguments > 1 ? atoi(arguments[1]) : 20;
    const dpk_kernels *k;
#ifdef THREADS
    jobs(1000 * (size_t)rounds);
#endif
    for (size_t i = 0; (k = dpk_available(i)) != NULL; i++) {
        for (int round = 0; round < rounds; round++) {
            convolution(k, 0);
            convolution(k, 1);
            pooling(k);
            product(k, 30);
            product(k, 200); /* large enough to leave out zeros */
            update(k);
            together(k);
            planes(k);
            elements(k);
            copies(k);
            dropout(k);
            losses(k);
            quantization(k);
            row_products(k);
            normalization(k);
            depthwise(k);
            release();
        }
#ifndef RESULTS
        printf("%s\n", k->name);
#endif
    }
    return 0;
}
