/* SPDX-License-Identifier: Apache-2.0 */
/* The third part of checks.h: check 23 of BLOB.md and rule 8, from NUMERICS.md section 11. */
#ifndef STREAM_CHECKS_H
#define STREAM_CHECKS_H

#include "plan_checks.h"

enum { MOST_STEPS = 65535, MOST_HISTORIES = 128 };

/* A first step and a period. */
typedef struct steps_of {
    uint64_t first, period;
} steps_of;

/* Histories and delays. */
static inline uint64_t histories(const uint8_t *blob) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < u16_at(blob, 20); i++) {
        n += (uint64_t)remembers(blob, i);
    }
    return n;
}

/* When an op runs; `ready` has the clocks of the tensors that it reads. */
static inline steps_of runs(const uint8_t *blob, uint64_t op, const steps_of *ready) {
    const size_t r = record_at(op);
    const steps_of a = ready[u16_at(blob, r + 4)];
    if (!has_two_inputs(blob[r])) {
        return a;
    }
    const steps_of b = ready[u16_at(blob, r + 6)];
    return a.first > b.first ? a : b;
}

static inline steps_of written_by(const uint8_t *blob, uint64_t op, steps_of run) {
    const size_t r = record_at(op);
    if (is_history(blob, op)) {
        run.first += (u16_at(blob, r + 32) - u16_at(blob, r + 44) - 1) * run.period;
        run.period *= u16_at(blob, r + 36);
    }
    return run;
}

/* Fills ready[0 .. ops]; the blobs of the fuzzer and of the tests have few ops. */
static inline void fill_ready(const uint8_t *blob, steps_of *ready) {
    ready[0].first = ready[0].period = 1;
    for (uint64_t i = 0; i < u16_at(blob, 20); i++) {
        ready[i + 1] = written_by(blob, i, runs(blob, i, ready));
        if (ready[i + 1].first > MOST_STEPS || ready[i + 1].period > MOST_STEPS) {
            ready[i + 1].first = ready[i + 1].period = MOST_STEPS + 1; /* refused; no overflow */
        }
    }
}

enum { MOST_TENSORS = 1 << 16 };

static inline const steps_of *ready_of(const uint8_t *blob) {
    static steps_of ready[MOST_TENSORS + 1];
    fill_ready(blob, ready);
    return ready;
}

/* The part of check 23 that is about steps. */
static inline int clocks_check(const uint8_t *blob) {
    if (histories(blob) == 0) {
        return 0;
    }
    const steps_of *ready = ready_of(blob);
    const uint64_t n = u16_at(blob, 20);
    for (uint64_t i = 0; i < n; i++) {
        const size_t r = record_at(i);
        const steps_of run = runs(blob, i, ready);
        if (u16_at(blob, r + 92) != 0 || ready[i + 1].first > MOST_STEPS) {
            return 23;
        }
        if (is_output(blob, i) &&
            (ready[i + 1].first != ready[n].first || ready[i + 1].period != ready[n].period)) {
            return 23;
        }
        const uint64_t t = u16_at(blob, r + 56);
        if (blob[r] == DELAY && (ready[t].first != run.first || ready[t].period != run.period)) {
            return 23;
        }
        for (size_t k = 0; k < (has_two_inputs(blob[r]) ? 2u : 1u); k++) {
            const uint64_t number = u16_at(blob, r + 4 + 2 * k);
            const int lasts = number > 0 && is_history(blob, number - 1);
            if (ready[number].period != run.period ||
                (!lasts && ready[number].first != run.first)) {
                return 23;
            }
        }
    }
    return 0;
}

/* Bytes of one row of a history. */
static inline uint64_t history_row(const uint8_t *blob, uint64_t op) {
    return values_at(blob, record_at(op) + 8);
}

/* Rules 1, 3 and 4 of the delay that is op `op`. */
static inline int delay_is_bad(const uint8_t *blob, uint64_t op) {
    const size_t r = record_at(op), s = record_at(u16_at(blob, r + 56) - 1);
    const uint64_t writer = u16_at(blob, r + 56) - 1;
    int bad = blob[s] == HISTORY || blob[s] == DELAY || blob[s + 30] == I32 ||
              !same_bytes(blob, r + 24, s + 24, 8) || !same_bytes(blob, r + 72, s + 72, 4);
    for (uint64_t i = 0; i < u16_at(blob, 20); i++) {
        bad |= i != op && blob[record_at(i)] == DELAY &&
               same_bytes(blob, record_at(i) + 56, r + 56, 2);
        bad |= reads_tensor(blob, i, op + 1) && i >= writer &&
               (i > writer || !may_lie_over_input(blob[record_at(i)]));
    }
    return bad;
}

/* Bytes of the state of a history or a delay. */
static inline uint64_t state_of(const uint8_t *blob, uint64_t op) {
    const size_t r = record_at(op);
    return is_history(blob, op) ? u16_at(blob, r + 32) * history_row(blob, op)
                                : values_at(blob, r + 24) * bytes_of_type(blob[r + 30]);
}

/* The part of check 23 that is about the state. */
static inline int state_check(const uint8_t *blob) {
    uint64_t size = 2 * u16_at(blob, 20);
    if (histories(blob) > MOST_HISTORIES) {
        return 23;
    }
    for (uint64_t i = 0; i < u16_at(blob, 20); i++) {
        if (remembers(blob, i)) {
            if (u32_at(blob, record_at(i) + 72) != size) {
                return 23;
            }
            size += state_of(blob, i);
        }
        if ((!is_history(blob, i) && remembers(blob, i) && delay_is_bad(blob, i)) ||
            (blob[record_at(i) + 30] == I16 && histories(blob) == 0)) {
            return 23;
        }
    }
    return u32_at(blob, 48) != (histories(blob) > 0 ? size : 0) ? 23 : 0;
}

/* Whether every reader of a history runs first when the history's rows are ready. */
static inline int is_lent(const uint8_t *blob, uint64_t op, const steps_of *ready) {
    for (uint64_t i = 0; i < u16_at(blob, 20); i++) {
        if (reads_tensor(blob, i, op + 1) && runs(blob, i, ready).first != ready[op + 1].first) {
            return 0;
        }
    }
    return 1;
}

/* Rule 8, byte by byte of the output: each lies behind the state, or in the oldest row of a history
 * at a time when that is free. */
static inline int lent_check(const uint8_t *blob) {
    const uint64_t n = u16_at(blob, 20), state = u32_at(blob, 48);
    if (state == 0) {
        return 0;
    }
    const steps_of *ready = ready_of(blob);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t begin = u32_at(blob, record_at(i) + 72);
        const uint64_t end = begin + (uint64_t)kept_size(blob, i), own = delay_of(blob, i);
        for (uint64_t byte = begin; is_placed(blob, i) && byte < end && byte < state; byte++) {
            int free = own < i && begin == u32_at(blob, record_at(own) + 72);
            for (uint64_t h = 0; h < n; h++) {
                const uint64_t at = u32_at(blob, record_at(h) + 72);
                free |= is_history(blob, h) && byte >= at && byte < at + history_row(blob, h) &&
                        (last_reader(blob, i) < h || last_reader(blob, h) < i) &&
                        is_lent(blob, h, ready);
            }
            if (!free) {
                return 24;
            }
        }
    }
    return 0;
}

#endif
