/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine share: little-endian reads, and the rounding rule. */
#ifndef DPT_INTERNAL_H
#define DPT_INTERNAL_H

#include "dpt_backends.h"
#include "dpt_ops.h"

/* Stops the compiler where a constant expression does not hold on its target, and names it. */
#define DPT_STATIC_ASSERT(name, holds) typedef char name[(holds) ? 1 : -1]

/* All files assume an int and a size_t of 32 bits or more: the gate bounds products of an op's
 * fields, and sizes of planes, to 32 bits. The #error says so in words where the preprocessor knows
 * the sizes. */
#if (defined(__INT_MAX__) && __INT_MAX__ < 0x7FFFFFFF) ||                                          \
    (defined(SIZE_MAX) && SIZE_MAX < 0xFFFFFFFFu)
#error "drypoint needs an int and a size_t of at least 32 bits"
#endif
DPT_STATIC_ASSERT(dpt_int_and_size_have_32_bits,
                  sizeof(int) >= sizeof(int32_t) && sizeof(size_t) >= sizeof(int32_t));

/* C99 leaves the right shift of a negative number to the compiler. Every compiler that matters
 * shifts arithmetically. The preprocessor's arithmetic is not the target's, so #if cannot ask. */
DPT_STATIC_ASSERT(dpt_right_shift_is_arithmetic,
                  ((int32_t)-3 >> 1) == -2 && ((int64_t)-3 >> 1) == -2);

/* Whether a member, and whether four words, lie where assembly reads them: at a number of bytes.
 * Every struct that assembly reads has a DPT_STATIC_ASSERT of all its members. */
#define DPT_AT(type, member, bytes) (offsetof(type, member) == (bytes))
#define DPT_WORDS(type, bytes, a, b, c, d)                                                         \
    (DPT_AT(type, a, bytes) && DPT_AT(type, b, bytes + 4) && DPT_AT(type, c, bytes + 8) &&         \
     DPT_AT(type, d, bytes + 12))

/* The section of a function, in C or in assembly, of dpt_blocks, dpt_dsp or dpt_mve: one of its
 * own, so that the linker leaves out what is not called. DPT_FAST (drypoint.h) begins its name. */
#ifdef DPT_FAST
#define DPT_STRING_OF(text)  #text
#define DPT_STRING(text)     DPT_STRING_OF(text)
#define DPT_IN_FAST          __attribute__((section(DPT_FAST "." DPT_STRING(__LINE__))))
#define DPT_SECTION_OF(name) ".section " DPT_FAST "." name ", \"ax\", %progbits\n"
#else
#define DPT_IN_FAST
#define DPT_SECTION_OF(name) ".section .text." name ", \"ax\", %progbits\n"
#endif

/* Begin and end of a Thumb function in assembly, whose name is a text. */
#define DPT_THUMB(name)                                                                            \
    ".syntax unified\n.thumb\n" DPT_SECTION_OF(name) ".align 2\n.global " name "\n.type " name     \
                                                     ", %function\n" name ":\n"
#define DPT_THUMB_END(name) ".size " name ", . - " name "\n.text\n"

/* Of a function that has all registers for itself. */
#ifdef __GNUC__
#define DPT_NOINLINE __attribute__((noinline))
#else
#define DPT_NOINLINE
#endif

/* Of a backend that every CPU of its target has. */
static inline int dpt_always(void) {
    return 1;
}

extern const uint16_t dpt_facts[DPT_KINDS];

/* Numbers of the layouts that the exporter packs for small devices; _packing.py has the same
 * numbers. dpt_pack.h makes the numbers of layouts for hosts, which are smaller. */
enum { DPT_PACKING_BLOCKS = 0x1001, DPT_PACKING_DSP = 0x1002, DPT_PACKING_MVE = 0x1003 };

/* The values of an input that meet the weights of one output channel, or a window of a pool. */
uint64_t dpt_values_read(const dpt_op *op);

/* What the inputs add at most to an accumulator of output channel `o`, or UINT64_MAX if a weight of
 * the channel breaks check 20 of BLOB.md; `n` is dpt_values_read. */
uint64_t dpt_input_bound(const dpt_op *op, uint32_t o, uint64_t n);

/* Defines the kernel of an op on one tensor, for planes that lie one after the other. */
#define DPT_KERNEL(name, planes)                                                                   \
    DPT_IN_FAST void name(const dpt_op *op, const void *const in[2], void *out, size_t n) {        \
        planes(op, in[0], out, n);                                                                 \
    }

/* The weights of an op as a blob has them (BLOB.md section 4): rows that each begin at a byte. */
typedef struct dpt_weight_rows {
    uint64_t rows, length; /* weights of a row */
} dpt_weight_rows;

dpt_weight_rows dpt_rows_of(const dpt_op *op);

/* Bytes of a row of weights. */
static inline uint64_t dpt_row_bytes(uint64_t length, uint32_t bits) {
    return (length * bits + 7) / 8;
}

/* A byte has 2 to this power weights. To shift by, since on some targets a division of 64 bits is a
 * function of the compiler's library. */
static inline uint32_t dpt_weights_log2(uint32_t bits) {
    return bits == 8 ? 0u : bits == 4 ? 1u : 2u;
}

/* Weight `i` of the weights of 8, 4 or 2 bits that begin at `row`; i * bits fits a size_t. */
static inline int32_t dpt_weight(const int8_t *row, size_t i, uint32_t bits) {
    if (bits == 8) {
        return row[i];
    }
    const size_t at = i * bits;
    const uint32_t byte = (uint8_t)row[at / 8], sign = 1u << (bits - 1);
    const uint32_t low = byte >> at % 8 & ((1u << bits) - 1u);
    return (int32_t)(low ^ sign) - (int32_t)sign;
}

/* Bytes of an op's counter in the state. */
enum { DPT_COUNTER = 2 };

static inline int dpt_remembers(const dpt_op *op) {
    return op->kind == DPT_HISTORY || op->kind == DPT_DELAY;
}

/* Bytes of the state that a history or a delay has. */
static inline uint64_t dpt_state_bytes(const dpt_op *op) {
    return op->kind == DPT_DELAY ? dpt_bytes(op->out)
                                 : op->kernel_h * (uint64_t)dpt_elements(op->in);
}

/* Check 23 of BLOB.md and rule 8 of NUMERICS.md section 11, for ops whose last_reader is known;
 * fills `first` and `period` of the ops of a streaming model. */
dpt_status dpt_check_stream(dpt_op *ops, size_t n_ops, uint32_t state_size);

/* Checks 22 and 24 of BLOB.md, for ops whose last_reader is known. Time is linear in n_ops. */
dpt_status dpt_check_plan(const dpt_op *ops, size_t n_ops, uint32_t state_size,
                          uint32_t arena_size);

/* Checks 28 and 29 of BLOB.md, of a blob whose input has `values` values. */
dpt_status dpt_check_sound(const uint8_t *blob, uint32_t size, size_t values);

/* A run of n inputs, as the arguments of the public calls describe it. */
typedef struct dpt_run_state {
    const dpt_model *model;
    const dpt_backend *backend;
    void *arena;
    size_t arena_size, n;
    const void *inputs;
    int32_t *outputs;
    dpt_trace *trace;
    void *user;
} dpt_run_state;

/* Checks the arguments of a run; picks the model's backend where none is named. */
dpt_status dpt_check_run(dpt_run_state *run);

/* The kernel of an op. */
dpt_kernel *dpt_kernel_of(const dpt_backend *backend, const dpt_op *op);

/* Where a tensor lies, by its number: the caller's inputs or outputs, or the arena. */
void *dpt_tensor_at(const dpt_run_state *run, size_t number);

/* Bytes of a value of a type. */
static inline uint32_t dpt_value_size(int type) {
    return type == DPT_I32 ? 4u : type == DPT_I16 ? 2u : 1u;
}

/* Whether an op computes with 16-bit values, by kernels[DPT_WIDE]. A delay computes nothing. */
static inline int dpt_is_wide(const dpt_op *op) {
    return op->kind != DPT_DELAY &&
           (op->in.type == DPT_I16 || op->in2.type == DPT_I16 || op->out.type == DPT_I16);
}

static inline int dpt_same_tensor(dpt_tensor a, dpt_tensor b) {
    return a.h == b.h && a.w == b.w && a.c == b.c && a.type == b.type && a.zero == b.zero;
}

/* Runs an op that computes its whole output at once; inline, since every frame counts. */
static inline void dpt_run_op(const dpt_run_state *run, size_t i) {
    const dpt_op *op = &run->model->ops[i];
    const void *const in[2] = {dpt_tensor_at(run, op->reads[0]), dpt_tensor_at(run, op->reads[1])};
    void *out = dpt_tensor_at(run, i + 1);
    dpt_kernel_of(run->backend, op)(op, in, out, run->n);
    if (run->trace != NULL) {
        run->trace(run->user, i, 0, out, dpt_bytes(op->out));
    }
}

/* A resize, a slice and a transpose (dpt_order_of) keep numbers in members with other names. */

/* Row (column) y of a resize lies at row (y * stride + offset - parts) / parts of its input. */
typedef struct dpt_ratio {
    int32_t stride, offset, parts;
} dpt_ratio;

static inline dpt_ratio dpt_row_ratio(const dpt_op *op) {
    const dpt_ratio ratio = {op->stride_h, op->dilation_h, op->kernel_h};
    return ratio;
}

static inline dpt_ratio dpt_column_ratio(const dpt_op *op) {
    const dpt_ratio ratio = {op->stride_w, op->dilation_w, op->kernel_w};
    return ratio;
}

/* The first row, column and channel that a slice reads. */
typedef struct dpt_corner {
    uint32_t row, column, channel;
} dpt_corner;

static inline dpt_corner dpt_corner_of(const dpt_op *op) {
    const dpt_corner corner = {op->pad_top, op->pad_left, op->groups};
    return corner;
}

/* Row y of an op's output reads `reach` rows of its input, from row (y * stride - pad) / grow on.
 * `grow` is the kernel's height of an upsample and a resize, 1 of other ops. Of an upsample and a
 * slice `pad` is not above 0. The first rows of a resize may lie before row 0: they read row 0. */
typedef struct dpt_row_map {
    int32_t stride, reach, pad, grow;
} dpt_row_map;

static inline dpt_row_map dpt_row_map_of(const dpt_op *op) {
    dpt_row_map map = {1, 1, 0, 1};
    if (op->kind == DPT_UPSAMPLE) {
        map.pad = -(int32_t)op->pad_top;
        map.grow = op->kernel_h;
    } else if (op->kind == DPT_RESIZE) {
        const dpt_ratio ratio = dpt_row_ratio(op);
        map.stride = ratio.stride;
        map.reach = ratio.parts == 1 ? 1 : 2;
        map.pad = ratio.parts - ratio.offset;
        map.grow = ratio.parts;
    } else if (op->kind == DPT_SLICE) {
        map.stride = op->stride_h;
        map.pad = -(int32_t)dpt_corner_of(op).row;
    } else if (op->kernel_h != 0) {
        const int32_t pool = op->pool_h != 0 ? op->pool_h : 1;
        const int32_t dilation = op->dilation_h != 0 ? op->dilation_h : 1;
        map.stride = op->stride_h * pool;
        map.reach = (pool - 1) * op->stride_h + (op->kernel_h - 1) * dilation + 1;
        map.pad = op->pad_top;
    }
    return map;
}

static inline int32_t dpt_first_row(dpt_row_map map, int32_t y) {
    return (y * map.stride - map.pad) / map.grow;
}

/* 1 where the backend has a kernel for each op of the model and reads the weights in the form that
 * the model has: as they are, or packed for this backend. */
int dpt_fits(const dpt_model *model, const dpt_backend *backend);

/* A precondition of a kernel, which dpt_model_load, dpt_fits or the code generator has ensured. Off
 * by default; -include assert.h -DDPT_ASSERT=assert checks it. */
#ifndef DPT_ASSERT
#define DPT_ASSERT(holds) ((void)0)
#endif

/* The axes of a transpose's input that are height, width and channels of its output. */
enum { DPT_ORDERS = 5 };
static inline const uint8_t *dpt_order_of(const dpt_op *op) {
    static const uint8_t orders[DPT_ORDERS][3] = {
        {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    DPT_ASSERT(op->groups >= 1 && op->groups <= DPT_ORDERS);
    return orders[op->groups - 1];
}

/* Whether a convolution is dilated. On every backend kernels[DPT_GROUPED] computes it then. */
static inline int dpt_dilated(const dpt_op *op) {
    return op->dilation_h != 1 || op->dilation_w != 1;
}

/* Whether a convolution pools its outputs. */
static inline int dpt_pools(const dpt_op *op) {
    return op->pool_h > 1 || op->pool_w > 1;
}

/* Taps of a depthwise kernel that small devices pack, at most. */
enum { DPT_MOST_TAPS = 64 };

/* The panels of `size` channels of a depthwise convolution, and the first channel of a panel. The
 * last panel ends with the last channel. */
static inline size_t dpt_panels_of(const dpt_op *op, size_t size) {
    return (op->out.c + size - 1) / size;
}

static inline size_t dpt_panel_begin(const dpt_op *op, size_t size, size_t panel) {
    const size_t begin = panel * size;
    return op->out.c < size ? 0 : begin + size > op->out.c ? op->out.c - size : begin;
}

/* CPU features that dpt_cpu.c detects. */
enum {
    DPT_CPU_SSE41,
    DPT_CPU_AVX2,
    DPT_CPU_AVXVNNI,
    DPT_CPU_AVX512VNNI,
    DPT_CPU_NEONDOT,
    DPT_CPU_NEONI8MM
};
int dpt_cpu_has(int feature);

static inline uint32_t dpt_u16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t dpt_u32(const uint8_t *p) {
    return dpt_u16(p) | dpt_u16(p + 2) << 16;
}

/* Two's complement without relying on how a compiler converts large unsigned numbers. */
static inline int32_t dpt_i32(const uint8_t *p) {
    uint32_t u = dpt_u32(p);
    return u <= INT32_MAX ? (int32_t)u : -(int32_t)(UINT32_MAX - u) - 1;
}

/* NUMERICS.md section 2. |acc| * 2^shift <= INT32_MAX by the proof of section 4. */
static inline int32_t dpt_requantize(const dpt_op *op, int32_t acc, int32_t mult) {
    DPT_ASSERT(acc <= INT32_MAX >> op->shift && acc >= -(INT32_MAX >> op->shift) && mult >= 2);
    int64_t product = (int64_t)(acc * (int32_t)(1L << op->shift)) * mult;
    int32_t y = (int32_t)((product + ((int64_t)1 << 31)) >> 32) + op->out.zero;
    return y < op->lo ? op->lo : y > op->hi ? op->hi : y;
}

/* The stored integer at `index` of an input of type DPT_U8 or DPT_I8. */
static inline int32_t dpt_value(int type, const void *x, size_t index) {
    return type == DPT_U8 ? ((const uint8_t *)x)[index] : ((const int8_t *)x)[index];
}

/* The output plane of input number `i` of a batch. */
static inline void *dpt_output(const dpt_op *op, void *out, size_t i) {
    return (uint8_t *)out + i * dpt_bytes(op->out);
}

/* Writes output number `index`; y fits out_type. A negative int8 becomes its two's complement. */
static inline void dpt_store(const dpt_op *op, void *out, size_t index, int32_t y) {
    DPT_ASSERT(
        op->out.type == DPT_I32 ||
        (op->out.type == DPT_U8 ? y >= 0 && y <= UINT8_MAX : y >= INT8_MIN && y <= INT8_MAX));
    if (op->out.type == DPT_I32) {
        ((int32_t *)out)[index] = y;
    } else {
        ((uint8_t *)out)[index] = (uint8_t)((uint32_t)y & 0xFFu);
    }
}

#endif
