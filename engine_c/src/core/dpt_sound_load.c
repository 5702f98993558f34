/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the record of sound of a blob, and copies its tables: BLOB.md section 10. Generated code
 * does not link it. */
#include "drypoint_listen.h"

#include "dpt_internal.h"

enum {
    RECORD_SIZE = 64,
    RECORD_UNUSED = 48, /* from here on bytes are 0 */
    RECORD_MOST_SHARE = 1 << 14,
    RECORD_MOST_FACTOR = 1 << 12,
    RECORD_GAIN_VALUES = 99,
    RECORD_MOST_WINDOW = 1000, /* of a detector */
    RECORD_MOST_CUTOFF = 1 << 26,
    RECORD_MOST_VALUES = 32
};

/* The tables of a record: where they begin, their numbers and the numbers of values. */
typedef struct record_tables {
    const uint8_t *bytes;
    size_t window, twiddles, split, bins, weights, gain;
} record_tables;

static uint16_t record_u16(const uint8_t *p) {
    return (uint16_t)dpt_u16(p);
}

static int32_t record_value(const uint8_t *values, size_t index) {
    const uint32_t word = dpt_u16(values + 2 * index);
    return word < 0x8000u ? (int32_t)word : (int32_t)word - 0x10000;
}

/* The detector's part of check S1. A softmax is over all values, so of one pixel. */
static int record_detector(dpt_keyword_detector *d, const uint8_t *p, const dpt_model *model) {
    d->window = record_u16(p);
    d->hold = record_u16(p + 2);
    d->cutoff = dpt_u32(p + 4);
    d->keywords = dpt_u32(p + 8);
    if (d->window == 0) {
        return (d->hold | d->cutoff | d->keywords) == 0;
    }
    const dpt_tensor out = model->ops[model->n_ops - 1].out;
    const size_t values = dpt_elements(out);
    return (model->softmax.mult == 0 || values == out.c) && d->window <= RECORD_MOST_WINDOW &&
           d->cutoff < RECORD_MOST_CUTOFF && d->keywords != 0 && values <= RECORD_MOST_VALUES &&
           (uint64_t)d->keywords >> values == 0;
}

/* Check S1: the fields. */
static dpt_status record_fields(dpt_listener *l, dpt_sound *s, const uint8_t *p) {
    uint8_t reserved = p[26] | p[27];
    for (size_t i = RECORD_UNUSED; i < RECORD_SIZE; i++) {
        reserved |= p[i];
    }
    s->stages = p[1];
    s->window = record_u16(p + 2);
    s->step = record_u16(p + 4);
    s->fft = record_u16(p + 6);
    s->channels = record_u16(p + 8);
    l->rows = record_u16(p + 10);
    l->rate = dpt_u32(p + 12);
    s->smoothing[0] = record_u16(p + 16);
    s->smoothing[1] = record_u16(p + 18);
    s->floor = record_u16(p + 20);
    s->smoothing_bits = p[22];
    s->gain_shift = p[23];
    s->log_shift = p[24];
    l->shift = p[25];
    l->mult = dpt_u32(p + 28);
    const int noise = (s->stages & DPT_SOUND_NOISE) != 0;
    const int gain = (s->stages & DPT_SOUND_GAIN) != 0;
    const int log = (s->stages & DPT_SOUND_LOG) != 0;
    const int sizes = s->fft >= 16 && s->fft <= 4096 && (s->fft & (s->fft - 1u)) == 0 &&
                      s->window <= s->fft && 2u * s->window > s->fft && s->step >= 1 &&
                      s->step <= s->window;
    const int shares = s->smoothing[0] <= RECORD_MOST_SHARE &&
                       s->smoothing[1] <= RECORD_MOST_SHARE && s->floor <= RECORD_MOST_SHARE &&
                       s->smoothing_bits <= 31;
    const int absent =
        (noise || (s->smoothing[0] | s->smoothing[1] | s->floor | s->smoothing_bits) == 0) &&
        (gain || s->gain_shift == 0) && (log || s->log_shift == 0);
    const int ok = p[0] == 1 && s->stages <= 7 && (noise || !gain) && sizes && shares && absent &&
                   s->channels > 0 && l->rows > 0 && l->rate >= 1 && l->rate <= INT32_MAX &&
                   s->gain_shift <= 47 && s->log_shift <= 11 && l->shift >= 1 && l->shift <= 62 &&
                   l->mult >= 1 && l->mult <= INT32_MAX && reserved == 0 &&
                   (l->model->state_size == 0 || l->rows == 1) &&
                   record_detector(&l->detector, p + 36, l->model);
    return ok ? DPT_OK : DPT_E_FIELD;
}

/* Whether all values of a table are 0 .. most. */
static int record_in_range(const uint8_t *values, size_t n, int32_t most) {
    int ok = 1;
    for (size_t i = 0; i < n; i++) {
        const int32_t value = record_value(values, i);
        ok &= value >= 0 && value <= most;
    }
    return ok;
}

/* Checks S2 to S5: the tables lie in the blob, and their values are in range. */
static dpt_status record_ranges(record_tables *t, const dpt_sound *s, const uint8_t *bytes,
                                size_t blob_size, uint32_t offset) {
    const size_t n = s->fft / 2u;
    t->bytes = bytes + offset;
    t->window = s->window;
    t->twiddles = 3 * n / 4 * 2;
    t->split = n / 2 * 2;
    t->bins = s->channels + 2u;
    t->gain = (s->stages & DPT_SOUND_GAIN) != 0 ? RECORD_GAIN_VALUES : 0;
    const size_t before = t->window + t->twiddles + t->split;
    if (offset > blob_size || 2 * (before + t->bins) > blob_size - offset) {
        return DPT_E_TABLE;
    }
    const uint8_t *bins = t->bytes + 2 * before;
    size_t end = 0;
    if (!record_in_range(t->bytes, t->window, RECORD_MOST_FACTOR) ||
        !record_in_range(bins, t->bins, (int32_t)n) || record_value(bins, 0) == 0 ||
        record_value(t->bytes, t->window) != INT16_MAX ||
        record_value(t->bytes, t->window + 1) != 0) { /* a factor of 1, which kernels may skip */
        return DPT_E_TABLE;
    }
    for (size_t i = 0; i < t->bins; i++) { /* at most 65537 * 2048: no overflow */
        end += (size_t)record_value(bins, i);
    }
    t->weights = 2 * (end - (size_t)record_value(bins, 0));
    const int ok = end <= n &&
                   2 * (before + t->bins + t->weights + t->gain) <= blob_size - offset &&
                   record_in_range(bins + 2 * t->bins, t->weights, RECORD_MOST_FACTOR);
    return ok ? DPT_OK : DPT_E_TABLE;
}

/* Copies a table of n values, which words hold in pairs or which are int16; returns its copy. */
static const uint32_t *record_copy_words(uint32_t **to, const uint8_t **from, size_t n) {
    const uint32_t *copy = *to;
    for (; n > 0; n -= 2, *from += 4) {
        *(*to)++ = dpt_u32(*from);
    }
    return copy;
}

static const int16_t *record_copy_values(int16_t **to, const uint8_t **from, size_t n) {
    const int16_t *copy = *to;
    for (; n > 0; n--, *from += 2) {
        *(*to)++ = (int16_t)record_value(*from, 0);
    }
    return copy;
}

static void record_copy(dpt_sound *s, uint32_t *words, const record_tables *t) {
    int16_t *values = (int16_t *)(void *)(words + (t->twiddles + t->split + t->weights) / 2);
    const uint8_t *from = t->bytes;
    s->factors = record_copy_values(&values, &from, t->window);
    s->twiddles = record_copy_words(&words, &from, t->twiddles);
    s->split = record_copy_words(&words, &from, t->split);
    s->bins = record_copy_values(&values, &from, t->bins);
    s->weights = record_copy_words(&words, &from, t->weights);
    s->gain = t->gain != 0 ? record_copy_values(&values, &from, t->gain) : NULL;
}

dpt_status dpt_sound_load(dpt_listener *listener, dpt_sound *sound, void *tables,
                          size_t tables_size, const dpt_model *model, const void *bytes,
                          size_t blob_size) {
    if (listener == NULL || sound == NULL || tables == NULL || ((uintptr_t)tables & 3u) != 0 ||
        model == NULL || bytes == NULL) {
        return DPT_E_ARGUMENT;
    }
    const uint8_t *p = bytes;
    const uint32_t at = dpt_u32(p + 60);
    if (at == 0) {
        return DPT_E_STATE;
    }
    record_tables t;
    listener->model = model;
    dpt_status status = record_fields(listener, sound, p + at);
    if (status == DPT_OK) {
        status = record_ranges(&t, sound, p, blob_size, dpt_u32(p + at + 32));
    }
    if (status != DPT_OK) {
        return status;
    }
    if (2 * (t.window + t.twiddles + t.split + t.bins + t.weights + t.gain) > tables_size) {
        return DPT_E_CAPACITY;
    }
    record_copy(sound, tables, &t);
    listener->sound = sound;
    return DPT_OK;
}
