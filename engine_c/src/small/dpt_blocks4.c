/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores that multiply one number at a time: convolutions and dense ops with weights of 4
 * bits. */
#define BLOCKS_BITS            4
#define WINDOW_PANEL           28
#define WINDOW_VALUES          128
#define BLOCKS_NAME(name)      dpt_blocks4_##name
#define BLOCKS_NAME_TEXT(name) "dpt_blocks4_" name

#include "dpt_blocks_bits.inc"
