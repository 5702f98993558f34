/* SPDX-License-Identifier: Apache-2.0 */
/* Complex numbers of dpt_sound.c: in memory a word, the real part in its lower half. In registers
 * two int32, or on Cortex-M with the DSP extension a word, too. All forms give the same bytes. */
#ifndef DPT_SOUND_COMPLEX_H
#define DPT_SOUND_COMPLEX_H

#include "dpt_internal.h"

#include <string.h>

static inline int32_t sound_low_half(uint32_t word) {
    return (int32_t)(word << 16) >> 16;
}

static inline int32_t sound_high_half(uint32_t word) {
    return (int32_t)word >> 16;
}

static inline uint32_t sound_word_of(int32_t low, int32_t high) {
    return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16;
}

#ifdef DPT_DSP

typedef uint32_t sound_complex;

static inline sound_complex sound_load(uint32_t word) {
    return word;
}

static inline uint32_t sound_store(sound_complex z) {
    return z;
}

#define SOUND_BINARY(name, instruction)                                                            \
    static inline uint32_t name(uint32_t a, uint32_t b) {                                          \
        uint32_t z;                                                                                \
        __asm__(instruction " %0, %1, %2" : "=r"(z) : "r"(a), "r"(b));                             \
        return z;                                                                                  \
    }
SOUND_BINARY(sound_add, "sadd16")
SOUND_BINARY(sound_subtract, "ssub16")
SOUND_BINARY(sound_subtract_turned, "ssax") /* a - i b */
SOUND_BINARY(sound_add_turned, "sasx")      /* a + i b */
SOUND_BINARY(sound_half_sum, "shadd16")
SOUND_BINARY(sound_half_difference, "shsub16")
SOUND_BINARY(sound_low_with_high, "pkhbt") /* the lower half of a, the upper half of b */
SOUND_BINARY(sound_multiply_low, "smulbb")
SOUND_BINARY(sound_multiply_high, "smultt")
SOUND_BINARY(sound_square, "smuad") /* the sum of both products */

#define SOUND_PRODUCT(name, instruction)                                                           \
    static inline int32_t name(uint32_t a, uint32_t b, int32_t sum) {                              \
        int32_t z;                                                                                 \
        __asm__(instruction " %0, %1, %2, %3" : "=r"(z) : "r"(a), "r"(b), "r"(sum));               \
        return z;                                                                                  \
    }
SOUND_PRODUCT(sound_add_low, "smlabb")
SOUND_PRODUCT(sound_add_high, "smlatb") /* the upper half of a, the lower of b */
SOUND_PRODUCT(sound_add_highs, "smlatt")
SOUND_PRODUCT(sound_real_part, "smlsd")
SOUND_PRODUCT(sound_imaginary_part, "smladx")

/* Bits 15 .. 30 of two numbers. */
static inline uint32_t sound_shifted15(int32_t low, int32_t high) {
    uint32_t z;
    __asm__("pkhbt %0, %1, %2, lsl #1" : "=r"(z) : "r"(low >> 15), "r"(high));
    return z;
}

static inline sound_complex sound_scale(sound_complex z, int32_t factor) {
    const uint32_t f = (uint32_t)factor;
    return sound_shifted15(sound_add_low(z, f, 1 << 14), sound_add_high(z, f, 1 << 14));
}

static inline sound_complex sound_scale_shifted(uint32_t word, uint32_t shift, int32_t factor) {
    const uint32_t f = (uint32_t)factor;
    return sound_shifted15(sound_add_low(word << shift, f, 1 << 14),
                           sound_add_high((word & 0xFFFF0000u) << shift, f, 1 << 14));
}

static inline sound_complex sound_multiply(sound_complex z, uint32_t factor) {
    return sound_shifted15(sound_real_part(z, factor, 1 << 14),
                           sound_imaginary_part(z, factor, 1 << 14));
}

static inline sound_complex sound_conjugate(sound_complex z) {
    return sound_low_with_high(z, sound_subtract(0, z));
}

static inline uint32_t sound_energy_of_half_sum(sound_complex even, sound_complex turned) {
    const uint32_t z = sound_half_sum(even, turned);
    return sound_square(z, z);
}

static inline uint32_t sound_energy_of_half_difference(sound_complex even, sound_complex turned) {
    const uint32_t re = sound_half_difference(even, turned),
                   im = sound_half_difference(turned, even);
    return (uint32_t)sound_add_highs(im, im, (int32_t)sound_multiply_low(re, re));
}

/* Two samples times two factors. */
static inline uint32_t sound_windowed_pair(const int16_t *samples, const int16_t *factors) {
    uint32_t x, w, z;
    memcpy(&x, samples, sizeof x);
    memcpy(&w, factors, sizeof w);
    __asm__("pkhbt %0, %1, %2, lsl #4"
            : "=r"(z)
            : "r"((int32_t)sound_multiply_low(x, w) >> 12), "r"(sound_multiply_high(x, w)));
    return z;
}

/* The magnitudes of both halves; of -32768: 32768. */
static inline uint32_t sound_magnitudes_of(uint32_t word) {
    uint32_t z;
    __asm__("ssub16 %0, %1, %2\n\tsel %0, %0, %2" : "=&r"(z) : "r"(0), "r"(word));
    return z;
}

#else

typedef struct sound_complex {
    int32_t re, im;
} sound_complex;

static inline sound_complex sound_number_of(int32_t re, int32_t im) {
    const sound_complex z = {re, im};
    return z;
}

static inline sound_complex sound_load(uint32_t word) {
    return sound_number_of(sound_low_half(word), sound_high_half(word));
}

static inline uint32_t sound_store(sound_complex z) {
    return sound_word_of(z.re, z.im);
}

static inline sound_complex sound_add(sound_complex a, sound_complex b) {
    return sound_number_of(a.re + b.re, a.im + b.im);
}

static inline sound_complex sound_subtract(sound_complex a, sound_complex b) {
    return sound_number_of(a.re - b.re, a.im - b.im);
}

/* a - i b */
static inline sound_complex sound_subtract_turned(sound_complex a, sound_complex b) {
    return sound_number_of(a.re + b.im, a.im - b.re);
}

/* a + i b */
static inline sound_complex sound_add_turned(sound_complex a, sound_complex b) {
    return sound_number_of(a.re - b.im, a.im + b.re);
}

static inline int32_t sound_round15(int32_t product) {
    return (product + (1 << 14)) >> 15;
}

/* z times a real factor of 15 fraction bits. */
static inline sound_complex sound_scale(sound_complex z, int32_t factor) {
    return sound_number_of(sound_round15(z.re * factor), sound_round15(z.im * factor));
}

/* A pair shifted left, times a real factor. */
static inline sound_complex sound_scale_shifted(uint32_t word, uint32_t shift, int32_t factor) {
    return sound_scale(sound_number_of(sound_low_half(word << shift),
                                       sound_high_half((word & 0xFFFF0000u) << shift)),
                       factor);
}

/* z times a complex factor. Both parts of z are below 2^15, so no sum reaches 2^31. */
static inline sound_complex sound_multiply(sound_complex z, uint32_t factor) {
    const int32_t re = sound_low_half(factor), im = sound_high_half(factor);
    return sound_number_of(sound_round15(z.re * re - z.im * im),
                           sound_round15(z.re * im + z.im * re));
}

static inline sound_complex sound_conjugate(sound_complex z) {
    return sound_number_of(z.re, sound_low_half((uint32_t)-z.im));
}

/* Both parts are at least -32767, so an energy is below 2^31. */
static inline uint32_t sound_energy_of(int32_t re, int32_t im) {
    return (uint32_t)(re * re) + (uint32_t)(im * im);
}

static inline uint32_t sound_energy_of_half_sum(sound_complex even, sound_complex turned) {
    return sound_energy_of((even.re + turned.re) >> 1, (even.im + turned.im) >> 1);
}

/* The energy of the half difference's conjugate. */
static inline uint32_t sound_energy_of_half_difference(sound_complex even, sound_complex turned) {
    return sound_energy_of((even.re - turned.re) >> 1, (turned.im - even.im) >> 1);
}

/* Two samples times two factors. */
static inline uint32_t sound_windowed_pair(const int16_t *samples, const int16_t *factors) {
    return sound_word_of(samples[0] * factors[0] >> 12, samples[1] * factors[1] >> 12);
}

/* The magnitudes of both halves; of -32768: 32768. */
static inline uint32_t sound_magnitudes_of(uint32_t word) {
    const uint32_t signs = (word >> 15 & 0x00010001u) * 0xFFFFu; /* 0xFFFF in a negative half */
    return (word ^ signs) + (signs & 0x00010001u);
}

#endif
#endif
