/* SPDX-License-Identifier: Apache-2.0 */
/* Mutants of blobs that know their structure: ops are added, removed and reshaped with tables,
 * plan, labels and meta made to fit, and then single fields are damaged. A number makes the same
 * mutant of the same blobs everywhere. */
#ifndef MUTANTS_H
#define MUTANTS_H

#include "exact.h"

enum { MUTANT_SIZE = 1 << 16, REBUILT_OPS = 6, SHARING_OPS = 40, OP_WEIGHTS = 4096 };

typedef struct mutant {
    uint8_t bytes[MUTANT_SIZE];
    size_t size;
    size_t room; /* for how many ops the reader has room */
    uint64_t state;
} mutant;

/* An op as its record says it, before it is made to fit. */
typedef struct spec {
    uint32_t kind, out_type, channels, groups;
    uint32_t kernel[2], stride[2], padding[4], pool[2];
} spec;

/* xorshift64*, below `n`. */
static inline uint32_t below(mutant *m, uint32_t n) {
    m->state ^= m->state >> 12;
    m->state ^= m->state << 25;
    m->state ^= m->state >> 27;
    return (uint32_t)((m->state * 0x2545F4914F6CDD1Du) >> 33) % n;
}

static inline void put(mutant *m, size_t at, size_t width, uint32_t value) {
    for (size_t i = 0; i < width && at + i < MUTANT_SIZE; i++) {
        m->bytes[at + i] = (uint8_t)(value >> 8 * i);
    }
}

static inline uint32_t get_number(const mutant *m, size_t at, size_t width) {
    uint32_t value = 0;
    for (size_t i = 0; i < width && at + i < MUTANT_SIZE; i++) {
        value |= (uint32_t)m->bytes[at + i] << 8 * i;
    }
    return value;
}

static inline uint32_t clamped(uint32_t value, uint32_t low, uint32_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Small numbers mostly, sometimes the largest that a byte holds. */
static inline uint32_t small(mutant *m) {
    return below(m, 40) == 0 ? 255 : below(m, below(m, 4) == 0 ? 12 : 4);
}

static inline spec read_spec(const mutant *m, size_t r) {
    spec s = {get_number(m, r, 1),
              get_number(m, r + 2, 1),
              get_number(m, r + 14, 2),
              get_number(m, r + 26, 2),
              {0, 0},
              {0, 0},
              {0, 0, 0, 0},
              {0, 0}};
    for (size_t i = 0; i < 4; i++) {
        s.padding[i] = m->bytes[r + 20 + i];
        if (i < 2) {
            s.kernel[i] = m->bytes[r + 16 + i];
            s.stride[i] = m->bytes[r + 18 + i];
            s.pool[i] = m->bytes[r + 24 + i];
        }
    }
    return s;
}

static inline spec random_spec(mutant *m) {
    spec s = {1 + below(m, 5), below(m, 2), 1 + below(m, below(m, 4) == 0 ? 70 : 9),
              2 + below(m, 6), {0, 0},      {0, 0},
              {0, 0, 0, 0},    {0, 0}};
    for (size_t i = 0; i < 4; i++) {
        s.padding[i] = below(m, 2) == 0 ? 0 : small(m);
        if (i < 2) {
            s.kernel[i] = 1 + small(m);
            s.stride[i] = 1 + below(m, 3);
            s.pool[i] = 1 + below(m, below(m, 2) == 0 ? 1 : 3);
        }
    }
    return s;
}

/* Writes kernel, stride, padding and pool along one axis so that they fit `length` (axis 0:
 * height); the length of the output. */
static inline uint32_t fit_axis(mutant *m, size_t r, const spec *s, size_t axis, uint32_t length) {
    const int conv = s->kind == 1 || s->kind == 5;
    const uint32_t first = conv ? clamped(s->padding[axis], 0, 255) : 0,
                   behind = conv ? clamped(s->padding[axis + 2], 0, 255) : 0,
                   padded = length + first + behind,
                   kernel = clamped(s->kernel[axis], 1, padded < 255 ? padded : 255);
    uint32_t stride = clamped(s->stride[axis], 1, 255);
    while ((padded - kernel) / stride > 60 && stride < 255) { /* few steps */
        stride++;
    }
    const uint32_t plane = (padded - kernel) / stride + 1;
    const uint32_t pool = conv ? clamped(s->pool[axis], 1, plane < 255 ? plane : 255) : 1;
    put(m, r + 16 + axis, 1, kernel);
    put(m, r + 18 + axis, 1, stride);
    put(m, r + 20 + axis, 1, first);
    put(m, r + 22 + axis, 1, behind);
    put(m, r + 24 + axis, 1, conv ? pool : 0);
    return plane / pool;
}

/* Appends a table of `n` numbers, its bytes as `make` gives them, at any alignment; its offset. */
static inline size_t append_table(mutant *m, size_t size) {
    m->size += below(m, 4);
    const size_t at = m->size;
    m->size += size;
    return at;
}

/* Weights, biases, multipliers and shift of the op at `r`, whose shapes stand already. */
static inline void make_tables(mutant *m, size_t r, uint32_t each, uint32_t channels) {
    const int avg = m->bytes[r] == 4, signed_in = m->bytes[r + 1] == 1;
    const uint32_t style = below(m, 4), window = (uint32_t)m->bytes[r + 16] * m->bytes[r + 17];
    const size_t weights = avg ? 0 : append_table(m, (size_t)each * channels);
    const size_t biases = avg ? 0 : append_table(m, 4 * (size_t)channels);
    const size_t mults = append_table(m, 4 * (size_t)channels);
    uint64_t worst = 1;
    for (uint32_t o = 0; o < channels; o++) {
        uint64_t sum = avg ? window : 0;
        for (uint32_t i = 0; i < (avg ? 0 : each); i++) {
            const int32_t w = style == 0   ? (int32_t)below(m, 255) - 127
                              : style == 1 ? (below(m, 2) == 0 ? -127 : 127)
                              : style == 2 ? (int32_t)below(m, 7) - 3
                                           : (o % 2 == 0 ? 127 : -127);
            put(m, weights + (size_t)o * each + i, 1, (uint32_t)w);
            sum += (uint64_t)(w < 0 ? -w : w);
        }
        const uint64_t bound = sum * (signed_in ? 128 : 255), free = 0x7FFFFFFFu - bound;
        uint32_t bias = avg ? 0 : below(m, 6) == 0 ? (uint32_t)free : below(m, 2000);
        bias = bias > free ? (uint32_t)free : bias;
        worst = bound + bias > worst ? bound + bias : worst;
        if (!avg) {
            put(m, biases + 4 * (size_t)o, 4, below(m, 2) == 0 ? bias : 0u - bias);
        }
        put(m, mults + 4 * (size_t)o, 4, 2 * (1 + below(m, 1u << below(m, 30))));
    }
    uint32_t shift = 0;
    while (shift < 30 && worst << (shift + 1) <= 0x7FFFFFFFu && below(m, 4) != 0) {
        shift++;
    }
    put(m, r + 3, 1, shift);
    put(m, r + 40, 4, (uint32_t)weights);
    put(m, r + 44, 4, (uint32_t)biases);
    put(m, r + 48, 4, (uint32_t)mults);
}

static inline void make_clamp(mutant *m, size_t r) {
    static const int32_t lowest[] = {0, -128, INT32_MIN}, highest[] = {255, 127, INT32_MAX};
    const uint8_t type = m->bytes[r + 2];
    int32_t lo = lowest[type], hi = highest[type];
    if (below(m, 4) == 0) { /* a narrower one */
        const int32_t a = (int32_t)below(m, 100), b = a + (int32_t)below(m, 100);
        lo = type == 1 ? a - 100 : a;
        hi = type == 1 ? b - 100 : b;
    }
    put(m, r + 28, 4, (uint32_t)lo);
    put(m, r + 32, 4, (uint32_t)hi);
}

/* Writes the record at `r`, and the op's tables, for an op like `s` that reads what stands at `in`
 * (a type, and the place of a shape). */
static inline void write_op(mutant *m, size_t r, spec s, uint32_t in_type, size_t in, int last) {
    const uint32_t h = get_number(m, in, 2), w = get_number(m, in + 2, 2),
                   c = get_number(m, in + 4, 2);
    s.kind = s.kind < 1 || s.kind > 5 || (s.kind == 5 && c < 2) ? 1 : s.kind;
    s.kind = s.kind == 2 && h * w * c > OP_WEIGHTS ? 3 : s.kind;
    memset(m->bytes + r, 0, 64);
    uint32_t out_type = last ? 2 : s.kind == 3 ? in_type : s.out_type % 2, each, channels, oh, ow;
    if (s.kind == 2) {
        oh = ow = 1;
        each = h * w * c;
    } else {
        put(m, r, 1, s.kind);
        oh = fit_axis(m, r, &s, 0, h);
        ow = fit_axis(m, r, &s, 1, w);
        each = (uint32_t)m->bytes[r + 16] * m->bytes[r + 17] * c;
    }
    if (s.kind == 5) {
        s.groups = clamped(s.groups, 2, c);
        while (c % s.groups != 0) {
            s.groups++;
        }
        each /= s.groups;
        put(m, r + 26, 2, s.groups);
    }
    const uint32_t most = OP_WEIGHTS / (oh * ow) < 128 ? OP_WEIGHTS / (oh * ow) : 128;
    channels = clamped(s.channels, 1, most > 0 ? most : 1);
    channels = each * channels > 2 * OP_WEIGHTS ? 1 + 2 * OP_WEIGHTS / each : channels;
    channels = s.kind == 5 ? s.groups * (1 + channels / s.groups) : s.kind >= 3 ? c : channels;
    put(m, r, 1, s.kind);
    put(m, r + 1, 1, in_type);
    put(m, r + 2, 1, out_type);
    memmove(m->bytes + r + 4, m->bytes + in, 6);
    put(m, r + 10, 2, oh);
    put(m, r + 12, 2, ow);
    put(m, r + 14, 2, channels);
    if (s.kind != 3) {
        make_clamp(m, r);
        make_tables(m, r, each, s.kind == 4 ? 1 : channels);
    }
}

static inline uint32_t output_values(const mutant *m, size_t r) {
    return get_number(m, r + 10, 2) * get_number(m, r + 12, 2) * get_number(m, r + 14, 2);
}

/* The plan of BLOB.md section 7. */
static inline void make_plan(mutant *m, uint32_t n_ops) {
    uint32_t arena = 0, before = 0;
    for (uint32_t i = 0; i < n_ops; i++) {
        const uint32_t size = i + 1 < n_ops ? output_values(m, 64 + 64 * (size_t)i) : 0;
        arena = before + size > arena ? before + size : arena;
        before = size;
    }
    for (uint32_t i = 0; i + 1 < n_ops; i++) {
        const size_t r = 64 + 64 * (size_t)i;
        put(m, r + 36, 4, i % 2 == 0 ? 0 : arena - output_values(m, r));
    }
    put(m, 16, 4, arena);
}

static inline void append_text(mutant *m, const char *text) {
    for (; *text != '\0'; text++) {
        put(m, m->size++, 1, (uint8_t)*text);
    }
}

static inline void make_meta(mutant *m, uint32_t n_ops) {
    const size_t at = m->size;
    append_text(m, "{\"name\":\"m\",\"ops\":[\"o\"");
    for (uint32_t i = 1; i < n_ops; i++) {
        append_text(m, ",\"o\"");
    }
    append_text(m, "],\"input\":{\"scale\":1},\"output\":{\"scale\":1,\"softmax\":false},"
                   "\"provenance\":{}}");
    put(m, 40, 4, (uint32_t)at);
    put(m, 44, 4, (uint32_t)(m->size - at));
}

static inline void make_labels(mutant *m, uint32_t outputs) {
    const size_t at = m->size;
    const uint32_t count = outputs <= 64 ? outputs : 0;
    for (uint32_t i = 0; i < count; i++) {
        append_text(m, i % 3 == 0 ? "" : "label");
        put(m, m->size++, 1, 0);
    }
    put(m, 22, 2, count);
    put(m, 32, 4, (uint32_t)at);
    put(m, 36, 4, (uint32_t)(m->size - at));
}

/* A whole blob of these ops, each made to fit what it reads. With `share` all ops name the tables
 * of op 0, which BLOB.md allows up to a limit. */
static inline void write_blob(mutant *m, const spec *specs, uint32_t n_ops, int share) {
    uint32_t type = m->bytes[24] % 2, grouped = 0;
    size_t in = 26;
    memset(m->bytes + 25, 0, 1);
    memset(m->bytes + 32, 0, 32);
    m->size = 64 + 64 * (size_t)n_ops;
    for (uint32_t i = 0; i < n_ops; i++) {
        const size_t r = 64 + 64 * (size_t)i, end = m->size;
        write_op(m, r, specs[i], type, in, i + 1 == n_ops);
        if (share && i > 0) {
            memcpy(m->bytes + r + 40, m->bytes + 64 + 40, 12);
            m->size = end;
        }
        grouped |= m->bytes[r] == 5;
        type = m->bytes[r + 2];
        in = r + 10;
    }
    put(m, 0, 4, 0x1A545044u);
    put(m, 4, 2, 1);
    put(m, 6, 2, grouped);
    put(m, 20, 2, n_ops);
    make_plan(m, n_ops);
    make_labels(m, below(m, 2) == 0 ? output_values(m, 64 * (size_t)n_ops) : 0);
    make_meta(m, n_ops);
}

/* Dense ops of the same shape that share one set of tables. */
static inline void share(mutant *m) {
    spec specs[SHARING_OPS] = {{0}};
    const uint32_t n_ops = 2 + below(m, SHARING_OPS - 1), side = 8 + below(m, 40);
    for (uint32_t i = 0; i < n_ops; i++) {
        specs[i].kind = 2;
        specs[i].channels = side;
    }
    put(m, 24, 1, 0);
    put(m, 26, 4, 0x00010001u);
    put(m, 30, 2, side);
    write_blob(m, specs, n_ops, 1);
}

/* Adds, removes, exchanges and reshapes ops, and maybe the input. */
static inline void rebuild(mutant *m) {
    spec specs[REBUILT_OPS + 1];
    uint32_t n_ops = clamped(get_number(m, 20, 2), 1, REBUILT_OPS);
    for (uint32_t i = 0; i < n_ops; i++) {
        specs[i] = below(m, 3) == 0 ? random_spec(m) : read_spec(m, 64 + 64 * (size_t)i);
    }
    if (below(m, 3) == 0 && n_ops < REBUILT_OPS) {
        specs[n_ops++] = random_spec(m);
    } else if (below(m, 3) == 0 && n_ops > 1) {
        specs[below(m, n_ops)] = specs[n_ops - 1];
        n_ops--;
    }
    if (below(m, 3) == 0) {
        put(m, 26, 2, 1 + below(m, 20));
        put(m, 28, 2, 1 + below(m, 20));
        put(m, 30, 2, 1 + below(m, 10));
        put(m, 24, 1, below(m, 2));
    }
    write_blob(m, specs, n_ops, 0);
}

#endif
