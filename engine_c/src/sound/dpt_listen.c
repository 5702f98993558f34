/* SPDX-License-Identifier: Apache-2.0 */
/* From samples to a decision: NUMERICS.md section 12, "Samples in any portions".
 *
 * The memory has, each part at a multiple of 4 bytes:
 *
 *     the model's state                    lasts
 *     scratch: FFT words, features         over the rest of the arena, which no step needs later
 *     noise estimates                      behind the larger of arena and scratch
 *     counters: samples held, rows held
 *     the model's input
 *     the samples held, at most a window
 *     the detector's counters, sums and scores
 */
#include "dpt_keywords.h"

#include "dpt_internal.h"

#include <string.h>

typedef struct listen_counters {
    uint32_t samples, rows;
} listen_counters;

/* Where the parts of a memory begin. */
typedef struct listen_places {
    size_t work, features, noise, counters, input, samples, detector, size;
} listen_places;

static size_t listen_round4(size_t size) {
    return (size + 3) & ~(size_t)3;
}

static listen_places listen_places_of(const dpt_listener *l) {
    const dpt_sound *sound = l->sound;
    const size_t channels = sound->channels;
    listen_places p;
    p.work = listen_round4(l->model->state_size);
    p.features = p.work + sound->fft / 2u * sizeof(uint32_t);
    p.noise = listen_round4(p.features + channels * sizeof(uint16_t));
    if (p.noise < l->model->arena_size) {
        p.noise = listen_round4(l->model->arena_size);
    }
    p.counters = p.noise;
    p.counters += (sound->stages & DPT_SOUND_NOISE) != 0 ? channels * sizeof(uint32_t) : 0;
    p.input = p.counters + sizeof(listen_counters);
    p.samples = listen_round4(p.input + channels * l->rows);
    p.detector = listen_round4(p.samples + sound->window * sizeof(int16_t));
    p.size = p.detector + keywords_size(&l->detector);
    return p;
}

static dpt_status listen_check(const dpt_listener *l, const void *memory, size_t size) {
    if (l == NULL || memory == NULL || ((uintptr_t)memory & 3u) != 0) {
        return DPT_E_ARGUMENT;
    }
    return size < dpt_listen_size(l) ? DPT_E_ARENA : DPT_OK;
}

size_t dpt_listen_size(const dpt_listener *listener) {
    return listen_places_of(listener).size;
}

dpt_status dpt_listen_reset(const dpt_listener *listener, void *memory, size_t memory_size) {
    const dpt_status status = listen_check(listener, memory, memory_size);
    if (status != DPT_OK) {
        return status;
    }
    const listen_places p = listen_places_of(listener);
    memset((uint8_t *)memory + p.noise, 0, p.input - p.noise);
    memset((uint8_t *)memory + p.detector, 0, p.size - p.detector);
    if (listener->detector.window != 0) {
        const uint32_t wait = listener->detector.window - 1u;
        memcpy((uint8_t *)memory + p.detector, &wait, sizeof wait);
    }
    return listener->model->state_size == 0 ? DPT_OK
                                            : dpt_reset(listener->model, memory, memory_size);
}

/* A row of features as integers of the model's input; no branch depends on a feature. */
static void listen_quantize(const dpt_listener *l, const uint16_t *features, uint8_t *row) {
    const dpt_tensor in = l->model->ops[0].in;
    const int32_t low = in.type == DPT_U8 ? 0 : INT8_MIN;
    const int32_t high = in.type == DPT_U8 ? UINT8_MAX : INT8_MAX;
    for (size_t i = 0; i < l->sound->channels; i++) {
        const uint64_t scaled = (uint64_t)features[i] * l->mult + ((uint64_t)1 << (l->shift - 1));
        const int64_t q = (int64_t)(scaled >> l->shift) + in.zero;
        row[i] = (uint8_t)(uint64_t)(q < low ? low : q > high ? high : q);
    }
}

/* Drops the oldest `step` samples of a window. The pieces overlap nowhere. */
static void listen_shift(int16_t *samples, size_t window, size_t step) {
    for (size_t at = 0; at + step < window; at += step) {
        const size_t rest = window - step - at;
        memcpy(samples + at, samples + at + step, (rest < step ? rest : step) * sizeof *samples);
    }
}

/* A whole window is there: one frame, and where a row completes an input, one run or step. */
static dpt_status listen_frame(const dpt_listener *l, uint8_t *memory, listen_places p,
                               listen_counters *held, int32_t *output) {
    const dpt_sound *sound = l->sound;
    uint16_t *features = (uint16_t *)(void *)(memory + p.features);
    dpt_sound_frames(sound, 1, (const int16_t *)(const void *)(memory + p.samples),
                     (uint32_t *)(void *)(memory + p.noise), (uint32_t *)(void *)(memory + p.work),
                     features);
    listen_quantize(l, features, memory + p.input + (size_t)held->rows * sound->channels);
    listen_shift((int16_t *)(void *)(memory + p.samples), sound->window, sound->step);
    held->samples = (uint32_t)sound->window - sound->step;
    held->rows++;
    if (held->rows < l->rows) {
        return DPT_NO_OUTPUT;
    }
    held->rows = 0;
    if (l->model->state_size == 0) {
        return dpt_run(l->model, NULL, memory, p.noise, memory + p.input, output);
    }
    return dpt_step(l->model, NULL, memory, p.noise, memory + p.input, output);
}

dpt_status dpt_listen(const dpt_listener *listener, void *memory, size_t memory_size,
                      const int16_t **samples, size_t *n, int32_t *output) {
    dpt_status status = listen_check(listener, memory, memory_size);
    if (status != DPT_OK) {
        return status;
    }
    if (samples == NULL || n == NULL || output == NULL || (*samples == NULL && *n > 0)) {
        return DPT_E_ARGUMENT;
    }
    const listen_places p = listen_places_of(listener);
    uint8_t *bytes = memory;
    listen_counters held;
    memcpy(&held, bytes + p.counters, sizeof held);
    status = DPT_NO_OUTPUT;
    while (status == DPT_NO_OUTPUT && *n > 0) {
        const size_t missing = listener->sound->window - held.samples;
        const size_t taken = *n < missing ? *n : missing;
        memcpy(bytes + p.samples + held.samples * sizeof **samples, *samples,
               taken * sizeof **samples);
        held.samples += (uint32_t)taken;
        *samples += taken;
        *n -= taken;
        if (held.samples == listener->sound->window) {
            status = listen_frame(listener, bytes, p, &held, output);
        }
    }
    memcpy(bytes + p.counters, &held, sizeof held);
    return status;
}
