/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout: a hash of a key and the place of an element decides whether the element stays. So the
 * backward pass needs no mask, and a compiled step needs only another key. */
#include "dpk_tasks.h"

/* A hash of a place: Fibonacci hashing, then the finisher of MurmurHash3, after which a bit of
 * place or key changes each bit of the result with a probability of a half. For each pair of keys
 * it is a permutation of the 2^32 numbers. */
DPK_INLINE uint32_t hashed(uint32_t place, const uint32_t *key) {
    uint32_t h = place * 0x9E3779B1U + key[0];
    h ^= h >> 15 ^ key[1];
    h = (h ^ h >> 16) * 0x85EBCA6BU;
    h = (h ^ h >> 13) * 0xC2B2AE35U;
    return h ^ h >> 16;
}

/* Computes elements begin .. begin + n - 1 in memory, whose places are first, first + step, ... */
DPK_INLINE void drop(const dpk_dropout *a, size_t begin, size_t n, uint32_t first, uint32_t step) {
    const uint32_t key[2] = {a->key[0], a->key[1]}, threshold = a->threshold;
    const float *restrict x = a->x + begin;
    float *restrict y = a->y + begin;
    const float scale = a->scale;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * (hashed(first + (uint32_t)i * step, key) >> 8 >= threshold ? scale : 0);
}

/* A part is some examples, or some elements of each example if the examples are the lanes. */
int DPK(dropout)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_dropout *a = arguments;
    if (a->lanes) {
        const size_t end = dpk_begin(a->size, part + 1, n_parts);
        for (size_t j = dpk_begin(a->size, part, n_parts); j < end; j++)
            drop(a, j * a->n, a->n, (uint32_t)j, (uint32_t)a->size);
    } else {
        const size_t all = a->n * a->size, begin = dpk_begin(all, part, n_parts);
        drop(a, begin, dpk_begin(all, part + 1, n_parts) - begin, (uint32_t)begin, 1);
    }
    return 0;
}
