/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks, which are compiled for each instruction set, and their table. */
#ifndef DPK_TASKS_H
#define DPK_TASKS_H

#include "dpk_vector.h"

/* clang-format off */
#define DPK_TASKS(TASK)                                                                            \
    TASK(sgd) TASK(adam) TASK(rmsprop) TASK(sign_sgd) TASK(average) TASK(gradient_sum)             \
    TASK(pool2d) TASK(pool2d_gradient) TASK(relu) TASK(relu_gradient) TASK(cross_entropy)          \
    TASK(add) TASK(tanh) TASK(tanh_gradient) TASK(sigmoid) TASK(sigmoid_gradient)                  \
    TASK(activation) TASK(scale_planes) TASK(plane_products) TASK(squared_error)                   \
    TASK(scaled_rows) TASK(copy) TASK(dropout) TASK(batch_norm) TASK(batch_norm_gradient)          \
    TASK(merge_statistics)                                                                         \
    TASK(weight_codes) TASK(weight_codes_gradient) TASK(requantize) TASK(requantize_gradient)      \
    TASK(row_sums) TASK(conv2d) TASK(conv2d_weight_gradient) TASK(matmul)                          \
    TASK(sparse_weight_gradient) TASK(row_products) TASK(filters) TASK(winograd)                   \
    TASK(winograd_input_gradient) TASK(winograd_weight_gradient)
/* clang-format on */

#define DPK_DECLARE(name) dpk_task DPK(name);
DPK_TASKS(DPK_DECLARE)

extern const dpk_kernels DPK(kernels);

#endif
