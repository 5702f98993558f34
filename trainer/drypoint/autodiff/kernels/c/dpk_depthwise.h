/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution of images whose batch is innermost in memory, at the place where they lie:
 * a channel is a plane, read while it is in a cache. The direct convolution computes the others. */
#ifndef DPK_DEPTHWISE_H
#define DPK_DEPTHWISE_H

#include "dpk_vector.h"

/* Whether the two functions below can compute the convolution of a. */
int DPK(is_depthwise)(const dpk_conv2d *a);

/* Tasks, with the meaning of conv2d and conv2d_weight_gradient. */
dpk_task DPK(depthwise), DPK(depthwise_weight_gradient);

#endif
