/* SPDX-License-Identifier: Apache-2.0 */
/* The third part of mutants.h: fields, tables, offsets and labels of a blob damaged one by one. */
#ifndef DAMAGES_H
#define DAMAGES_H

#include "rebuilds.h"

/* A number for a field that holds `old`: an end of a range, a neighbour, one bit, anything. */
static inline uint32_t other_value(mutant *m, uint32_t old, size_t width) {
    static const uint32_t ends[] = {0,   1,   2,   3,     30,          31,          127,
                                    128, 255, 256, 65535, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu};
    switch (below(m, 5)) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return old ^ 1u << below(m, 8 * (uint32_t)width);
    case 3:
        return ends[below(m, sizeof ends / sizeof ends[0])];
    default:
        return below(m, 0x7FFFFFFF);
    }
}

typedef struct field {
    uint8_t at, width;
} field;

static inline void damage_field(mutant *m, size_t from, const field *fields, size_t count) {
    const field f = fields[below(m, (uint32_t)count)];
    put(m, from + f.at, f.width, other_value(m, get_number(m, from + f.at, f.width), f.width));
}

static inline void damage_header(mutant *m) {
    static const field fields[] = {{0, 4},  {4, 2},  {6, 2},  {16, 4}, {20, 2}, {22, 2}, {24, 2},
                                   {26, 2}, {28, 2}, {30, 1}, {31, 1}, {32, 4}, {36, 4}, {40, 4},
                                   {44, 4}, {48, 4}, {52, 4}, {56, 1}, {57, 3}, {60, 4}};
    damage_field(m, 0, fields, sizeof fields / sizeof fields[0]);
}

static inline size_t any_record(mutant *m) {
    return record_of(below(m, clamped(get_number(m, 20, 2), 1, MAX_OPS)));
}

static inline void damage_op(mutant *m) {
    static const field fields[] = {
        {0, 1},  {1, 1},  {2, 1},  {3, 1},  {4, 2},  {6, 2},  {8, 2},   {10, 2}, {12, 2}, {14, 1},
        {15, 1}, {16, 2}, {18, 2}, {20, 2}, {22, 1}, {23, 1}, {24, 2},  {26, 2}, {28, 2}, {30, 1},
        {31, 1}, {32, 2}, {34, 2}, {36, 2}, {38, 2}, {40, 2}, {42, 2},  {44, 2}, {46, 2}, {48, 2},
        {50, 2}, {52, 2}, {54, 2}, {56, 2}, {58, 2}, {60, 4}, {64, 4},  {68, 2}, {70, 2}, {72, 4},
        {76, 4}, {80, 4}, {84, 4}, {88, 4}, {92, 4}, {96, 4}, {108, 4}, {124, 4}};
    damage_field(m, any_record(m), fields, sizeof fields / sizeof fields[0]);
}

/* Changes a tensor in the op that writes the tensor and in every op that reads the tensor: their
 * descriptors stay equal, so that later checks are reached. */
static inline void damage_tensor(mutant *m) {
    const uint32_t n_ops = clamped(get_number(m, 20, 2), 1, MAX_OPS), number = below(m, n_ops);
    const size_t part = below(m, 5), at = part < 3 ? 2 * part : part + 3, width = part < 3 ? 2 : 1;
    const size_t writer = tensor_of(number) + at;
    const uint32_t value = part == 3 ? get_number(m, writer, 1) ^ 1
                                     : other_value(m, get_number(m, writer, width), width);
    put(m, writer, width, value);
    for (uint32_t i = number; i < n_ops; i++) {
        for (size_t k = 0; k < (reads_two(m->bytes[record_of(i)]) ? 2u : 1u); k++) {
            if (get_number(m, record_of(i) + 4 + 2 * k, 2) == number) {
                put(m, record_of(i) + 8 + 8 * k + at, width, value);
            }
        }
    }
}

/* Another tensor of the same descriptor, before the one that the op reads or behind it. */
static inline void damage_reads(mutant *m) {
    const uint32_t n_ops = clamped(get_number(m, 20, 2), 1, MAX_OPS);
    const size_t r = any_record(m), k = below(m, 2);
    for (uint32_t tries = 0; tries < 8; tries++) {
        const uint32_t number = below(m, n_ops);
        if (memcmp(m->bytes + tensor_of(number), m->bytes + r + 8 + 8 * k, 8) == 0) {
            put(m, r + 4 + 2 * k, 2, number);
            return;
        }
    }
}

/* The place of an output, or its mark: where another output lies, one byte beside it, elsewhere. */
static inline void damage_plan(mutant *m) {
    const size_t r = any_record(m), other = any_record(m);
    const uint32_t first = get_number(m, r + 4, 2);
    switch (below(m, 6)) {
    case 0:
        put(m, r + 72, 4, get_number(m, other + 72, 4));
        break;
    case 1:
        put(m, r + 72, 4, get_number(m, other + 72, 4) + tensor_values(m, other + 24) - 1);
        break;
    case 2:
        put(m, r + 72, 4, get_number(m, r + 72, 4) + below(m, 3) - 1);
        break;
    case 3:
        put(m, r + 1, 1, m->bytes[r + 1] ^ 1u);
        break;
    default: /* in place of the first input, whatever reads that */
        put(m, r + 1, 1, 1);
        put(m, r + 72, 4, first == 0 ? 0 : get_number(m, tensor_of(first) + 48, 4));
    }
    if (below(m, 2) == 0) { /* the arena that this plan needs */
        uint32_t arena = 0;
        for (uint32_t i = 0; i < clamped(get_number(m, 20, 2), 1, MAX_OPS); i++) {
            const size_t one = record_of(i);
            const uint32_t end = get_number(m, one + 72, 4) + tensor_values(m, one + 24);
            arena = end > arena && !is_i32(m, i + 1) ? end : arena;
        }
        put(m, 16, 4, arena);
    }
}

static inline void damage_table(mutant *m) {
    static const uint32_t values[] = {0,           1,           2,           3,
                                      0x7FFFFFFFu, 0x7FFFFFFEu, 0x80000000u, 0xFFFFFFFFu};
    const size_t r = any_record(m), which = below(m, 3),
                 table = get_number(m, r + 76 + 4 * which, 4);
    if (table == 0 || table >= MUTANT_SIZE) {
        return;
    }
    if (which == 0) {
        put(m, table + below(m, 64), 1, below(m, 2) == 0 ? 0x80 : below(m, 256));
    } else {
        put(m, table + 4 * (size_t)below(m, 4), 4, values[below(m, 8)]);
    }
}

/* A table elsewhere: at the end, just beyond it, where another one is, anywhere. */
static inline void move_table(mutant *m) {
    const size_t r = any_record(m), at = r + 76 + 4 * (size_t)below(m, 4);
    const uint32_t end = (uint32_t)m->size;
    switch (below(m, 4)) {
    case 0:
        put(m, at, 4, end - 4 * get_number(m, r + 28, 2) + below(m, 2));
        break;
    case 1:
        put(m, at, 4, get_number(m, any_record(m) + 76 + 4 * (size_t)below(m, 4), 4));
        break;
    case 2:
        put(m, at, 4, below(m, end + 1));
        break;
    default:
        put(m, at, 4, get_number(m, at, 4) + below(m, 9) - 4);
    }
}

static inline void damage_labels(mutant *m) {
    const size_t at = get_number(m, 32, 4), size = get_number(m, 36, 4);
    if (size > 0 && at + size <= m->size) {
        put(m, at + below(m, (uint32_t)size), 1, below(m, 2) == 0 ? 0 : 65);
    } else {
        const uint32_t n_ops = clamped(get_number(m, 20, 2), 1, MAX_OPS);
        put(m, 22, 2, tensor_values(m, tensor_of(n_ops)));
    }
}

static inline void exchange_ops(mutant *m) {
    uint8_t record[128];
    const size_t a = any_record(m), b = any_record(m);
    memcpy(record, m->bytes + a, sizeof record);
    memmove(m->bytes + a, m->bytes + b, sizeof record);
    memcpy(m->bytes + b, record, sizeof record);
}

static inline void damage(mutant *m) {
    switch (below(m, 16)) {
    case 0:
    case 1:
        damage_header(m);
        break;
    case 2:
    case 3:
    case 4:
        damage_op(m);
        break;
    case 5:
    case 6:
        damage_tensor(m);
        break;
    case 7:
        damage_reads(m);
        break;
    case 8:
    case 9:
        damage_plan(m);
        break;
    case 10:
    case 11:
        damage_table(m);
        break;
    case 12:
        move_table(m);
        break;
    case 13:
        damage_labels(m);
        break;
    case 14:
        exchange_ops(m);
        break;
    default:
        m->size = below(m, 4) == 0 ? below(m, (uint32_t)m->size + 1) : m->size + below(m, 9) - 4;
    }
}

/* Mutant `number` of a blob. Size and CRC are repaired in nearly all, so that later checks are
 * reached. */
static inline void make_mutant(mutant *m, const uint8_t *blob, size_t size, uint64_t number) {
    memset(m, 0, sizeof *m);
    memcpy(m->bytes, blob, size);
    m->size = size;
    m->state = number * 0x9E3779B97F4A7C15u + 0x1234567u;
    below(m, 2);
    const uint32_t way = below(m, 16);
    if (way == 0 && below(m, 2) == 0) {
        share(m);
    } else if (way == 0) {
        crowd(m);
    } else if (way < 11) {
        rebuild(m);
    }
    for (uint32_t count = below(m, 3) == 0 ? 1 + below(m, 3)
                          : way < 11       ? below(m, 2)
                                           : 1;
         count > 0; count--) {
        damage(m);
    }
    m->size = m->size > MUTANT_SIZE ? MUTANT_SIZE : m->size;
    m->room = below(m, 32) == 0 ? below(m, REBUILT_OPS) : MAX_OPS;
    if (below(m, 32) != 0) {
        repair(m->bytes, m->size);
    }
}

#endif
