/* SPDX-License-Identifier: Apache-2.0 */
/* The second part of mutants.h: whole blobs of ops that fit each other, with a memory plan, labels
 * and meta. */
#ifndef REBUILDS_H
#define REBUILDS_H

#include "checks.h"
#include "mutants.h"

/* Rows of the outputs: whether an op is fused, and how many rows it keeps or computes at a time.
 * Now and then what the rules forbid. */
static inline void choose_rows(mutant *m, uint32_t n_ops) {
    for (uint32_t i = 0; i < n_ops; i++) {
        put(m, record_of(i) + 1, 1, 0);
        put(m, record_of(i) + 92, 2, 0);
    }
    if (below(m, 2) == 0) {
        return;
    }
    for (uint32_t i = 0; i < n_ops; i++) {
        const size_t r = record_of(i);
        const uint32_t height = get_number(m, r + 24, 2);
        const int follows = i > 0 && is_fused(m->bytes, i - 1);
        const int fits = i + 1 < n_ops && last_reader(m->bytes, i) == i + 1 && m->bytes[r] != 2 &&
                         m->bytes[record_of(i + 1)] != 2;
        if (below(m, 60) == 0 || (fits && below(m, 3) != 0)) {
            const uint32_t reach = (uint32_t)rows_read_by(m->bytes, i + 1).reach;
            const uint32_t rows = reach + below(m, 4) - (below(m, 30) == 0);
            put(m, r + 1, 1, 2);
            put(m, r + 92, 2, rows < height ? rows : height);
        } else if (follows || (m->bytes[r] != 2 && below(m, 3) == 0)) {
            put(m, r + 92, 2, 1 + below(m, height));
        }
    }
}

/* Whether `size` bytes at `at` overlap no output before op `op` that is alive together with it. */
static inline int is_free(const mutant *m, uint32_t op, uint32_t at, uint32_t size) {
    for (uint32_t i = 0; i < op; i++) {
        const uint32_t begin = get_number(m, record_of(i) + 72, 4);
        if (!is_i32(m, i + 1) && meet(m->bytes, i, op) &&
            at < begin + (uint32_t)kept_size(m->bytes, i) && begin < at + size) {
            return 0;
        }
    }
    return 1;
}

/* The lowest place that is free for the output of op `op`, sometimes a higher one. */
static inline uint32_t find_place(mutant *m, uint32_t op) {
    const uint32_t size = (uint32_t)kept_size(m->bytes, op), gap = below(m, 8) == 0;
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i <= op; i++) { /* behind the outputs before, and at 0 */
        if (i < op && is_i32(m, i + 1)) {
            continue;
        }
        const uint32_t at =
            i == op ? gap
                    : get_number(m, record_of(i) + 72, 4) + (uint32_t)kept_size(m->bytes, i) + gap;
        if (at < best && is_free(m, op, at, size)) {
            best = at;
        }
    }
    return best;
}

/* Puts the output of op `op` over a tensor that its group reads, a few rows before it; seldom where
 * the rules forbid that. 0 where it stays. */
static inline int put_over(mutant *m, uint32_t op) {
    const uint32_t first = (uint32_t)group_first(m->bytes, op);
    const size_t reader = record_of(below(m, 3) == 0 ? op : first), r = record_of(op);
    const size_t second = below(m, 2) == 0 && reads_two(m->bytes[reader]) ? 2 : 0;
    const uint32_t number = get_number(m, reader + 4 + second, 2);
    if (number == 0 || number > op || is_i32(m, number)) {
        return 0;
    }
    const uint32_t over = get_number(m, record_of(number - 1) + 72, 4);
    const uint32_t row = (uint32_t)row_size(m->bytes, op);
    put(m, r + 1, 1, 1);
    for (uint32_t ahead = 0; ahead <= over && ahead <= 6 * row; ahead += row) {
        put(m, r + 72, 4, over - ahead);
        if (may_lie_over(m->bytes, op, number - 1) || below(m, 60) == 0) {
            return 1;
        }
    }
    put(m, r + 1, 1, 0);
    return 0;
}

/* A memory plan by the rules of NUMERICS.md section 8; now and then what the rules forbid. */
static inline void make_plan(mutant *m, uint32_t n_ops) {
    uint32_t arena = 0;
    choose_rows(m, n_ops);
    uint32_t values = 0; /* of the outputs so far */
    for (uint32_t i = 0; i < n_ops; i++) {
        if (is_i32(m, i + 1)) {
            put(m, record_of(i) + 72, 4, values);
            values += tensor_values(m, tensor_of(i + 1));
            continue;
        }
        const uint32_t lowest = find_place(m, i); /* mostly 0, which leaves no room before it */
        const uint32_t at = lowest == 0 && below(m, 3) == 0 ? below(m, 400) : lowest;
        if (is_fused(m->bytes, i) || below(m, 3) == 0 || !put_over(m, i)) {
            put(m, record_of(i) + 72, 4,
                is_free(m, i, at, (uint32_t)kept_size(m->bytes, i)) ? at : lowest);
        }
        const uint32_t end = get_number(m, record_of(i) + 72, 4) + (uint32_t)kept_size(m->bytes, i);
        arena = end > arena ? end : arena;
    }
    put(m, 16, 4, arena);
}

/* A whole blob of these ops, each made to fit what it reads. With `share` all ops name the tables
 * of op 0, which BLOB.md allows up to a limit. */
static inline void write_blob(mutant *m, const spec *specs, uint32_t n_ops, int share) {
    memset(m->bytes + 32, 0, 32);
    put(m, 24 + 6, 1, m->bytes[30] % 2);
    put(m, 24 + 7, 1, m->bytes[30] == 1 ? m->bytes[31] : 0);
    m->size = record_of(n_ops);
    for (uint32_t i = 0; i < n_ops; i++) {
        const size_t end = m->size;
        write_op(m, specs, i, n_ops);
        if (share && i > 0) {
            memcpy(m->bytes + record_of(i) + 76, m->bytes + record_of(0) + 76, 12);
            m->bytes[record_of(i) + 3] = m->bytes[record_of(0) + 3];
            m->size = end;
        }
    }
    put(m, 0, 4, 0x1A545044u);
    put(m, 4, 2, 2);
    put(m, 20, 2, n_ops);
    if (below(m, 8) == 0) { /* a softmax, of which the meta says nothing */
        put(m, 52, 4, 1 + below(m, 0x7FFFFFFF));
        put(m, 56, 1, below(m, 64));
    }
    uint32_t outputs = 0;
    int newer = 0;
    for (uint32_t i = 0; i < n_ops; i++) {
        outputs += (uint32_t)is_i32(m, i + 1);
        const uint8_t *record = m->bytes + record_of(i);
        newer |= !is_kind(record[0], 0) || !may_have_bits(record[0], 0, record[3]);
    }
    put(m, 6, 2, outputs > 1 || newer || below(m, 8) == 0 ? MINOR : 0);
    make_plan(m, n_ops);
    make_labels(m, below(m, 2) == 0 ? tensor_values(m, tensor_of(n_ops)) : 0);
    make_meta(m, n_ops);
}

static inline void put_input(mutant *m, uint32_t h, uint32_t w, uint32_t c, uint32_t type) {
    put(m, 24, 2, h);
    put(m, 26, 2, w);
    put(m, 28, 2, c);
    put(m, 30, 1, type);
    put(m, 31, 1, type == 1 && below(m, 2) == 0 ? below(m, 256) : 0);
}

/* Dense ops of the same shape that share one set of tables. */
static inline void share(mutant *m) {
    spec specs[SHARING_OPS] = {{0}};
    const uint32_t n_ops = 2 + below(m, SHARING_OPS - 1), side = 8 + below(m, 40);
    for (uint32_t i = 0; i < n_ops; i++) {
        specs[i].kind = 2;
        specs[i].channels = side;
    }
    put_input(m, 1, 1, side, 0);
    write_blob(m, specs, n_ops, 1);
}

/* Maxima of the input, about as many as may be alive together, then concatenations that read them
 * one by one. */
static inline void crowd(mutant *m) {
    spec specs[2 * CROWD] = {{0}};
    const uint32_t n = 12 + below(m, CROWD - 12);
    for (uint32_t i = 0; i < 2 * n - 1; i++) {
        specs[i].kind = i < n ? 3 : 8;
        specs[i].back[0] = i < n ? i : 0;
        specs[i].back[1] = i < n ? 0 : 2 * (i - n) + 1;
        for (size_t k = 0; k < 2; k++) {
            specs[i].kernel[k] = specs[i].stride[k] = 1;
        }
    }
    put_input(m, 1, 1 + below(m, 3), 1, 0);
    write_blob(m, specs, 2 * n - 1, 0);
}

/* Adds, removes, exchanges and reshapes ops, and maybe the input. */
static inline void rebuild(mutant *m) {
    spec specs[REBUILT_OPS + 1];
    uint32_t n_ops = clamped(get_number(m, 20, 2), 1, REBUILT_OPS);
    for (uint32_t i = 0; i < n_ops; i++) {
        specs[i] = below(m, 3) == 0 ? random_spec(m) : read_spec(m, i);
    }
    if (below(m, 3) == 0 && n_ops < REBUILT_OPS) {
        specs[n_ops++] = random_spec(m);
    } else if (below(m, 3) == 0 && n_ops > 1) {
        specs[below(m, n_ops)] = specs[n_ops - 1];
        n_ops--;
    }
    if (below(m, 3) == 0) {
        put_input(m, 1 + below(m, 20), 1 + below(m, 20), 1 + below(m, 10), below(m, 2));
    }
    write_blob(m, specs, n_ops, 0);
}

#endif
