/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of accumulators: NUMERICS.md section 4. */
#include "dpt_internal.h"

/* The sum of |weight| over n weights, `apart` bytes apart, or UINT64_MAX if one of them is -128.
 * Parts of it are summed in 32 bits, without a branch, so that a compiler can do many at a time. */
static uint64_t magnitude(const int8_t *weight, size_t n, size_t apart) {
    enum { MOST = 1 << 20 };
    uint64_t sum = 0;
    int32_t lowest = 0;
    for (size_t from = 0; from < n; from += MOST) {
        const int8_t *first = weight + from * apart;
        const size_t count = n - from < MOST ? n - from : MOST;
        uint32_t partial = 0;
        for (size_t i = 0; i < count; i++) {
            const int32_t w = first[i * apart];
            partial += (uint32_t)(w < 0 ? -w : w);
            lowest = w < lowest ? w : lowest;
        }
        sum += partial;
    }
    return lowest == -128 ? UINT64_MAX : sum;
}

dpt_weight_rows dpt_rows_of(const dpt_op *op) {
    const uint64_t n = dpt_values_read(op);
    const dpt_weight_rows by_tap = {n, op->out.c}, by_channel = {op->out.c, n}, slopes = {1, n};
    return op->kind == DPT_DEPTHWISE ? by_tap : op->kind == DPT_PRELU ? slopes : by_channel;
}

/* The sum of |weight| over the weights of output channel `o`, which have 4 or 2 bits, or UINT64_MAX
 * where one of them is the lowest number of its bits, or bits behind one of them are not 0. */
static uint64_t few_bits_magnitude(const dpt_op *op, uint32_t o) {
    const dpt_weight_rows table = dpt_rows_of(op);
    const int depthwise = op->kind == DPT_DEPTHWISE;
    const uint64_t first = depthwise ? o : 0, end = depthwise ? o + 1u : table.length;
    const uint32_t bits = op->weight_bits, log2 = dpt_weights_log2(bits), last = (1u << log2) - 1u;
    const uint32_t used = (uint32_t)(table.length & last) * bits; /* of a row's last byte; 0: all */
    const size_t bytes = (size_t)dpt_row_bytes(table.length, bits);
    const int8_t *row = op->weight + (depthwise ? 0 : o * bytes);
    uint64_t sum = 0;
    int wrong = 0;
    for (uint64_t n = depthwise ? table.rows : 1; n > 0; n--, row += bytes) {
        for (uint64_t i = first; i < end; i++) {
            const int32_t w = dpt_weight(row + (size_t)(i >> log2), (size_t)(i & last), bits);
            sum += (uint64_t)(w < 0 ? -w : w);
            wrong |= w == -(1 << (bits - 1));
        }
        wrong |= end == table.length && used != 0 && (uint8_t)row[bytes - 1] >> used != 0;
    }
    return wrong ? UINT64_MAX : sum;
}

static uint64_t largest_of(dpt_tensor t) {
    return t.type == DPT_U8 ? 255 : t.type == DPT_I8 ? 128 : 32768;
}

/* The largest magnitude of a stored integer less the zero point. */
static uint64_t largest_real(dpt_tensor t) {
    return largest_of(t) + (uint64_t)(t.zero < 0 ? -t.zero : t.zero);
}

/* The largest factor of a PReLU, or UINT64_MAX if a slope is -128. */
static uint64_t largest_factor(const dpt_op *op) {
    int32_t slope = 0;
    for (size_t c = 0; c < op->in.c; c++) {
        const int32_t w = op->weight[c];
        slope = w < 0 && -w > slope ? -w : w > slope ? w : slope;
    }
    const uint64_t below = (uint64_t)op->factors[1] * (uint32_t)slope;
    return slope == 128 ? UINT64_MAX : below > op->factors[0] ? below : op->factors[0];
}

uint64_t dpt_values_read(const dpt_op *op) {
    const uint64_t window = (uint64_t)op->kernel_h * op->kernel_w;
    switch (op->kind) {
    case DPT_CONV:
        return window * op->in.c;
    case DPT_DENSE:
        return dpt_elements(op->in);
    case DPT_GROUPED:
        return window * (op->in.c / op->groups);
    case DPT_PRELU:
        return op->in.c; /* slopes */
    default:
        return window;
    }
}

uint64_t dpt_input_bound(const dpt_op *op, uint32_t o, uint64_t n) {
    if (op->kind == DPT_PRELU) {
        const uint64_t factor = largest_factor(op);
        return factor == UINT64_MAX ? UINT64_MAX : factor * largest_real(op->in);
    }
    if (op->kind == DPT_MUL) {
        return largest_real(op->in) * largest_real(op->in2);
    }
    if ((dpt_facts[op->kind] & DPT_HAS_FACTORS) != 0) {
        return op->factors[0] * largest_of(op->in) + op->factors[1] * largest_of(op->in2);
    }
    if ((dpt_facts[op->kind] & DPT_HAS_WEIGHTS) == 0) {
        return n * largest_of(op->in);
    }
    const size_t each = (size_t)n; /* the table lies in the blob */
    const uint64_t total = op->weight_bits < 8         ? few_bits_magnitude(op, o)
                           : op->kind == DPT_DEPTHWISE ? magnitude(op->weight + o, each, op->out.c)
                                                       : magnitude(op->weight + o * each, each, 1);
    return total == UINT64_MAX ? UINT64_MAX : total * largest_of(op->in);
}
