/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M with the DSP extension: convolutions and dense ops with weights of 4 bits. */
#define DSP_BITS            4
#define DSP_NAME(name)      dpt_dsp4_##name
#define DSP_NAME_TEXT(name) "dpt_dsp4_" name

#include "dpt_dsp_bits.inc"
