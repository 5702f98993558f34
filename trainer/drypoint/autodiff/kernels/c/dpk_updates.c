/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizer updates: each number of a parameter is read and written once. Each operation is
 * rounded to float as NumPy's is, so both give equal bytes.
 *
 * An update never reads a number that it wrote: the CPU cannot forward a stored vector that lies in
 * two cache lines, and waiting for the cache would take most of the time of an update. */
#include "dpk_tasks.h"

#include <math.h>

enum { BLOCK = 1024 }; /* numbers: the sum of this many gradient terms stays in the cache */

/* Updates numbers begin .. begin + n of a parameter, whose gradient is g[0..n). */
typedef void block_step(const void *arguments, const dpk_parameter *p, const float *restrict g,
                        size_t begin, size_t n);

/* g[0..n) = the sum of numbers begin .. begin + n of all terms of a gradient. */
static void add_up(const dpk_parameter *p, float *restrict g, size_t begin, size_t n) {
    const float *first = p->g[0] + begin, *second = p->g[1] + begin;
    for (size_t i = 0; i < n; i++)
        g[i] = first[i] + second[i];
    for (size_t term = 2; term < p->n_terms; term++) {
        const float *next = p->g[term] + begin;
        for (size_t i = 0; i < n; i++)
            g[i] += next[i];
    }
}

static int each_block(block_step *step, const void *arguments, const dpk_parameter *parameters,
                      size_t n_parameters, size_t part, size_t n_parts) {
    float sum[BLOCK];
    for (const dpk_parameter *p = parameters; p < parameters + n_parameters; p++) {
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i += BLOCK) {
            const size_t n = dpk_min(BLOCK, end - i);
            if (p->n_terms > 1)
                add_up(p, sum, i, n);
            step(arguments, p, p->n_terms == 1 ? p->g[0] + i : sum, i, n);
        }
    }
    return 0;
}

static void sgd(const void *arguments, const dpk_parameter *p, const float *restrict g,
                size_t begin, size_t n) {
    const dpk_sgd *a = arguments;
    const float momentum = a->momentum, rate = a->rate, decay = p->decays ? a->decay : 0;
    float *restrict w = p->w + begin, *restrict velocity = p->m + begin;
    for (size_t i = 0; i < n; i++) {
        const float drawn = decay != 0 ? g[i] + decay * w[i] : g[i];
        const float v = velocity[i] * momentum + drawn;
        velocity[i] = v;
        w[i] -= rate * (a->nesterov ? drawn + momentum * v : v);
    }
}

static void adam(const void *arguments, const dpk_parameter *p, const float *restrict g,
                 size_t begin, size_t n) {
    const dpk_adam *a = arguments;
    const float rate = a->rate, c1 = a->c1, c2 = a->c2, unbias = a->unbias, eps = a->eps;
    const float keep = p->decays ? a->keep : 1;
    float *restrict w = p->w + begin, *restrict first = p->m + begin;
    float *restrict second = p->v + begin;
    for (size_t i = 0; i < n; i++) {
        const float m = first[i] + c1 * (g[i] - first[i]);
        const float v = second[i] + c2 * (g[i] * g[i] - second[i]);
        first[i] = m;
        second[i] = v;
        w[i] = w[i] * keep - m / (sqrtf(v) * unbias + eps) * rate;
    }
}

static void rmsprop(const void *arguments, const dpk_parameter *p, const float *restrict g,
                    size_t begin, size_t n) {
    const dpk_rmsprop *a = arguments;
    const float rate = a->rate, c = a->c, eps = a->eps, decay = p->decays ? a->decay : 0;
    float *restrict w = p->w + begin, *restrict second = p->m + begin;
    for (size_t i = 0; i < n; i++) {
        const float drawn = decay != 0 ? g[i] + decay * w[i] : g[i];
        const float v = second[i] + c * (drawn * drawn - second[i]);
        second[i] = v;
        w[i] -= rate * drawn / (sqrtf(v) + eps);
    }
}

static void sign_sgd(const void *arguments, const dpk_parameter *p, const float *restrict g,
                     size_t begin, size_t n) {
    const dpk_sign_sgd *a = arguments;
    const float rate = a->rate, c = a->c, keep = p->decays ? a->keep : 1;
    float *restrict w = p->w + begin, *restrict first = p->m + begin;
    for (size_t i = 0; i < n; i++) {
        const float m = first[i] + c * (g[i] - first[i]);
        const float one = m > 0 ? 1 : m < 0 ? -1 : m; /* 0, or a NaN */
        first[i] = m;
        w[i] = (keep != 1 ? w[i] * keep : w[i]) - rate * one;
    }
}

static void gradient_sum(const void *arguments, const dpk_parameter *p, const float *restrict g,
                         size_t begin, size_t n) {
    float *restrict w = p->w + begin;
    (void)arguments;
    for (size_t i = 0; i < n; i++)
        w[i] = g[i];
}

#define STEP(name)                                                                                 \
    int DPK(name)(const void *arguments, size_t part, size_t n_parts) {                            \
        const dpk_##name *a = arguments;                                                           \
        return each_block(name, a, a->parameters, a->n_parameters, part, n_parts);                 \
    }

STEP(sgd)
STEP(adam)
STEP(rmsprop)
STEP(sign_sgd)
STEP(gradient_sum)

int DPK(average)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_average *a = arguments;
    const float factor = a->factor;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict m = p->m;
        const float *restrict w = p->w;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++)
            m[i] = factor == 1 ? w[i] : m[i] + factor * (w[i] - m[i]);
    }
    return 0;
}
