/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: reads a blob and checks all that BLOB.md says, in its order, before anything runs.
 * Every quantity from the blob is at most 32 bits and is added or multiplied in 64. */
#include "dpt_internal.h"

enum { HEADER_SIZE = 64, OP_SIZE = 64, TABLES_LIMIT = 4 };

typedef struct blob {
    const uint8_t *bytes;
    uint32_t size;
} blob;

static int inside(const blob *b, uint32_t offset, uint64_t length) {
    return offset <= b->size && length <= b->size - offset;
}

static int zeros(const uint8_t *p, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

static dpt_shape read_shape(const uint8_t *p) {
    dpt_shape s = {(uint16_t)dpt_u16(p), (uint16_t)dpt_u16(p + 2), (uint16_t)dpt_u16(p + 4)};
    return s;
}

static int shape_ok(dpt_shape s) {
    return s.h > 0 && s.w > 0 && s.c > 0 && (uint64_t)s.h * s.w * s.c <= DPT_MAX_ELEMENTS;
}

/* 1 where `out` is the number of windows, in steps of `stride`, along `in` + `pad`, grouped by
 * `pool`. */
static int length_ok(uint32_t out, uint32_t in, uint32_t pad, uint32_t kernel, uint32_t stride,
                     uint32_t pool) {
    return in + pad >= kernel && out == ((in + pad - kernel) / stride + 1) / pool;
}

/* Checks 9 to 14 of BLOB.md. Zero is what an unused field must be. */
static dpt_status check_op(const dpt_op *op, const uint8_t *record) {
    const int grouped = op->kind == DPT_GROUPED, conv = op->kind == DPT_CONV || grouped,
              dense = op->kind == DPT_DENSE, maxpool = op->kind == DPT_MAXPOOL;
    const uint32_t pad_h = (uint32_t)op->pad_top + op->pad_bottom,
                   pad_w = (uint32_t)op->pad_left + op->pad_right;
    const uint32_t pool_h = conv ? op->pool_h : 1, pool_w = conv ? op->pool_w : 1;
    if (op->kind < DPT_CONV || op->kind > DPT_GROUPED || op->in_type > DPT_I8 ||
        op->out_type > DPT_I32 || op->shift > 30 || grouped != (op->groups > 1) ||
        (!grouped && op->groups != 0) || !zeros(record + 52, 12)) {
        return DPT_E_FIELD;
    }
    if ((dense && !zeros(record + 16, 4)) || (!conv && !zeros(record + 20, 6)) ||
        (maxpool && (op->shift != 0 || !zeros(record + 28, 8) || !zeros(record + 48, 4))) ||
        (!conv && !dense && !zeros(record + 40, 8))) {
        return DPT_E_FIELD;
    }
    if (!shape_ok(op->in) || !shape_ok(op->out)) {
        return DPT_E_SHAPE;
    }
    if (dense) {
        return op->out.h == 1 && op->out.w == 1 ? DPT_OK : DPT_E_SHAPE;
    }
    if (op->kernel_h == 0 || op->kernel_w == 0 || op->stride_h == 0 || op->stride_w == 0 ||
        pool_h == 0 || pool_w == 0) {
        return DPT_E_FIELD;
    }
    if (!length_ok(op->out.h, op->in.h, pad_h, op->kernel_h, op->stride_h, pool_h) ||
        !length_ok(op->out.w, op->in.w, pad_w, op->kernel_w, op->stride_w, pool_w) ||
        (!conv && op->in.c != op->out.c) ||
        (grouped && (op->in.c % op->groups != 0 || op->out.c % op->groups != 0))) {
        return DPT_E_SHAPE;
    }
    return DPT_OK;
}

/* Checks 15 to 17: what the op reads, and what it may write. */
static dpt_status check_link(const dpt_op *op, uint8_t type, dpt_shape shape, int last) {
    static const int32_t lowest[] = {0, -128, INT32_MIN}, highest[] = {255, 127, INT32_MAX};
    if (op->in_type != type || op->in.h != shape.h || op->in.w != shape.w || op->in.c != shape.c) {
        return DPT_E_SHAPE;
    }
    if ((op->out_type == DPT_I32) != last ||
        (op->kind == DPT_MAXPOOL && !last && op->in_type != op->out_type)) {
        return DPT_E_SHAPE;
    }
    if (op->kind != DPT_MAXPOOL &&
        (op->lo > op->hi || op->lo < lowest[op->out_type] || op->hi > highest[op->out_type])) {
        return DPT_E_FIELD;
    }
    return DPT_OK;
}

/* The sum of |weight| over one output channel, or UINT64_MAX if one of them is -128. Parts of it
 * are summed in 32 bits, without a branch, so that a compiler can do many at a time. */
static uint64_t magnitude(const int8_t *weight, uint64_t n) {
    enum { PART = 1 << 20 };
    uint64_t sum = 0;
    int32_t lowest = 0;
    while (n > 0) {
        const uint32_t part = n < PART ? (uint32_t)n : PART;
        uint32_t partial = 0;
        for (uint32_t i = 0; i < part; i++) {
            const int32_t w = weight[i];
            partial += (uint32_t)(w < 0 ? -w : w);
            lowest = w < lowest ? w : lowest;
        }
        sum += partial;
        weight += part;
        n -= part;
    }
    return lowest == -128 ? UINT64_MAX : sum;
}

/* Where the tables lie, checks 18 and 19, and what is in them, checks 20 and 21. Ops may share
 * tables. `named` sums the bytes of the tables of all ops so far; its limit keeps the time of
 * checks 20 and 21 linear in the blob's size. The tables of 2^16 ops, which lie in the blob, sum to
 * less than 2^50. */
static dpt_status check_tables(dpt_op *op, const blob *b, const uint8_t *record, uint64_t *named) {
    const uint32_t weight = dpt_u32(record + 40), bias = dpt_u32(record + 44),
                   mult = dpt_u32(record + 48);
    const int pool = op->kind == DPT_AVGPOOL;
    const uint64_t window = (uint64_t)op->kernel_h * op->kernel_w;
    const uint64_t n = op->kind == DPT_DENSE ? dpt_elements(op->in)
                       : pool                ? window
                       : op->groups > 1      ? window * (op->in.c / op->groups)
                                             : window * op->in.c;
    const uint64_t largest = op->in_type == DPT_U8 ? 255 : 128;
    const uint32_t channels = pool ? 1 : op->out.c;
    if (op->kind == DPT_MAXPOOL) {
        return DPT_OK;
    }
    if (!inside(b, mult, 4 * (uint64_t)channels) ||
        (!pool && !inside(b, bias, 4 * (uint64_t)channels)) ||
        (!pool && !inside(b, weight, n * channels))) {
        return DPT_E_TABLE;
    }
    *named += pool ? 4 : (n + 8) * channels;
    if (*named > TABLES_LIMIT * (uint64_t)b->size) {
        return DPT_E_TABLE;
    }
    op->mult = b->bytes + mult;
    if (!pool) {
        op->weight = (const int8_t *)(b->bytes + weight);
        op->bias = b->bytes + bias;
    }
    for (uint32_t o = 0; o < channels; o++) {
        const int32_t m = dpt_i32(op->mult + 4 * o), add = pool ? 0 : dpt_i32(op->bias + 4 * o);
        const uint64_t sum = pool ? n : magnitude(op->weight + o * n, n);
        if (m < 2 || m % 2 != 0 || sum == UINT64_MAX) {
            return DPT_E_TABLE;
        }
        if (largest * sum + (uint64_t)(add < 0 ? -(int64_t)add : add) > (uint64_t)INT32_MAX >>
            op->shift) {
            return DPT_E_OVERFLOW;
        }
    }
    return DPT_OK;
}

static dpt_op read_op(const uint8_t *p) {
    dpt_op op = {0};
    op.kind = p[0];
    op.in_type = p[1];
    op.out_type = p[2];
    op.shift = p[3];
    op.in = read_shape(p + 4);
    op.out = read_shape(p + 10);
    op.kernel_h = p[16];
    op.kernel_w = p[17];
    op.stride_h = p[18];
    op.stride_w = p[19];
    op.pad_top = p[20];
    op.pad_left = p[21];
    op.pad_bottom = p[22];
    op.pad_right = p[23];
    op.pool_h = p[24];
    op.pool_w = p[25];
    op.groups = (uint16_t)dpt_u16(p + 26);
    op.lo = dpt_i32(p + 28);
    op.hi = dpt_i32(p + 32);
    op.out_offset = dpt_u32(p + 36);
    return op;
}

/* Check 23. The last op writes to the caller's output and the first reads the caller's input:
 * neither lies in the arena. */
static dpt_status check_plan(const dpt_op *ops, size_t n_ops, uint32_t arena_size) {
    uint64_t need = 0, in_from = 0, in_end = 0;
    for (size_t i = 0; i + 1 < n_ops; i++) {
        const uint64_t from = ops[i].out_offset, end = from + dpt_elements(ops[i].out);
        if (from < in_end && in_from < end) {
            return DPT_E_PLAN;
        }
        need = end > need ? end : need;
        in_from = from;
        in_end = end;
    }
    return need == arena_size && ops[n_ops - 1].out_offset == 0 ? DPT_OK : DPT_E_PLAN;
}

/* Checks 24 to 26: as many closed strings as there are labels. */
static dpt_status check_labels(const blob *b, uint32_t n_labels, size_t n_outputs) {
    const uint32_t offset = dpt_u32(b->bytes + 32), size = dpt_u32(b->bytes + 36);
    uint32_t closed = 0;
    if (n_labels != 0 && n_labels != n_outputs) {
        return DPT_E_SHAPE;
    }
    if (!inside(b, offset, size)) {
        return DPT_E_TABLE;
    }
    for (uint32_t i = 0; i < size; i++) {
        closed += b->bytes[offset + i] == 0;
    }
    return closed == n_labels && (size == 0 || b->bytes[offset + size - 1] == 0) ? DPT_OK
                                                                                 : DPT_E_TABLE;
}

/* Checks 1 to 8. */
static dpt_status check_header(const blob *b, size_t blob_size, size_t ops_cap) {
    static const uint8_t magic[4] = {0x44, 0x50, 0x54, 0x1A};
    const uint8_t *p = b->bytes;
    if (blob_size < HEADER_SIZE) {
        return DPT_E_SIZE;
    }
    if (p[0] != magic[0] || p[1] != magic[1] || p[2] != magic[2] || p[3] != magic[3]) {
        return DPT_E_MAGIC;
    }
    if (dpt_u16(p + 4) != DPT_BLOB_MAJOR || dpt_u16(p + 6) > DPT_BLOB_MINOR) {
        return DPT_E_VERSION;
    }
    if (dpt_u32(p + 8) != blob_size) {
        return DPT_E_SIZE;
    }
    if (dpt_u32(p + 12) != dpt_crc32(p + 16, blob_size - 16)) {
        return DPT_E_CRC;
    }
    if (dpt_u16(p + 20) == 0 || p[24] > DPT_I8 || p[25] != 0 || !zeros(p + 48, 16)) {
        return DPT_E_FIELD;
    }
    if (dpt_u16(p + 20) > ops_cap) {
        return DPT_E_CAPACITY;
    }
    if (!inside(b, HEADER_SIZE, (uint64_t)OP_SIZE * dpt_u16(p + 20)) ||
        !inside(b, dpt_u32(p + 40), dpt_u32(p + 44))) {
        return DPT_E_TABLE;
    }
    return DPT_OK;
}

dpt_status dpt_model_load(dpt_model *model, dpt_op *ops, size_t ops_cap, const void *bytes,
                          size_t blob_size) {
    if (model == NULL || ops == NULL || bytes == NULL) {
        return DPT_E_ARGUMENT;
    }
    const uint8_t *p = bytes;
    const blob b = {p, (uint32_t)blob_size};
    dpt_status status = check_header(&b, blob_size, ops_cap);
    if (status != DPT_OK) {
        return status;
    }
    const uint32_t n_ops = dpt_u16(p + 20), n_labels = dpt_u16(p + 22);
    uint32_t minor = 0; /* that the ops ask for */
    uint64_t named = 0;
    uint8_t type = p[24];
    dpt_shape shape = read_shape(p + 26);
    for (uint32_t i = 0; i < n_ops; i++) {
        const uint8_t *record = p + HEADER_SIZE + (size_t)OP_SIZE * i;
        ops[i] = read_op(record);
        status = check_op(&ops[i], record);
        if (status == DPT_OK) {
            status = check_link(&ops[i], type, shape, i + 1 == n_ops);
        }
        if (status == DPT_OK) {
            status = check_tables(&ops[i], &b, record, &named);
        }
        if (status != DPT_OK) {
            return status;
        }
        type = ops[i].out_type;
        shape = ops[i].out;
        minor |= ops[i].kind == DPT_GROUPED;
    }
    if (dpt_u16(p + 6) != minor) {
        return DPT_E_VERSION;
    }
    status = check_plan(ops, n_ops, dpt_u32(p + 16));
    if (status == DPT_OK) {
        status = check_labels(&b, n_labels, dpt_elements(shape));
    }
    if (status != DPT_OK) {
        return status;
    }
    model->ops = ops;
    model->n_ops = (uint16_t)n_ops;
    model->n_labels = (uint16_t)n_labels;
    model->arena_size = dpt_u32(p + 16);
    model->labels = (const char *)p + dpt_u32(p + 32);
    model->backend = &dpt_scalar;
    model->packing = 0;
    return DPT_OK;
}
