/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizer steps: all of a parameter's numbers are read and written once. Each operation is one of
 * NumPy's, rounded as it is there, so both give the same bytes. */
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
            velocity[i] = velocity[i] * momentum + g;
            w[i] -= rate * (a->nesterov ? g + momentum * velocity[i] : velocity[i]);
        }
    }
    return 0;
}

int DPK(adam)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_adam *a = arguments;
    const float rate = a->rate, c1 = a->c1, c2 = a->c2, unbias = a->unbias, eps = a->eps;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict m = p->m, *restrict v = p->v;
        const float *restrict g = p->g;
        const float keep = p->decays ? a->keep : 1;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            m[i] += c1 * (g[i] - m[i]);
            v[i] += c2 * (g[i] * g[i] - v[i]);
            const float step = m[i] / (sqrtf(v[i]) * unbias + eps) * rate;
            w[i] = w[i] * keep - step;
        }
    }
    return 0;
}

int DPK(rmsprop)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_rmsprop *a = arguments;
    const float rate = a->rate, c = a->c, eps = a->eps;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict v = p->m;
        const float *restrict gradient = p->g;
        const float decay = p->decays ? a->decay : 0;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            const float g = decay != 0 ? gradient[i] + decay * w[i] : gradient[i];
            v[i] += c * (g * g - v[i]);
            w[i] -= rate * g / (sqrtf(v[i]) + eps);
        }
    }
    return 0;
}

int DPK(sign_sgd)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_sign_sgd *a = arguments;
    const float rate = a->rate, c = a->c;
    for (const dpk_parameter *p = a->parameters; p < a->parameters + a->n_parameters; p++) {
        float *restrict w = p->w, *restrict m = p->m;
        const float *restrict g = p->g;
        const float keep = p->decays ? a->keep : 1;
        const size_t end = dpk_begin(p->n, part + 1, n_parts);
        for (size_t i = dpk_begin(p->n, part, n_parts); i < end; i++) {
            m[i] += c * (g[i] - m[i]);
            const float one = m[i] > 0 ? 1 : m[i] < 0 ? -1 : m[i]; /* 0, or a NaN */
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
