/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores that multiply one number at a time: convolutions and dense ops with weights of 4
 * bits, with less stack. */
#define BLOCKS_BITS            4
#define WINDOW_PANEL           20
#define WINDOW_VALUES          64
#define BLOCKS_NAME(name)      dpt_blocks4_small_##name
#define BLOCKS_NAME_TEXT(name) "dpt_blocks4_small_" name

#include "dpt_blocks_bits.inc"
