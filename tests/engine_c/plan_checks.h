/* SPDX-License-Identifier: Apache-2.0 */
/* The second part of checks.h: check 24 of BLOB.md, from NUMERICS.md section 8. */
#ifndef PLAN_CHECKS_H
#define PLAN_CHECKS_H

#include "drypoint.h"
#include "kinds.h"

#include <stddef.h>

enum { ALIVE = 16 };

static inline uint64_t u16_at(const uint8_t *blob, size_t at) {
    return blob[at] + 256u * (uint64_t)blob[at + 1];
}

static inline uint64_t u32_at(const uint8_t *blob, size_t at) {
    return u16_at(blob, at) + 65536 * u16_at(blob, at + 2);
}

static inline int64_t i32_at(const uint8_t *blob, size_t at) {
    const int64_t value = (int64_t)u32_at(blob, at);
    return value < 2147483648 ? value : value - 4294967296;
}

static inline int same_bytes(const uint8_t *blob, size_t a, size_t b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (blob[a + i] != blob[b + i]) {
            return 0;
        }
    }
    return 1;
}

/* Where the record of an op begins, and how many values the tensor at `at` has. */
static inline size_t record_at(uint64_t op) {
    return 64 + 128 * (size_t)op;
}

static inline uint64_t values_at(const uint8_t *blob, size_t at) {
    return u16_at(blob, at) * u16_at(blob, at + 2) * u16_at(blob, at + 4);
}

/* The delay that carries the output of op `op`; no op where none does. */
static inline uint64_t delay_of(const uint8_t *blob, uint64_t op) {
    for (uint64_t i = 0; i < op; i++) {
        if (blob[record_at(i)] == DELAY && u16_at(blob, record_at(i) + 56) == op + 1) {
            return i;
        }
    }
    return op;
}

/* The last op that reads the output of op `op`, or 0. */
static inline uint64_t last_reader(const uint8_t *blob, uint64_t op) {
    uint64_t last = 0;
    if (delay_of(blob, op) < op) {
        return u16_at(blob, 20) - 1; /* carried to the next step */
    }
    for (uint64_t i = op + 1; i < u16_at(blob, 20); i++) {
        const size_t r = record_at(i);
        if (u16_at(blob, r + 4) == op + 1 ||
            (has_two_inputs(blob[r]) && u16_at(blob, r + 6) == op + 1)) {
            last = i;
        }
    }
    return last;
}

static inline int remembers(const uint8_t *blob, uint64_t op) {
    return blob[record_at(op)] == HISTORY || blob[record_at(op)] == DELAY;
}

static inline int is_history(const uint8_t *blob, uint64_t op) {
    return blob[record_at(op)] == HISTORY;
}

/* Whether the op writes an output of the program. */
static inline int is_output(const uint8_t *blob, uint64_t op) {
    return blob[record_at(op) + 30] == I32;
}

static inline int is_fused(const uint8_t *blob, uint64_t op) {
    return (blob[record_at(op) + 1] & 2) != 0;
}

static inline uint64_t rows_of(const uint8_t *blob, uint64_t op) {
    return u16_at(blob, record_at(op) + 92);
}

static inline uint64_t height_of(const uint8_t *blob, uint64_t op) {
    return u16_at(blob, record_at(op) + 24);
}

static inline uint64_t group_first(const uint8_t *blob, uint64_t op) {
    while (op > 0 && is_fused(blob, op - 1)) {
        op--;
    }
    return op;
}

static inline uint64_t group_last(const uint8_t *blob, uint64_t op) {
    while (is_fused(blob, op) && op + 1 < u16_at(blob, 20)) {
        op++;
    }
    return op;
}

/* Bytes of a row of the output, and of the rows of the output that the plan keeps. */
static inline int64_t row_size(const uint8_t *blob, uint64_t op) {
    const size_t r = record_at(op);
    return (int64_t)(u16_at(blob, r + 26) * u16_at(blob, r + 28) * bytes_of_type(blob[r + 30]));
}

static inline int64_t kept_size(const uint8_t *blob, uint64_t op) {
    const uint64_t rows = is_fused(blob, op) ? rows_of(blob, op) : height_of(blob, op);
    return row_size(blob, op) * (int64_t)rows;
}

/* S, K and P of an op. */
typedef struct rows_read {
    int64_t stride, reach, pad;
} rows_read;

static inline int64_t field_at(const uint8_t *blob, size_t at) {
    return (int64_t)u16_at(blob, at);
}

static inline rows_read rows_read_by(const uint8_t *blob, uint64_t op) {
    const size_t r = record_at(op);
    rows_read m = {1, 1, 0};
    if (is_conv(blob[r])) {
        const int64_t pool = field_at(blob, r + 52), stride = field_at(blob, r + 36);
        m.stride = stride * pool;
        m.reach = (pool - 1) * stride + (field_at(blob, r + 32) - 1) * field_at(blob, r + 40) + 1;
        m.pad = field_at(blob, r + 44);
    } else if (blob[r] == RESIZE) {
        m.reach = field_at(blob, r + 32) == 1 ? 1 : 2;
    } else if (blob[r] == SLICE) {
        m.stride = field_at(blob, r + 36);
        m.pad = -field_at(blob, r + 44);
    } else if (is_pool(blob[r])) {
        m.stride = field_at(blob, r + 36);
        m.reach = field_at(blob, r + 32);
        m.pad = field_at(blob, r + 44);
    }
    return m;
}

static inline int reads_tensor(const uint8_t *blob, uint64_t op, uint64_t number) {
    const size_t r = record_at(op);
    return u16_at(blob, r + 4) == number ||
           (has_two_inputs(blob[r]) && u16_at(blob, r + 6) == number);
}

/* Whether the second input of the op is one pixel, tensor `number`. */
static inline int reads_pixel(const uint8_t *blob, uint64_t op, uint64_t number) {
    const size_t r = record_at(op);
    return second_may_be_pixel(blob[r]) && u16_at(blob, r + 6) == number &&
           u16_at(blob, r + 16) != u16_at(blob, r + 8);
}

/* Rule 5 of NUMERICS.md section 8. */
static inline int rows_rule(const uint8_t *blob, uint64_t op) {
    const uint64_t rows = rows_of(blob, op), height = height_of(blob, op), n = u16_at(blob, 20);
    const rows_read m = rows_read_by(blob, op);
    if (rows == 0) {
        return !is_fused(blob, op);
    }
    const int grows = blob[record_at(op)] == UPSAMPLE;
    if (blob[record_at(op)] == 2 || blob[record_at(op)] == TRANSPOSE || rows > height ||
        (!grows && (m.pad >= m.reach || field_at(blob, record_at(op) + 48) >= m.reach))) {
        return 0;
    }
    if (!is_fused(blob, op)) {
        return 1;
    }
    if (is_output(blob, op) || rows_of(blob, op + 1) == 0 || !reads_tensor(blob, op + 1, op + 1) ||
        reads_pixel(blob, op + 1, op + 1)) {
        return 0;
    }
    for (uint64_t i = op + 2; i < n; i++) {
        if (reads_tensor(blob, i, op + 1)) {
            return 0;
        }
    }
    return rows == height || (int64_t)rows >= rows_read_by(blob, op + 1).reach;
}

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* n of rule 3: rows that op k has computed when op `last`, which ends its group, computes row y. */
static inline int64_t computed(const uint8_t *blob, uint64_t k, uint64_t last, int64_t y) {
    if (k == last) {
        return y;
    }
    const rows_read end = rows_read_by(blob, last);
    const int64_t ring = (int64_t)rows_of(blob, last - 1),
                  height = (int64_t)height_of(blob, last - 1);
    int64_t n = ring == height ? height : least(height, y * end.stride - end.pad + ring);
    for (uint64_t i = last - 1; i > k; i--) {
        const rows_read m = rows_read_by(blob, i);
        n = least((int64_t)height_of(blob, i - 1), (n - 1) * m.stride - m.pad + m.reach);
    }
    return n;
}

/* Rule 3 for op k, which reads the output of op `other`, at every row of the output of op `op`. */
static inline int rows_follow(const uint8_t *blob, uint64_t op, uint64_t other, uint64_t k,
                              int64_t ahead) {
    const rows_read m = rows_read_by(blob, k);
    const int64_t q = (int64_t)rows_of(blob, op);
    for (int64_t y = 0; y + q <= (int64_t)height_of(blob, op); y++) {
        const int64_t n = computed(blob, k, op, y), x = n * m.stride - m.pad;
        if (n < (int64_t)height_of(blob, k) &&
            (y + q) * row_size(blob, op) > ahead + x * row_size(blob, other)) {
            return 0;
        }
    }
    return 1;
}

/* Whether the output of op `op`, the last of its group, may lie over the output of op `other`:
 * rules 2 and 3. */
static inline int may_lie_over(const uint8_t *blob, uint64_t op, uint64_t other) {
    const size_t r = record_at(op);
    const int kind = blob[r];
    const int64_t ahead =
        (int64_t)u32_at(blob, record_at(other) + 72) - (int64_t)u32_at(blob, r + 72);
    if ((blob[r + 1] & 1) == 0 || is_fused(blob, op) || is_fused(blob, other) ||
        group_last(blob, last_reader(blob, other)) > op || ahead < 0 ||
        ahead + kept_size(blob, other) < kept_size(blob, op)) {
        return 0;
    }
    for (uint64_t k = group_first(blob, op); k <= op; k++) {
        const int in_place = k == op && may_lie_over_input(kind) && ahead == 0 &&
                             kept_size(blob, op) == kept_size(blob, other) &&
                             !reads_pixel(blob, k, other + 1);
        if (!reads_tensor(blob, k, other + 1) || in_place) {
            continue;
        }
        if (rows_of(blob, op) == 0 || reads_pixel(blob, k, other + 1)) {
            return 0;
        }
        for (uint64_t i = k; i <= op; i++) {
            if (blob[record_at(i)] == UPSAMPLE || blob[record_at(i)] == RESIZE) {
                return 0;
            }
        }
        if (!rows_follow(blob, op, other, k, ahead)) {
            return 0;
        }
    }
    return 1;
}

/* Whether the outputs of two ops, which lie in the arena, are alive together. */
static inline int meet(const uint8_t *blob, uint64_t i, uint64_t j) {
    return group_first(blob, i) <= group_last(blob, last_reader(blob, j)) &&
           group_first(blob, j) <= group_last(blob, last_reader(blob, i));
}

/* Whether the plan places the output of the op. */
static inline int is_placed(const uint8_t *blob, uint64_t op) {
    return !remembers(blob, op) && !is_output(blob, op);
}

/* Rule 6 after op `op`. */
static inline int few_alive(const uint8_t *blob, uint64_t op) {
    uint64_t alive = 0;
    for (uint64_t i = 0; i <= op; i++) {
        const uint64_t reader = last_reader(blob, i);
        const int dies_later = is_fused(blob, op) ? reader >= group_first(blob, op) : reader > op;
        alive += is_placed(blob, i) && dies_later;
    }
    return alive <= ALIVE;
}

/* The part of check 24 that is about the outputs of the program. */
static inline int outputs_check(const uint8_t *blob) {
    uint64_t values = 0;
    for (uint64_t i = 0; i < u16_at(blob, 20); i++) {
        if (is_output(blob, i)) {
            if (u32_at(blob, record_at(i) + 72) != values) {
                return 24;
            }
            values += values_at(blob, record_at(i) + 24);
        }
    }
    return values > 1u << 28 ? 24 : 0;
}

/* Check 24: rules 1 to 7 of NUMERICS.md section 8, pair by pair; they are not about histories. */
static inline int plan_check(const uint8_t *blob) {
    const uint64_t n = u16_at(blob, 20);
    int64_t arena = (int64_t)u32_at(blob, 48);
    for (uint64_t i = 0; i < n; i++) {
        if (!rows_rule(blob, i) || group_last(blob, i) - group_first(blob, i) >= ALIVE) {
            return 24;
        }
    }
    for (uint64_t j = 0; j < n; j++) {
        if (!is_placed(blob, j)) {
            if ((blob[record_at(j) + 1] & 1) != 0) {
                return 24;
            }
            continue;
        }
        const int64_t at = (int64_t)u32_at(blob, record_at(j) + 72), end = at + kept_size(blob, j);
        int taken = 0;
        for (uint64_t i = 0; i < j; i++) {
            const int64_t other = (int64_t)u32_at(blob, record_at(i) + 72);
            if (is_placed(blob, i) && meet(blob, i, j) && at < other + kept_size(blob, i) &&
                other < end) {
                if (!may_lie_over(blob, j, i)) {
                    return 24;
                }
                taken = 1;
            }
        }
        if (taken != (blob[record_at(j) + 1] & 1) || !few_alive(blob, j)) {
            return 24;
        }
        arena = end > arena ? end : arena;
    }
    return arena != (int64_t)u32_at(blob, 16) ? 24 : outputs_check(blob);
}

#endif
