/* SPDX-License-Identifier: Apache-2.0
 *
 * drypoint: runs a quantized convolutional net in integers, the same bytes on every target.
 *
 * In short:
 *
 *     #include "lenet.h"                                  // made by `drypoint export`
 *     static uint8_t arena[LENET_ARENA_SIZE];
 *     int32_t logits[LENET_OUTPUT_COUNT];
 *     dpt_run(&lenet, NULL, arena, sizeof arena, pixels, logits);
 *     puts(dpt_label(&lenet, dpt_argmax(logits, LENET_OUTPUT_COUNT)));
 *
 * or, with a blob (a .dpt file) in place of generated code:
 *
 *     dpt_op loaded_ops[8], ops[8];
 *     dpt_model loaded, model;
 *     if (dpt_model_load(&loaded, loaded_ops, 8, blob, blob_size) != DPT_OK) ...;
 *     size_t size = dpt_packed_size(&loaded, NULL);       // on a host: SIMD, where the CPU has it
 *     void *memory = malloc(size);
 *     if (dpt_model_pack(&model, ops, 8, &loaded, NULL, memory, size) != DPT_OK) ...;
 *     dpt_run(&model, NULL, arena, model.arena_size, input, output);
 *
 * The outputs of a net with several lie one after the other in `output`. Generated code has where
 * each begins, LENET_OUTPUT_<NAME>, and its number of values, LENET_OUTPUT_<NAME>_COUNT; of a blob
 * dpt_output_at says it.
 *
 * dpt_run(&loaded, ...) gives the same bytes with the plain kernels, and needs no `memory`.
 *
 * Contract. The library allocates nothing, keeps no state, uses no floating point and calls nothing
 * but memcpy and memset (on aarch64 Linux also getauxval, which says what the CPU has). The caller
 * owns every buffer. A model and its ops are read only after they are made, so any number of
 * threads may run one model at the same time, each with its own arena. Trusted: the arguments'
 * sizes and generated code. Untrusted: the bytes of a blob and of an input; once dpt_model_load has
 * said DPT_OK, no input can make dpt_run touch memory outside its buffers, overflow or hang. The
 * arithmetic is in NUMERICS.md, the blob's bytes in BLOB.md.
 *
 * Caches and DMA. The library does no cache maintenance: where a DMA writes the input or weights,
 * invalidate their lines of the data cache before the run; where a DMA reads the outputs, clean
 * theirs after it. Align such buffers, and the arena if it lies beside them, to a cache line. The
 * arena needs no DMA and no uncached memory; tightly coupled memory serves it best.
 */
#ifndef DRYPOINT_H
#define DRYPOINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Three versions that move apart: the library, the blob format, and generated code. Generated code
 * stops the compiler when its number is not this header's. */
#define DPT_VERSION       "0.1.0"
#define DPT_VERSION_MAJOR 0
#define DPT_VERSION_MINOR 1
#define DPT_VERSION_PATCH 0
#define DPT_BLOB_MAJOR    2
#define DPT_BLOB_MINOR    1
#define DPT_CODEGEN       8

/* The library's version as a number that `#if` compares: 10203 is 1.2.3. */
#define DPT_VERSION_NUMBER (10000 * DPT_VERSION_MAJOR + 100 * DPT_VERSION_MINOR + DPT_VERSION_PATCH)

/* Sections, for compilers with GNU attributes. Define, for all C files alike, DPT_TABLE as the
 * section of the tables of generated code (weights, biases, multipliers), and DPT_FAST as the begin
 * of the names of sections of the loops of dpt_blocks, dpt_dsp and dpt_mve, a section a function:
 * -D'DPT_TABLE=".qspi"' -D'DPT_FAST=".itcm"' and, in the linker's script, *(.qspi) and *(.itcm.*).
 * The start-up must have copied or mapped both before the first run. */
#ifdef DPT_TABLE
#define DPT_IN_TABLE __attribute__((section(DPT_TABLE)))
#else
#define DPT_IN_TABLE
#endif

/* No tensor has more elements than this; shapes that ask for more are refused. */
#define DPT_MAX_ELEMENTS 0x10000000u

/* No more outputs than this are alive in the arena at once, and no group has more ops. */
#define DPT_MAX_ALIVE 16

/* No model has more histories and delays than this. */
#define DPT_MAX_HISTORIES 128

/* Four bytes of a little-endian table, for generated code. */
#define DPT_LE32(v)                                                                                \
    (uint8_t)((uint32_t)(v) & 0xFFu), (uint8_t)(((uint32_t)(v) >> 8) & 0xFFu),                     \
        (uint8_t)(((uint32_t)(v) >> 16) & 0xFFu), (uint8_t)(((uint32_t)(v) >> 24) & 0xFFu)

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

/* What a call answers: 0, or a negative number; dpt_step also 1. dpt_status_text says each in
 * words.
 */
typedef enum dpt_status {
    DPT_OK = 0,
    DPT_NO_OUTPUT = 1,    /* (dpt_step) the step is done; it has no output */
    DPT_E_ARGUMENT = -1,  /* a pointer is NULL that must not be, or a batch has no inputs;
                           * (drypoint.hpp) a buffer is not of the model's size or type */
    DPT_E_ARENA = -2,     /* the arena is smaller than model->arena_size */
    DPT_E_BACKEND = -3,   /* the backend lacks a kernel or reads another packing, or
                           * (dpt_model_pack) this CPU lacks the backend, or the model cannot be
                           * packed for the backend */
    DPT_E_SIZE = -4,      /* the blob is not as long as it says (truncated, or followed by more) */
    DPT_E_MAGIC = -5,     /* not a drypoint blob */
    DPT_E_VERSION = -6,   /* a blob of a version that this library does not read */
    DPT_E_CRC = -7,       /* the blob's bytes are damaged */
    DPT_E_CAPACITY = -8,  /* more ops, or (dpt_model_pack) bytes, than the caller has room for */
    DPT_E_FIELD = -9,     /* a field is out of its range, or an unused one is not 0 */
    DPT_E_SHAPE = -10,    /* shapes or types that do not fit each other */
    DPT_E_TABLE = -11,    /* a table reaches outside the blob, or holds a value that is not allowed,
                           * or the tables of all ops are more than 4 times the blob */
    DPT_E_OVERFLOW = -12, /* an accumulator could overflow */
    DPT_E_PLAN = -13,     /* the arena plan is wrong, or no op reads an output */
    DPT_E_STATE = -14     /* dpt_run of a streaming model, or dpt_reset or dpt_step of a model that
                           * does not stream */
} dpt_status;

/* The kinds of ops and the types of their values, with the numbers that the blob uses. */
enum {
    DPT_CONV = 1,       /* a convolution */
    DPT_DENSE = 2,      /* a dense op */
    DPT_MAXPOOL = 3,    /* the largest value of each window */
    DPT_AVGPOOL = 4,    /* the mean of each window */
    DPT_GROUPED = 5,    /* a convolution in groups of channels */
    DPT_DEPTHWISE = 6,  /* a convolution of each channel by itself */
    DPT_ADD = 7,        /* the sum of two planes */
    DPT_CONCAT = 8,     /* channels put side by side */
    DPT_LOOKUP = 9,     /* any function of one value */
    DPT_MUL = 10,       /* the product of two planes, or of a plane and a factor a channel */
    DPT_HISTORY = 11,   /* the last rows of a signal, which a streaming program remembers */
    DPT_UPSAMPLE = 12,  /* a larger plane of the same values */
    DPT_RESIZE = 13,    /* a plane of another size, its values interpolated */
    DPT_SLICE = 14,     /* a part of a plane */
    DPT_TRANSPOSE = 15, /* the axes of a plane in another order */
    DPT_PRELU = 16,     /* a slope for each channel below real zero */
    DPT_DELAY = 18,     /* a tensor of the step before, which a recurrent program carries */
    DPT_KINDS = 19      /* one more than the largest */
};
enum { DPT_U8 = 0, DPT_I8 = 1, DPT_I32 = 2, DPT_I16 = 3 };

/* The place in a table of kernels of the kernel of ops that read or write DPT_I16; no kind has this
 * number. */
enum { DPT_WIDE = 17 };

/* Marks of an op. DPT_IN_PLACE: the output lies over a tensor that the op's group reads and that no
 * later op reads. DPT_FUSED: the arena keeps only `rows` rows of the output, for the next op, which
 * belongs to the same group (NUMERICS.md section 8). */
enum { DPT_IN_PLACE = 1, DPT_FUSED = 2 };

/* What an op reads or writes: a plane of height h, width w and c channels, stored row by row, the
 * channels of a pixel together; its type; and its zero point, 0 but for DPT_I8. A stored integer q
 * stands for the real value scale * (q - zero). */
typedef struct dpt_tensor {
    uint16_t h, w, c;
    uint8_t type;
    int8_t zero;
} dpt_tensor;

/* One op. Its fields are the fields of a record in BLOB.md, with pointers for offsets. A
 * field that a kind does not use is 0 or NULL. Tables are bytes (little-endian int32), so that a
 * blob can be used where it lies.
 *
 * Tensor 0 is the model's input, tensor i + 1 is the output of op i: `reads` holds numbers of
 * tensors, each at most the op's own index. DPT_ADD, DPT_CONCAT and DPT_MUL read two
 * tensors. The kernel of a DPT_UPSAMPLE is the block that it makes of a pixel, its padding what it
 * leaves out at the edges. Some kinds keep numbers of their own in members with other names: a
 * DPT_SLICE its first row and column in pad_top and pad_left, its first channel in groups; a
 * DPT_RESIZE its parts in kernel_h and kernel_w, its offsets in dilation_h and dilation_w; a
 * DPT_TRANSPOSE the order of its axes in groups, 1 .. 5: HCW, WHC, WCH, CHW, CWH. A DPT_DELAY has
 * the number of the tensor that it carries in groups, and its first output in pad [out.c]. Values
 * of DPT_I16 are little-endian, at any address. */
typedef struct dpt_op {
    uint8_t kind;        /* DPT_CONV ... */
    uint8_t marks;       /* DPT_IN_PLACE | DPT_FUSED; of a packed op also a mark of its layout */
    uint8_t shift;       /* left shift of the accumulator, 0 .. 30 */
    uint8_t weight_bits; /* 8, 4 or 2 where there are weights */
    uint16_t reads[2];   /* numbers of tensors */
    dpt_tensor in, in2;  /* DPT_U8 or DPT_I8; of sums, products and means of 1x1 also DPT_I16 */
    dpt_tensor out;      /* DPT_I32: an output of the model, as the last op's is */
    uint16_t kernel_h, kernel_w, stride_h, stride_w;
    uint16_t dilation_h, dilation_w; /* of a convolution: rows, columns from a tap to the next */
    uint16_t pad_top, pad_left, pad_bottom, pad_right;
    uint16_t pool_h, pool_w; /* of a convolution; 1, 1 means none */
    uint16_t groups;         /* DPT_GROUPED: at least 2; in.c / groups channels each */
    uint16_t last_reader;    /* index of the last op that reads the output; 0 in generated code */
    uint16_t rows;           /* 0: the output is computed in one call; DPT_FUSED: output rows that
                              * the arena keeps; else output rows computed in one call, at most */
    uint16_t first, period;  /* of a streaming model: the op runs in the steps first, first +
                              * period, ...; the first step after dpt_reset is number 1 */
    int32_t lo, hi;          /* the clamp of the output */
    uint16_t factors[2];     /* of an addition; of a DPT_PRELU: at least at real zero, and
                              * below it; 1 .. 32767 */
    uint32_t out_offset;     /* bytes from the arena's begin to the output (DPT_FUSED: to its kept
                              * rows); DPT_I32: values from the begin of the model's outputs;
                              * times n in a batch of n */
    const int8_t *weight;    /* of 8 bits; of 4 and 2 bits packed as in BLOB.md, section 4:
                              * [out.c][kernel_h][kernel_w][in.c; grouped: of its group]
                              * depthwise: [kernel_h][kernel_w][out.c]
                              * dense: [out.c][in.h * in.w * in.c]; DPT_PRELU: slopes [in.c] */
    const uint8_t *table;    /* lookup: [256] of the output's type, by the stored byte */
    const uint8_t *bias;     /* int32, little-endian: [out.c]; other ops: [1] */
    const uint8_t *mult;     /* int32, even, 2 .. 2^31 - 2; as many as biases */
    const uint8_t *pad;      /* [in.c] bytes: what a padded place of each channel reads, as
                              * stored; NULL: 0 */
    const void *packed;      /* what dpt_model_pack made of the tables, or NULL */
} dpt_op;

/* A kernel computes one op on n >= 1 inputs: all of `out` from all of in[0] and, where the op reads
 * two tensors, in[1]. The n planes of a tensor lie one after the other. `out` is aligned to 4 bytes
 * if it is DPT_I32; no other plane needs alignment. A kernel does not check the op. `out` overlaps
 * no input, except that it may equal an input of an addition, a multiplication, a lookup or a
 * DPT_PRELU, and that dpt_dsp_run_group gives a 3x3 depthwise and a 1x1 convolution an `out` that
 * equals in[0]. The op may be a copy that has the heights and the padding of a few rows. */
typedef void dpt_kernel(const dpt_op *op, const void *const in[2], void *out, size_t n);

/* A run of a model, for the inside of the library. */
struct dpt_run_state;

/* Runs the group of ops that begins with op `first`; returns the index of the group's last op. */
typedef size_t dpt_group_runner(const struct dpt_run_state *run, size_t first);

/* A backend: one implementation of the kernels, for one instruction set. All give the same bytes.
 * kernels[DPT_GROUPED] also runs dilated convolutions. */
typedef struct dpt_backend {
    const char *name;
    int (*available)(void);         /* 1 if this CPU can run it */
    uint16_t packing;               /* the layout of weights that it reads; 0: as they are */
    dpt_kernel *kernels[DPT_KINDS]; /* by kind; NULL: not in this table; DPT_WIDE: DPT_I16 */
    dpt_group_runner *run_group;    /* dpt_run_rows, dpt_dsp_run_group; NULL: DPT_E_BACKEND for a
                                     * model with an op whose `rows` is not 0 */
} dpt_backend;

/* What a softmax multiplies outputs with before it takes powers of 2: the output scale times
 * log2(e) is mult * 2^-(shift + 24). */
typedef struct dpt_softmax_scale {
    uint32_t mult;
    uint8_t shift; /* 0 .. 63 */
} dpt_softmax_scale;

/* A model: the C twin of the Python Program. Generated as const data, or filled by dpt_model_load.
 */
typedef struct dpt_model {
    const dpt_op *ops; /* [n_ops] */
    uint16_t n_ops;
    uint16_t n_labels;   /* 0, or the number of values of the last output, or of its channels */
    uint32_t arena_size; /* bytes that dpt_run needs, exactly */
    const char *labels;  /* n_labels strings, each closed by a zero byte, one after the other */
    const dpt_backend *backend; /* what dpt_run uses when it is given none */
    uint16_t packing;           /* the layout of ops[].packed; 0: they are NULL */
    dpt_softmax_scale softmax;  /* of the last output, for dpt_softmax; 0, 0: no softmax */
    uint32_t state_size;        /* bytes at the front of the arena that last from step to step; 0:
                                 * no streaming model */
} dpt_model;

/* Receives the output of op `op` as soon as it is computed: the `size` bytes at `output` are bytes
 * at .. at + size - 1 of it. The parts of an output come in order, without gaps; an op that is not
 * computed row by row has one part. DPT_I32 values are int32_t in the machine's byte order.
 * `output` is valid during the call only. */
typedef void dpt_trace(void *user, size_t op, size_t at, const void *output, size_t size);

/* Reads a blob of blob_size bytes at any alignment, checks all of it, once, and fills *model and
 * ops[0 .. n_ops). ops_cap is the number of ops that there is room for. The model points into the
 * blob and into ops: both must outlive it. On any answer but DPT_OK *model must not be used. */
dpt_status dpt_model_load(dpt_model *model, dpt_op *ops, size_t ops_cap, const void *blob,
                          size_t blob_size);

/* The number of ops that a blob has, 1 to 65,535: the room that dpt_model_load needs in `ops`. 0:
 * `blob` is NULL, or its header or CRC is wrong; dpt_model_load says what, and checks the rest. */
size_t dpt_blob_ops(const void *blob, size_t blob_size);

/* Values of one input, one byte each; of a streaming model, of one row. */
size_t dpt_input_size(const dpt_model *model);

/* Runs the model once. `backend` NULL means model->backend; one that
 * is given must be available on this CPU. `arena` needs no alignment and no
 * initial content; NULL is fine when model->arena_size is 0. `input` holds ops[0].in.h * w * c
 * values of type ops[0].in.type; `output` receives dpt_output_count(model) values: the planes of
 * the ops that write DPT_I32, one after the other. The input is not changed; arena, input and
 * output must not overlap. Returns DPT_OK, or, before anything is written, DPT_E_ARGUMENT,
 * DPT_E_ARENA, DPT_E_BACKEND or DPT_E_STATE (the model is a streaming model: call dpt_step). */
dpt_status dpt_run(const dpt_model *model, const dpt_backend *backend, void *arena,
                   size_t arena_size, const void *input, int32_t *output);

/* Runs the model as dpt_run does, with the same statuses, and calls `trace`, unless it is NULL,
 * with the output of each op. */
dpt_status dpt_run_traced(const dpt_model *model, const dpt_backend *backend, void *arena,
                          size_t arena_size, const void *input, int32_t *output, dpt_trace *trace,
                          void *user);

/* A streaming model (`drypoint export --streaming`) reads one row of a signal in each step.
 *
 * dpt_reset writes the state: the first model->state_size bytes of the arena. Call it before the
 * first row of each signal; without it the steps read whatever lies in the arena. Returns DPT_OK,
 * DPT_E_ARGUMENT (model or arena is NULL), DPT_E_STATE (the model does not stream) or DPT_E_ARENA
 * (arena_size is less than state_size).
 *
 * dpt_step takes the next row of the input and runs the ops that are due. It writes `output` and
 * returns DPT_OK, or returns DPT_NO_OUTPUT and does not write `output`, which must not be NULL in
 * either case. The caller keeps the state from step to step; the rest of the arena may change.
 * `backend` may change from step to step. Errors: DPT_E_ARGUMENT, DPT_E_ARENA (arena_size is less
 * than model->arena_size), DPT_E_BACKEND; DPT_E_STATE if the model does not stream. The trace
 * receives the outputs of the ops that run. NUMERICS.md, section 11. */
dpt_status dpt_reset(const dpt_model *model, void *arena, size_t arena_size);
dpt_status dpt_step(const dpt_model *model, const dpt_backend *backend, void *arena,
                    size_t arena_size, const void *input, int32_t *output);
dpt_status dpt_step_traced(const dpt_model *model, const dpt_backend *backend, void *arena,
                           size_t arena_size, const void *input, int32_t *output, dpt_trace *trace,
                           void *user);

/* Runs the model on n >= 1 inputs that lie one after the other in `inputs`; the planes of an output
 * lie one after the other in `outputs`, from value n * out_offset of its op on. `arena_size` must
 * be at least n * model->arena_size. Weights are read once for several inputs. Statuses as of
 * dpt_run; n = 0 is DPT_E_ARGUMENT. */
dpt_status dpt_run_batch(const dpt_model *model, const dpt_backend *backend, void *arena,
                         size_t arena_size, const void *inputs, int32_t *outputs, size_t n);

/* For hosts: lays the weights out for a backend (NULL: the best here), once, so that it runs fast.
 * Fills *packed and ops[0 .. model->n_ops), which point into `memory` and into what `model` points
 * to: all must outlive them. `memory` needs no alignment and dpt_packed_size bytes.
 * The results are the same bytes with and without: a backend runs what is not packed with the plain
 * kernels. Any model that dpt_model_load has filled can be packed for any backend of
 * dpt_backend_at. DPT_E_BACKEND is the answer for a model without weights as they are (one that
 * `drypoint export --target` has packed), for the backends whose weights only that command packs
 * (dpt_blocks, dpt_dsp, dpt_mve), and for a backend that this CPU lacks. Returns DPT_E_ARGUMENT,
 * DPT_E_BACKEND, DPT_E_CAPACITY or DPT_OK. */
dpt_status dpt_model_pack(dpt_model *packed, dpt_op *ops, size_t ops_cap, const dpt_model *model,
                          const dpt_backend *backend, void *memory, size_t memory_size);

/* Bytes of memory that dpt_model_pack needs for this model and backend (NULL: the best here). 0: no
 * op is packed, or `model` is NULL. SIZE_MAX: the model cannot be packed for the backend, or the
 * packed weights are more than a size_t of this machine can count. */
size_t dpt_packed_size(const dpt_model *model, const dpt_backend *backend);

/* The work of one run: the sum over all ops of
 *
 *     conv       (out.h * pool_h) * (out.w * pool_w) * out.c * kernel_h * kernel_w * in.c
 *     grouped    the same, in.c / groups in place of in.c; depthwise: 1 in place of in.c
 *     dense      out.c * in.h * in.w * in.c
 *     pools      out.h * out.w * out.c * kernel_h * kernel_w
 *     history    kernel_h * in.w * in.c
 *     resize     4 * out.h * out.w * out.c
 *     others     out.h * out.w * out.c
 *
 * that is multiply-accumulates (every tap at every position before pooling, on the padding too),
 * values that pools read, and values that other ops write; UINT64_MAX where the sum is more. Work
 * follows from the shapes alone. dpt_model_load promises that a run ends, but a blob of a megabyte
 * can ask for 10^17 of these: a host that takes blobs from elsewhere limits it. */
uint64_t dpt_work(const dpt_model *model);

/* Number of values in a tensor, and of their bytes. */
size_t dpt_elements(dpt_tensor tensor);
size_t dpt_bytes(dpt_tensor tensor);

/* Number of values of all outputs of a model: what dpt_run writes. */
size_t dpt_output_count(const dpt_model *model);

/* The op that writes output number `index`, from 0 on, in the order of the ops; NULL: the model has
 * no more outputs. Its dpt_elements(op->out) values begin at output[op->out_offset]. */
const dpt_op *dpt_output_at(const dpt_model *model, size_t index);

/* The index of the largest of n >= 1 values of an output, the lowest among equals: the class, or
 * the class of a pixel of n channels. */
size_t dpt_argmax(const int32_t *output, size_t n);

/* The softmax of n >= 1 values of an output, in units of 2^-30: probability[i] * 100 / 2^30 is a
 * percentage. Integers only, the same on every target (NUMERICS.md section 6); within 2^-22 + n *
 * 2^-30 of the exact softmax. `probability` may equal `output`, but must not overlap it otherwise.
 * The scale of the last output is model->softmax, that of another output NAME_OUTPUT_<NAME>_SOFTMAX
 * of generated code; {0, 0} gives n equal probabilities. */
void dpt_softmax(const int32_t *output, size_t n, dpt_softmax_scale scale, int32_t *probability);

/* The label of a value of the last output, or "" when the model has none for it. */
const char *dpt_label(const dpt_model *model, size_t index);

/* The CRC-32 of zlib. `crc` is the CRC-32 of the bytes that come before `data`; 0: there are none.
 * Uses 1 KB of stack. */
uint32_t dpt_crc32(uint32_t crc, const void *data, size_t size);

/* A status in words: a constant string, never NULL. */
const char *dpt_status_text(dpt_status status);

/* The backends that this library was built with: index 0, 1, ... until NULL; best first. */
const dpt_backend *dpt_backend_at(size_t index);

/* The first of them that this CPU can run. */
const dpt_backend *dpt_backend_best(void);

/* cffi: end */

/* The caller's output function for a log: sends `size` characters at `text`, for example over a
 * UART. `text` is not closed by a zero byte and is valid during the call only. */
typedef void dpt_sink(void *user, const char *text, size_t size);

/* Runs the model as dpt_run does and sends the input and every op's output to `sink` as lines of
 * text, each line in one call. `drypoint diff` reads the lines and names the first op whose output
 * differs. `id` identifies the program: NAME_ID of generated code, or 0 (not stated). LeNet's log
 * has 12 KB. Statuses as of dpt_run; if model, input or sink is NULL, DPT_E_ARGUMENT and no line.
 * After every other error the input's lines have been sent, and the last line has the status. */
dpt_status dpt_run_logged(const dpt_model *model, const dpt_backend *backend, void *arena,
                          size_t arena_size, const void *input, int32_t *output, uint32_t id,
                          dpt_sink *sink, void *user);

/* Sends what a timer of the board counted during one dpt_run, as a line of a log: `drypoint diff`
 * prints the median of these lines. Time dpt_run, not dpt_run_logged, whose lines take longer than
 * the run. */
void dpt_log_time(uint32_t ticks, dpt_sink *sink, void *user);

/* Backends. dpt_scalar runs everywhere. dpt_blocks, dpt_dsp and dpt_mve run weights that `drypoint
 * export --target` has packed, where the compiler's target has them: dpt_blocks on any 32-bit core
 * or RISC-V, dpt_dsp on Cortex-M with the DSP extension, dpt_mve on Cortex-M with Helium; the
 * others run on processors with SIMD. The kernels of generated code are in drypoint_kernels.h. */
extern const dpt_backend dpt_scalar, dpt_blocks, dpt_dsp, dpt_mve, dpt_neon, dpt_neondot,
    dpt_neoni8mm, dpt_rvv, dpt_wasm;

#ifdef __cplusplus
}
#endif
#endif
