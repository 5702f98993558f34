/* SPDX-License-Identifier: Apache-2.0 */
/* e^x and the logistic function, a vector at a time.
 *
 * The coefficients are from Chebyshev interpolations of these functions, rounded to float:
 * (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, within 1.1e-8 of e^r. A float's half unit in the last
 * place is 3e-8 to 6e-8. */
#ifndef DPK_EXPONENTIAL_H
#define DPK_EXPONENTIAL_H

#include "dpk_vector.h"

/* e^x for x <= 0: 2^n e^r, where n is the integer next to x / ln 2. Below -87.3, where it is no
 * normal number, 0; of a NaN a NaN. */
DPK_INLINE dpk_vec dpk_exponential(dpk_vec x) {
    const dpk_vec round =
        dpk_all(12582912.0F); /* 1.5 * 2^23: what is added to it loses its fraction */
    const dpk_ivec none = x < -87.3F;
    const dpk_vec within = dpk_select(none, (dpk_vec){0}, x);
    const dpk_vec shifted = dpk_fma(within, dpk_all(1.44269504F), round);
    const dpk_vec n = shifted - round;
    /* ln 2 in two parts; n times the first one, of nine bits, is exact. */
    const dpk_vec r =
        dpk_fma(n, dpk_all(2.12194440e-4F), dpk_fma(n, dpk_all(-0.693359375F), within));
    dpk_vec q = dpk_fma(dpk_all(0x1.6d4926p-10F), r, dpk_all(0x1.121072p-7F));
    q = dpk_fma(q, r, dpk_all(0x1.5554e4p-5F));
    q = dpk_fma(q, r, dpk_all(0x1.5554d8p-3F));
    q = dpk_fma(q, r, dpk_all(0.5F));
    const dpk_vec e = dpk_fma(q * r, r, r) + 1;
    /* The low bits of `shifted` are n: into the exponent with it. */
    const dpk_vec scaled = (dpk_vec)((dpk_ivec)e + ((dpk_ivec)shifted << 23));
    return dpk_select(none, (dpk_vec){0}, dpk_select(x == x, scaled, x));
}

DPK_INLINE dpk_vec dpk_logistic(dpk_vec x) {
    const dpk_ivec sign = (dpk_ivec)x & INT32_MIN;
    const dpk_vec e = dpk_exponential((dpk_vec)((dpk_ivec)x | INT32_MIN));
    return dpk_select(sign < 0, e, dpk_all(1)) / (1 + e);
}

#endif
