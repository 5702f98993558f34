/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores that multiply one number at a time, with less stack. */
#include "dpt_geometry.h"

#ifdef DPT_BLOCKS
#define WINDOW_PANEL      20
#define WINDOW_VALUES     48
#define SMALL_TAPS        32
#define BLOCKS_NAME(name) dpt_blocks_small_##name
#include "dpt_blocks_8.inc"
#endif
