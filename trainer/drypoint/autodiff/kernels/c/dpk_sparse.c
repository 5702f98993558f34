/* SPDX-License-Identifier: Apache-2.0 */
/* See dpk_sparse.h.
 *
 * The lanes of vectors are columns. A row of the sparse factor is a list of its nonzeros. Each
 * entry is multiplied with up to MOST vectors of a row of the dense factor, and added to as many
 * sums in registers. So each multiplication has a load, where `product` has one load for DPK_Q of
 * them: the dense factor must be in the first-level cache. Therefore the terms are cut into blocks.
 * A panel of a block fits into this cache, and all rows use it one after the other; their sums are
 * in memory between two blocks.
 *
 * The dense factor is mostly a weight, larger than the caches of a core. A block of it is many
 * short runs of numbers, which no CPU prefetches. So each row prefetches some lines of the next
 * block, and of the results. */
#include "dpk_sparse.h"
#include "dpk_threads.h"

enum {
    MOST = 10,        /* vectors of sums: 48 terms of them make up a panel */
    PANEL = 31 << 10, /* bytes of a block, in a cache of 32 KiB */
    LINE = 16,        /* numbers of a cache line */
    ROWS_AHEAD = 8    /* about a microsecond */
};

/* The scratch memory of a part. */
typedef struct {
    float *values;      /* of all entries, row by row */
    int32_t *positions; /* of all entries: where the term lies in the block's panel */
    size_t *begins;     /* [n_rows][n_blocks] and the end: the first entry of a block of terms */
    float *panel, *start, *sums;
    size_t block, n_blocks; /* terms in a block, a multiple of DPK_LANES; how many of these */
    size_t stride;          /* of a panel */
} dpk_lists;

/* Runs of numbers to prefetch, `stride` apart. */
typedef struct {
    const float *first;
    ptrdiff_t stride;
    size_t n, length;
} dpk_runs;

/* The sums of all rows over a block of terms: sums = before + the sums of the block. */
typedef struct {
    const float *before; /* before_row floats apart; 0: all rows begin with the same */
    float *sums;         /* sums_row floats apart */
    size_t before_row, sums_row;
    dpk_runs next; /* what is packed after it */
} dpk_adding;

/* sums = before + the sum over entries of value * the panel at its position; P vectors each. */
DPK_INLINE void add_entries(const float *values, const int32_t *positions, size_t n,
                            const float *panel, const float *before, float *sums, const int P) {
    dpk_vec sum[MOST];
#pragma GCC unroll 16
    for (int p = 0; p < P; p++)
        sum[p] = dpk_load(before + p * DPK_LANES);
    for (size_t k = 0; k < n; k++) {
        const float *x = panel + positions[k];
        const dpk_vec value = dpk_all(values[k]);
#pragma GCC unroll 16
        for (int p = 0; p < P; p++)
            sum[p] = dpk_fma(value, dpk_load(x + p * DPK_LANES), sum[p]);
    }
#pragma GCC unroll 16
    for (int p = 0; p < P; p++)
        dpk_store(sums + p * DPK_LANES, sum[p]);
}

/* Prefetches runs begin .. end - 1, if they exist. */
DPK_INLINE void fetch(const dpk_runs *runs, size_t begin, size_t end) {
    for (size_t i = begin; i < dpk_min(end, runs->n); i++)
        for (size_t j = 0; j < runs->length; j += LINE)
            __builtin_prefetch(runs->first + (ptrdiff_t)i * runs->stride + j, 0, 2);
}

DPK_INLINE void add_block(const dpk_lists *l, size_t b, size_t n_rows, const dpk_adding *a,
                          const int P) {
    const size_t runs = dpk_groups(a->next.n, n_rows), sums_row = a->sums_row;
    for (size_t i = 0; i < n_rows; i++) {
        const size_t *begin = l->begins + i * l->n_blocks + b;
        float *sums = a->sums + i * sums_row;
        fetch(&a->next, i * runs, (i + 1) * runs);
        for (int p = 0; b == 0 && i + ROWS_AHEAD < n_rows && p < P; p++)
            __builtin_prefetch(sums + ROWS_AHEAD * sums_row + p * DPK_LANES, 1, 2);
        add_entries(l->values + begin[0], l->positions + begin[0], begin[1] - begin[0], l->panel,
                    a->before + i * a->before_row, sums, P);
    }
}

/* A function for each size, so that the sums are registers. */
static void add(const dpk_lists *l, size_t b, size_t n_rows, const dpk_adding *a, size_t p) {
#define CASE(P)                                                                                    \
    case P:                                                                                        \
        add_block(l, b, n_rows, a, P);                                                             \
        break
    switch (p) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
    }
#undef CASE
}

/* Makes the lists of rows first .. first + n_rows - 1; l->sums is scratch memory. */
static void list_rows(const dpk_sparse *s, size_t first, size_t n_rows, dpk_lists *l) {
    const size_t width = DPK_LANES * dpk_groups(s->n_terms, DPK_LANES);
    dpk_ivec lane = {0};
    for (int i = 0; i < DPK_LANES; i++)
        lane[i] = i * (int32_t)l->stride;
    size_t count = 0, *begin = l->begins;
    for (size_t i = 0; i < n_rows; i++) {
        float *row = l->sums + i % DPK_LANES * width;
        if (i % DPK_LANES == 0) {
            dpk_matrix x = s->sparse;
            x.data += (ptrdiff_t)(first + i) * x.row;
            DPK(copy_matrix_padded)(x, dpk_min(DPK_LANES, n_rows - i), s->n_terms, row, width);
        }
        for (size_t t = 0; t < width; t += DPK_LANES) {
            if (t % l->block == 0)
                *begin++ = count;
            const dpk_vec v = dpk_load(row + t);
            count += dpk_append(v != 0, lane + (int32_t)(t % l->block * l->stride),
                                l->positions + count, v, l->values + count);
        }
    }
    *begin = count;
}

/* The dense factor from a block's first term and a column on. */
static dpk_matrix dense_at(const dpk_sparse *s, const dpk_lists *l, size_t b, size_t column) {
    dpk_matrix x = s->dense;
    x.data += (ptrdiff_t)(b * l->block) * x.row + (ptrdiff_t)column * x.column;
    return x;
}

static size_t terms_of(const dpk_sparse *s, const dpk_lists *l, size_t b) {
    return dpk_min(l->block, s->n_terms - b * l->block);
}

/* The block that is packed after block b: the next one, or the first one of the next columns. */
static dpk_runs after(const dpk_sparse *s, const dpk_lists *l, size_t b, size_t first,
                      size_t n_columns) {
    const int ends = b + 1 == l->n_blocks;
    const size_t column = ends ? first + n_columns : first, next = ends ? 0 : b + 1;
    const size_t n_terms = terms_of(s, l, next), n = dpk_min(n_columns, s->n_columns - column);
    const dpk_matrix x = dense_at(s, l, next, column);
    if (x.column == 1)
        return (dpk_runs){x.data, x.row, n ? n_terms : 0, n};
    return (dpk_runs){x.data, x.column, n, n_terms};
}

/* Computes columns first .. first + n_columns - 1, p vectors, of n_rows rows with lists. */
static void multiply(const dpk_sparse *s, const dpk_lists *l, size_t row, size_t n_rows,
                     size_t first, size_t n_columns, size_t p) {
    const size_t width = p * DPK_LANES;
    float *y = s->y + row * s->y_row + first * s->y_column;
    const int in_place = s->y_column == 1 && n_columns == width && !s->relu;
    float *sums = in_place ? y : l->sums;
    const size_t sums_row = in_place ? s->y_row : width;
    for (size_t j = 0; j < width; j++)
        l->start[j] = s->bias && j < n_columns ? s->bias[first + j] : 0;
    dpk_adding a = {.before = l->start, .sums = sums, .sums_row = sums_row};
    for (size_t b = 0; b < l->n_blocks; b++) {
        DPK(copy_matrix_padded)(dense_at(s, l, b, first), terms_of(s, l, b), n_columns, l->panel,
                                l->stride);
        a.next = after(s, l, b, first, n_columns);
        add(l, b, n_rows, &a, p);
        a.before = sums;
        a.before_row = sums_row;
    }
    if (s->relu)
        for (size_t i = 0; i < n_rows * width; i++)
            sums[i] = sums[i] <= 0 ? 0 : sums[i];
    if (s->y_column == 1 && !in_place)
        DPK(copy_matrix)((dpk_matrix){sums, (ptrdiff_t)width, 1}, n_rows, n_columns, y, s->y_row);
    else if (!in_place)
        DPK(copy_matrix)((dpk_matrix){sums, 1, (ptrdiff_t)width}, n_columns, n_rows, y,
                         s->y_column);
}

/* The largest divisor of n that is at most `most`, or 1. */
static size_t divisor(size_t n, size_t most) {
    while (most > 1 && n % most)
        most--;
    return dpk_max(1, most);
}

/* The number of parts of the columns; the rows are cut into the other parts. Parts of equal rows
 * make equal lists, parts of equal columns pack equal numbers: the cheaper cut comes first, as long
 * as each part is large enough to pay. */
static size_t parts_across(const dpk_sparse *s, size_t n_parts) {
    if (8 * s->n_rows > dpk_packing(s) * s->n_columns)
        return n_parts / divisor(n_parts, dpk_min(n_parts, s->n_rows / DPK_LEAST_ROWS));
    return divisor(n_parts, dpk_min(n_parts, s->n_columns / (DPK_LEAST_VECTORS * DPK_LANES)));
}

int DPK(sparse_product)(const dpk_sparse *s, size_t part, size_t n_parts) {
    const size_t n_vectors = dpk_groups(s->n_columns, DPK_LANES);
    const size_t across = parts_across(s, n_parts);
    const size_t left = dpk_begin(n_vectors, part % across, across);
    const size_t right = dpk_begin(n_vectors, part % across + 1, across);
    const size_t top = dpk_begin(s->n_rows, part / across, n_parts / across);
    const size_t bottom = dpk_begin(s->n_rows, part / across + 1, n_parts / across);
    const size_t n_panels = dpk_groups(right - left, MOST);
    if (n_panels == 0 || top == bottom)
        return 0;
    dpk_lists l = {.stride = DPK_LANES * dpk_groups(right - left, n_panels)};
    l.block = DPK_LANES * dpk_max(1, PANEL / (sizeof(float) * DPK_LANES * l.stride));
    l.n_blocks = dpk_groups(s->n_terms, l.block);
    const size_t padded = DPK_LANES * dpk_groups(s->n_terms, DPK_LANES);
    const size_t n_passes = dpk_passes(s, bottom - top);
    const size_t n_rows = dpk_groups(bottom - top, n_passes);
    const size_t n_entries = n_rows * padded + DPK_LANES;
    const size_t n_sums = dpk_max(n_rows * l.stride, DPK_LANES * padded);
    const size_t n_floats = l.block * l.stride + l.stride + n_sums + 2 * n_entries;
    l.panel = dpk_scratch(n_floats + 2 * (n_rows * l.n_blocks + 2));
    if (l.panel == NULL)
        return 1;
    l.start = l.panel + l.block * l.stride;
    l.sums = l.start + l.stride;
    l.values = l.sums + n_sums;
    void *positions = l.values + n_entries, *begins = l.panel + n_floats + n_floats % 2;
    l.positions = positions;
    l.begins = begins;
    for (size_t pass = 0; pass < n_passes; pass++) {
        const size_t row = top + dpk_begin(bottom - top, pass, n_passes);
        const size_t count = top + dpk_begin(bottom - top, pass + 1, n_passes) - row;
        list_rows(s, row, count, &l);
        for (size_t k = 0; k < n_panels; k++) {
            const size_t begin = left + dpk_begin(right - left, k, n_panels);
            const size_t p = left + dpk_begin(right - left, k + 1, n_panels) - begin;
            const size_t first = begin * DPK_LANES;
            multiply(s, &l, row, count, first, dpk_min(p * DPK_LANES, s->n_columns - first), p);
        }
    }
    return 0;
}
