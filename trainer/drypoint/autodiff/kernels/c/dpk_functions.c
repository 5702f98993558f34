/* SPDX-License-Identifier: Apache-2.0 */
/* Hyperbolic tangent and logistic function, and their gradients, a vector at a time.
 *
 * The coefficients are from Chebyshev interpolations of these functions, rounded to float:
 * (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, within 1.1e-8 of e^r; (tanh x / x - 1) / x^2 for |x| <=
 * 0.55, within 6.1e-9 of tanh x. A float's half unit in the last place is 3e-8 to 6e-8. */
#include "dpk_block.h"
#include "dpk_tasks.h"

#define ALL(x) dpk_all(x)

/* e^x for x <= 0: 2^n e^r, where n is the integer next to x / ln 2. Below -87.3, where it is no
 * normal number, 0; of a NaN a NaN. */
DPK_INLINE dpk_vec exponential(dpk_vec x) {
    const dpk_vec round = ALL(12582912.0F); /* 1.5 * 2^23: what is added to it loses its fraction */
    const dpk_ivec none = x < -87.3F;
    const dpk_vec within = dpk_select(none, (dpk_vec){0}, x);
    const dpk_vec shifted = dpk_fma(within, ALL(1.44269504F), round);
    const dpk_vec n = shifted - round;
    /* ln 2 in two parts; n times the first one, of nine bits, is exact. */
    const dpk_vec r = dpk_fma(n, ALL(2.12194440e-4F), dpk_fma(n, ALL(-0.693359375F), within));
    dpk_vec q = dpk_fma(ALL(0x1.6d4926p-10F), r, ALL(0x1.121072p-7F));
    q = dpk_fma(q, r, ALL(0x1.5554e4p-5F));
    q = dpk_fma(q, r, ALL(0x1.5554d8p-3F));
    q = dpk_fma(q, r, ALL(0.5F));
    const dpk_vec e = dpk_fma(q * r, r, r) + 1;
    /* The low bits of `shifted` are n, which is added to the exponent. */
    const dpk_vec scaled = (dpk_vec)((dpk_ivec)e + ((dpk_ivec)shifted << 23));
    return dpk_select(none, (dpk_vec){0}, dpk_select(x == x, scaled, x));
}

DPK_INLINE dpk_vec tangent(dpk_vec x) {
    const dpk_ivec sign = (dpk_ivec)x & INT32_MIN;
    const dpk_vec size = (dpk_vec)((dpk_ivec)x ^ sign), z = x * x;
    dpk_vec p = dpk_fma(ALL(-0.00661575468F), z, ALL(0.0213127453F));
    p = dpk_fma(p, z, ALL(-0.0539100654F));
    p = dpk_fma(p, z, ALL(0.13333118F));
    p = dpk_fma(p, z, ALL(-0.333333313F));
    const dpk_vec e = exponential(-2 * size), far = 1 - 2 * e / (1 + e);
    const dpk_vec found = dpk_select(size < 0.55F, dpk_fma(p * z, size, size), far);
    return (dpk_vec)((dpk_ivec)found | sign);
}

DPK_INLINE dpk_vec logistic(dpk_vec x) {
    const dpk_ivec sign = (dpk_ivec)x & INT32_MIN;
    const dpk_vec e = exponential((dpk_vec)((dpk_ivec)x | INT32_MIN));
    return dpk_select(sign < 0, e, ALL(1)) / (1 + e);
}

typedef dpk_vec of_one(dpk_vec x);

DPK_INLINE void map(const dpk_elements *a, size_t part, size_t n_parts, of_one *function) {
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i += DPK_LANES) {
        const size_t count = dpk_min(DPK_LANES, end - i);
        dpk_scatter(a->y + i, function(dpk_gather(a->x + i, 1, count)), count);
    }
}

int DPK(tanh)(const void *arguments, size_t part, size_t n_parts) {
    map(arguments, part, n_parts, tangent);
    return 0;
}

int DPK(sigmoid)(const void *arguments, size_t part, size_t n_parts) {
    map(arguments, part, n_parts, logistic);
    return 0;
}

int DPK(tanh_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_elements *a = arguments;
    const float *restrict g = a->x, *restrict value = a->value;
    float *restrict y = a->y;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)
        y[i] = g[i] * (1 - value[i] * value[i]);
    return 0;
}

int DPK(sigmoid_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_elements *a = arguments;
    const float *restrict g = a->x, *restrict value = a->value;
    float *restrict y = a->y;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)
        y[i] = g[i] * value[i] * (1 - value[i]);
    return 0;
}
