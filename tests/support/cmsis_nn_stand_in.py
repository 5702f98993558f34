"""A folder with CMSIS-NN's API in plain loops, which `devices.compare` takes for a checkout.

Requantization rounds twice, as CMSIS-NN's does by default: to the multiplier's 31 bits, then to the
shift's.
"""

HEADER = """
#pragma once
#include <stdint.h>
typedef int arm_cmsis_nn_status;
typedef struct { int32_t w, h; } cmsis_nn_tile;
typedef struct { void *buf; int32_t size; } cmsis_nn_context;
typedef struct { int32_t n, h, w, c; } cmsis_nn_dims;
typedef struct { int32_t *multiplier, *shift; } cmsis_nn_per_channel_quant_params;
typedef struct { int32_t multiplier, shift; } cmsis_nn_per_tensor_quant_params;
typedef struct { int32_t min, max; } cmsis_nn_activation;
typedef struct {
    int32_t input_offset, output_offset;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_conv_params;
typedef struct {
    int32_t input_offset, output_offset, ch_mult;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_dw_conv_params;
typedef struct {
    cmsis_nn_tile stride, padding;
    cmsis_nn_activation activation;
} cmsis_nn_pool_params;
typedef struct {
    int32_t input_offset, filter_offset, output_offset;
    cmsis_nn_activation activation;
} cmsis_nn_fc_params;
#define DIMS const cmsis_nn_dims *
#define LAYER(name, params, quant) \\
    arm_cmsis_nn_status name(const cmsis_nn_context *ctx, const params *p, const quant *q, \\
                             DIMS in, const int8_t *x, DIMS filter, const int8_t *w, \\
                             DIMS biases, const int32_t *bias, DIMS out, int8_t *y)
#define POOL(name) \\
    arm_cmsis_nn_status name(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *p, \\
                             DIMS in, const int8_t *x, DIMS filter, DIMS out, int8_t *y)
LAYER(arm_convolve_wrapper_s8, cmsis_nn_conv_params, cmsis_nn_per_channel_quant_params);
LAYER(arm_depthwise_conv_wrapper_s8, cmsis_nn_dw_conv_params, cmsis_nn_per_channel_quant_params);
LAYER(arm_fully_connected_s8, cmsis_nn_fc_params, cmsis_nn_per_tensor_quant_params);
POOL(arm_max_pool_s8);
POOL(arm_avgpool_s8);
int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *, DIMS, DIMS, DIMS);
int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *, DIMS, DIMS,
                                                      DIMS);
int32_t arm_fully_connected_s8_get_buffer_size(DIMS filter);
int32_t arm_avgpool_s8_get_buffer_size(const int width, const int channels);
arm_cmsis_nn_status arm_elementwise_add_s8(
    const int8_t *a, const int8_t *b, const int32_t a_offset, const int32_t a_mult,
    const int32_t a_shift, const int32_t b_offset, const int32_t b_mult, const int32_t b_shift,
    const int32_t left_shift, int8_t *y, const int32_t offset, const int32_t mult,
    const int32_t shift, const int32_t low, const int32_t high, const int32_t n);
"""

SOURCE = """
#include "arm_nnfunctions.h"

static int32_t scale(int64_t x, int32_t mult, int32_t shift) {
    x = ((shift > 0 ? x << shift : x) * mult + (1 << 30)) >> 31;
    return (int32_t)(shift < 0 ? (x + (1LL << (-shift - 1))) >> -shift : x);
}
static int8_t clamp(int32_t y, cmsis_nn_activation to) {
    return (int8_t)(y < to.min ? to.min : y > to.max ? to.max : y);
}
static int32_t sum(cmsis_nn_tile stride, cmsis_nn_tile padding, cmsis_nn_tile dilation, DIMS in,
                   const int8_t *x, DIMS filter, const int8_t *w, int32_t apart, int32_t first,
                   int32_t n, int32_t offset, int32_t row, int32_t column) {
    int32_t found = 0;
    for (int32_t ky = 0; ky < filter->h; ky++) {
        for (int32_t kx = 0; kx < filter->w; kx++, w += n * apart) {
            const int32_t at_y = row * stride.h - padding.h + ky * dilation.h;
            const int32_t at_x = column * stride.w - padding.w + kx * dilation.w;
            const int inside = at_y >= 0 && at_y < in->h && at_x >= 0 && at_x < in->w;
            for (int32_t c = 0; inside && c < n; c++) {
                found += (x[(at_y * in->w + at_x) * in->c + first + c] + offset) * w[c * apart];
            }
        }
    }
    return found;
}
#define EACH(...) \\
    for (int32_t i = 0, row = 0; row < out->h; row++) { \\
        for (int32_t column = 0; column < out->w; column++) { \\
            for (int32_t o = 0; o < out->c; o++, i++) { \\
                __VA_ARGS__ \\
            } \\
        } \\
    } \\
    return 0;
#define STORE(acc) \\
    y[i] = clamp(scale(acc + bias[o], q->multiplier[o], q->shift[o]) + p->output_offset, \\
                 p->activation);
LAYER(arm_convolve_wrapper_s8, cmsis_nn_conv_params, cmsis_nn_per_channel_quant_params) {
    const int32_t of_group = filter->n / (in->c / filter->c);
    const int32_t size = filter->h * filter->w * filter->c;
    if (ctx->buf == 0 || biases->c != out->c) {
        return -1;
    }
    EACH(STORE(sum(p->stride, p->padding, p->dilation, in, x, filter, w + o * size, 1,
                   o / of_group * filter->c, filter->c, p->input_offset, row, column)))
}
LAYER(arm_depthwise_conv_wrapper_s8, cmsis_nn_dw_conv_params, cmsis_nn_per_channel_quant_params) {
    EACH(const cmsis_nn_dims tap = {1, filter->h, filter->w, 1};
         STORE(sum(p->stride, p->padding, p->dilation, in, x, &tap, w + o, filter->c,
                   o / p->ch_mult, 1, p->input_offset, row, column)))
}
LAYER(arm_fully_connected_s8, cmsis_nn_fc_params, cmsis_nn_per_tensor_quant_params) {
    const int32_t *sums = ctx->buf; /* the biases are in them */
    for (int32_t o = 0; o < out->c; o++) {
        int32_t acc = sums[o];
        for (int32_t i = 0; i < filter->n; i++) {
            acc += x[i] * *w++;
        }
        y[o] = clamp(scale(acc, q->multiplier, q->shift) + p->output_offset, p->activation);
    }
    return 0;
}
#define PIXELS(begin, each) \\
    int32_t found = begin; \\
    for (int32_t ky = 0; ky < filter->h; ky++) { \\
        for (int32_t kx = 0; kx < filter->w; kx++) { \\
            const int32_t at_y = row * p->stride.h - p->padding.h + ky; \\
            const int32_t at_x = column * p->stride.w - p->padding.w + kx; \\
            if (at_y >= 0 && at_y < in->h && at_x >= 0 && at_x < in->w) { \\
                const int32_t v = x[(at_y * in->w + at_x) * in->c + o]; \\
                each; \\
            } \\
        } \\
    }
POOL(arm_max_pool_s8) {
    EACH(PIXELS(-128, found = v > found ? v : found) y[i] = clamp(found, p->activation);)
}
POOL(arm_avgpool_s8) {
    const int32_t n = filter->h * filter->w;
    EACH(PIXELS(128 * n, found += v) y[i] = clamp((found + n / 2) / n - 128, p->activation);)
}
int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *p, DIMS in, DIMS filter,
                                                DIMS out) {
    return 4;
}
int32_t arm_depthwise_conv_wrapper_s8_get_buffer_size(const cmsis_nn_dw_conv_params *p, DIMS in,
                                                      DIMS filter, DIMS out) {
    return 0;
}
int32_t arm_fully_connected_s8_get_buffer_size(DIMS filter) {
    return 4 * filter->c;
}
int32_t arm_avgpool_s8_get_buffer_size(const int width, const int channels) {
    return 0;
}
arm_cmsis_nn_status arm_elementwise_add_s8(
    const int8_t *a, const int8_t *b, const int32_t a_offset, const int32_t a_mult,
    const int32_t a_shift, const int32_t b_offset, const int32_t b_mult, const int32_t b_shift,
    const int32_t left_shift, int8_t *y, const int32_t offset, const int32_t mult,
    const int32_t shift, const int32_t low, const int32_t high, const int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        const int32_t one = scale((a[i] + a_offset) * (1 << left_shift), a_mult, a_shift);
        const int32_t other = scale((b[i] + b_offset) * (1 << left_shift), b_mult, b_shift);
        y[i] = clamp(scale(one + other, mult, shift) + offset, (cmsis_nn_activation){low, high});
    }
    return 0;
}
"""


def write_stand_in(folder, *, change=("", "")):
    """Write the folder; ``change`` replaces a text of the source by another, to break it."""
    for name, text in (
        ("Include/arm_nnfunctions.h", HEADER),
        ("Source/ConvolutionFunctions/layers.c", SOURCE.replace(*change)),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder
