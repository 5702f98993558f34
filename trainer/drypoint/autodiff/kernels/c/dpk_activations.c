/* SPDX-License-Identifier: Apache-2.0 */
/* Activation functions and their derivatives, a vector at a time. numpy/activations.py defines
 * them. A function without an exponential rounds as the function there.
 *
 * The normal distribution function by its tail: P(-a) = e^(-a^2 / 2) R(t) / (a + 2.75) for a >= 0,
 * t = (a - 2.75) / (a + 2.75). R is the Chebyshev interpolation of degree 9 for a <= 13.3, beyond
 * which the exponential is 0; its coefficients, rounded to float, give P within 3.3e-8 of itself.
 */
#include "dpk_block.h"
#include "dpk_exponential.h"
#include "dpk_tasks.h"

typedef dpk_vec of_one(dpk_vec x, dpk_vec slope);

/* A NaN stays. */
DPK_INLINE dpk_vec clamped(dpk_vec x, float high) {
    return dpk_select(x > high, dpk_all(high), dpk_select(x < 0, (dpk_vec){0}, x));
}

DPK_INLINE dpk_vec relu6(dpk_vec x, dpk_vec slope) {
    (void)slope;
    return clamped(x, 6);
}

DPK_INLINE dpk_vec relu6_derivative(dpk_vec x, dpk_vec slope) {
    (void)slope;
    const dpk_ivec above = x > 0, below = x < 6;
    return dpk_select(above & below, dpk_all(1), (dpk_vec){0});
}

DPK_INLINE dpk_vec leaky_relu(dpk_vec x, dpk_vec slope) {
    return dpk_select(x > 0, x, slope * x);
}

DPK_INLINE dpk_vec leaky_relu_derivative(dpk_vec x, dpk_vec slope) {
    return dpk_select(x > 0, dpk_all(1), slope);
}

DPK_INLINE dpk_vec hardsigmoid(dpk_vec x, dpk_vec slope) {
    (void)slope;
    return clamped(x + 3, 6) / 6;
}

DPK_INLINE dpk_vec hardsigmoid_derivative(dpk_vec x, dpk_vec slope) {
    (void)slope;
    const dpk_ivec above = x > -3, below = x < 3;
    return dpk_select(above & below, dpk_all(1.0F / 6), (dpk_vec){0});
}

DPK_INLINE dpk_vec hardswish(dpk_vec x, dpk_vec slope) {
    return x * hardsigmoid(x, slope);
}

DPK_INLINE dpk_vec hardswish_derivative(dpk_vec x, dpk_vec slope) {
    (void)slope;
    const dpk_vec inside = dpk_select(x > -3, x / 3 + 0.5F, (dpk_vec){0});
    return dpk_select(x < 3, inside, dpk_all(1));
}

DPK_INLINE dpk_vec silu(dpk_vec x, dpk_vec slope) {
    (void)slope;
    return x * dpk_logistic(x);
}

DPK_INLINE dpk_vec silu_derivative(dpk_vec x, dpk_vec slope) {
    (void)slope;
    return dpk_logistic(x) * (1 + x * dpk_logistic(-x));
}

/* The normal distribution function of x, and e^(-x^2 / 2). */
DPK_INLINE dpk_vec normal(dpk_vec x, dpk_vec *bell) {
    static const float r[] = {-0x1.8601a2p-14F, -0x1.cf5ca4p-12F, -0x1.eae918p-13F, 0x1.497110p-9F,
                              0x1.a1b97cp-9F,   -0x1.0d828ap-6F,  -0x1.0f5dc2p-6F,  0x1.756bf2p-3F,
                              -0x1.e5bd1ep-2F,  0x1.701ef0p-1F};
    const dpk_vec any = (dpk_vec)((dpk_ivec)x & INT32_MAX);
    const dpk_vec size = dpk_select(any > 14, dpk_all(14), any); /* no infinity */
    const dpk_vec inverse = 1 / (size + 2.75F);
    const dpk_vec t = (size - 2.75F) * inverse;
    dpk_vec q = dpk_all(r[0]);
#pragma GCC unroll 9
    for (size_t i = 1; i < sizeof r / sizeof *r; i++)
        q = dpk_fma(q, t, dpk_all(r[i]));
    *bell = dpk_exponential(x * x * -0.5F);
    const dpk_vec tail = *bell * (q * inverse);
    return dpk_select(x < 0, tail, 1 - tail);
}

DPK_INLINE dpk_vec gelu(dpk_vec x, dpk_vec slope) {
    (void)slope;
    dpk_vec bell;
    return x * normal(x, &bell);
}

DPK_INLINE dpk_vec gelu_derivative(dpk_vec x, dpk_vec slope) {
    (void)slope;
    dpk_vec bell;
    const dpk_vec share = normal(x, &bell);
    return share + x * (bell * 0.398942280F); /* 1 / sqrt(2 pi) */
}

DPK_INLINE void map(const dpk_activation *a, size_t part, size_t n_parts, of_one *function,
                    of_one *derivative) {
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    const dpk_vec slope = dpk_all(a->slope);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i += DPK_LANES) {
        const size_t count = dpk_min(DPK_LANES, end - i);
        const dpk_vec x = dpk_gather(a->x + i, 1, count);
        const dpk_vec y =
            a->g ? dpk_gather(a->g + i, 1, count) * derivative(x, slope) : function(x, slope);
        dpk_scatter(a->y + i, y, count);
    }
}

int DPK(activation)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_activation *a = arguments;
#define FUNCTION(number, name)                                                                     \
    case number:                                                                                   \
        map(a, part, n_parts, name, name##_derivative);                                            \
        break
    switch (a->function) {
        FUNCTION(DPK_RELU6, relu6);
        FUNCTION(DPK_LEAKY_RELU, leaky_relu);
        FUNCTION(DPK_HARDSIGMOID, hardsigmoid);
        FUNCTION(DPK_HARDSWISH, hardswish);
        FUNCTION(DPK_SILU, silu);
        FUNCTION(DPK_GELU, gelu);
    }
    return 0;
}
