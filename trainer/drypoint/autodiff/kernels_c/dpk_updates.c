/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizer steps: all of a parameter's numbers are read and written once. Each operation is one of
 * NumPy's, rounded as it is there, so both give the same bytes.
 *
 * What is written is never read back: a vector that lies in two cache lines is not handed on by the
 * store, but waited for until it is in the cache, and that is most of the time of a step. */
#include "dpk_tasks.h"

#include <math.h>

int DPK(sgd)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_sgd *a = arguments;
    const float momentum = a->momentum, rate = a->rate;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict velocity = p->m;
        const float *restrict gradient = p->g;
        const float decay = p->decays ? a->decay : 0;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            const float g = decay != 0 ? gradient[i] + decay * w[i] : gradient[i];
            const float v = velocity[i] * momentum + g;
            velocity[i] = v;
            w[i] -= rate * (a->nesterov ? g + momentum * v : v);
        }
    }
    return 0;
}

int DPK(adam)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_adam *a = arguments;
    const float rate = a->rate, c1 = a->c1, c2 = a->c2, unbias = a->unbias, eps = a->eps;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict first = p->m, *restrict second = p->v;
        const float *restrict gradient = p->g;
        const float keep = p->decays ? a->keep : 1;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            const float g = gradient[i];
            const float m = first[i] + c1 * (g - first[i]);
            const float v = second[i] + c2 * (g * g - second[i]);
            first[i] = m;
            second[i] = v;
            w[i] = w[i] * keep - m / (sqrtf(v) * unbias + eps) * rate;
        }
    }
    return 0;
}

int DPK(rmsprop)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_rmsprop *a = arguments;
    const float rate = a->rate, c = a->c, eps = a->eps;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict second = p->m;
        const float *restrict gradient = p->g;
        const float decay = p->decays ? a->decay : 0;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            const float g = decay != 0 ? gradient[i] + decay * w[i] : gradient[i];
            const float v = second[i] + c * (g * g - second[i]);
            second[i] = v;
            w[i] -= rate * g / (sqrtf(v) + eps);
        }
    }
    return 0;
}

int DPK(sign_sgd)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_sign_sgd *a = arguments;
    const float rate = a->rate, c = a->c;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict first = p->m;
        const float *restrict g = p->g;
        const float keep = p->decays ? a->keep : 1;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            const float m = first[i] + c * (g[i] - first[i]);
            const float one = m > 0 ? 1 : m < 0 ? -1 : m; /* 0, or a NaN */
            first[i] = m;
            w[i] = (keep != 1 ? w[i] * keep : w[i]) - rate * one;
        }
    }
    return 0;
}

int DPK(average)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_average *a = arguments;
    const float share = a->share;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict m = p->m;
        const float *restrict w = p->w;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++)
            m[i] = share == 1 ? w[i] : m[i] + share * (w[i] - m[i]);
    }
    return 0;
}
