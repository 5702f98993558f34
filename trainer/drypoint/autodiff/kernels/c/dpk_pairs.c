/* SPDX-License-Identifier: Apache-2.0 */
/* See dpk_pairs.h. */
#include "dpk_pairs.h"

#include <math.h>

static uint32_t paired(float low, float high) {
    return ((uint32_t)(int32_t)low & 0xffff) | (uint32_t)(int32_t)high << 16;
}

int DPK(pair_weights)(const dpk_conv2d *a, uint32_t *pairs) {
    const size_t in = a->x.c / a->groups, kw = a->kernel_w, area = a->kernel_h * kw;
    const size_t planes = dpk_pair_planes(in), taps = dpk_pair_taps(in);
    if (!DPK_HAS_PAIRS || !a->exact || a->bias != NULL || in * area > DPK_PAIRS_TAPS)
        return 0;
    for (size_t i = 0; i < a->y.c * in * area; i++)
        if (!(fabsf(a->weight[i]) <= 127)) /* nor a NaN, as where training diverged */
            return 0;
    for (size_t o = 0; o < a->y.c; o++)
        for (size_t c = 0; c < planes; c++)
            for (size_t t = 0; t < area; t++) {
                const float *w = a->weight + (o * in + 2 * c) * area + t;
                const size_t v = t % kw;
                if (taps == 1)
                    *pairs++ = paired(w[0], 2 * c + 1 < in ? w[area] : 0);
                else if (v % 2 == 0)
                    *pairs++ = paired(w[0], v + 1 < kw ? w[1] : 0);
            }
    return 1;
}

static dpk_vec pair_of(dpk_vec low, dpk_vec high) {
    const dpk_ivec a = __builtin_convertvector(low, dpk_ivec);
    const dpk_ivec b = __builtin_convertvector(high, dpk_ivec);
    return (dpk_vec)((a & 0xffff) | b << 16);
}

int DPK(pair_block)(size_t n_channels, const dpk_frame *frame, size_t distance, float *block) {
    const size_t width = frame->w * DPK_LANES, plane = frame->h * width;
    dpk_ivec small = {0};
    small = ~small;
    for (size_t i = 0; i < n_channels * plane; i += DPK_LANES) {
        const dpk_vec x = dpk_load(block + i);
        const dpk_ivec above = x >= -255, below = x <= 255;
        small &= above & below;
    }
    for (size_t i = 0; i < DPK_LANES; i++)
        if (!small[i])
            return 0;
    if (n_channels > 1) {
        for (size_t c = 0; c < n_channels; c += 2)
            for (size_t i = 0; i < plane; i += DPK_LANES) {
                const float *low = block + c * plane + i;
                const dpk_vec high = c + 1 < n_channels ? dpk_load(low + plane) : (dpk_vec){0};
                dpk_store(block + c / 2 * plane + i, pair_of(dpk_load(low), high));
            }
        return 1;
    }
    for (size_t row = 0; row < frame->h; row++)
        for (size_t j = 0; j < frame->w; j++) {
            float *low = block + row * width + j * DPK_LANES;
            const int inside = j + distance < frame->w;
            const dpk_vec high = inside ? dpk_load(low + distance * DPK_LANES) : (dpk_vec){0};
            dpk_store(low, pair_of(dpk_load(low), high));
        }
    return 1;
}
