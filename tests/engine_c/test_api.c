/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of drypoint.h about arguments, statuses and helpers. Exits with 1 when one is
 * broken; each line that fails is printed. */
#include "drypoint_boxes.h"
#include "drypoint_kernels.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

#if DPT_VERSION_NUMBER < 100 || DPT_VERSION_NUMBER / 10000 != DPT_VERSION_MAJOR
#error "the preprocessor compares versions"
#endif

static int yes(void) {
    return 1;
}

static int no(void) {
    return 0;
}

/* in[1] -> dense u8[2]: 1 * in, 2 * in -> maxpool 1x1 -> i32[2]. */
static const int8_t weight[2] = {1, 2};
static const uint8_t bias[] = {DPT_LE32(0), DPT_LE32(0)};
static const uint8_t mult[] = {DPT_LE32(0x40000000), DPT_LE32(0x40000000)};
static const dpt_op ops[2] = {{.kind = DPT_DENSE,
                               .shift = 2,
                               .weight_bits = 8,
                               .in = {1, 1, 1, DPT_U8, 0},
                               .out = {1, 1, 2, DPT_U8, 0},
                               .hi = 255,
                               .weight = weight,
                               .bias = bias,
                               .mult = mult},
                              {.kind = DPT_MAXPOOL,
                               .reads = {1, 0},
                               .in = {1, 1, 2, DPT_U8, 0},
                               .out = {1, 1, 2, DPT_I32, 0},
                               .kernel_h = 1,
                               .kernel_w = 1,
                               .stride_h = 1,
                               .stride_w = 1}};
static const char labels[] = "zero\0one";

static dpt_model good_model(void) {
    dpt_model model = {ops, 2, 2, 2, labels, &dpt_scalar, 0, {3098164009u, 8}, 0};
    return model;
}

static void count_ops(void *user, size_t op, size_t at, const void *output, size_t size) {
    size_t *seen = user;
    CHECK(op == *seen && at == 0 && output != NULL && size == (op == 0 ? 2u : 8u));
    (*seen)++;
}

static void test_run(void) {
    dpt_model model = good_model();
    const uint8_t input[1] = {100};
    uint8_t arena[4] = {0xAA, 0xAA, 0xAA, 0xAA};
    int32_t output[2] = {-1, -1};
    size_t seen = 0;

    CHECK(dpt_run(NULL, NULL, arena, 2, input, output) == DPT_E_ARGUMENT);
    CHECK(dpt_run(&model, NULL, NULL, 2, input, output) == DPT_E_ARGUMENT);
    CHECK(dpt_run(&model, NULL, arena, 2, NULL, output) == DPT_E_ARGUMENT);
    CHECK(dpt_run(&model, NULL, arena, 2, input, NULL) == DPT_E_ARGUMENT);
    CHECK(dpt_run(&model, NULL, arena, 1, input, output) == DPT_E_ARENA);
    CHECK(dpt_run(&model, NULL, arena, 0, input, output) == DPT_E_ARENA);
    CHECK(output[0] == -1 && output[1] == -1 && arena[0] == 0xAA); /* nothing was written */

    CHECK(dpt_run(&model, NULL, arena, 2, input, output) == DPT_OK);
    CHECK(output[0] == 100 && output[1] == 200 && arena[2] == 0xAA && input[0] == 100);
    CHECK(dpt_run(&model, &dpt_scalar, arena, 4, input, output) == DPT_OK);
    CHECK(dpt_run_traced(&model, NULL, arena, 2, input, output, count_ops, &seen) == DPT_OK);
    CHECK(seen == 2);

    dpt_op only = ops[1]; /* one op needs no arena */
    only.reads[0] = 0;
    model.ops = &only;
    model.n_ops = 1;
    model.arena_size = 0;
    const uint8_t pair[2] = {7, 9};
    CHECK(dpt_run(&model, NULL, NULL, 0, pair, output) == DPT_OK);
    CHECK(output[0] == 7 && output[1] == 9);

    model.arena_size = 1; /* the smallest that there can be */
    CHECK(dpt_run(&model, NULL, NULL, 1, pair, output) == DPT_E_ARGUMENT);
    CHECK(dpt_run(&model, NULL, arena, 0, pair, output) == DPT_E_ARENA);
    CHECK(dpt_run_batch(&model, NULL, arena, 1, pair, output, 2) == DPT_E_ARENA);
    CHECK(dpt_run(&model, NULL, arena, 1, pair, output) == DPT_OK);
}

static void test_backends(void) {
    dpt_model model = good_model();
    const uint8_t input[1] = {1};
    uint8_t arena[2];
    int32_t output[2];
    dpt_backend lacks_dense = dpt_scalar, lacks_maxpool = dpt_scalar;
    dpt_backend lacks_unused = dpt_scalar;
    lacks_dense.kernels[DPT_DENSE] = NULL;
    lacks_maxpool.kernels[DPT_MAXPOOL] = NULL;
    for (int kind = 0; kind < DPT_KINDS; kind++) {
        if (kind != DPT_DENSE && kind != DPT_MAXPOOL) {
            lacks_unused.kernels[kind] = NULL;
        }
    }
    lacks_unused.available = yes;

    CHECK(dpt_run(&model, &lacks_dense, arena, 2, input, output) == DPT_E_BACKEND);
    CHECK(dpt_run(&model, &lacks_maxpool, arena, 2, input, output) == DPT_E_BACKEND);
    CHECK(dpt_run(&model, &lacks_unused, arena, 2, input, output) == DPT_OK);
    model.backend = NULL;
    CHECK(dpt_run(&model, NULL, arena, 2, input, output) == DPT_E_BACKEND);
    CHECK(dpt_run(&model, &dpt_scalar, arena, 2, input, output) == DPT_OK);

    size_t n = 0;
    while (dpt_backend_at(n) != NULL) {
        const dpt_backend *b = dpt_backend_at(n++);
        CHECK(b->name != NULL && b->available != NULL && b->kernels[0] == NULL);
        for (int kind = DPT_CONV; kind < DPT_KINDS; kind++) {
            CHECK(b->kernels[kind] != NULL);
        }
    }
    CHECK(n >= 1 && dpt_backend_at(n - 1) == &dpt_scalar && dpt_backend_at(n + 1) == NULL);
    CHECK(dpt_backend_at((size_t)-1) == NULL);
    CHECK(dpt_backend_best() != NULL && dpt_backend_best()->available());
}

static void test_pack(void) {
    const dpt_model model = good_model();
    const uint8_t inputs[3] = {100, 1, 7};
    const int32_t wanted[6] = {100, 200, 1, 2, 7, 14};
    static uint8_t memory[4096];
    uint8_t arena[6];
    int32_t outputs[6];
    dpt_op room[2];
    dpt_model packed;
    dpt_backend lacks_cpu = dpt_scalar, other = dpt_scalar;
    lacks_cpu.available = no;
    other.packing = 3;

    CHECK(dpt_packed_size(NULL, &dpt_scalar) == 0 && dpt_packed_size(NULL, NULL) == 0);
    CHECK(dpt_packed_size(&model, NULL) == dpt_packed_size(&model, dpt_backend_best()));
    CHECK(dpt_packed_size(&model, &dpt_scalar) == 0);
    CHECK(dpt_model_pack(NULL, room, 2, &model, NULL, memory, 4096) == DPT_E_ARGUMENT);
    CHECK(dpt_model_pack(&packed, NULL, 2, &model, NULL, memory, 4096) == DPT_E_ARGUMENT);
    CHECK(dpt_model_pack(&packed, room, 2, NULL, NULL, memory, 4096) == DPT_E_ARGUMENT);
    CHECK(dpt_model_pack(&packed, room, 2, &model, &lacks_cpu, memory, 4096) == DPT_E_BACKEND);
    CHECK(dpt_model_pack(&packed, room, 1, &model, NULL, memory, 4096) == DPT_E_CAPACITY);
    CHECK(dpt_model_pack(&packed, room, 2, &model, &dpt_scalar, NULL, 0) == DPT_OK);
    CHECK(packed.packing == 0 && packed.backend == &dpt_scalar && room[0].packed == NULL);
    if (dpt_packed_size(&model, dpt_backend_best()) > 0) {
        CHECK(dpt_model_pack(&packed, room, 2, &model, NULL, NULL, 4096) == DPT_E_ARGUMENT);
    }
    CHECK(dpt_model_pack(&packed, room, 2, &model, NULL, memory, sizeof memory) == DPT_OK);
    CHECK(packed.backend == dpt_backend_best() && packed.arena_size == 2);
    CHECK(dpt_run_batch(&packed, NULL, arena, 6, inputs, outputs, 3) == DPT_OK);
    CHECK(memcmp(outputs, wanted, sizeof wanted) == 0);
    CHECK(dpt_run_batch(&packed, NULL, arena, 5, inputs, outputs, 3) == DPT_E_ARENA);
    CHECK(dpt_run_batch(&packed, NULL, arena, 6, inputs, outputs, 0) == DPT_E_ARGUMENT);
    if (packed.packing != 0) {
        CHECK(dpt_run(&packed, &other, arena, 2, inputs, outputs) == DPT_E_BACKEND);
    }
}

static size_t grouped_calls;

static void counting_grouped(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    grouped_calls++;
    dpt_scalar_grouped(op, in, out, n);
}

/* The kernel of grouped convolutions runs a dilated convolution, and a backend without that kernel
 * does not fit. The kernel of convolutions reads padding values. */
static void test_dilated_convolutions(void) {
    const uint8_t input[1] = {5}, pad[1] = {9};
    int32_t output[2] = {0, 0};
    const dpt_op conv = {.kind = DPT_CONV,
                         .weight_bits = 8,
                         .shift = 2,
                         .in = {1, 1, 1, DPT_U8, 0},
                         .out = {1, 2, 1, DPT_I32, 0},
                         .kernel_h = 1,
                         .kernel_w = 1,
                         .stride_h = 1,
                         .stride_w = 1,
                         .dilation_h = 1,
                         .dilation_w = 1,
                         .pad_right = 1,
                         .pool_h = 1,
                         .pool_w = 1,
                         .hi = 255,
                         .weight = weight,
                         .bias = bias,
                         .mult = mult};
    dpt_op valued = conv, dilated = conv;
    valued.pad = pad;
    dilated.dilation_w = 7;
    const dpt_op *const cases[3] = {&conv, &valued, &dilated};
    const int32_t padded[3] = {0, 9, 0}; /* what the second place, on the padding, reads */
    dpt_backend counts = dpt_scalar, lacks_grouped = dpt_scalar;
    counts.kernels[DPT_GROUPED] = counting_grouped;
    lacks_grouped.kernels[DPT_GROUPED] = NULL;
    for (size_t i = 0; i < 3; i++) {
        const dpt_model model = {cases[i], 1, 0, 0, NULL, &dpt_scalar, 0, {0, 0}, 0};
        CHECK(dpt_run(&model, &counts, NULL, 0, input, output) == DPT_OK);
        CHECK(grouped_calls == (i == 2));
        CHECK(output[0] == 5 && output[1] == padded[i]);
        CHECK(dpt_run(&model, &lacks_grouped, NULL, 0, input, output) ==
              (i < 2 ? DPT_OK : DPT_E_BACKEND));
    }
}

/* Numbers of layouts: 16 lanes in panels of 4 blocks (dpt_pack.h), and the exporter's for
 * dpt_blocks (dpt_internal.h). */
enum { SIMD_LAYOUT = 0x44, EXPORTED_LAYOUT = 0x1001 };

/* Layouts of weights that a backend cannot read: neither run nor packed, on any CPU. */
static void test_fits(void) {
    const uint8_t input[1] = {1};
    static uint8_t memory[4096];
    uint8_t arena[2];
    int32_t output[2];
    dpt_op room[2];
    dpt_model packed, model = good_model(), exported = good_model();
    dpt_backend simd = dpt_scalar, blocks = dpt_scalar, lacks_dense = dpt_scalar;
    simd.packing = SIMD_LAYOUT;
    blocks.packing = EXPORTED_LAYOUT;
    lacks_dense.kernels[DPT_DENSE] = NULL;

    /* Weights as they are: what only the exporter packs has no packed form of them. */
    CHECK(dpt_run(&model, &blocks, arena, 2, input, output) == DPT_E_BACKEND);
    CHECK(dpt_packed_size(&model, &blocks) == SIZE_MAX);
    CHECK(dpt_model_pack(&packed, room, 2, &model, &blocks, memory, 4096) == DPT_E_BACKEND);
    CHECK(dpt_packed_size(&model, &lacks_dense) == SIZE_MAX);
    CHECK(dpt_model_pack(&packed, room, 2, &model, &lacks_dense, memory, 4096) == DPT_E_BACKEND);
    CHECK(dpt_run(&model, &simd, arena, 2, input, output) == DPT_OK && output[1] == 2);

    /* Packed weights, for another backend or for this one. */
    model.packing = (uint16_t)(simd.packing + 1);
    CHECK(dpt_run(&model, &simd, arena, 2, input, output) == DPT_E_BACKEND);
    CHECK(dpt_run(&model, &blocks, arena, 2, input, output) == DPT_E_BACKEND);
    CHECK(dpt_packed_size(&model, &simd) > 0 && dpt_packed_size(&model, &simd) <= 4096);
    CHECK(dpt_model_pack(&packed, room, 2, &model, &simd, memory, 4096) == DPT_OK);
    CHECK(packed.packing == simd.packing && room[0].packed != NULL && room[1].packed == NULL);
    const size_t size = dpt_packed_size(&model, &simd);
    for (size_t shift = 0; shift < 64; shift += 9) { /* weights are aligned, whatever memory is */
        CHECK(dpt_model_pack(&packed, room, 2, &model, &simd, memory + shift, size) == DPT_OK);
        const uint8_t *layout = room[0].packed; /* 32 bytes, then the tables */
        CHECK((uintptr_t)layout % 64 == 32 && layout >= memory + shift);
    }
    model.packing = blocks.packing;
    CHECK(dpt_run(&model, &blocks, arena, 2, input, output) == DPT_OK && output[1] == 2);

    /* An exporter that packs weights leaves them out as they are. */
    dpt_op without[2] = {ops[0], ops[1]};
    without[0].weight = NULL;
    without[0].bias = without[0].mult = NULL;
    without[0].packed = memory;
    exported.ops = without;
    exported.packing = blocks.packing;
    const dpt_backend *backends[4] = {NULL, &dpt_scalar, &simd, &blocks};
    for (int i = 0; i < 4; i++) {
        CHECK(dpt_packed_size(&exported, backends[i]) == SIZE_MAX);
        CHECK(dpt_model_pack(&packed, room, 2, &exported, backends[i], memory, 4096) ==
              DPT_E_BACKEND);
        if (i == 1 || i == 2) {
            CHECK(dpt_run(&exported, backends[i], arena, 2, input, output) == DPT_E_BACKEND);
        }
    }
    dpt_op few[2] = {ops[0], ops[1]}; /* only the model's own table has kernels for few bits */
    few[0].weight_bits = 4;
    model.ops = few;
    CHECK(dpt_run(&model, &blocks, arena, 2, input, output) == DPT_E_BACKEND);
    model.backend = &blocks;
    CHECK(dpt_run(&model, NULL, arena, 2, input, output) == DPT_OK);
}

static void test_load_arguments(void) {
    dpt_op room[1];
    dpt_model model;
    const uint8_t blob[64] = {0};
    CHECK(dpt_model_load(NULL, room, 1, blob, 64) == DPT_E_ARGUMENT);
    CHECK(dpt_model_load(&model, NULL, 1, blob, 64) == DPT_E_ARGUMENT);
    CHECK(dpt_model_load(&model, room, 1, NULL, 64) == DPT_E_ARGUMENT);
    CHECK(dpt_model_load(&model, room, 1, blob, 63) == DPT_E_SIZE);
    CHECK(dpt_model_load(&model, room, 1, blob, 0) == DPT_E_SIZE);
    CHECK(dpt_model_load(&model, room, 1, blob, 64) == DPT_E_MAGIC);
}

static void test_argmax(void) {
    const int32_t one[1] = {-5}, ties[5] = {1, 7, 7, 0, 7}, same[3] = {0, 0, 0};
    const int32_t ends[4] = {INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX};
    CHECK(dpt_argmax(one, 1) == 0);
    CHECK(dpt_argmax(ties, 5) == 1);
    CHECK(dpt_argmax(same, 3) == 0);
    CHECK(dpt_argmax(ends, 2) == 0);
    CHECK(dpt_argmax(ends, 4) == 2);
}

static void test_labels(void) {
    dpt_model model = good_model();
    CHECK(dpt_input_size(&model) == 1 && dpt_output_count(&model) == 2);
    CHECK(dpt_output_at(&model, 0) == &model.ops[model.n_ops - 1]);
    CHECK(dpt_output_at(&model, 1) == NULL);
    CHECK(strcmp(dpt_label(&model, 0), "zero") == 0);
    CHECK(strcmp(dpt_label(&model, 1), "one") == 0);
    CHECK(strcmp(dpt_label(&model, 2), "") == 0);
    CHECK(strcmp(dpt_label(&model, (size_t)-1), "") == 0);
    model.n_labels = 0;
    CHECK(strcmp(dpt_label(&model, 0), "") == 0);
}

/* The check value of CRC-32 and zlib's answers for these bytes. */
static void test_crc(void) {
    static const uint8_t zeros[32];
    CHECK(dpt_crc32(0, "", 0) == 0);
    CHECK(dpt_crc32(0, "123456789", 9) == 0xCBF43926u);
    CHECK(dpt_crc32(dpt_crc32(0, "1234", 4), "56789", 5) == 0xCBF43926u);
    CHECK(dpt_crc32(0, zeros, 32) == 0x190A55ADu);
    CHECK(dpt_crc32(0, "\xFF", 1) == 0xFF000000u);
}

/* Every status has words of its own, and what is no status has words too. */
static void test_status_text(void) {
    const char *unknown = dpt_status_text((dpt_status)-15);
    CHECK(strcmp(dpt_status_text(DPT_OK), "ok") == 0);
    CHECK(strcmp(unknown, "not a status") == 0);
    CHECK(strcmp(dpt_status_text((dpt_status)2), unknown) == 0);
    for (int a = DPT_E_STATE; a <= DPT_NO_OUTPUT; a++) {
        CHECK(strcmp(dpt_status_text((dpt_status)a), unknown) != 0);
        for (int b = DPT_E_STATE; b < a; b++) {
            CHECK(strcmp(dpt_status_text((dpt_status)a), dpt_status_text((dpt_status)b)) != 0);
        }
    }
}

static void test_elements(void) {
    const dpt_tensor small = {2, 3, 4, DPT_U8, 0}, large = {16384, 16384, 1, DPT_I8, -1};
    CHECK(dpt_elements(small) == 24);
    CHECK(dpt_elements(large) == DPT_MAX_ELEMENTS);
}

/* The example of NUMERICS.md section 6, in place, and an output that is too far below to count. */
static void test_softmax(void) {
    const dpt_softmax_scale half = good_model().softmax;
    int32_t two[2] = {4, 2}, far[2] = {INT32_MAX, INT32_MIN};
    dpt_softmax(two, 2, half, two);
    CHECK(two[0] == 784968157 && two[1] == 288773667);
    dpt_softmax(far, 2, half, far);
    CHECK(far[0] == 1 << 30 && far[1] == 0);
}

typedef struct sent {
    char text[400];
    size_t size;
} sent;

static void keep(void *user, const char *text, size_t size) {
    sent *s = user;
    memcpy(s->text + s->size, text, size);
    s->size += size;
}

/* Oracle: the lines of docs/diff.md, with checksums that Python computed. */
static void test_log(void) {
    const dpt_model model = good_model();
    const uint8_t input[1] = {100};
    uint8_t arena[2];
    int32_t output[2];
    sent s = {{0}, 0};
    const char *wanted = "#dpt run 1 2 00001a2b*0a\n"
                         "#dpt in 64*65\n"
                         "#dpt 0 64c8*09\n"
                         "#dpt 1 64000000c8000000*08\n"
                         "#dpt end 0*3f\n";
    CHECK(dpt_run_logged(&model, NULL, arena, 2, input, output, 0x1A2Bu, keep, &s) == DPT_OK);
    CHECK(s.size == strlen(wanted) && memcmp(s.text, wanted, s.size) == 0);
    CHECK(output[0] == 100 && output[1] == 200);

    const char *refused = "#dpt run 1 2 00000000*0a\n"
                          "#dpt in 64*65\n"
                          "#dpt end -2*10\n";
    s.size = 0;
    CHECK(dpt_run_logged(&model, NULL, arena, 1, input, output, 0, keep, &s) == DPT_E_ARENA);
    CHECK(s.size == strlen(refused) && memcmp(s.text, refused, s.size) == 0);
    CHECK(dpt_run_logged(NULL, NULL, arena, 2, input, output, 0, keep, &s) == DPT_E_ARGUMENT);
    CHECK(dpt_run_logged(&model, NULL, arena, 2, NULL, output, 0, keep, &s) == DPT_E_ARGUMENT);
    CHECK(dpt_run_logged(&model, NULL, arena, 2, input, output, 0, NULL, &s) == DPT_E_ARGUMENT);
    CHECK(s.size == strlen(refused)); /* nothing more was sent */

    const char *timed = "#dpt time 4294967295*78\n";
    s.size = 0;
    dpt_log_time(UINT32_MAX, keep, &s);
    CHECK(s.size == strlen(timed) && memcmp(s.text, timed, s.size) == 0);
}

/* A history of two rows of one byte, and their difference times two. */
static void test_stream(void) {
    static const int8_t difference[2] = {-1, 1};
    static const uint8_t none[4] = {0}, quarter[4] = {0, 0, 0, 0x40};
    const dpt_tensor row = {1, 1, 1, DPT_U8, 0}, rows = {2, 1, 1, DPT_U8, 0};
    const dpt_op steps[2] = {{.kind = DPT_HISTORY,
                              .in = row,
                              .out = rows,
                              .kernel_h = 2,
                              .kernel_w = 1,
                              .stride_h = 1,
                              .stride_w = 1,
                              .out_offset = 4,
                              .first = 1,
                              .period = 1},
                             {.kind = DPT_DENSE,
                              .shift = 3,
                              .weight_bits = 8,
                              .reads = {1, 0},
                              .in = rows,
                              .out = {1, 1, 1, DPT_I32, 0},
                              .lo = -1000,
                              .hi = 1000,
                              .first = 2,
                              .period = 1,
                              .weight = difference,
                              .bias = none,
                              .mult = quarter}};
    const dpt_model model = {steps, 2, 0, 6, NULL, &dpt_scalar, 0, {0, 0}, 6};
    const dpt_model other = good_model();
    uint8_t arena[8] = {0};
    const uint8_t ten = 10, seven = 7;
    int32_t output[2] = {77, 77};

    CHECK(dpt_reset(NULL, arena, 6) == DPT_E_ARGUMENT);
    CHECK(dpt_reset(&model, NULL, 6) == DPT_E_ARGUMENT);
    CHECK(dpt_reset(&model, arena, 5) == DPT_E_ARENA);
    CHECK(dpt_reset(&other, arena, 8) == DPT_E_STATE);
    CHECK(dpt_step(&other, NULL, arena, 8, &ten, output) == DPT_E_STATE);
    CHECK(dpt_run(&model, NULL, arena, 6, &ten, output) == DPT_E_STATE);
    CHECK(dpt_run_batch(&model, NULL, arena, 6, &ten, output, 1) == DPT_E_STATE);
    CHECK(dpt_step(&model, NULL, arena, 5, &ten, output) == DPT_E_ARENA);
    CHECK(dpt_step(&model, NULL, arena, 6, NULL, output) == DPT_E_ARGUMENT);
    CHECK(output[0] == 77 && arena[0] == 0);
    for (int turn = 0; turn < 2; turn++) {
        output[0] = 77;
        CHECK(dpt_reset(&model, arena, 6) == DPT_OK);
        CHECK(dpt_step(&model, NULL, arena, 6, &ten, output) == DPT_NO_OUTPUT && output[0] == 77);
        CHECK(dpt_step(&model, NULL, arena, 6, &seven, output) == DPT_OK && output[0] == -6);
        CHECK(dpt_step(&model, NULL, arena, 6, &ten, output) == DPT_OK && output[0] == 6);
    }
    CHECK(arena[6] == 0 && output[1] == 77);
}

static void test_boxes(void) {
    const int32_t cutoff = 0, output[5] = {0};
    const dpt_decoder decoder = {&cutoff, 1, 1, 0, 1, 8, 500, 1};
    dpt_op op;
    dpt_model model;
    dpt_box box;
    size_t n = 0;

    memset(&op, 0, sizeof op);
    memset(&model, 0, sizeof model);
    op.out.h = op.out.w = 1;
    op.out.c = 3; /* neither one class and four edges, nor one class alone */
    model.ops = &op;
    model.n_ops = 1;
    CHECK(dpt_boxes(NULL, &decoder, output, &box, &n) == DPT_E_ARGUMENT);
    CHECK(dpt_cells(NULL, &decoder, output, &box, &n) == DPT_E_ARGUMENT);
    CHECK(dpt_boxes(&model, &decoder, output, &box, &n) == DPT_E_ARGUMENT);
    CHECK(dpt_cells(&model, &decoder, output, &box, &n) == DPT_E_ARGUMENT);
}

int main(void) {
    test_boxes();
    test_log();
    test_stream();
    test_run();
    test_backends();
    test_dilated_convolutions();
    test_pack();
    test_fits();
    test_load_arguments();
    test_argmax();
    test_labels();
    test_crc();
    test_status_text();
    test_elements();
    test_softmax();
    printf("%d failures\n", failures);
    return failures != 0;
}
