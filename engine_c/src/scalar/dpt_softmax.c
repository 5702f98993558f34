/* SPDX-License-Identifier: Apache-2.0 */
/* Probabilities in integers: NUMERICS.md section 6. */
#include "drypoint.h"

/* The high half of a product of two numbers in units of 2^-32. */
static uint32_t product(uint32_t a, uint32_t b) {
    return (uint32_t)((uint64_t)a * b >> 32);
}

/* 2^-t in units of 2^-31, rounded down; t is in units of 2^-24. The polynomial's relative error is
 * below 2^-23 (a minimax fit on 0 .. 1 that is exact at 0). Its terms fall, so no difference is
 * negative. */
static uint32_t power(uint64_t t) {
    static const uint32_t coefficients[] = {39538552u, 237500306u, 1031565847u, 2977029613u};
    uint32_t sum = 4058308u;
    if (t >> 24 > 31) {
        return 0;
    }
    const uint32_t x = (uint32_t)(t & 0xFFFFFFu) << 8; /* the fraction, in units of 2^-32 */
    for (int i = 0; i < 4; i++) {
        sum = coefficients[i] - product(sum, x);
    }
    return (0x80000000u - (product(sum, x) >> 1)) >> (t >> 24);
}

/* The weight of an output, relative to that of the largest one. Both factors are below 2^32. */
static uint32_t weight(int32_t y, int32_t largest, dpt_softmax_scale scale) {
    const uint64_t below = (uint64_t)((int64_t)largest - y);
    return power(below * scale.mult >> scale.shift);
}

void dpt_softmax(const int32_t *output, size_t n, dpt_softmax_scale scale, int32_t *probability) {
    const int32_t largest = output[dpt_argmax(output, n)];
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weight(output[i], largest, scale);
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t share = (uint64_t)weight(output[i], largest, scale) << 30;
        probability[i] = (int32_t)((share + sum / 2) / sum);
    }
}
