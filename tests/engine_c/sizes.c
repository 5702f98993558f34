/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes that a size_t cannot hold: packed weights and arenas are refused, nothing is written. Meant
 * to run on a 32-bit target, where sizes of a small model are too large, and on 64-bit ones. Exits
 * with 1 when a check fails; each line that fails is printed. */
#include "dpt_pack.h"
#include "../../pybridge/drypoint/engine/bridge.c"
#include "check.h"

#include <stdio.h>

enum { WIDTH = 1024, MANY = 4065 };

/* A dense op of WIDTH inputs and outputs; all ops share the tables. */
static dpt_op shared_op(void) {
    static const int8_t weight[WIDTH * WIDTH];
    static const uint8_t bias[4 * WIDTH];
    static uint8_t mult[4 * WIDTH];
    dpt_op op = {0};
    for (size_t i = 0; i < WIDTH; i++) {
        mult[4 * i] = 2;
    }
    op.kind = DPT_DENSE;
    op.weight_bits = 8;
    op.in.h = op.in.w = op.out.h = op.out.w = 1;
    op.in.c = op.out.c = WIDTH;
    op.hi = 255;
    op.weight = weight;
    op.bias = bias;
    op.mult = mult;
    return op;
}

/* Packed, an op takes WIDTH * WIDTH weights, 8 * WIDTH bytes of tables, and 64 with its layout. */
static void test_packed_size(void) {
    static dpt_op ops[MANY], room[MANY];
    static uint8_t memory[(WIDTH + 8) * WIDTH + 64 + 63];
    dpt_backend simd = dpt_scalar;
    simd.packing = DPT_PACKING(16, 4, DPT_FLIPS_NONE, 0, 0);
    dpt_model model = {ops, 1, 0, 0, NULL, &dpt_scalar, 0, {0, 0}, 0}, packed;
    for (size_t i = 0; i < MANY; i++) {
        ops[i] = shared_op();
    }
    CHECK(dpt_packed_size(&model, &simd) == sizeof memory);
    CHECK(dpt_model_pack(&packed, room, MANY, &model, &simd, memory, sizeof memory) == DPT_OK);
    CHECK(room[0].packed != NULL);
    model.n_ops = MANY;
    const uint64_t all = MANY * ((uint64_t)(WIDTH + 8) * WIDTH + 64) + 63;
    CHECK(dpt_packed_size(&model, &simd) == (all < SIZE_MAX ? (size_t)all : SIZE_MAX));
    memory[0] = 0xAA;
    CHECK(dpt_model_pack(&packed, room, MANY, &model, &simd, memory, sizeof memory) ==
          DPT_E_CAPACITY);
    CHECK(memory[0] == 0xAA);
#if SIZE_MAX == 0xFFFFFFFFu
    CHECK(dpt_packed_size(&model, &simd) == SIZE_MAX);
    CHECK(dpt_model_pack(&packed, room, MANY, &model, &simd, memory, SIZE_MAX) == DPT_E_CAPACITY);
    ops[0].in.h = ops[0].in.w = 16384; /* the weights of one op alone are too large */
    ops[0].in.c = 1;
    model.n_ops = 1;
    CHECK(dpt_packed_size(&model, &simd) == SIZE_MAX);
#endif
}

#ifdef DPT_BLOCKS
/* Weights for this backend come from the exporter: a model with weights as they are does not fit.
 */
static void test_backend_for_small_devices(void) {
    const dpt_op op = shared_op();
    const dpt_model model = {&op, 1, 0, 0, NULL, &dpt_scalar, 0, {0, 0}, 0};
    static const uint8_t input[WIDTH];
    static int32_t output[WIDTH];
    dpt_op room[1];
    dpt_model packed;
    CHECK(dpt_run(&model, &dpt_blocks, NULL, 0, input, output) == DPT_E_BACKEND);
    CHECK(dpt_packed_size(&model, &dpt_blocks) == SIZE_MAX);
    CHECK(dpt_model_pack(&packed, room, 1, &model, &dpt_blocks, NULL, 0) == DPT_E_BACKEND);
}
#endif

/* One op needs no arena: what the model says it takes is allocated, or refused, all the same. */
static void test_arenas(void) {
    dpt_op op = {0};
    op.kind = DPT_MAXPOOL;
    op.out.type = DPT_I32;
    op.in.h = op.in.w = op.in.c = op.out.h = op.out.w = op.out.c = 1;
    op.kernel_h = op.kernel_w = op.stride_h = op.stride_w = 1;
    const dpt_model model = {&op, 1, 0, 0x10000000, NULL, &dpt_scalar, 0, {0, 0}, 0};
    const uint8_t inputs[2] = {7, 9};
    int32_t outputs[2] = {0, 0};
    const size_t wraps = SIZE_MAX / model.arena_size + 1; /* times the arena: 0 */
    CHECK(dpt_bridge_run(&model, wraps, 1, 2, inputs, outputs) == DPT_BRIDGE_E_MEMORY);
    CHECK(dpt_bridge_run(&model, wraps / 2, 2, 2, inputs, outputs) == DPT_BRIDGE_E_MEMORY);
    CHECK(outputs[0] == 0 && outputs[1] == 0);
    CHECK(dpt_bridge_run(&model, 1, 1, 2, inputs, outputs) == DPT_OK);
    CHECK(outputs[0] == 7 && outputs[1] == 9);
}

/* Shares of as many inputs as a size_t can count. */
static void test_shares(void) {
    CHECK(share_begin(SIZE_MAX, 64, 0) == 0 && share_begin(SIZE_MAX, 64, 64) == SIZE_MAX);
    CHECK(share_begin(SIZE_MAX, 64, 63) == SIZE_MAX - SIZE_MAX / 64);
    CHECK(share_begin(7, 3, 1) == 3 && share_begin(7, 3, 2) == 5 && share_begin(7, 3, 3) == 7);
}

int main(void) {
    test_packed_size();
#ifdef DPT_BLOCKS
    test_backend_for_small_devices();
#endif
    test_arenas();
    test_shares();
    printf("%d failures\n", failures);
    return failures != 0;
}
