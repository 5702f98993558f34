/* SPDX-License-Identifier: Apache-2.0 */
/* Detects the CPU's features. No other file does. */
#include "dpt_internal.h"

#ifdef DPT_DETECT_X86
#include <cpuid.h>

/* The register sets that the operating system saves: XCR0. */
static uint32_t saved_registers(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* A feature counts only where the operating system saves the registers of its instructions (Intel
 * SDM vol. 1, chapter 14): XMM and YMM are bits 1 and 2 of XCR0, the three register sets of AVX-512
 * are bits 5 to 7. CPUID leaf 7 has AVX512_VNNI in ecx bit 11, its subleaf 1 has AVX-VNNI in eax
 * bit 4. The compiler may use all earlier extensions, too, each of which a hypervisor can hide.
 */
int dpt_cpu_has(int feature) {
    unsigned a = 0, b = 0, c = 0, d = 0, a1 = 0, b1 = 0, c1 = 0, a7 = 0;
    __get_cpuid(1, &a, &b1, &c1, &d);
    __get_cpuid_count(7, 0, &a1, &b, &c, &d);
    __get_cpuid_count(7, 1, &a7, &b1, &a1, &d);
    const uint32_t xcr0 = (c1 & bit_OSXSAVE) != 0 ? saved_registers() : 0;
    const uint32_t sse41 = bit_SSE3 | bit_SSSE3 | bit_SSE4_1;
    const uint32_t avx = sse41 | bit_SSE4_2 | bit_POPCNT | bit_AVX;
    const int avx2 = (xcr0 & 0x6) == 0x6 && (c1 & avx) == avx && (b & bit_AVX2) != 0;
    const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512VL;
    switch (feature) {
    case DPT_CPU_SSE41:
        return (c1 & sse41) == sse41;
    case DPT_CPU_AVX2:
        return avx2;
    case DPT_CPU_AVXVNNI:
        return avx2 && (a7 & 1u << 4) != 0;
    default:
        return avx2 && (xcr0 & 0xE6) == 0xE6 && (b & avx512) == avx512 && (c & 1u << 11) != 0;
    }
}
#elif defined(DPT_DETECT_ARM64)
#ifdef __linux__
unsigned long getauxval(unsigned long type); /* a function of every libc on Linux */
#else
#define getauxval(type) 0ul
#endif

/* A feature counts where the compiler's flags require it of every CPU, or where Linux reports it:
 * bits of AT_HWCAP (16) and AT_HWCAP2 (26). Other systems have the features of the compiler's flags
 * only.
 */
int dpt_cpu_has(int feature) {
    switch (feature) {
    case DPT_CPU_NEONI8MM:
#ifdef __ARM_FEATURE_MATMUL_INT8
        return 1;
#else
        return (getauxval(26) & 1ul << 13) != 0;
#endif
    default:
#ifdef __ARM_FEATURE_DOTPROD
        return 1;
#else
        return (getauxval(16) & 1ul << 20) != 0;
#endif
    }
}
#endif
