/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of one instruction set. */
#include "dpk_tasks.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const dpk_kernels DPK(kernels) = {
    .name = TEXT(DPK_ISA),
    .n_lanes = DPK_LANES,
    .sgd = DPK(sgd),
    .adam = DPK(adam),
    .rmsprop = DPK(rmsprop),
    .sign_sgd = DPK(sign_sgd),
    .average = DPK(average),
    .gradient_sum = DPK(gradient_sum),
    .add = DPK(add),
    .tanh = DPK(tanh),
    .tanh_gradient = DPK(tanh_gradient),
    .sigmoid = DPK(sigmoid),
    .sigmoid_gradient = DPK(sigmoid_gradient),
    .activation = DPK(activation),
    .scale_planes = DPK(scale_planes),
    .plane_products = DPK(plane_products),
    .relu = DPK(relu),
    .relu_gradient = DPK(relu_gradient),
    .cross_entropy = DPK(cross_entropy),
    .squared_error = DPK(squared_error),
    .scaled_rows = DPK(scaled_rows),
    .copy = DPK(copy),
    .dropout = DPK(dropout),
    .batch_norm = DPK(batch_norm),
    .batch_norm_gradient = DPK(batch_norm_gradient),
    .pool2d = DPK(pool2d),
    .pool2d_gradient = DPK(pool2d_gradient),
    .row_sums = DPK(row_sums),
    .conv2d = DPK(conv2d),
    .conv2d_weight_gradient = DPK(conv2d_weight_gradient),
    .sparse_weight_gradient = DPK(sparse_weight_gradient),
    .matmul = DPK(matmul),
    .row_products = DPK(row_products),
    .filters = DPK(filters),
    .winograd = DPK(winograd),
    .winograd_input_gradient = DPK(winograd_input_gradient),
    .winograd_weight_gradient = DPK(winograd_weight_gradient),
};
