/* SPDX-License-Identifier: Apache-2.0 */
/* From samples to features: NUMERICS.md section 12.
 *
 * The number of instructions of a frame depends on the front end alone: no branch depends on a
 * sample. */
#include "drypoint_sound.h"

#include "dpt_sound_complex.h"

enum {
    SOUND_HALF = 16383,
    SOUND_QUARTER = 8191
}; /* with 15 fraction bits, as the anchor rounds them */

/* The number of bits of x. */
static inline uint32_t sound_bits_of(uint32_t x) {
#if defined(__ARM_FEATURE_CLZ) && defined(__thumb2__)
    uint32_t zeros;
    __asm__("clz %0, %1" : "=r"(zeros) : "r"(x));
    return 32u - zeros;
#else
    /* half, then a quarter, ... of the bits: a sum with all ones has a carry if x is more than 0 */
    uint32_t bits = ((x >> 16) + 0xFFFFu) >> 12 & 16u;
    x >>= bits;
    uint32_t more = ((x >> 8) + 0xFFu) >> 5 & 8u;
    x >>= more;
    bits += more;
    more = ((x >> 4) + 0xFu) >> 2 & 4u;
    x >>= more;
    bits += more;
    more = ((x >> 2) + 3u) >> 1 & 2u;
    x >>= more;
    return bits + more + x - (x & x >> 1);
#endif
}

/* All ones if a < b, else 0; and the choice by such a mask. The compiler does not see where the
 * mask comes from, so that it makes no branch of the choice. */
static inline uint32_t sound_mask_less(uint32_t a, uint32_t b) {
    uint32_t mask = 0u - (uint32_t)(a < b);
#ifdef __GNUC__
    __asm__("" : "+r"(mask));
#endif
    return mask;
}

static inline uint32_t sound_choose(uint32_t mask, uint32_t a, uint32_t b) {
    return b ^ ((a ^ b) & mask);
}

/* The weight of the digit after that of weight w, where numbers of n = 4^k or 2 * 4^k are reversed
 * digit by digit. */
static inline size_t sound_next_weight(size_t w) {
    return w >= 4 ? w / 4 : 1;
}

/* The place behind `at` of every fourth pair: the reverse of the next number, where a digit
 * carries. */
static inline size_t sound_next_place(size_t at, size_t quarter) {
    size_t digit = sound_next_weight(quarter);
    while (digit > 1 && (at & 3 * digit) == 3 * digit) {
        at -= 3 * digit;
        digit = sound_next_weight(digit);
    }
    return at + digit;
}

/* A butterfly of radix 4 on scaled numbers. */
static inline void sound_butterfly(uint32_t *at, size_t size, sound_complex a, sound_complex b,
                                   sound_complex c, sound_complex d) {
    const sound_complex sum = sound_add(a, c), difference = sound_subtract(a, c);
    const sound_complex sums = sound_add(b, d), differences = sound_subtract(b, d);
    at[0] = sound_store(sound_add(sum, sums));
    at[size] = sound_store(sound_subtract_turned(difference, differences));
    at[2 * size] = sound_store(sound_subtract(sum, sums));
    at[3 * size] = sound_store(sound_add_turned(difference, differences));
}

/* A number scaled for a stage of radix 4. */
static inline sound_complex sound_quarter_of(uint32_t word) {
    return sound_scale(sound_load(word), SOUND_QUARTER);
}

/* A stage of radix 4: FFTs of `size` become FFTs of 4 * size. The first of each has factors 1. */
static void sound_plain_stage(uint32_t *work, size_t n, size_t size, const uint32_t *twiddles) {
    const size_t stride = n / (4 * size);
    for (uint32_t *at = work; at < work + n; at += 4 * size) {
        sound_butterfly(at, size, sound_quarter_of(at[0]), sound_quarter_of(at[size]),
                        sound_quarter_of(at[2 * size]), sound_quarter_of(at[3 * size]));
    }
    for (size_t k = 1; k < size; k++) {
        const uint32_t w1 = twiddles[k * stride], w2 = twiddles[2 * k * stride];
        const uint32_t w3 = twiddles[3 * k * stride];
        for (uint32_t *at = work + k; at < work + n; at += 4 * size) {
            sound_butterfly(at, size, sound_quarter_of(at[0]),
                            sound_multiply(sound_quarter_of(at[size]), w1),
                            sound_multiply(sound_quarter_of(at[2 * size]), w2),
                            sound_multiply(sound_quarter_of(at[3 * size]), w3));
        }
    }
}

#ifdef DPT_MVE
#include "dpt_sound_mve.inc"
#else

/* Writes windowed samples in pairs, in the order in which the FFT reads them; returns by how many
 * bits they may be shifted left. */
static uint32_t sound_window_samples(const dpt_sound *sound, const int16_t *samples,
                                     uint32_t *work) {
    const size_t quarter = sound->fft / 8u, pairs = sound->window / 2u;
    const int16_t *factors = sound->factors;
    uint32_t magnitudes = 0;
    memset(work, 0, sound->fft / 2u * sizeof *work);
    for (size_t j = 0, at = 0; 2 * j < sound->window; j += 4) {
        const size_t end = pairs - j < 4 ? pairs - j : 4;
        uint32_t *to = work + at;
        for (size_t k = 0; k < end; k++, to += quarter) {
            *to = sound_windowed_pair(samples, factors);
            magnitudes |= sound_magnitudes_of(*to);
            samples += 2;
            factors += 2;
        }
        if (end < 4 && sound->window % 2 != 0) { /* a single sample at the end */
            *to = sound_word_of(*samples * *factors >> 12, 0);
            magnitudes |= sound_magnitudes_of(*to);
        }
        at = sound_next_place(at, quarter);
    }
    return 15u - sound_bits_of((magnitudes | magnitudes >> 16) & 0x7FFFu);
}

/* The first stage, on values shifted left; returns its radix: 4, or 2 for an odd power of 2. Its
 * factors are 1, and a rounded product with 1 is the number where both parts are below 2^14. */
static size_t sound_first_stage(uint32_t *work, size_t n, uint32_t shift) {
    const uint32_t *const end = work + n;
    const size_t radix = (n & 0x55555555u) != 0 ? 4 : 2;
    for (; radix == 2 && work < end; work += 2) {
        const sound_complex a = sound_scale_shifted(work[0], shift, SOUND_HALF);
        const sound_complex b = sound_scale_shifted(work[1], shift, SOUND_HALF);
        work[0] = sound_store(sound_add(a, b));
        work[1] = sound_store(sound_subtract(a, b));
    }
    for (; radix == 4 && work < end; work += 4) {
        const sound_complex a = sound_scale_shifted(work[0], shift, SOUND_QUARTER);
        const sound_complex b = sound_scale_shifted(work[1], shift, SOUND_QUARTER);
        const sound_complex c = sound_scale_shifted(work[2], shift, SOUND_QUARTER);
        sound_butterfly(work, 1, a, b, c, sound_scale_shifted(work[3], shift, SOUND_QUARTER));
    }
    return radix;
}

/* Makes energies of the complex spectrum z: work[k] becomes that of bin k of the real spectrum. */
static void sound_energies(uint32_t *work, size_t n, const uint32_t *split) {
    for (size_t k = 1; k <= n / 2; k++) {
        const sound_complex near = sound_scale(sound_load(work[k]), SOUND_HALF);
        const sound_complex far = sound_scale(sound_conjugate(sound_load(work[n - k])), SOUND_HALF);
        const sound_complex even = sound_add(near, far);
        const sound_complex turned =
            sound_load(sound_store(sound_multiply(sound_subtract(near, far), split[k - 1])));
        work[k] = sound_energy_of_half_sum(even, turned);
        work[n - k] = sound_energy_of_half_difference(even, turned);
    }
}

#define sound_stage sound_plain_stage

/* Two bits of the square root of a number below 2^32: `root` is twice the root so far, in the
 * places below `bit`. */
#define SOUND_ROOT_STEP                                                                            \
    trial = root + bit;                                                                            \
    less = sound_mask_less(rest, trial);                                                           \
    rest -= trial & ~less;                                                                         \
    root = (root >> 1) + (bit & ~less);                                                            \
    bit >>= 2;

/* Two bits more of the root, for the next two bits of the number; all are below 2^31. */
#define SOUND_NEXT_ROOT_STEP                                                                       \
    trial = 4 * root + 1;                                                                          \
    rest = (rest << 2 | bits >> 30) - trial;                                                       \
    bits <<= 2;                                                                                    \
    less = 0u - (rest >> 31);                                                                      \
    rest += trial & less;                                                                          \
    root = 2 * root + 1 + less;

enum { SOUND_ROOTS = 1 }; /* that sound_roots computes at once */

/* The rounded square root of a number below 2^56; 65535 for one below 2^32. */
static void sound_roots(const uint64_t *number, uint32_t *to) {
    uint32_t root = 0, rest = (uint32_t)(*number >> 24), bits = (uint32_t)*number << 8;
    uint32_t trial, less, bit = 1u << 30;
    while (bit != 0) {
        SOUND_ROOT_STEP SOUND_ROOT_STEP SOUND_ROOT_STEP SOUND_ROOT_STEP
    }
    for (int k = 0; k < 3; k++) {
        SOUND_NEXT_ROOT_STEP SOUND_NEXT_ROOT_STEP SOUND_NEXT_ROOT_STEP SOUND_NEXT_ROOT_STEP
    }
    *to = root + ((root - rest) >> 31 & (0u - (root ^ 0xFFFFu)) >> 31);
}

#endif

/* The gain for a noise estimate: a parabola for each number of its bits. */
static inline uint32_t sound_gain_of(const int16_t *table, uint32_t estimate) {
    const uint32_t bits = sound_bits_of(estimate);
    const int16_t *row = table + 3 * bits;
    const uint32_t fraction =
        estimate << ((32u - bits) & 31u) >> 21 & 0x3FFu; /* below the highest bit */
    const int32_t slope = (row[2] * (int32_t)fraction >> 5) + row[1] * 32;
    const uint32_t product = (uint32_t)slope * fraction + (1u << 14);
    return (uint32_t)sound_low_half((uint32_t)(((int32_t)product >> 15) + row[0]));
}

/* What the logarithm to the base 2 of 1 + i / 128 has beyond i / 128, in units of 2^-16. */
static const uint16_t sound_log_table[] = {
    0,    224,  442,  654,  861,  1063, 1259, 1450, 1636, 1817, 1992, 2163, 2329, 2490, 2646,
    2797, 2944, 3087, 3224, 3358, 3487, 3611, 3732, 3848, 3960, 4068, 4172, 4272, 4368, 4460,
    4549, 4633, 4714, 4791, 4864, 4934, 5001, 5063, 5123, 5178, 5231, 5280, 5326, 5368, 5408,
    5444, 5477, 5507, 5533, 5557, 5578, 5595, 5610, 5622, 5631, 5637, 5640, 5641, 5638, 5633,
    5626, 5615, 5602, 5586, 5568, 5547, 5524, 5498, 5470, 5439, 5406, 5370, 5332, 5291, 5249,
    5203, 5156, 5106, 5054, 5000, 4944, 4885, 4825, 4762, 4697, 4630, 4561, 4490, 4416, 4341,
    4264, 4184, 4103, 4020, 3935, 3848, 3759, 3668, 3575, 3481, 3384, 3286, 3186, 3084, 2981,
    2875, 2768, 2659, 2549, 2437, 2323, 2207, 2090, 1971, 1851, 1729, 1605, 1480, 1353, 1224,
    1094, 963,  830,  695,  559,  421,  282,  142,  0,
};

/* The natural logarithm of a value above 1, with `shift` fraction bits; else 0. */
static inline uint32_t sound_logarithm(uint32_t value, uint32_t shift) {
    const uint32_t bits = sound_bits_of(value);
    const uint32_t fraction = value << ((32u - bits) & 31u) >> 15 & 0xFFFFu,
                   segment = fraction >> 9;
    const int32_t low = sound_log_table[segment], rise = sound_log_table[segment + 1] - low;
    const int32_t line = rise * (int32_t)(fraction & 511u) >> 16;
    /* 45426 * ((bits - 1) * 2^16 + part), rounded to units of 2^16, in 32 bits */
    const uint32_t part = (uint32_t)((int32_t)fraction + low + line);
    const uint32_t natural = 45426u * (bits - 1u) + ((45426u * part + 0x8000u) >> 16);
    return (((natural << shift) + 0x8000u) >> 16) & sound_mask_less(1, value);
}

/* x * share / 2^14 for a share of at most 2^14, modulo 2^32. */
static inline uint32_t sound_share_of(uint32_t x, uint32_t share) {
    return (x >> 16) * share * 4 + ((x & 0xFFFFu) * share >> 14);
}

/* A channel after the square root. */
static uint32_t sound_finish_channel(const dpt_sound *sound, uint32_t signal, size_t channel,
                                     uint32_t *noise) {
    if (sound->stages & DPT_SOUND_NOISE) {
        const uint32_t scaled = signal << sound->smoothing_bits, old = noise[channel];
        const int32_t share = sound->smoothing[channel & 1];
        const int32_t high = ((int32_t)(scaled >> 16) - (int32_t)(old >> 16)) * share;
        const int32_t low = ((int32_t)(scaled & 0xFFFFu) - (int32_t)(old & 0xFFFFu)) * share;
        const uint32_t estimate = old + 4 * (uint32_t)high + (uint32_t)(low >> 14);
        const uint32_t above = (scaled - estimate) & sound_mask_less(estimate, scaled);
        const uint32_t rest = above >> sound->smoothing_bits;
        const uint32_t least = sound_share_of(signal, sound->floor);
        noise[channel] = estimate;
        signal = sound_choose(sound_mask_less(least, rest), rest, least);
    }
    if (sound->stages & DPT_SOUND_GAIN) {
        const uint64_t product = (uint64_t)signal * sound_gain_of(sound->gain, noise[channel]);
        const uint32_t ratio = (uint32_t)(product >> sound->gain_shift);
        signal =
            sound_choose(sound_mask_less(ratio, 1u << 13), ratio * ratio >> 20, (ratio >> 6) - 64u);
    }
    if (sound->stages & DPT_SOUND_LOG) {
        /* times fft / 64 */
        signal =
            sound->fft >= 64 ? signal * (sound->fft / 64u) : signal >> (sound->fft == 16 ? 2 : 1);
        signal = sound_logarithm(signal, sound->log_shift);
    }
    return sound_choose(sound_mask_less(signal, 0x10000u), signal, 0xFFFFu);
}

/* The weighted energies of a run of bins, for the channel that ends in it and for the one that
 * begins in it. */
typedef struct sound_run_sums {
    uint64_t ends, begins;
} sound_run_sums;

/* energy * weight, for a weight of at most 13 bits. Armv6-M has no product of 64 bits. */
static inline uint64_t sound_weighted(uint32_t energy, uint32_t weight) {
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
    return (energy & 0xFFFFu) * weight + ((uint64_t)((energy >> 16) * weight) << 16);
#else
    return (uint64_t)energy * weight;
#endif
}

static inline sound_run_sums sound_sum_run(const uint32_t *energies, const uint32_t *weights,
                                           size_t bins) {
    sound_run_sums sums = {0, 0};
    for (size_t i = 0; i < bins; i++) {
        sums.ends += sound_weighted(energies[i], weights[i] & 0xFFFFu);
        sums.begins += sound_weighted(energies[i], weights[i] >> 16);
    }
    return sums;
}

/* The features of the channels, from energies: a square root for each. */
static void sound_channels(const dpt_sound *sound, const uint32_t *energies, uint32_t shift,
                           uint32_t *noise, uint16_t *features) {
    const uint32_t *at = energies + sound->bins[0], *weights = sound->weights;
    const int16_t *bins = sound->bins + 1;
    sound_run_sums sums = sound_sum_run(at, weights, (size_t)*bins);
    for (size_t n, channel = 0; channel < sound->channels; channel += n) {
        uint64_t numbers[SOUND_ROOTS] = {0};
        uint32_t roots[SOUND_ROOTS];
        for (n = 0; n < SOUND_ROOTS && channel + n < sound->channels; n++) {
            const uint64_t before = sums.begins;
            at += *bins;
            weights += *bins++;
            sums = sound_sum_run(at, weights, (size_t)*bins);
            numbers[n] = before + sums.ends;
        }
        sound_roots(numbers, roots);
        for (size_t k = channel; k < channel + n; k++) {
            features[k] =
                (uint16_t)sound_finish_channel(sound, roots[k - channel] >> shift, k, noise);
        }
    }
}

static void sound_compute_frame(const dpt_sound *sound, const int16_t *samples, uint32_t *noise,
                                uint32_t *work, uint16_t *features) {
    const size_t n = sound->fft / 2u;
    const uint32_t shift = sound_window_samples(sound, samples, work);
    for (size_t size = sound_first_stage(work, n, shift); size < n; size *= 4) {
        sound_stage(work, n, size, sound->twiddles);
    }
    sound_energies(work, n, sound->split);
    sound_channels(sound, work, shift, noise, features);
}

void dpt_sound_frames(const dpt_sound *sound, size_t frames, const int16_t *samples,
                      uint32_t *noise, uint32_t *work, uint16_t *features) {
    for (size_t k = 0; k < frames; k++) {
        sound_compute_frame(sound, samples + k * sound->step, noise, work,
                            features + k * sound->channels);
    }
}
