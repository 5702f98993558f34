/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks, which are compiled for each instruction set, and their table. */
#ifndef DPK_TASKS_H
#define DPK_TASKS_H

#include "dpk_vector.h"

dpk_task DPK(sgd), DPK(adam), DPK(rmsprop), DPK(sign_sgd), DPK(average), DPK(gradient_sum);
dpk_task DPK(pool2d), DPK(pool2d_gradient), DPK(relu), DPK(relu_gradient), DPK(cross_entropy);
dpk_task DPK(add), DPK(tanh), DPK(tanh_gradient), DPK(sigmoid), DPK(sigmoid_gradient);
dpk_task DPK(activation), DPK(scale_planes), DPK(plane_products);
dpk_task DPK(squared_error), DPK(scaled_rows), DPK(copy), DPK(dropout);
dpk_task DPK(batch_norm), DPK(batch_norm_gradient);
dpk_task DPK(weight_codes), DPK(weight_codes_gradient);
dpk_task DPK(requantize), DPK(requantize_gradient);
dpk_task DPK(row_sums), DPK(conv2d), DPK(conv2d_weight_gradient), DPK(matmul);
dpk_task DPK(sparse_weight_gradient), DPK(row_products);
dpk_task DPK(filters), DPK(winograd), DPK(winograd_input_gradient), DPK(winograd_weight_gradient);

extern const dpk_kernels DPK(kernels);

#endif
