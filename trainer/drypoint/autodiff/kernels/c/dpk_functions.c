/* SPDX-License-Identifier: Apache-2.0 */
/* Hyperbolic tangent and logistic function, a vector at a time.
 *
 * The coefficients are from a Chebyshev interpolation of (tanh x / x - 1) / x^2 for |x| <= 0.55,
 * rounded to float: within 6.1e-9 of tanh x. */
#include "dpk_block.h"
#include "dpk_exponential.h"
#include "dpk_tasks.h"

#define ALL(x) dpk_all(x)

DPK_INLINE dpk_vec tangent(dpk_vec x) {
    const dpk_ivec sign = (dpk_ivec)x & INT32_MIN;
    const dpk_vec size = (dpk_vec)((dpk_ivec)x ^ sign), z = x * x;
    dpk_vec p = dpk_fma(ALL(-0.00661575468F), z, ALL(0.0213127453F));
    p = dpk_fma(p, z, ALL(-0.0539100654F));
    p = dpk_fma(p, z, ALL(0.13333118F));
    p = dpk_fma(p, z, ALL(-0.333333313F));
    const dpk_vec e = dpk_exponential(-2 * size), far = 1 - 2 * e / (1 + e);
    const dpk_vec found = dpk_select(size < 0.55F, dpk_fma(p * z, size, size), far);
    return (dpk_vec)((dpk_ivec)found | sign);
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
    map(arguments, part, n_parts, dpk_logistic);
    return 0;
}
