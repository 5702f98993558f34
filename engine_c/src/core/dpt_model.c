/* SPDX-License-Identifier: Apache-2.0 */
/* The blob loader: makes the checks of BLOB.md section 5, in their order, before anything runs.
 * Every number in a blob has at most 32 bits; sums and products of them are computed in 64 bits. */
#include "dpt_internal.h"

enum { HEADER_SIZE = 64, OP_SIZE = 128, TABLES_LIMIT = 4, MAX_FACTOR = 32767, MAX_PARTS = 32767 };
enum { LAST_OF_MINOR_0 = DPT_UPSAMPLE };

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

static uint16_t read_u16(const uint8_t *p) {
    return (uint16_t)dpt_u16(p);
}

static dpt_tensor read_tensor(const uint8_t *p) {
    const int zero = p[7] < 128 ? p[7] : p[7] - 256;
    const dpt_tensor t = {read_u16(p), read_u16(p + 2), read_u16(p + 4), p[6], (int8_t)zero};
    return t;
}

static int same_plane(dpt_tensor a, dpt_tensor b) {
    return a.h == b.h && a.w == b.w;
}

static int size_ok(dpt_tensor t) {
    return t.h > 0 && t.w > 0 && t.c > 0 && (uint64_t)t.h * t.w * t.c <= DPT_MAX_ELEMENTS;
}

static int type_ok(dpt_tensor t, uint8_t largest, int wide) {
    return (t.type <= largest || (wide && t.type == DPT_I16)) && (t.zero == 0 || t.type == DPT_I8);
}

const uint16_t dpt_facts[DPT_KINDS] = {DPT_OPS(DPT_FACTS_OF, DPT_FACTS_OF, DPT_FACTS_OF)};

/* Fields of a record: the DPT_HAS_ bits of the kinds that use the field, its offset and its size in
 * bytes. Of other kinds it must be 0 (check 10). No kind uses the fields of the last two rows. */
static const struct {
    uint16_t users;
    uint8_t at, size;
} places[] = {
    {DPT_HAS_RULE, 2, 1},
    {DPT_HAS_WEIGHTS, 3, 1},
    {DPT_HAS_SECOND, 6, 2},
    {DPT_HAS_SECOND, 16, 8},
    {DPT_HAS_WINDOW | DPT_HAS_REPEAT | DPT_HAS_RATIO, 32, 4},
    {DPT_HAS_WINDOW | DPT_HAS_CORNER | DPT_HAS_RATIO, 36, 4},
    {DPT_HAS_CONVOLUTION | DPT_HAS_RATIO, 40, 4},
    {DPT_HAS_WINDOW | DPT_HAS_REPEAT | DPT_HAS_CORNER, 44, 4},
    {DPT_HAS_WINDOW | DPT_HAS_REPEAT, 48, 4},
    {DPT_HAS_CONVOLUTION, 52, 4},
    {DPT_HAS_GROUPS | DPT_HAS_CORNER, 56, 2},
    {DPT_HAS_RULE, 60, 8},
    {DPT_HAS_FACTORS, 68, 4},
    {DPT_HAS_WEIGHTS | DPT_HAS_TABLE, 76, 4},
    {DPT_HAS_RULE, 80, 8},
    {DPT_HAS_PAD, 88, 4},
    {0, 58, 2},
    {0, 94, 34},
};

static dpt_op read_op(const uint8_t *p) {
    dpt_op op = {0};
    op.kind = p[0];
    op.marks = p[1];
    op.shift = p[2];
    op.weight_bits = p[3];
    op.reads[0] = read_u16(p + 4);
    op.reads[1] = read_u16(p + 6);
    op.in = read_tensor(p + 8);
    op.in2 = read_tensor(p + 16);
    op.out = read_tensor(p + 24);
    op.kernel_h = read_u16(p + 32);
    op.kernel_w = read_u16(p + 34);
    op.stride_h = read_u16(p + 36);
    op.stride_w = read_u16(p + 38);
    op.dilation_h = read_u16(p + 40);
    op.dilation_w = read_u16(p + 42);
    op.pad_top = read_u16(p + 44);
    op.pad_left = read_u16(p + 46);
    op.pad_bottom = read_u16(p + 48);
    op.pad_right = read_u16(p + 50);
    op.pool_h = read_u16(p + 52);
    op.pool_w = read_u16(p + 54);
    op.groups = read_u16(p + 56);
    op.lo = dpt_i32(p + 60);
    op.hi = dpt_i32(p + 64);
    op.factors[0] = read_u16(p + 68);
    op.factors[1] = read_u16(p + 70);
    op.out_offset = dpt_u32(p + 72);
    op.rows = read_u16(p + 92);
    return op;
}

/* Checks 9 and 10 of BLOB.md: the record by itself, without its shapes. */
static dpt_status check_record(const dpt_op *op, const uint8_t *record, uint32_t minor) {
    const uint32_t last = minor == 0 ? LAST_OF_MINOR_0 : DPT_KINDS - 1;
    const uint16_t fields = op->kind <= last ? dpt_facts[op->kind] : 0;
    const int wide = minor > 0 && (fields & DPT_MAY_BE_WIDE) != 0,
              reads = wide && (fields & DPT_HAS_RULE) != 0,
              writes = wide && (fields & DPT_HAS_WINDOW) == 0;
    if (fields == 0 || op->marks > (DPT_IN_PLACE | DPT_FUSED) || op->shift > 30 ||
        !type_ok(op->in, DPT_I8, reads) ||
        !type_ok(op->in2, DPT_I8, reads && (fields & DPT_HAS_SECOND) != 0) ||
        !type_ok(op->out, DPT_I32, writes)) {
        return DPT_E_FIELD;
    }
    const int few = minor > 0 && (fields & DPT_HAS_WEIGHTS) != 0 && op->kind != DPT_PRELU &&
                    (op->weight_bits == 4 || op->weight_bits == 2);
    if (!few && op->weight_bits != ((fields & DPT_HAS_WEIGHTS) != 0 ? 8 : 0)) {
        return DPT_E_FIELD;
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if ((places[i].users & fields) == 0 && !zeros(record + places[i].at, places[i].size)) {
            return DPT_E_FIELD;
        }
    }
    return DPT_OK;
}

/* Check 12: the ranges of what describes windows, groups and factors. */
static dpt_status check_ranges(const dpt_op *op, const uint8_t *record) {
    const uint16_t fields = dpt_facts[op->kind];
    const int padded = !zeros(record + 44, 8), window = (fields & DPT_HAS_WINDOW) != 0,
              conv = (fields & DPT_HAS_CONVOLUTION) != 0, ratio = (fields & DPT_HAS_RATIO) != 0,
              kernel = window || ratio || (fields & DPT_HAS_REPEAT) != 0;
    if ((kernel && (op->kernel_h == 0 || op->kernel_w == 0)) ||
        ((window || ratio || op->kind == DPT_SLICE) && (op->stride_h == 0 || op->stride_w == 0)) ||
        ((conv || ratio) && (op->dilation_h == 0 || op->dilation_w == 0)) ||
        (ratio && (op->kernel_h > MAX_PARTS || op->kernel_w > MAX_PARTS)) ||
        (conv && (op->pool_h == 0 || op->pool_w == 0))) {
        return DPT_E_FIELD;
    }
    if (kernel && !conv &&
        (op->pad_top >= op->kernel_h || op->pad_bottom >= op->kernel_h ||
         op->pad_left >= op->kernel_w || op->pad_right >= op->kernel_w)) {
        return DPT_E_FIELD;
    }
    const int across = op->kernel_w != 1 || op->stride_w != 1 || !zeros(record + 46, 6);
    const int many =
        padded || op->kernel_h != 1 || op->kernel_w != 1 || op->stride_h != 1 || op->stride_w != 1;
    if ((op->kind == DPT_HISTORY && across) || (window && op->in.type == DPT_I16 && many) ||
        (op->kind != DPT_DELAY && !padded && dpt_u32(record + 88) != 0) ||
        (op->kind == DPT_GROUPED && op->groups < 2) ||
        (op->kind == DPT_TRANSPOSE && (op->groups == 0 || op->groups > DPT_ORDERS))) {
        return DPT_E_FIELD;
    }
    for (int k = 0; (fields & DPT_HAS_FACTORS) != 0 && k < 2; k++) {
        if (op->factors[k] == 0 || op->factors[k] > MAX_FACTOR) {
            return DPT_E_FIELD;
        }
    }
    return DPT_OK;
}

/* 1 where `out` is the number of windows, in steps of `stride`, along `length`, grouped by `pool`.
 * The taps of a window reach over (kernel - 1) * dilation + 1 places. */
static int length_ok(uint32_t out, uint32_t length, uint64_t reach, uint32_t stride,
                     uint32_t pool) {
    return length >= reach && out == ((length - (uint32_t)reach) / stride + 1) / pool;
}

static int windows_ok(const dpt_op *op) {
    const int conv = (dpt_facts[op->kind] & DPT_HAS_CONVOLUTION) != 0;
    const uint32_t pool_h = conv ? op->pool_h : 1u, pool_w = conv ? op->pool_w : 1u;
    const uint32_t apart_h = conv ? op->dilation_h : 1u, apart_w = conv ? op->dilation_w : 1u;
    const uint64_t reach_h = (uint64_t)(op->kernel_h - 1u) * apart_h + 1,
                   reach_w = (uint64_t)(op->kernel_w - 1u) * apart_w + 1;
    const uint32_t height = (uint32_t)op->in.h + op->pad_top + op->pad_bottom,
                   width = (uint32_t)op->in.w + op->pad_left + op->pad_right;
    return length_ok(op->out.h, height, reach_h, op->stride_h, pool_h) &&
           length_ok(op->out.w, width, reach_w, op->stride_w, pool_w);
}

/* Whether an upsample's output has the size of BLOB.md section 3. A negative side wraps. */
static int repeat_ok(const dpt_op *op) {
    return (uint32_t)op->in.h * op->kernel_h - op->pad_top - op->pad_bottom == op->out.h &&
           (uint32_t)op->in.w * op->kernel_w - op->pad_left - op->pad_right == op->out.w;
}

/* Whether the last row or column of a resize lies at the last of its input or before. */
static int ratio_ok(uint32_t out, uint32_t length, dpt_ratio ratio) {
    return (out - 1) * (int64_t)ratio.stride + ratio.offset < (length + 1) * (int64_t)ratio.parts;
}

/* Whether the sides of a transpose's output are the sides of its input in its order. */
static int order_ok(const dpt_op *op) {
    const uint16_t sides[] = {op->in.h, op->in.w, op->in.c};
    const uint8_t *order = dpt_order_of(op);
    return op->out.h == sides[order[0]] && op->out.w == sides[order[1]] &&
           op->out.c == sides[order[2]];
}

/* Whether a slice reads places of its input alone. */
static int corner_ok(const dpt_op *op) {
    const dpt_corner first = dpt_corner_of(op);
    return first.row + (op->out.h - 1u) * (uint64_t)op->stride_h < op->in.h &&
           first.column + (op->out.w - 1u) * (uint64_t)op->stride_w < op->in.w &&
           first.channel + op->out.c <= op->in.c;
}

/* Whether a second input, if there is one, has a value for each place or channel of the output. */
static int second_fits(const dpt_op *op) {
    const uint16_t facts = dpt_facts[op->kind];
    const int pixel = (facts & DPT_SECOND_MAY_BE_PIXEL) != 0 && op->in2.h == 1 && op->in2.w == 1;
    return (facts & DPT_HAS_SECOND) == 0 ||
           (op->in2.c == op->out.c && (pixel || same_plane(op->in2, op->out)));
}

/* Checks 11 to 13: the shapes of the tensors. */
static dpt_status check_shapes(const dpt_op *op, const uint8_t *record) {
    const dpt_tensor a = op->in, b = op->in2, out = op->out;
    if (!size_ok(a) || !size_ok(out) ||
        ((dpt_facts[op->kind] & DPT_HAS_SECOND) != 0 && !size_ok(b))) {
        return DPT_E_SHAPE;
    }
    const dpt_status status = check_ranges(op, record);
    if (status != DPT_OK) {
        return status;
    }
    const int same_c = a.c == out.c;
    int ok = 0;
    switch (op->kind) {
    case DPT_CONV:
        ok = windows_ok(op);
        break;
    case DPT_DENSE:
        ok = out.h == 1 && out.w == 1;
        break;
    case DPT_GROUPED:
        ok = windows_ok(op) && a.c % op->groups == 0 && out.c % op->groups == 0;
        break;
    case DPT_DEPTHWISE:
        ok = windows_ok(op) && out.c % a.c == 0;
        break;
    case DPT_HISTORY:
        ok = a.h == 1 && out.h <= op->kernel_h && a.w == out.w && same_c;
        break;
    case DPT_UPSAMPLE:
        ok = repeat_ok(op) && (same_c || a.c == (uint64_t)op->kernel_h * op->kernel_w * out.c);
        break;
    case DPT_RESIZE:
        ok = same_c && ratio_ok(out.h, a.h, dpt_row_ratio(op)) &&
             ratio_ok(out.w, a.w, dpt_column_ratio(op));
        break;
    case DPT_SLICE:
        ok = corner_ok(op);
        break;
    case DPT_TRANSPOSE:
        ok = order_ok(op);
        break;
    case DPT_DELAY:
        ok = 1;
        break;
    case DPT_CONCAT:
        ok = same_plane(a, out) && same_plane(b, out) && (uint32_t)a.c + b.c == out.c;
        break;
    default: /* each value of a window, or of the one or two at its place */
        ok = same_c &&
             ((dpt_facts[op->kind] & DPT_HAS_WINDOW) != 0 ? windows_ok(op)
                                                          : same_plane(a, out) && second_fits(op));
        break;
    }
    return ok ? DPT_OK : DPT_E_SHAPE;
}

/* 1 where an op that copies the values of `in` may write `out`. */
static int copies(dpt_tensor in, dpt_tensor out) {
    return (in.type == out.type && in.zero == out.zero) || (out.type == DPT_I32 && in.zero == 0);
}

/* Checks 14 to 17: what op i reads, and what it may write. */
static dpt_status check_link(const dpt_op *ops, uint32_t i, const blob *b) {
    static const int32_t lowest[] = {0, -128, INT32_MIN, INT16_MIN},
                         highest[] = {255, 127, INT32_MAX, INT16_MAX};
    const dpt_op *op = &ops[i];
    const uint16_t fields = dpt_facts[op->kind];
    const dpt_tensor first = read_tensor(b->bytes + 24); /* the model's input */
    const uint32_t n_ops = dpt_u16(b->bytes + 20);
    const int two = (fields & DPT_HAS_SECOND) != 0, last = i + 1 == n_ops;
    const int one_output = dpt_u16(b->bytes + 6) == 0;
    if (op->reads[0] > i || op->reads[1] > i ||
        (op->kind == DPT_DELAY && (op->groups <= i + 1 || op->groups > n_ops))) {
        return DPT_E_FIELD;
    }
    if (!dpt_same_tensor(op->in, op->reads[0] == 0 ? first : ops[op->reads[0] - 1].out) ||
        (two && !dpt_same_tensor(op->in2, op->reads[1] == 0 ? first : ops[op->reads[1] - 1].out))) {
        return DPT_E_SHAPE;
    }
    if ((op->out.type == DPT_I32 ? one_output && !last : last) ||
        ((fields & DPT_COPIES) != 0 && !copies(op->in, op->out)) ||
        (op->kind == DPT_HISTORY && (op->in.type != op->out.type || op->in.zero != op->out.zero)) ||
        (op->kind == DPT_CONCAT && (op->in2.type != op->in.type || !copies(op->in2, op->out)))) {
        return DPT_E_SHAPE;
    }
    if ((fields & DPT_HAS_RULE) != 0 &&
        (op->lo > op->hi || op->lo < lowest[op->out.type] || op->hi > highest[op->out.type])) {
        return DPT_E_FIELD;
    }
    return DPT_OK;
}

/* Checks 20 and 21 for one channel of biases and multipliers. */
static dpt_status check_channel(const dpt_op *op, uint32_t o, uint64_t n) {
    const int32_t m = dpt_i32(op->mult + 4 * o), add = dpt_i32(op->bias + 4 * o);
    const uint64_t bias = add < 0 ? (uint64_t)-(int64_t)add : (uint64_t)add;
    const uint64_t sum = dpt_input_bound(op, o, n);
    if (sum == UINT64_MAX || m < 2 || m % 2 != 0) {
        return DPT_E_TABLE;
    }
    return bias + sum <= (uint64_t)INT32_MAX >> op->shift ? DPT_OK : DPT_E_OVERFLOW;
}

/* Checks 18 to 21: where the tables lie and what is in them. Ops may share tables. *tables
 * sums the tables of all ops so far; its limit keeps the time of checks 20 and 21 linear in the
 * blob's size. 2^16 ops with tables inside the blob sum to less than 2^51 bytes. */
static dpt_status check_tables(dpt_op *op, const blob *b, const uint8_t *record, uint64_t *tables) {
    const uint16_t fields = dpt_facts[op->kind];
    const uint32_t weight = dpt_u32(record + 76), bias = dpt_u32(record + 80),
                   mult = dpt_u32(record + 84), pad = dpt_u32(record + 88);
    const int by_channel = (fields & DPT_HAS_WEIGHTS) != 0 && op->kind != DPT_PRELU;
    const uint32_t channels = by_channel ? op->out.c : 1u;
    const uint64_t n = dpt_values_read(op);
    const dpt_weight_rows table = dpt_rows_of(op);
    const uint64_t weights = (fields & DPT_HAS_WEIGHTS) != 0
                                 ? table.rows * dpt_row_bytes(table.length, op->weight_bits)
                             : (fields & DPT_HAS_TABLE) == 0 ? 0
                                                             : 256 * dpt_value_size(op->out.type);
    const uint64_t words = (fields & DPT_HAS_RULE) != 0 ? 4 * (uint64_t)channels : 0;
    const uint32_t first = op->out.c * dpt_value_size(op->out.type); /* of a delay */
    const uint32_t pads = pad == 0 ? 0 : op->kind == DPT_DELAY ? first : op->in.c;
    if (!inside(b, weight, weights) || !inside(b, bias, words) || !inside(b, mult, words) ||
        !inside(b, pad, pads)) {
        return DPT_E_TABLE;
    }
    *tables += weights + 2 * words + pads;
    if (*tables > TABLES_LIMIT * (uint64_t)b->size) {
        return DPT_E_TABLE;
    }
    if ((fields & DPT_HAS_WEIGHTS) != 0) {
        op->weight = (const int8_t *)(b->bytes + weight);
    }
    if ((fields & DPT_HAS_TABLE) != 0) {
        op->table = b->bytes + weight;
    }
    if (pad != 0) {
        op->pad = b->bytes + pad;
    }
    if ((fields & DPT_HAS_RULE) == 0) {
        return DPT_OK;
    }
    op->bias = b->bytes + bias;
    op->mult = b->bytes + mult;
    for (uint32_t o = 0; o < channels; o++) {
        const dpt_status status = check_channel(op, o, n);
        if (status != DPT_OK) {
            return status;
        }
    }
    return DPT_OK;
}

/* Checks 25 to 27: as many closed strings as there are labels. */
static dpt_status check_labels(const blob *b, uint32_t n_labels, dpt_tensor out) {
    const uint32_t offset = dpt_u32(b->bytes + 32), size = dpt_u32(b->bytes + 36);
    const int by_pixel = n_labels == out.c && dpt_u16(b->bytes + 6) != 0;
    uint32_t closed = 0;
    if (n_labels != 0 && n_labels != dpt_elements(out) && !by_pixel) {
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
    const uint8_t *p = b->bytes;
    if (blob_size < HEADER_SIZE) {
        return DPT_E_SIZE;
    }
    if (dpt_u32(p) != 0x1A545044u) { /* 44 50 54 1A */
        return DPT_E_MAGIC;
    }
    if (dpt_u16(p + 4) != DPT_BLOB_MAJOR || dpt_u16(p + 6) > DPT_BLOB_MINOR) {
        return DPT_E_VERSION;
    }
    if (dpt_u32(p + 8) != blob_size) {
        return DPT_E_SIZE;
    }
    if (dpt_u32(p + 12) != dpt_crc32(0, p + 16, blob_size - 16)) {
        return DPT_E_CRC;
    }
    if (dpt_u16(p + 20) == 0 || !type_ok(read_tensor(p + 24), DPT_I8, 0) || p[56] > 63 ||
        (dpt_u32(p + 52) == 0 && p[56] != 0) || !zeros(p + 57, dpt_u16(p + 6) == 0 ? 7 : 3)) {
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

/* Checks 9 to 21 of op i. */
static dpt_status load_op(dpt_op *ops, uint32_t i, const blob *b, uint64_t *tables) {
    const uint8_t *record = b->bytes + HEADER_SIZE + (size_t)OP_SIZE * i;
    ops[i] = read_op(record);
    dpt_status status = check_record(&ops[i], record, dpt_u16(b->bytes + 6));
    if (status == DPT_OK) {
        status = check_shapes(&ops[i], record);
    }
    status = status == DPT_OK ? check_link(ops, i, b) : status;
    return status == DPT_OK ? check_tables(&ops[i], b, record, tables) : status;
}

/* What op i reads is alive until then. */
static void note_reader(dpt_op *ops, uint32_t i) {
    const int inputs = (dpt_facts[ops[i].kind] & DPT_HAS_SECOND) != 0 ? 2 : 1;
    for (int k = 0; k < inputs; k++) {
        if (ops[i].reads[k] > 0) {
            ops[ops[i].reads[k] - 1].last_reader = (uint16_t)i;
        }
    }
}

size_t dpt_blob_ops(const void *bytes, size_t size) {
    const blob b = {bytes, (uint32_t)size};
    return bytes != NULL && check_header(&b, size, SIZE_MAX) == DPT_OK ? dpt_u16(b.bytes + 20) : 0;
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
    uint64_t tables = 0;
    for (uint32_t i = 0; i < n_ops; i++) {
        status = load_op(ops, i, &b, &tables);
        if (status != DPT_OK) {
            return status;
        }
        note_reader(ops, i);
    }
    const uint32_t arena_size = dpt_u32(p + 16), state_size = dpt_u32(p + 48);
    if ((status = dpt_check_stream(ops, n_ops, state_size)) != DPT_OK ||
        (status = dpt_check_plan(ops, n_ops, state_size, arena_size)) != DPT_OK ||
        (status = check_labels(&b, n_labels, ops[n_ops - 1].out)) != DPT_OK ||
        (status = dpt_check_sound(p, b.size, dpt_elements(ops[0].in))) != DPT_OK) {
        return status;
    }
    model->ops = ops;
    model->n_ops = (uint16_t)n_ops;
    model->n_labels = (uint16_t)n_labels;
    model->arena_size = arena_size;
    model->labels = (const char *)p + dpt_u32(p + 32);
    model->backend = &dpt_scalar;
    model->packing = 0;
    model->softmax.mult = dpt_u32(p + 52);
    model->softmax.shift = p[56];
    model->state_size = state_size;
    return DPT_OK;
}
