/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of BLOB.md section 5, written from that page and not from the loader: the oracle for
 * which check refuses a blob, and with which status. Nothing of the engine is used but the names of
 * the statuses. */
#ifndef CHECKS_H
#define CHECKS_H

#include "drypoint.h"

#include <stddef.h>

enum { CHECKS = 26 };

/* The status of check 1 .. 26; DPT_OK for 0, where no check fails. */
static inline dpt_status status_of_check(int check) {
    static const dpt_status statuses[CHECKS + 1] = {
        DPT_OK,      DPT_E_SIZE,     DPT_E_MAGIC, DPT_E_VERSION,  DPT_E_SIZE,    DPT_E_CRC,
        DPT_E_FIELD, DPT_E_CAPACITY, DPT_E_TABLE, DPT_E_FIELD,    DPT_E_FIELD,   DPT_E_SHAPE,
        DPT_E_SHAPE, DPT_E_FIELD,    DPT_E_SHAPE, DPT_E_SHAPE,    DPT_E_SHAPE,   DPT_E_FIELD,
        DPT_E_TABLE, DPT_E_TABLE,    DPT_E_TABLE, DPT_E_OVERFLOW, DPT_E_VERSION, DPT_E_PLAN,
        DPT_E_SHAPE, DPT_E_TABLE,    DPT_E_TABLE,
    };
    return statuses[check];
}

static inline int64_t byte_at(const uint8_t *blob, size_t at) {
    return blob[at];
}

static inline int64_t u16_at(const uint8_t *blob, size_t at) {
    return blob[at] + 256 * byte_at(blob, at + 1);
}

static inline int64_t u32_at(const uint8_t *blob, size_t at) {
    return u16_at(blob, at) + 65536 * u16_at(blob, at + 2);
}

static inline int64_t i32_at(const uint8_t *blob, size_t at) {
    const int64_t value = u32_at(blob, at);
    return value < 2147483648 ? value : value - 4294967296;
}

/* CRC-32 bit by bit, the definition itself. */
static inline uint32_t slow_crc(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

/* Whether one of the bytes from `from` up to `end` is not 0. */
static inline int any_set(const uint8_t *blob, size_t from, size_t end) {
    for (size_t at = from; at < end; at++) {
        if (blob[at] != 0) {
            return 1;
        }
    }
    return 0;
}

static inline int header_check(const uint8_t *blob, size_t size, size_t room) {
    if (size < 64) {
        return 1;
    }
    if (u32_at(blob, 0) != 0x1A545044) {
        return 2;
    }
    if (u16_at(blob, 4) != 1 || u16_at(blob, 6) > 1) {
        return 3;
    }
    if ((uint64_t)u32_at(blob, 8) != size) {
        return 4;
    }
    if ((uint32_t)u32_at(blob, 12) != slow_crc(blob + 16, size - 16)) {
        return 5;
    }
    if (u16_at(blob, 20) == 0 || blob[24] > 1 || blob[25] != 0 || any_set(blob, 48, 64)) {
        return 6;
    }
    if ((uint64_t)u16_at(blob, 20) > room) {
        return 7;
    }
    if (64 + 64 * u16_at(blob, 20) > (int64_t)size ||
        u32_at(blob, 40) + u32_at(blob, 44) > (int64_t)size) {
        return 8;
    }
    return 0;
}

/* Checks 9 and 10 of the op whose record begins at `r`. */
static inline int fields_check(const uint8_t *blob, size_t r) {
    const int kind = blob[r], conv = kind == 1 || kind == 5, pool = kind == 3 || kind == 4;
    if (kind < 1 || kind > 5 || blob[r + 1] > 1 || blob[r + 2] > 2 || blob[r + 3] > 30 ||
        (kind == 5 ? u16_at(blob, r + 26) < 2 : u16_at(blob, r + 26) != 0) ||
        any_set(blob, r + 52, r + 64)) {
        return 9;
    }
    if ((kind == 2 && any_set(blob, r + 16, r + 20)) || (!conv && any_set(blob, r + 20, r + 26)) ||
        (kind == 3 &&
         (blob[r + 3] != 0 || any_set(blob, r + 28, r + 36) || any_set(blob, r + 48, r + 52))) ||
        (pool && any_set(blob, r + 40, r + 48))) {
        return 10;
    }
    return 0;
}

static inline int64_t values_at(const uint8_t *blob, size_t at) {
    return u16_at(blob, at) * u16_at(blob, at + 2) * u16_at(blob, at + 4);
}

/* The output's length along one axis (0: height, 1: width), or 0 where the kernel does not fit. */
static inline int64_t output_length(const uint8_t *blob, size_t r, size_t axis) {
    const int conv = blob[r] == 1 || blob[r] == 5;
    const int64_t padded =
        u16_at(blob, r + 4 + 2 * axis) + (conv ? blob[r + 20 + axis] + blob[r + 22 + axis] : 0);
    if (padded < blob[r + 16 + axis]) {
        return 0;
    }
    return ((padded - blob[r + 16 + axis]) / blob[r + 18 + axis] + 1) /
           (conv ? blob[r + 24 + axis] : 1);
}

/* Checks 11 to 14. */
static inline int shape_check(const uint8_t *blob, size_t r) {
    const int kind = blob[r], conv = kind == 1 || kind == 5;
    const int64_t in = values_at(blob, r + 4), out = values_at(blob, r + 10);
    if (in < 1 || in > 1 << 28 || out < 1 || out > 1 << 28) {
        return 11;
    }
    if (kind == 2) {
        return u16_at(blob, r + 10) != 1 || u16_at(blob, r + 12) != 1 ? 12 : 0;
    }
    for (size_t at = r + 16; at < r + (conv ? 26u : 20u); at++) {
        if ((at < r + 20 || at >= r + 24) && blob[at] == 0) {
            return 13;
        }
    }
    if (output_length(blob, r, 0) != u16_at(blob, r + 10) ||
        output_length(blob, r, 1) != u16_at(blob, r + 12) ||
        (!conv && u16_at(blob, r + 8) != u16_at(blob, r + 14))) {
        return 14;
    }
    if (kind == 5 && (u16_at(blob, r + 8) % u16_at(blob, r + 26) != 0 ||
                      u16_at(blob, r + 14) % u16_at(blob, r + 26) != 0)) {
        return 14;
    }
    return 0;
}

/* Checks 15 to 17; `type` and the shape at `shape` are what the op before writes. */
static inline int chain_check(const uint8_t *blob, size_t r, int type, size_t shape, int last) {
    static const int64_t lowest[] = {0, -128, -2147483648LL}, highest[] = {255, 127, 2147483647};
    const int out = blob[r + 2];
    if (blob[r + 1] != type || u16_at(blob, r + 4) != u16_at(blob, shape) ||
        u16_at(blob, r + 6) != u16_at(blob, shape + 2) ||
        u16_at(blob, r + 8) != u16_at(blob, shape + 4)) {
        return 15;
    }
    if ((out == 2) != last || (blob[r] == 3 && !last && blob[r + 1] != out)) {
        return 16;
    }
    const int64_t lo = i32_at(blob, r + 28), hi = i32_at(blob, r + 32);
    return blob[r] != 3 && (lo > hi || lo < lowest[out] || hi > highest[out]) ? 17 : 0;
}

/* Weights of one output channel of the op. */
static inline int64_t weights_each(const uint8_t *blob, size_t r) {
    const int64_t kernel = blob[r + 16] * byte_at(blob, r + 17), c = u16_at(blob, r + 8);
    switch (blob[r]) {
    case 1:
        return kernel * c;
    case 2:
        return values_at(blob, r + 4);
    case 5:
        return kernel * (c / u16_at(blob, r + 26));
    default:
        return 0;
    }
}

/* Checks 20 and 21 of output channel `o`. */
static inline int channel_check(const uint8_t *blob, size_t r, int64_t o) {
    const int64_t mult = i32_at(blob, (size_t)(u32_at(blob, r + 48) + 4 * o));
    const int64_t each = weights_each(blob, r), largest = blob[r + 1] == 0 ? 255 : 128;
    int64_t sum = blob[r] == 4 ? blob[r + 16] * byte_at(blob, r + 17) : 0, bias = 0;
    int lowest = 0;
    for (int64_t i = 0; i < each; i++) {
        const int byte = blob[u32_at(blob, r + 40) + o * each + i];
        const int weight = byte < 128 ? byte : byte - 256;
        lowest = weight < lowest ? weight : lowest;
        sum += weight < 0 ? -weight : weight;
    }
    if (mult < 2 || mult % 2 != 0 || lowest == -128) {
        return 20;
    }
    if (blob[r] != 4) {
        bias = i32_at(blob, (size_t)(u32_at(blob, r + 44) + 4 * o));
    }
    /* The bound is below 2^41 and more than 2^31 - 1 is refused: in 64 bits only where it fits. */
    const int64_t bound = (bias < 0 ? -bias : bias) + largest * sum;
    return bound > 2147483647 || bound * ((int64_t)1 << blob[r + 3]) > 2147483647 ? 21 : 0;
}

/* Checks 18 to 21; `named` is the sum of check 19. */
static inline int tables_check(const uint8_t *blob, size_t size, size_t r, int64_t *named) {
    const int kind = blob[r], weighted = kind != 3 && kind != 4;
    const int64_t channels = kind == 3 ? 0 : kind == 4 ? 1 : u16_at(blob, r + 14);
    const int64_t lengths[] = {weights_each(blob, r) * channels, weighted ? 4 * channels : 0,
                               4 * channels};
    for (size_t i = 0; i < 3; i++) {
        if (lengths[i] > 0 && u32_at(blob, r + 40 + 4 * i) + lengths[i] > (int64_t)size) {
            return 18;
        }
        *named += lengths[i];
    }
    if (kind != 3 && *named > 4 * (int64_t)size) {
        return 19;
    }
    for (int64_t o = 0; o < channels; o++) {
        const int check = channel_check(blob, r, o);
        if (check != 0) {
            return check;
        }
    }
    return 0;
}

/* Checks 22 to 26. */
static inline int final_check(const uint8_t *blob, size_t size) {
    const int64_t n_ops = u16_at(blob, 20), labels = u32_at(blob, 32), length = u32_at(blob, 36);
    const size_t last = 64 * (size_t)n_ops;
    int64_t grouped = 0, most = 0, closed = 0;
    int overlap = 0;
    for (size_t r = 64; r <= last; r += 64) {
        grouped = blob[r] == 5 ? 1 : grouped;
        const int64_t from = u32_at(blob, r + 36), end = from + values_at(blob, r + 10);
        if (r < last) {
            most = end > most ? end : most;
        }
        if (r > 64 && r < last) {
            const int64_t before = u32_at(blob, r - 28), until = before + values_at(blob, r - 54);
            overlap |= from < until && before < end;
        }
    }
    if (u16_at(blob, 6) != grouped) {
        return 22;
    }
    if (overlap || most != u32_at(blob, 16) || u32_at(blob, last + 36) != 0) {
        return 23;
    }
    if (u16_at(blob, 22) != 0 && u16_at(blob, 22) != values_at(blob, last + 10)) {
        return 24;
    }
    if (labels + length > (int64_t)size) {
        return 25;
    }
    for (int64_t i = 0; i < length; i++) {
        closed += blob[labels + i] == 0;
    }
    return closed != u16_at(blob, 22) || (length > 0 && blob[labels + length - 1] != 0) ? 26 : 0;
}

/* The number of the first check that refuses the blob, or 0; `room` is for how many ops. */
static inline int failing_check(const uint8_t *blob, size_t size, size_t room) {
    int check = header_check(blob, size, room), type = check == 0 ? blob[24] : 0;
    int64_t named = 0;
    if (check != 0) {
        return check;
    }
    size_t shape = 26;
    const size_t last = 64 * (size_t)u16_at(blob, 20);
    for (size_t r = 64; r <= last && check == 0; r += 64) {
        check = fields_check(blob, r);
        check = check == 0 ? shape_check(blob, r) : check;
        check = check == 0 ? chain_check(blob, r, type, shape, r == last) : check;
        check = check == 0 ? tables_check(blob, size, r, &named) : check;
        type = blob[r + 2];
        shape = r + 10;
    }
    return check == 0 ? final_check(blob, size) : check;
}

#endif
