/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels by name, for the backend tables in generated code: the linker keeps what a table names. A
 * kind without a kernel for a backend uses a dpt_scalar kernel.
 *
 * Files that several backends include name a kernel by its kind, as QUADS_NAME(conv): look for it
 * in dpt_quads_table.inc, _values.inc and _pool.inc, dpt_blocks_bits.inc and dpt_dsp_bits.inc. */
#ifndef DRYPOINT_KERNELS_H
#define DRYPOINT_KERNELS_H

#include "drypoint.h"

#ifdef __cplusplus
extern "C" {
#endif

dpt_kernel dpt_scalar_conv, dpt_scalar_dense, dpt_scalar_maxpool, dpt_scalar_avgpool,
    dpt_scalar_grouped, dpt_scalar_depthwise, dpt_scalar_add, dpt_scalar_concat, dpt_scalar_lookup,
    dpt_scalar_mul, dpt_scalar_history, dpt_scalar_upsample, dpt_scalar_resize, dpt_scalar_slice,
    dpt_scalar_transpose, dpt_scalar_prelu, dpt_scalar_delay;
dpt_kernel dpt_scalar_wide; /* of DPT_WIDE */
/* dpt_scalar_conv reads weights of 8 bits alone, dpt_scalar_grouped computes any convolution but a
 * depthwise one. The kernels below read packed weights of the bits that their names have. */
dpt_kernel dpt_dsp4_conv, dpt_dsp4_grouped, dpt_dsp4_dense, dpt_dsp2_conv, dpt_dsp2_grouped,
    dpt_dsp2_dense, dpt_blocks4_conv, dpt_blocks4_grouped, dpt_blocks4_dense, dpt_blocks2_conv,
    dpt_blocks2_grouped, dpt_blocks2_dense;
/* Sizes of dpt_blocks that take less stack and more time. All read the same packed weights,
 * except for depthwise convolutions of more than 32 taps. */
dpt_kernel dpt_blocks_small_conv, dpt_blocks_small_grouped, dpt_blocks_small_dense,
    dpt_blocks_small_single, dpt_blocks_small_depthwise, dpt_blocks4_small_conv,
    dpt_blocks4_small_grouped, dpt_blocks4_small_dense, dpt_blocks2_small_conv,
    dpt_blocks2_small_grouped, dpt_blocks2_small_dense;
dpt_kernel dpt_blocks_tiny_conv, dpt_blocks_tiny_grouped, dpt_blocks_tiny_dense,
    dpt_blocks_tiny_single, dpt_blocks_tiny_depthwise, dpt_blocks4_tiny_conv,
    dpt_blocks4_tiny_grouped, dpt_blocks4_tiny_dense, dpt_blocks2_tiny_conv,
    dpt_blocks2_tiny_grouped, dpt_blocks2_tiny_dense;
dpt_group_runner dpt_run_rows, dpt_dsp_run_group;

/* For packed weights. dpt_run does not check whether the CPU has the instructions of a generated
 * model's kernels: on another CPU they fault. */
dpt_kernel dpt_neon_add, dpt_neondot_add, dpt_neoni8mm_add, dpt_rvv_add, dpt_wasm_add;
dpt_kernel dpt_neon_mul, dpt_neondot_mul, dpt_neoni8mm_mul, dpt_rvv_mul, dpt_wasm_mul;
dpt_kernel dpt_neon_maxpool, dpt_neondot_maxpool, dpt_neoni8mm_maxpool, dpt_rvv_maxpool,
    dpt_wasm_maxpool, dpt_neon_avgpool, dpt_neondot_avgpool, dpt_neoni8mm_avgpool, dpt_rvv_avgpool,
    dpt_wasm_avgpool;
dpt_kernel dpt_blocks_conv, dpt_blocks_dense, dpt_blocks_depthwise, dpt_blocks_grouped,
    dpt_blocks_single, dpt_dsp_conv, dpt_dsp_dense, dpt_dsp_depthwise, dpt_dsp_grouped,
    dpt_dsp_single, dpt_mve_conv, dpt_mve_dense, dpt_mve_depthwise, dpt_mve_grouped, dpt_mve_add,
    dpt_mve_mul, dpt_mve_resize, dpt_mve_maxpool, dpt_mve_avgpool, dpt_mve_concat, dpt_mve_lookup,
    dpt_mve_windows, dpt_mve_pixels, dpt_mve_tiles, dpt_neon_conv, dpt_neon_dense,
    dpt_neon_depthwise, dpt_neondot_conv, dpt_neondot_dense, dpt_neondot_depthwise,
    dpt_neoni8mm_conv, dpt_neoni8mm_dense, dpt_neoni8mm_depthwise, dpt_rvv_conv, dpt_rvv_dense,
    dpt_rvv_depthwise, dpt_wasm_conv, dpt_wasm_dense, dpt_wasm_depthwise;

#ifdef __cplusplus
}
#endif
#endif
