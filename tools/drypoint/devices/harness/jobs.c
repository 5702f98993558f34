/* SPDX-License-Identifier: Apache-2.0 */
/* Runs many programs on a device: blobs and inputs come in, digests and outputs go out. All numbers
 * are 32 bits in the device's byte order.
 *
 * In: the number of jobs; for each: blob size, number of inputs, misalignment, number of packed
 * tables (0, or one for each op); the blob; for each table its size and bytes; the inputs.
 * Out, for each job: the status of the load; after DPT_OK the number of runners, and for each its
 * name in 16 bytes and, for each input, the status, the CRC-32 of the output of every op but the
 * last, 0 where it is int32, and the values of all outputs.
 *
 * Runners are the plain kernels, every backend of the library that this CPU has, and, with packed
 * tables, DEVICE_BACKEND. Blob, input and arena lie `misalignment` bytes behind a multiple of 16,
 * tables and outputs at the multiple of 4 below that. */
#include "drypoint_kernels.h"
#include "port.h"

#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(from, size)
#define ASAN_UNPOISON_MEMORY_REGION(from, size)
#endif

#ifndef DEVICE_BACKEND
#define DEVICE_BACKEND dpt_scalar /* never used: such targets get no packed tables */
#endif

#ifdef DEVICE_FEW_BITS /* as generated code, whose table has the kernels for an op's bits */
#define JOIN_OF(a, b) a##b
#define JOIN(a, b)    JOIN_OF(a, b)
#define BY_BITS(kind)                                                                              \
    static void any_##kind(const dpt_op *op, const void *const in[2], void *out, size_t n) {       \
        (op->weight_bits == 8   ? JOIN(DEVICE_BACKEND, _##kind)                                    \
         : op->weight_bits == 4 ? JOIN(DEVICE_BACKEND, 4_##kind)                                   \
                                : JOIN(DEVICE_BACKEND, 2_##kind))(op, in, out, n);                 \
    }
BY_BITS(conv)
BY_BITS(grouped)
BY_BITS(dense)
#endif

static dpt_backend device_backend(void) {
    dpt_backend own = DEVICE_BACKEND;
#ifdef DEVICE_FEW_BITS
    own.kernels[DPT_CONV] = any_conv;
    own.kernels[DPT_GROUPED] = any_grouped;
    own.kernels[DPT_DENSE] = any_dense;
#endif
    return own;
}

/* 64-bit targets are emulated as processes: their memory is no board's. */
enum { HEAP_SIZE = sizeof(void *) == 8 ? 0x600000 : 0x1A0000, MOST_OPS = 64, NAME_SIZE = 16 };

static uint64_t heap[HEAP_SIZE / 8];
static size_t used;

static void *allocate(size_t size, size_t misalignment) {
    const size_t at = (used + 15) / 16 * 16 + misalignment;
    if (size > HEAP_SIZE || at > HEAP_SIZE - size) {
        port_exit(94);
    }
    uint8_t *const begin = (uint8_t *)heap;
    ASAN_POISON_MEMORY_REGION(begin + used, HEAP_SIZE - used);
    ASAN_UNPOISON_MEMORY_REGION(begin + at, size);
    used = at + size;
    return begin + at;
}

static uint32_t get(void) {
    uint32_t number;
    port_read(&number, sizeof number);
    return number;
}

static void put(uint32_t number) {
    port_write(&number, sizeof number);
}

typedef struct digests {
    const dpt_model *model;
    uint32_t crc[MOST_OPS];
} digests;

static void digest(void *user, size_t op, size_t at, const void *output, size_t size) {
    digests *found = user;
    (void)at;
    if (found->model->ops[op].out.type != DPT_I32) {
        found->crc[op] = dpt_crc32(found->crc[op], output, size);
    }
}

typedef struct job {
    const uint8_t *inputs;
    size_t n_inputs, misalignment;
} job;

static void run(const dpt_model *model, const dpt_backend *backend, const job *j) {
    const size_t input_size = dpt_elements(model->ops[0].in), before = used;
    const size_t output_size = dpt_output_count(model) * sizeof(int32_t);
    uint8_t *input = allocate(input_size, j->misalignment);
    uint8_t *arena = allocate(model->arena_size, j->misalignment);
    int32_t *output = allocate(output_size, j->misalignment & 12u);
    char name[NAME_SIZE] = {0};
    for (size_t i = 0; i + 1 < NAME_SIZE && backend->name[i] != '\0'; i++) {
        name[i] = backend->name[i];
    }
    port_write(name, sizeof name);
    const size_t state_size = model->state_size;
    if (state_size != 0 && dpt_reset(model, arena, model->arena_size) != DPT_OK) {
        port_exit(95);
    }
    for (size_t i = 0; i < j->n_inputs; i++) {
        digests found = {model, {0}};
        memcpy(input, j->inputs + i * input_size, input_size);
        memset(arena + state_size, 0xA5, model->arena_size - state_size);
        memset(output, 0, output_size);
        put((uint32_t)(state_size != 0 ? dpt_step_traced : dpt_run_traced)(
            model, backend, arena, model->arena_size, input, output, digest, &found));
        port_write(found.crc, (model->n_ops - 1u) * sizeof found.crc[0]);
        port_write(output, output_size);
    }
    used = before;
}

/* A backend of the library, its weights laid out on the device itself. */
static void run_packed(const dpt_model *model, const dpt_backend *backend, const job *j) {
    dpt_op ops[MOST_OPS];
    dpt_model packed;
    const size_t size = dpt_packed_size(model, backend), before = used;
    void *memory = allocate(size, j->misalignment);
    if (dpt_model_pack(&packed, ops, MOST_OPS, model, backend, memory, size) != DPT_OK) {
        port_exit(95);
    }
    run(&packed, backend, j);
    used = before;
}

/* As generated code is: the layout of DEVICE_BACKEND, and no weights as they are. */
static dpt_model prepacked(const dpt_model *model, const dpt_backend *own, dpt_op *ops,
                           const uint8_t *const *tables) {
    for (size_t i = 0; i < model->n_ops; i++) {
        ops[i] = model->ops[i];
        if (tables[i] != NULL) {
            ops[i].packed = tables[i];
            ops[i].weight = NULL;
            ops[i].bias = NULL;
            ops[i].mult = NULL;
        }
    }
    dpt_model packed = *model;
    packed.ops = ops;
    packed.backend = own;
    packed.packing = own->packing;
    return packed;
}

static void do_job(void) {
    const size_t blob_size = get(), n_inputs = get(), misalignment = get(), n_packed = get();
    static dpt_op ops[MOST_OPS];
    static const uint8_t *tables[MOST_OPS];
    dpt_model model;
    used = 0;
    uint8_t *blob = allocate(blob_size, misalignment);
    port_read(blob, blob_size);
    for (size_t i = 0; i < n_packed; i++) {
        const size_t size = get();
        uint8_t *table = allocate(size, misalignment & 12u);
        port_read(table, size);
        tables[i] = size > 0 ? table : NULL;
    }
    const dpt_status status = dpt_model_load(&model, ops, MOST_OPS, blob, blob_size);
    put((uint32_t)status);
    if (status != DPT_OK) {
        return;
    }
    const size_t input_size = n_inputs * dpt_elements(ops[0].in);
    uint8_t *inputs = allocate(input_size, 0);
    port_read(inputs, input_size);
    const job j = {inputs, n_inputs, misalignment};
    uint32_t runners = n_packed > 0 ? 1 : 0;
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) {
        runners += dpt_backend_at(i)->available() != 0;
    }
    put(runners);
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) {
        if (dpt_backend_at(i)->available()) {
            run_packed(&model, dpt_backend_at(i), &j);
        }
    }
    if (n_packed > 0) {
        static dpt_op packed_ops[MOST_OPS];
        const dpt_backend own = device_backend();
        const dpt_model packed = prepacked(&model, &own, packed_ops, tables);
        run(&packed, &own, &j);
    }
}

int device_main(void) {
    for (uint32_t jobs = get(); jobs > 0; jobs--) {
        do_job();
    }
    return 0;
}
