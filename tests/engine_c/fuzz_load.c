/* SPDX-License-Identifier: Apache-2.0 */
/* The loader under libFuzzer: clang -fsanitize=fuzzer,address,undefined tests/engine_c/fuzz_load.c
 * $(find engine_c -type d | sed s/^/-I/) $(find engine_c/src -name '*.c'), then run with a folder
 * of .dpt files.
 * Size and CRC are repaired, since no fuzzer finds a CRC by luck; what the loader accepts must run.
 */
#include "backends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *blob = exact_copy(data, size);
    dpt_op ops[MAX_OPS];
    dpt_model model;
    repair(blob, size);
    if (dpt_model_load(&model, ops, MAX_OPS, blob, size) == DPT_OK && dpt_work(&model) < 100000) {
        uint8_t *arena = exact(model.arena_size), *input = exact(input_bytes(&model));
        int32_t *output = exact(output_count(&model) * sizeof *output);
        for (size_t i = 0; i < input_bytes(&model); i++) {
            input[i] = data[i % size];
        }
        begin_signal(&model, arena);
        for (int i = 0; i < (model.state_size != 0 ? 8 : 1); i++) {
            if (run_or_step(&model, NULL, arena, input, output, NULL, NULL) < 0) {
                abort();
            }
        }
        check_backends(&model, input);
        release(arena);
        release(input);
        release(output);
    }
    release(blob);
    return 0;
}
