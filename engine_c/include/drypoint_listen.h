/* SPDX-License-Identifier: Apache-2.0
 *
 * drypoint, sound: from a microphone's int16 samples to a decision, in integers. NUMERICS.md
 * section 12 specifies the arithmetic, BLOB.md section 10 the record of a blob.
 *
 *     #include "okay.h"                                    // made by `drypoint export`
 *     static uint32_t memory[OKAY_LISTEN_SIZE / 4];        // state, scratch memory and arena
 *     int32_t output[OKAY_OUTPUT_COUNT];
 *     okay_listen_reset(memory);
 *     for (;;) {
 *         const int16_t *samples;                          // any number of them, as they come
 *         size_t n = read_microphone(&samples);
 *         while (okay_listen(memory, &samples, &n, output) == DPT_OK) {
 *             // a decision: output
 *         }
 *     }
 */
#ifndef DRYPOINT_LISTEN_H
#define DRYPOINT_LISTEN_H

#include "drypoint_sound.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

/* When a keyword was spoken (NUMERICS.md section 12): the sum of the last `window` scores of a
 * value is above `cutoff`. */
typedef struct dpt_keyword_detector {
    uint16_t window; /* decisions of a sum; 0: there is no detector */
    uint16_t hold;   /* decisions after a detection in which nothing is detected */
    uint32_t cutoff;
    uint32_t keywords; /* bit k: value k of the last output, of at most 32, is a keyword */
} dpt_keyword_detector;

/* A model that reads samples: what NAME_listen runs. */
typedef struct dpt_listener {
    const dpt_model *model; /* its input: `rows` rows of features */
    const dpt_sound *sound;
    uint32_t rate; /* samples a second */
    uint32_t mult; /* a feature v becomes (v * mult + 2^(shift - 1)) >> shift steps from the */
    uint8_t shift; /* input's zero point */
    uint16_t rows;
    dpt_keyword_detector detector;
} dpt_listener;

/* Bytes of memory that a listener needs, a multiple of 4: NAME_LISTEN_SIZE of generated code. The
 * model's arena lies first, and over its part that does not last the scratch memory of a frame. */
size_t dpt_listen_size(const dpt_listener *listener);

/* Begins a signal. `memory` is aligned to 4 bytes. Returns DPT_OK, or DPT_E_ARGUMENT (a pointer is
 * NULL, or `memory` is not aligned) or DPT_E_ARENA (memory_size is less than dpt_listen_size). */
dpt_status dpt_listen_reset(const dpt_listener *listener, void *memory, size_t memory_size);

/* Takes samples until there is a decision, or until all are taken.
 *
 * samples, n: the next samples and their number, in any portions; the call advances them by what it
 *     took.
 * output: what dpt_run or dpt_step writes; written only where DPT_OK is the answer.
 * Returns DPT_OK (a decision; call again with the samples that remain), DPT_NO_OUTPUT (all samples
 * are taken), or an error: as dpt_listen_reset, and DPT_E_BACKEND. */
dpt_status dpt_listen(const dpt_listener *listener, void *memory, size_t memory_size,
                      const int16_t **samples, size_t *n, int32_t *output);

/* Takes the decision that dpt_listen has just written to `output`, and says whether a keyword is
 * detected. Call it after each decision, with the listener's memory.
 *
 * keyword: the index of the value of the last output; written only where DPT_OK is the answer.
 * Returns DPT_OK (a keyword is detected), DPT_NO_OUTPUT (none is), DPT_E_STATE (the listener has no
 * detector), or an error as dpt_listen_reset. */
dpt_status dpt_keywords(const dpt_listener *listener, void *memory, size_t memory_size,
                        const int32_t *output, size_t *keyword);

/* Fills *listener, *sound and `tables` from the record of sound of a blob, checking all of it.
 *
 * model: what dpt_model_load has filled from the same blob, and may since have been packed; the
 *     listener points to it.
 * tables: memory of tables_size bytes, aligned to 4; the blob itself need not last.
 *     microWakeWord's settings need 3,466 bytes.
 * Returns DPT_OK, DPT_E_STATE (the blob has no record), DPT_E_ARGUMENT (a pointer is NULL, or
 * `tables` is not aligned), DPT_E_CAPACITY (`tables` is too small), DPT_E_FIELD or DPT_E_TABLE. */
dpt_status dpt_sound_load(dpt_listener *listener, dpt_sound *sound, void *tables,
                          size_t tables_size, const dpt_model *model, const void *blob,
                          size_t blob_size);

/* cffi: end */

#ifdef __cplusplus
}
#endif
#endif
