/* SPDX-License-Identifier: Apache-2.0 */
/* Mutants of blobs that know their structure: ops are added, removed and reshaped with tables,
 * plan, labels and meta made to fit, and then single fields are damaged. A number makes the same
 * mutant of the same blobs everywhere. */
#ifndef MUTANTS_H
#define MUTANTS_H

#include "exact.h"
#include "kinds.h"

enum { MUTANT_SIZE = 1 << 16, REBUILT_OPS = 8, SHARING_OPS = 40, CROWD = 20, OP_WEIGHTS = 4096 };

typedef struct mutant {
    uint8_t bytes[MUTANT_SIZE];
    size_t size;
    size_t room; /* for how many ops the reader has room */
    uint64_t state;
} mutant;

/* An op as its record says it, before it is made to fit. `back` says which tensors it reads, by how
 * far they lie behind: 0 is the output of the op before. */
typedef struct spec {
    uint32_t kind, out_type, zero, channels, groups, marks, output; /* of the program */
    uint32_t back[2], kernel[2], stride[2], dilation[2], padding[4], pool[2];
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

/* Small numbers mostly, sometimes a large one. */
static inline uint32_t small(mutant *m) {
    const uint32_t large = below(m, 200);
    return large < 4 ? 255 : large == 4 ? 65535 : below(m, below(m, 4) == 0 ? 12 : 4);
}

static inline int is_convolution(uint32_t kind) {
    return is_conv((int)kind);
}

static inline int reads_two(uint32_t kind) {
    return has_two_inputs((int)kind);
}

static inline size_t record_of(uint32_t op) {
    return 64 + 128 * (size_t)op;
}

/* Where the descriptor of tensor `number` lies. */
static inline size_t tensor_of(uint32_t number) {
    return number == 0 ? 24 : record_of(number - 1) + 24;
}

static inline uint32_t tensor_values(const mutant *m, size_t at) {
    return get_number(m, at, 2) * get_number(m, at + 2, 2) * get_number(m, at + 4, 2);
}

static inline int is_i32(const mutant *m, uint32_t number) {
    return get_number(m, tensor_of(number) + 6, 1) == I32;
}

static inline spec read_spec(const mutant *m, uint32_t op) {
    const size_t r = record_of(op);
    spec s = {0};
    s.kind = get_number(m, r, 1);
    s.marks = get_number(m, r + 1, 1);
    s.out_type = get_number(m, r + 30, 1);
    s.output = s.out_type == I32;
    s.out_type = s.out_type == I16 ? 1 : s.out_type;
    s.zero = get_number(m, r + 31, 1);
    s.channels = get_number(m, r + 28, 2);
    s.groups = get_number(m, r + 56, 2);
    for (size_t i = 0; i < 4; i++) {
        s.padding[i] = get_number(m, r + 44 + 2 * i, 2);
        if (i < 2) {
            s.back[i] = op - get_number(m, r + 4 + 2 * i, 2);
            s.kernel[i] = get_number(m, r + 32 + 2 * i, 2);
            s.stride[i] = get_number(m, r + 36 + 2 * i, 2);
            s.dilation[i] = get_number(m, r + 40 + 2 * i, 2);
            s.pool[i] = get_number(m, r + 52 + 2 * i, 2);
        }
    }
    return s;
}

static inline spec random_spec(mutant *m) {
    spec s = {0};
    s.kind = (uint32_t)kind_at((int)below(m, KINDS));
    s.marks = below(m, 2);
    s.out_type = below(m, 2);
    s.output = below(m, 8) == 0;
    s.zero = below(m, 2) == 0 ? below(m, 256) : 0;
    s.channels = 1 + below(m, below(m, 4) == 0 ? 70 : 9);
    s.groups = 2 + below(m, 6);
    for (size_t i = 0; i < 4; i++) {
        s.padding[i] = below(m, 2) == 0 ? 0 : small(m);
        if (i < 2) {
            s.back[i] = i == 0 || below(m, 4) == 0 ? 0 : below(m, 6);
            s.kernel[i] = 1 + small(m);
            s.stride[i] = 1 + below(m, 3);
            s.dilation[i] = below(m, 3) == 0 ? small(m) : 1;
            s.pool[i] = 1 + below(m, below(m, 2) == 0 ? 1 : 3);
        }
    }
    return s;
}

/* Writes kernel, stride, dilation, padding and pool along one axis so that they fit `length` (axis
 * 0: height); the length of the output. */
static inline uint32_t fit_axis(mutant *m, size_t r, const spec *s, size_t axis, uint32_t length) {
    const int conv = is_convolution(s->kind);
    const size_t at = r + 2 * axis;
    uint32_t first = clamped(s->padding[axis], 0, 65535),
             behind = clamped(s->padding[axis + 2], 0, 65535),
             kernel = clamped(s->kernel[axis], 1, 255);
    if (!conv) {
        kernel = kernel > length ? length : kernel;
        first = first < kernel ? first : kernel - 1;
        behind = behind < kernel ? behind : kernel - 1;
    }
    const uint32_t padded = length + first + behind;
    kernel = kernel > padded ? padded : kernel;
    const uint32_t most = kernel > 1 ? (padded - 1) / (kernel - 1) : 65535;
    const uint32_t dilation = conv ? clamped(s->dilation[axis], 1, most) : 1;
    const uint32_t room = padded - ((kernel - 1) * dilation + 1);
    uint32_t stride = clamped(s->stride[axis], 1, 65535);
    stride = room / stride > 60 ? room / 60 : stride; /* few steps */
    stride = stride > 65535 ? 65535 : stride;
    const uint32_t plane = room / stride + 1;
    const uint32_t pool = conv ? clamped(s->pool[axis], 1, plane) : 1;
    put(m, at + 32, 2, kernel);
    put(m, at + 36, 2, stride);
    put(m, at + 40, 2, conv ? dilation : 0);
    put(m, at + 44, 2, first);
    put(m, at + 48, 2, behind);
    put(m, at + 52, 2, conv ? pool : 0);
    return plane / pool;
}

/* Writes the kernel and the padding of an upsample along one axis so that the plane stays small;
 * the length of the output. */
static inline uint32_t fit_block(mutant *m, size_t r, const spec *s, size_t axis, uint32_t length) {
    const size_t at = r + 2 * axis;
    const uint32_t kernel = length > 16 ? 1 : clamped(s->kernel[axis], 1, 3);
    uint32_t first = clamped(s->padding[axis], 0, kernel - 1),
             behind = clamped(s->padding[axis + 2], 0, kernel - 1);
    behind = first + behind < kernel * length ? behind : 0;
    put(m, at + 32, 2, kernel);
    put(m, at + 44, 2, first);
    put(m, at + 48, 2, behind);
    return kernel * length - first - behind;
}

/* Writes the first place and the stride of a slice along one axis; the length of the output. */
static inline uint32_t fit_slice(mutant *m, size_t r, const spec *s, size_t axis, uint32_t length) {
    const uint32_t first = clamped(s->padding[axis], 0, length - 1),
                   stride = clamped(s->stride[axis], 1, 65535),
                   most = (length - 1 - first) / stride + 1;
    put(m, r + 2 * axis + 36, 2, stride);
    put(m, r + 2 * axis + 44, 2, first);
    return s->kernel[axis] % 2 == 0 ? most : clamped(s->kernel[axis], 1, most);
}

/* Writes parts, stride and offset of a resize along one axis; the length of the output. */
static inline uint32_t fit_resize(mutant *m, size_t r, const spec *s, size_t axis,
                                  uint32_t length) {
    const uint32_t parts = clamped(s->kernel[axis], 1, 16),
                   stride = clamped(s->stride[axis], length > 20 ? parts : 1, 65535),
                   offset = clamped(s->dilation[axis], 1, parts),
                   most = ((length + 1) * parts - 1 - offset) / stride + 1;
    put(m, r + 2 * axis + 32, 2, parts);
    put(m, r + 2 * axis + 36, 2, stride);
    put(m, r + 2 * axis + 40, 2, offset);
    return s->pool[axis] % 2 == 0 ? most : clamped(s->channels, 1, most);
}

/* Appends a table at any alignment; its offset. */
static inline size_t append_table(mutant *m, size_t size) {
    m->size += below(m, 4);
    const size_t at = m->size;
    m->size += size;
    return at;
}

static inline void append_random(mutant *m, size_t field, size_t size) {
    const size_t at = append_table(m, size);
    for (size_t i = 0; i < size; i++) {
        put(m, at + i, 1, below(m, 256));
    }
    put(m, field, 4, (uint32_t)at);
}

/* The largest magnitude of a value of the tensor at `at`. */
static inline uint64_t magnitude_at(const mutant *m, size_t at) {
    return get_number(m, at + 6, 1) == 1 ? 128 : 255;
}

/* Weights of the op at `r`, written; the sum of the magnitudes in the channel that has most. */
static inline uint64_t make_weights(mutant *m, size_t r, uint32_t each, uint32_t channels) {
    const uint32_t style = below(m, 4), bits = m->bytes[r + 3];
    const int depthwise = m->bytes[r] == 6;
    const int32_t largest = (1 << (bits - 1)) - 1;
    const size_t rows = depthwise ? each : channels, length = depthwise ? channels : each;
    const size_t bytes = (length * bits + 7) / 8; /* of a row */
    const size_t weights = append_table(m, rows * bytes);
    uint64_t most = 0;
    for (size_t i = 0; i < rows * bytes; i++) {
        put(m, weights + i, 1, 0);
    }
    put(m, r + 76, 4, (uint32_t)weights);
    for (uint32_t o = 0; o < channels && m->size <= MUTANT_SIZE; o++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < each; i++) {
            const int32_t few = largest < 3 ? largest : 3;
            const int32_t w = style == 0   ? (int32_t)below(m, 2 * (uint32_t)largest + 1) - largest
                              : style == 1 ? (below(m, 2) == 0 ? -largest : largest)
                              : style == 2 ? (int32_t)below(m, 2 * (uint32_t)few + 1) - few
                                           : (o % 2 == 0 ? largest : -largest);
            const size_t bit = (depthwise ? o : i) * (size_t)bits;
            const size_t at = weights + (depthwise ? i : o) * bytes + bit / 8;
            const uint32_t low = ((uint32_t)w & ((1u << bits) - 1u)) << bit % 8;
            put(m, at, 1, get_number(m, at, 1) | low);
            sum += (uint64_t)(w < 0 ? -w : w);
        }
        most = sum > most ? sum : most;
    }
    return most;
}

/* Biases, multipliers and shift for accumulators that reach `bound` without a bias. */
static inline void make_rule(mutant *m, size_t r, uint64_t bound, uint32_t channels) {
    const size_t biases = append_table(m, 4 * (size_t)channels);
    const size_t mults = append_table(m, 4 * (size_t)channels);
    const uint64_t free = bound < 0x7FFFFFFFu ? 0x7FFFFFFFu - bound : 0;
    uint64_t worst = 1;
    for (uint32_t o = 0; o < channels; o++) {
        uint32_t bias = below(m, 6) == 0 ? (uint32_t)free : below(m, 2000);
        bias = bias > free ? (uint32_t)free : bias;
        worst = bound + bias > worst ? bound + bias : worst;
        put(m, biases + 4 * (size_t)o, 4, below(m, 2) == 0 ? bias : 0u - bias);
        put(m, mults + 4 * (size_t)o, 4, 2 * (1 + below(m, 1u << below(m, 30))));
    }
    uint32_t shift = 0;
    while (shift < 30 && worst << (shift + 1) <= 0x7FFFFFFFu && below(m, 4) != 0) {
        shift++;
    }
    put(m, r + 2, 1, below(m, 100) == 0 ? 30 : shift); /* the largest, for any bound */
    put(m, r + 80, 4, (uint32_t)biases);
    put(m, r + 84, 4, (uint32_t)mults);
}

static inline void make_clamp(mutant *m, size_t r) {
    static const int32_t lowest[] = {0, -128, INT32_MIN}, highest[] = {255, 127, INT32_MAX};
    const uint8_t type = m->bytes[r + 30];
    int32_t lo = lowest[type], hi = highest[type];
    if (below(m, 4) == 0) { /* a narrower one */
        const int32_t a = (int32_t)below(m, 100), b = a + (int32_t)below(m, 100);
        lo = type == 1 ? a - 100 : a;
        hi = type == 1 ? b - 100 : b;
    }
    put(m, r + 60, 4, (uint32_t)lo);
    put(m, r + 64, 4, (uint32_t)hi);
}

/* The tables of the op at `r`, whose shapes stand already; `each`: weights of an output channel. */
static inline void make_tables(mutant *m, size_t r, uint32_t each) {
    const uint32_t kind = m->bytes[r], channels = get_number(m, r + 28, 2);
    const uint64_t largest = magnitude_at(m, r + 8);
    if (is_convolution(kind) || kind == 2) {
        put(m, r + 3, 1, below(m, 3) != 0 ? 8 : below(m, 2) == 0 ? 4 : 2);
        make_rule(m, r, largest * make_weights(m, r, each, channels), channels);
    } else if (kind == 4 || kind == RESIZE) {
        make_rule(m, r, largest * get_number(m, r + 32, 2) * get_number(m, r + 34, 2), 1);
    } else if (is_binary((int)kind)) {
        if (has_factors((int)kind)) {
            put(m, r + 68, 2, 1 + below(m, below(m, 2) == 0 ? 32767 : 3));
            put(m, r + 70, 2, 1 + below(m, 32767));
        }
        make_rule(m, r, binary_bound(m->bytes + r), 1);
    } else if (kind == PRELU) {
        put(m, r + 3, 1, 8);
        put(m, r + 68, 2, 1 + below(m, below(m, 2) == 0 ? 32767 : 3));
        put(m, r + 70, 2, 1 + below(m, 32767));
        make_weights(m, r, get_number(m, r + 12, 2), 1);
        make_rule(m, r, prelu_bound(m->bytes + r, 127), 1);
    } else if (kind == 9) {
        append_random(m, r + 76, m->bytes[r + 30] == 2 ? 1024 : 256);
    }
    if ((is_convolution(kind) || kind == 4) && below(m, 2) == 0 &&
        (get_number(m, r + 44, 4) | get_number(m, r + 48, 4)) != 0) {
        append_random(m, r + 88, get_number(m, r + 12, 2));
    }
    if (requantizes((int)kind)) {
        make_clamp(m, r);
    }
}

/* The tensor up to `op` that an addition or a concatenation can read beside tensor `first`: the
 * tensor that the op's spec names, or the nearest earlier tensor that fits. `first` itself always
 * fits. */
static inline uint32_t second_of(const mutant *m, const spec *s, uint32_t op, uint32_t first) {
    const size_t a = tensor_of(first);
    for (uint32_t back = clamped(s->back[1], 0, op); back <= op; back++) {
        const size_t b = tensor_of(op - back);
        if (!is_i32(m, op - back) &&
            memcmp(m->bytes + a, m->bytes + b, s->kind == 8 ? 4 : 6) == 0 &&
            (s->kind != 8 || memcmp(m->bytes + a + 6, m->bytes + b + 6, 2) == 0)) {
            return op - back;
        }
    }
    return first;
}

/* Whether an op behind `op` is going to read tensor `number`. */
static inline int is_read_later(const spec *specs, uint32_t op, uint32_t n_ops, uint32_t number) {
    for (uint32_t i = op + 1; i < n_ops; i++) {
        if (specs[i].back[0] + number == i ||
            (reads_two(specs[i].kind) && specs[i].back[1] + number == i)) {
            return 1;
        }
    }
    return 0;
}

/* The kind that fits the tensors at `in` and, where the op reads two, at `in2`. */
static inline uint32_t fitting_kind(const mutant *m, uint32_t kind, size_t in, int output) {
    const uint32_t c = get_number(m, in + 4, 2);
    const int keeps = kind == HISTORY || kind == DELAY;
    kind = !is_kind((int)kind, MINOR) || keeps || (kind == 5 && c < 2) ? 1 : kind;
    kind = kind == 2 && tensor_values(m, in) > OP_WEIGHTS ? 3 : kind;
    return copies_values((int)kind) && output && get_number(m, in + 7, 1) != 0 ? 9 : kind;
}

/* Height, width and channels of the output of the op at `r`, written; weights of a channel. */
static inline uint32_t make_output(mutant *m, size_t r, spec s) {
    const uint32_t h = get_number(m, r + 8, 2), w = get_number(m, r + 10, 2),
                   c = get_number(m, r + 12, 2);
    uint32_t oh = h, ow = w, channels = c, each = 0;
    if (s.kind == 2) {
        oh = ow = 1;
        each = h * w * c;
    } else if (s.kind == UPSAMPLE) {
        oh = fit_block(m, r, &s, 0, h);
        ow = fit_block(m, r, &s, 1, w);
        const uint32_t block = get_number(m, r + 32, 2) * get_number(m, r + 34, 2);
        channels = s.channels % 4 != 0 && c % block == 0 ? c / block : c;
    } else if (s.kind == RESIZE) {
        oh = fit_resize(m, r, &s, 0, h);
        ow = fit_resize(m, r, &s, 1, w);
    } else if (s.kind == TRANSPOSE) {
        const uint32_t order = 1 + s.groups % 5, sides[3] = {h, w, c};
        const uint32_t first = order == 1 ? 0 : order <= 3 ? 1 : 2;
        const uint32_t last = order == 2 ? 2 : order == 1 || order == 4 ? 1 : 0;
        oh = sides[first];
        channels = sides[last];
        ow = sides[3 - first - last];
        put(m, r + 56, 2, order);
    } else if (s.kind == SLICE) {
        const uint32_t first = clamped(s.groups, 0, c - 1);
        oh = fit_slice(m, r, &s, 0, h);
        ow = fit_slice(m, r, &s, 1, w);
        put(m, r + 56, 2, first);
        channels = clamped(s.channels, 1, c - first);
    } else if (s.kind <= 6) {
        oh = fit_axis(m, r, &s, 0, h);
        ow = fit_axis(m, r, &s, 1, w);
        each = get_number(m, r + 32, 2) * get_number(m, r + 34, 2) * (s.kind == 6 ? 1 : c);
    }
    if (s.kind == 5) {
        s.groups = clamped(s.groups, 2, c);
        while (c % s.groups != 0) {
            s.groups++;
        }
        each /= s.groups;
        put(m, r + 56, 2, s.groups);
    }
    if (is_convolution(s.kind) || s.kind == 2) {
        const uint32_t most = OP_WEIGHTS / (oh * ow) < 128 ? OP_WEIGHTS / (oh * ow) : 128;
        channels = clamped(s.channels, 1, most > 0 ? most : 1);
        channels = each * channels > 2 * OP_WEIGHTS ? 1 + 2 * OP_WEIGHTS / each : channels;
        channels = s.kind == 5 ? s.groups * (1 + channels / s.groups) : channels;
        channels = s.kind == 6 ? c * (1 + channels / c) : channels;
    } else if (s.kind == 8) {
        channels = c + get_number(m, r + 20, 2);
    }
    put(m, r + 24, 2, oh);
    put(m, r + 26, 2, ow);
    put(m, r + 28, 2, channels);
    return each;
}

/* Copies the 8 bytes of a tensor's fields; a loop, since GCC 12 takes a memcpy for one that writes
 * beyond the blob. */
static inline void copy_tensor(mutant *m, size_t to, size_t from) {
    for (size_t i = 0; i < 8; i++) {
        m->bytes[to + i] = m->bytes[from + i];
    }
}

/* Writes the record of op `op` of `n_ops`, and its tables, for one like its spec. */
static inline void write_op(mutant *m, const spec *specs, uint32_t op, uint32_t n_ops) {
    const size_t r = record_of(op);
    spec s = specs[op];
    const int output = op + 1 == n_ops || s.output;
    const int newest = s.back[0] > op || !is_read_later(specs, op, n_ops, op);
    uint32_t first = newest ? op : op - s.back[0];
    while (is_i32(m, first)) {
        first--;
    }
    const size_t in = tensor_of(first);
    memset(m->bytes + r, 0, 128);
    s.kind = fitting_kind(m, s.kind, in, output);
    put(m, r, 1, s.kind);
    put(m, r + 4, 2, first);
    copy_tensor(m, r + 8, in);
    if (reads_two(s.kind)) {
        const uint32_t second = second_of(m, &s, op, first);
        put(m, r + 6, 2, second);
        copy_tensor(m, r + 16, tensor_of(second));
    }
    const uint32_t each = make_output(m, r, s);
    if (output) {
        put(m, r + 30, 1, I32);
    } else if (copies_values((int)s.kind)) {
        memcpy(m->bytes + r + 30, m->bytes + in + 6, 2);
    } else {
        put(m, r + 30, 1, s.out_type % 2);
        put(m, r + 31, 1, s.out_type % 2 == 1 ? s.zero : 0);
    }
    make_tables(m, r, each);
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
                   "\"outputs\":[");
    for (uint32_t i = 0, n = 0; i < n_ops; i++) {
        const char name[] = {'o', (char)('a' + n / 26), (char)('a' + n % 26), '\0'};
        if (is_i32(m, i + 1)) {
            append_text(m, n++ == 0 ? "{\"name\":\"" : ",{\"name\":\"");
            append_text(m, name);
            append_text(m, "\",\"scale\":1,\"softmax\":false}");
        }
    }
    append_text(m, "],\"provenance\":{}}");
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

#endif
