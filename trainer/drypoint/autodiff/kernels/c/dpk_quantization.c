/* SPDX-License-Identifier: Apache-2.0 */
/* Training in a program's integers: codes of weights, and requantization. A channel is a row in
 * memory; one part computes it. numpy/quantization.py is the reference. */
#include "dpk_tasks.h"

#include <math.h>

#define NEAREST 12582912.0f /* 1.5 * 2^23: x + NEAREST - NEAREST rounds, halves to even */

DPK_INLINE dpk_vec clamped(dpk_vec x, float low, float high) {
    const dpk_vec least = dpk_all(low), most = dpk_all(high);
    x = dpk_select(x < least, least, x);
    return dpk_select(x > most, most, x);
}

/* The codes of DPK_LANES weights. */
DPK_INLINE dpk_vec coded(dpk_vec scaled, float largest) {
    return clamped(scaled, -largest, largest) + NEAREST - NEAREST;
}

static float inverse_of(const dpk_weight_codes *a, size_t row) {
    return 1 / (a->ratio[row] * a->unit[row]);
}

int DPK(weight_codes)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_weight_codes *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *w = a->w + row * n, inverse = inverse_of(a, row), largest = a->largest;
        float *y = a->y + row * n;
        size_t i = 0;
        for (; i + DPK_LANES <= n; i += DPK_LANES)
            dpk_store(y + i, coded(dpk_load(w + i) * inverse, largest));
        for (; i < n; i++)
            y[i] = coded(dpk_all(w[i] * inverse), largest)[0];
    }
    return 0;
}

int DPK(weight_codes_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_weight_codes *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *w = a->w + row * n, *g = a->g + row * n, inverse = inverse_of(a, row);
        const float largest = a->largest;
        float *y = a->y + row * n, rest = 0;
        dpk_vec total = {0};
        size_t i = 0;
        for (; i + DPK_LANES <= n; i += DPK_LANES) {
            const dpk_vec scaled = dpk_load(w + i) * inverse, gradient = dpk_load(g + i);
            const dpk_vec code = coded(scaled, largest);
            const dpk_ivec above = scaled >= -largest, below = scaled <= largest;
            const dpk_ivec inside = above & below;
            dpk_store(y + i, dpk_select(inside, gradient * inverse, dpk_all(0)));
            total += gradient * dpk_select(inside, code - scaled, code);
        }
        for (; i < n; i++) {
            const float scaled = w[i] * inverse, code = coded(dpk_all(scaled), largest)[0];
            const int inside = scaled >= -largest && scaled <= largest;
            y[i] = inside ? g[i] * inverse : 0;
            rest += g[i] * (inside ? code - scaled : code);
        }
        a->ratio_gradient[row] = (dpk_sum(total) + rest) / a->ratio[row];
    }
    return 0;
}

/* The integers of a requantization, as NUMERICS.md has them. */
typedef struct {
    double out_step;
    int shift;
} integers;

static double unit_of(const dpk_requantize *a, size_t row) {
    const float in_step = a->in_ratio[0] * a->in_unit, step = a->ratio[row] * a->unit[row];
    return (double)in_step * (double)step;
}

static double mult_of(double factor, int shift) {
    const double mult = 2 * rint(ldexp(factor, 31 - shift));
    return mult < 2 ? 2 : mult;
}

static integers integers_of(const dpk_requantize *a) {
    double largest = 0;
    for (size_t row = 0; row < a->n_rows; row++) {
        const double unit = unit_of(a, row);
        largest = unit > largest ? unit : largest;
    }
    const float out_step = a->wide ? 0 : a->out_ratio[0] * a->out_unit;
    integers result = {a->wide ? 4 * largest : (double)out_step, 0};
    while (result.shift < 30 && mult_of(largest / result.out_step, result.shift) > 2147483646.0)
        result.shift++;
    return result;
}

/* y = the real value of (acc * 2^shift * mult + 2^31) >> 32. */
static void requantize_wide(const float *x, float *y, size_t n, double bias, double mult,
                            integers of) {
    for (size_t i = 0; i < n; i++) {
        const double sum = (double)x[i] + bias;
        if (!(fabs(sum) < 2147483648.0)) { /* not a number, as where training diverged */
            y[i] = NAN;
            continue;
        }
        const int64_t acc = (int64_t)sum * ((int64_t)1 << of.shift);
        const int64_t shifted = acc * (int64_t)mult + ((int64_t)1 << 31);
        const int64_t code = (shifted - (shifted & 0xffffffff)) / ((int64_t)1 << 32);
        y[i] = (float)((double)code * of.out_step);
    }
}

int DPK(requantize)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_requantize *a = arguments;
    const integers of = integers_of(a);
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *restrict x = a->x + row * n;
        float *restrict y = a->y + row * n;
        const double unit = unit_of(a, row), bias = rint((double)a->bias[row] / unit);
        const double mult = mult_of(unit / of.out_step, of.shift);
        if (a->wide) {
            requantize_wide(x, y, n, bias, mult, of);
            continue;
        }
        /* Exact: a result within the clamp is a multiple of 2^-32 below 2^9. */
        const double factor = ldexp(mult, of.shift - 32);
        const double low = (double)a->low, high = (double)a->high + 0.5;
        for (size_t i = 0; i < n; i++) {
            double v = ((double)x[i] + bias) * factor + 0.5;
            v = v < low ? low : v;
            v = v > high ? high : v;
            /* Rounded down, as the sum is not negative; what is not a number stays so. */
            const int32_t code = (int32_t)((v == v ? v : 0) + 256) - 256;
            y[i] = v == v ? (float)code : (float)v;
        }
    }
    return 0;
}

int DPK(requantize_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_requantize *a = arguments;
    const integers of = integers_of(a);
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    const float infinity = 3.402823466e38f;
    const float low = a->wide ? -infinity : a->low, high = a->wide ? infinity : a->high;
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *x = a->x + row * n, *g = a->g + row * n, *value = a->value + row * n;
        float *y = a->y + row * n;
        const double unit = unit_of(a, row);
        const float bias = (float)rint((double)a->bias[row] / unit);
        const float factor = (float)(unit / of.out_step);
        const float passed = a->wide ? (float)unit : factor;
        dpk_vec sum = {0}, terms = {0};
        float rest_sum = 0, rest_terms = 0;
        size_t i = 0;
        for (; i + DPK_LANES <= n; i += DPK_LANES) {
            const dpk_vec real = (dpk_load(x + i) + bias) * factor, gradient = dpk_load(g + i);
            const dpk_ivec above = real >= low, below = real <= high, inside = above & below;
            const dpk_vec kept = dpk_select(inside, gradient, dpk_all(0)),
                          code = dpk_load(value + i);
            dpk_store(y + i, kept * passed);
            sum += kept;
            terms += gradient * dpk_select(inside, code - real, code);
        }
        for (; i < n; i++) {
            const float real = (x[i] + bias) * factor;
            const int inside = real >= low && real <= high;
            y[i] = inside ? g[i] * passed : 0;
            rest_sum += inside ? g[i] : 0;
            rest_terms += g[i] * (inside ? value[i] - real : value[i]);
        }
        const float total = dpk_sum(sum) + rest_sum;
        a->bias_gradient[row] = a->wide ? total : total / (float)of.out_step;
        a->terms[row] = a->wide ? 0 : (dpk_sum(terms) + rest_terms) / a->out_ratio[0];
    }
    return 0;
}
