/* SPDX-License-Identifier: Apache-2.0
 *
 * drypoint, the front end of sound models: from int16 samples to features, in integers. NUMERICS.md
 * section 12 specifies the arithmetic. drypoint_listen.h goes on to a decision.
 */
#ifndef DRYPOINT_SOUND_H
#define DRYPOINT_SOUND_H

#include "drypoint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

/* The stages after the square root, as bits of dpt_sound.stages. */
enum { DPT_SOUND_NOISE = 1, DPT_SOUND_GAIN = 2, DPT_SOUND_LOG = 4 };

/* A front end: the C twin of the Python FrontEnd. Generated as const data, or filled by
 * dpt_sound_load. A pair of int16 is one word, the first number in its lower half. */
typedef struct dpt_sound {
    uint16_t window;       /* samples of a frame */
    uint16_t step;         /* samples from the start of a frame to the start of the next */
    uint16_t fft;          /* values of the FFT, a power of 2: 16 .. 4096, at least `window` */
    uint16_t channels;     /* features of a frame */
    uint16_t smoothing[2]; /* of even and odd channels, 0 .. 16384 */
    uint16_t floor;        /* 0 .. 16384 */
    uint8_t stages, smoothing_bits, gain_shift, log_shift;
    const int16_t *factors;   /* [window], 0 .. 4096 */
    const uint32_t *twiddles; /* [3 * fft / 8] pairs */
    const uint32_t *split;    /* [fft / 4] pairs */
    const int16_t *bins;      /* [channels + 2]: the first bin, and the bins of each run */
    const uint32_t *weights;  /* [sum of the runs] pairs of 0 .. 4096 */
    const int16_t *gain;      /* [99], or NULL without DPT_SOUND_GAIN */
} dpt_sound;

/* Computes the features of `frames` frames.
 *
 * sound: a front end that dpt_sound_load has filled, or generated.
 * samples: [(frames - 1) * step + window].
 * noise: [channels] estimates, 0 before the first frame of a signal, carried from call to call;
 *     without DPT_SOUND_NOISE in `stages` not read, and may be NULL.
 * work: [fft / 2] words of scratch memory.
 * features: [frames][channels]. */
void dpt_sound_frames(const dpt_sound *sound, size_t frames, const int16_t *samples,
                      uint32_t *noise, uint32_t *work, uint16_t *features);

/* cffi: end */

#ifdef __cplusplus
}
#endif
#endif
