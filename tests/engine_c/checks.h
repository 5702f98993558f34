/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of BLOB.md section 5, written from that page and not from the loader: the oracle for
 * which check refuses a blob, and with which status. Nothing of the engine is used but the names of
 * the statuses. */
#ifndef CHECKS_H
#define CHECKS_H

#include "stream_checks.h"

#include <string.h>

enum { CHECKS = 29, LARGEST_BOUND = 2147483647 };

/* The status of check 1 .. 27; DPT_OK for 0, where no check fails. */
static inline dpt_status status_of_check(int check) {
    static const dpt_status statuses[CHECKS + 1] = {
        DPT_OK,      DPT_E_SIZE,     DPT_E_MAGIC, DPT_E_VERSION,  DPT_E_SIZE,  DPT_E_CRC,
        DPT_E_FIELD, DPT_E_CAPACITY, DPT_E_TABLE, DPT_E_FIELD,    DPT_E_FIELD, DPT_E_SHAPE,
        DPT_E_FIELD, DPT_E_SHAPE,    DPT_E_FIELD, DPT_E_SHAPE,    DPT_E_SHAPE, DPT_E_FIELD,
        DPT_E_TABLE, DPT_E_TABLE,    DPT_E_TABLE, DPT_E_OVERFLOW, DPT_E_PLAN,  DPT_E_PLAN,
        DPT_E_PLAN,  DPT_E_SHAPE,    DPT_E_TABLE, DPT_E_TABLE,    DPT_E_TABLE, DPT_E_SHAPE,
    };
    return statuses[check];
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

/* Whether type and zero point of the tensor at `at` are forbidden; `wide`: it may be i16. */
static inline int type_is_bad(const uint8_t *blob, size_t at, int most, int wide) {
    const int type = blob[at + 6], allowed = type <= most || (type == I16 && wide && blob[6] > 0);
    return !allowed || (type != 1 && blob[at + 7] != 0);
}

static inline int header_check(const uint8_t *blob, size_t size, size_t room) {
    if (size < 64) {
        return 1;
    }
    if (u32_at(blob, 0) != 0x1A545044) {
        return 2;
    }
    if (u16_at(blob, 4) != 2 || u16_at(blob, 6) > MINOR) {
        return 3;
    }
    if (u32_at(blob, 8) != size) {
        return 4;
    }
    if ((uint32_t)u32_at(blob, 12) != slow_crc(blob + 16, size - 16)) {
        return 5;
    }
    if (u16_at(blob, 20) == 0 || type_is_bad(blob, 24, 1, 0) || blob[56] > 63 ||
        (u32_at(blob, 52) == 0 && blob[56] != 0) ||
        any_set(blob, 57, u16_at(blob, 6) > 0 ? 60 : 64)) {
        return 6;
    }
    if (u16_at(blob, 20) > room) {
        return 7;
    }
    return record_at(u16_at(blob, 20)) > size || u32_at(blob, 40) + u32_at(blob, 44) > size ? 8 : 0;
}

/* Checks 9 and 10 of the op whose record begins at `r`. */
static inline int fields_check(const uint8_t *blob, size_t r) {
    const int kind = blob[r];
    if (!is_kind(kind, blob[6]) || blob[r + 1] > 3 || blob[r + 2] > 30 ||
        type_is_bad(blob, r + 8, 1, may_read_i16(kind)) ||
        type_is_bad(blob, r + 16, 1, is_binary(kind)) ||
        type_is_bad(blob, r + 24, 2, may_write_i16(kind)) ||
        !may_have_bits(kind, blob[6], blob[r + 3])) {
        return 9;
    }
    const int conv = is_conv(kind), windows = conv || is_pool(kind) || kind == HISTORY,
              rule = requantizes(kind);
    const struct {
        int used;
        size_t from, end;
    } fields[] = {{rule, 2, 3},
                  {has_two_inputs(kind), 6, 8},
                  {has_two_inputs(kind), 16, 24},
                  {windows || kind == UPSAMPLE || kind == RESIZE, 32, 36},
                  {windows || kind == SLICE || kind == RESIZE, 36, 40},
                  {conv || kind == RESIZE, 40, 44},
                  {windows || kind == UPSAMPLE || kind == SLICE, 44, 48},
                  {windows || kind == UPSAMPLE, 48, 52},
                  {conv, 52, 56},
                  {kind == 5 || kind == SLICE || kind == TRANSPOSE || kind == DELAY, 56, 58},
                  {0, 58, 60},
                  {rule, 60, 68},
                  {has_factors(kind), 68, 72},
                  {has_weights(kind) || kind == 9, 76, 80},
                  {rule, 80, 88},
                  {conv || kind == 4 || kind == 11 || kind == DELAY, 88, 92},
                  {0, 94, 128}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!fields[i].used && any_set(blob, r + fields[i].from, r + fields[i].end)) {
            return 10;
        }
    }
    return 0;
}

static inline int size_is_bad(const uint8_t *blob, size_t at) {
    return values_at(blob, at) == 0 || values_at(blob, at) > 1u << 28;
}

/* Check 12. */
static inline int ranges_check(const uint8_t *blob, size_t r) {
    const int kind = blob[r];
    for (size_t at = r + 32; at < r + 56; at += 2) {
        const int window = is_conv(kind) || is_pool(kind) || kind == HISTORY;
        const int must = at < r + 36   ? window || kind == UPSAMPLE
                         : at < r + 40 ? window || kind == SLICE
                                       : is_conv(kind) && (at < r + 44 || at >= r + 52);
        if ((must || (kind == RESIZE && at < r + 44)) && u16_at(blob, at) == 0) {
            return 12;
        }
        if (kind == RESIZE && at < r + 36 && u16_at(blob, at) > 32767) {
            return 12;
        }
    }
    for (size_t side = 0; (is_pool(kind) || kind == UPSAMPLE) && side < 4; side++) {
        if (u16_at(blob, r + 44 + 2 * side) >= u16_at(blob, r + 32 + 2 * (side % 2))) {
            return 12;
        }
    }
    if (kind == 11 &&
        (u16_at(blob, r + 34) != 1 || u16_at(blob, r + 38) != 1 || any_set(blob, r + 46, r + 52) ||
         u16_at(blob, r + 44) >= u16_at(blob, r + 32))) {
        return 12;
    }
    const uint64_t a = u16_at(blob, r + 68), b = u16_at(blob, r + 70);
    static const uint8_t ones[8] = {1, 0, 1, 0, 1, 0, 1, 0};
    if (kind == 4 && blob[r + 14] == I16 &&
        (memcmp(blob + r + 32, ones, 8) != 0 || any_set(blob, r + 44, r + 52))) {
        return 12;
    }
    if ((kind != DELAY && !any_set(blob, r + 44, r + 52) && u32_at(blob, r + 88) != 0) ||
        (kind == 5 && u16_at(blob, r + 56) < 2) ||
        (kind == TRANSPOSE && (u16_at(blob, r + 56) < 1 || u16_at(blob, r + 56) > 5)) ||
        (has_factors(kind) && (a < 1 || a > 32767 || b < 1 || b > 32767))) {
        return 12;
    }
    return 0;
}

/* The output's length along one axis (0: height, 1: width), or 0 where the kernel does not fit. */
static inline uint64_t output_length(const uint8_t *blob, size_t r, size_t axis) {
    const int conv = is_conv(blob[r]);
    const size_t at = r + 2 * axis;
    const uint64_t padded = u16_at(blob, at + 8) + u16_at(blob, at + 44) + u16_at(blob, at + 48);
    const uint64_t reach = (u16_at(blob, at + 32) - 1) * (conv ? u16_at(blob, at + 40) : 1) + 1;
    if (padded < reach) {
        return 0;
    }
    return ((padded - reach) / u16_at(blob, at + 36) + 1) / (conv ? u16_at(blob, at + 52) : 1);
}

/* Check 13. */
static inline int output_check(const uint8_t *blob, size_t r) {
    const int kind = blob[r];
    const uint64_t c = u16_at(blob, r + 12), oc = u16_at(blob, r + 28);
    const uint64_t groups = u16_at(blob, r + 56);
    int ok = same_bytes(blob, r + 8, r + 24, 4); /* height and width */
    if (is_conv(kind) || is_pool(kind)) {
        ok = output_length(blob, r, 0) == u16_at(blob, r + 24) &&
             output_length(blob, r, 1) == u16_at(blob, r + 26);
    } else if (kind == 2) {
        ok = u16_at(blob, r + 24) == 1 && u16_at(blob, r + 26) == 1;
    }
    if (kind == UPSAMPLE) {
        const uint64_t block = u16_at(blob, r + 32) * u16_at(blob, r + 34);
        ok = oc == c || oc * block == c;
        for (size_t side = 0; side < 4; side += 2) {
            ok = ok && u16_at(blob, r + 24 + side) + u16_at(blob, r + 44 + side) +
                               u16_at(blob, r + 48 + side) ==
                           u16_at(blob, r + 8 + side) * u16_at(blob, r + 32 + side);
        }
    }
    if (kind == RESIZE) {
        ok = oc == c;
        for (size_t axis = 0; axis < 4; axis += 2) {
            const uint64_t last = (u16_at(blob, r + 24 + axis) - 1) * u16_at(blob, r + 36 + axis);
            ok = ok && last + u16_at(blob, r + 40 + axis) <
                           (u16_at(blob, r + 8 + axis) + 1) * u16_at(blob, r + 32 + axis);
        }
    }
    if (kind == TRANSPOSE) {
        static const char orders[5][3] = {"hcw", "whc", "wch", "chw", "cwh"};
        const char *order = orders[u16_at(blob, r + 56) - 1];
        ok = 1;
        for (size_t axis = 0; axis < 3; axis++) {
            const size_t from = order[axis] == 'h' ? 8 : order[axis] == 'w' ? 10 : 12;
            ok = ok && same_bytes(blob, r + 24 + 2 * axis, r + from, 2);
        }
    }
    if (kind == DELAY) {
        ok = 1;
    }
    if (kind == SLICE) {
        ok = u16_at(blob, r + 56) + oc <= c;
        for (size_t axis = 0; axis < 4; axis += 2) {
            const uint64_t count = u16_at(blob, r + 24 + axis);
            ok = ok && u16_at(blob, r + 44 + axis) + (count - 1) * u16_at(blob, r + 36 + axis) <
                           u16_at(blob, r + 8 + axis);
        }
    }
    if (kind == HISTORY) {
        ok = u16_at(blob, r + 8) == 1 && u16_at(blob, r + 24) <= u16_at(blob, r + 32) &&
             same_bytes(blob, r + 10, r + 26, 2);
    }
    if (is_pool(kind) || is_binary(kind) || kind == 9 || kind == HISTORY || kind == PRELU) {
        ok = ok && oc == c;
    }
    if (kind == 5) {
        ok = ok && c % groups == 0 && oc % groups == 0;
    } else if (kind == 6) {
        ok = ok && oc % c == 0;
    } else if (is_binary(kind)) {
        const int pixel =
            second_may_be_pixel(kind) && u16_at(blob, r + 16) == 1 && u16_at(blob, r + 18) == 1;
        ok = ok && (same_bytes(blob, r + 16, r + 24, 6) || (pixel && u16_at(blob, r + 20) == oc));
    } else if (kind == 8) {
        ok = ok && same_bytes(blob, r + 16, r + 8, 4) && oc == c + u16_at(blob, r + 20);
    }
    return ok ? 0 : 13;
}

/* Checks 11 to 13. */
static inline int shape_check(const uint8_t *blob, size_t r) {
    if (size_is_bad(blob, r + 8) || size_is_bad(blob, r + 24) ||
        (has_two_inputs(blob[r]) && size_is_bad(blob, r + 16))) {
        return 11;
    }
    const int check = ranges_check(blob, r);
    return check != 0 ? check : output_check(blob, r);
}

/* Where the descriptor of a tensor lies: in the header, or in the record of the op that writes it.
 */
static inline size_t tensor_at(uint64_t number) {
    return number == 0 ? 24 : record_at(number - 1) + 24;
}

/* Checks 14 to 17 of op `op`. */
static inline int graph_check(const uint8_t *blob, uint64_t op) {
    static const int64_t lowest[] = {0, -128, -2147483648LL, -32768},
                         highest[] = {255, 127, 2147483647, 32767};
    const size_t r = record_at(op);
    const int kind = blob[r], out = blob[r + 30], last = op + 1 == u16_at(blob, 20);
    const int inputs = has_two_inputs(kind) ? 2 : 1;
    const uint64_t carried = kind == DELAY ? u16_at(blob, r + 56) : op + 2;
    if (u16_at(blob, r + 4) > op || u16_at(blob, r + 6) > op || carried < op + 2 ||
        (kind == DELAY && carried > u16_at(blob, 20))) {
        return 14;
    }
    for (size_t k = 0; k < (size_t)inputs; k++) {
        if (!same_bytes(blob, r + 8 + 8 * k, tensor_at(u16_at(blob, r + 4 + 2 * k)), 8)) {
            return 15;
        }
    }
    if ((out != I32 && last) || (out == I32 && !last && u16_at(blob, 6) == 0)) {
        return 16;
    }
    for (size_t k = 0; copies_values(kind) && k < (size_t)inputs; k++) {
        const size_t in = r + 8 + 8 * k;
        const int kept = same_bytes(blob, in + 6, r + 30, 2),
                  widened = out == 2 && blob[in + 7] == 0;
        if (!kept && !widened) {
            return 16;
        }
    }
    if ((kind == 8 && blob[r + 14] != blob[r + 22]) ||
        (kind == 11 && !same_bytes(blob, r + 14, r + 30, 2))) {
        return 16;
    }
    const int64_t lo = i32_at(blob, r + 60), hi = i32_at(blob, r + 64);
    return requantizes(kind) && (lo > hi || lo < lowest[out] || hi > highest[out]) ? 17 : 0;
}

/* Weights of one output channel of the op. */
static inline uint64_t weights_each(const uint8_t *blob, size_t r) {
    const uint64_t kernel = u16_at(blob, r + 32) * u16_at(blob, r + 34), c = u16_at(blob, r + 12);
    switch (blob[r]) {
    case 1:
        return kernel * c;
    case 2:
        return values_at(blob, r + 8);
    case 5:
        return kernel * (c / u16_at(blob, r + 56));
    case 6:
        return kernel;
    case PRELU:
        return c;
    default:
        return 0;
    }
}

/* Bytes of the weights of the op: a row for each tap of a depthwise op, else for each channel. */
static inline uint64_t weights_size(const uint8_t *blob, size_t r) {
    const uint64_t each = weights_each(blob, r), channels = u16_at(blob, r + 28),
                   bits = blob[r + 3];
    switch (blob[r]) {
    case 6:
        return each * ((channels * bits + 7) / 8);
    case PRELU:
        return each;
    default:
        return channels * ((each * bits + 7) / 8);
    }
}

/* Weight `i` of output channel `o`; *spare becomes 1 where bits behind it, which belong to no
 * weight, are not 0. */
static inline int weight_at(const uint8_t *blob, size_t r, uint64_t o, uint64_t i, int *spare) {
    const int depthwise = blob[r] == 6;
    const uint64_t each = weights_each(blob, r), channels = u16_at(blob, r + 28),
                   bits = blob[r + 3];
    const uint64_t row = depthwise ? i : o, length = depthwise ? channels : each,
                   place = depthwise ? o : i;
    const uint64_t first = u32_at(blob, r + 76) + row * ((length * bits + 7) / 8);
    const int byte = blob[first + place * bits / 8], at = (int)(place * bits % 8), n = (int)bits;
    const int number = byte >> at & ((1 << n) - 1);
    *spare |= place + 1 == length && byte >> (at + n) != 0;
    return number >= 1 << (n - 1) ? number - (1 << n) : number;
}

/* Checks 20 and 21 of output channel `o`. */
static inline int channel_check(const uint8_t *blob, size_t r, uint64_t o) {
    const int kind = blob[r];
    const uint64_t each = weights_each(blob, r);
    const uint64_t largest = largest_of_type(blob[r + 14]);
    const int64_t mult = i32_at(blob, (size_t)(u32_at(blob, r + 84) + 4 * o));
    const int64_t bias = i32_at(blob, (size_t)(u32_at(blob, r + 80) + 4 * o));
    uint64_t bound = (uint64_t)(bias < 0 ? -bias : bias);
    uint64_t steepest = 0;
    int lowest = 0, spare = 0;
    for (uint64_t i = 0; i < each; i++) {
        const int weight = weight_at(blob, r, o, i, &spare);
        lowest = weight < lowest ? weight : lowest;
        const uint64_t size = (uint64_t)(weight < 0 ? -weight : weight);
        bound += kind == PRELU ? 0 : largest * size;
        steepest = size > steepest ? size : steepest;
    }
    const int excluded = has_weights(kind) ? -(1 << (blob[r + 3] - 1)) : -1;
    if (mult < 2 || mult % 2 != 0 || lowest == excluded || spare) {
        return 20;
    }
    if (kind == 4 || kind == RESIZE) {
        bound += largest * u16_at(blob, r + 32) * u16_at(blob, r + 34);
    } else if (is_binary(kind)) {
        bound += binary_bound(blob + r);
    } else if (kind == PRELU) {
        bound += prelu_bound(blob + r, steepest);
    }
    return bound > (uint64_t)LARGEST_BOUND / ((uint64_t)1 << blob[r + 2]) ? 21 : 0;
}

/* Checks 18 to 21; `named` is the sum of check 19. The product of the sides of a convolution's
 * weights is below 2^64: (2^16 - 1)^4. */
static inline int tables_check(const uint8_t *blob, size_t size, size_t r, uint64_t *named) {
    const int kind = blob[r];
    const uint64_t channels = has_weights(kind) && kind != PRELU ? u16_at(blob, r + 28)
                              : requantizes(kind)                ? 1
                                                                 : 0;
    const uint64_t entries = kind == 9 ? 256 * bytes_of_type(blob[r + 30]) : 0;
    const uint64_t first = u16_at(blob, r + 28) * bytes_of_type(blob[r + 30]);
    const uint64_t values = kind == DELAY ? first : u16_at(blob, r + 12);
    const uint64_t pads = u32_at(blob, r + 88) != 0 ? values : 0;
    const uint64_t lengths[] = {weights_size(blob, r) + entries, 4 * channels, 4 * channels, pads};
    for (size_t i = 0; i < 4; i++) {
        const uint64_t at = u32_at(blob, r + 76 + 4 * i);
        if (lengths[i] > 0 && (lengths[i] > size || at + lengths[i] > size)) {
            return 18;
        }
    }
    *named += lengths[0] + lengths[1] + lengths[2] + lengths[3];
    if (*named > 4 * (uint64_t)size) {
        return 19;
    }
    for (uint64_t o = 0; o < channels; o++) {
        const int check = channel_check(blob, r, o);
        if (check != 0) {
            return check;
        }
    }
    return 0;
}

/* Checks 28 and 29. */
static inline int sound_check(const uint8_t *blob, size_t size) {
    const uint64_t at = u32_at(blob, 60);
    if (at != 0 && at + 64 > size) {
        return 28;
    }
    return at != 0 && u16_at(blob, at + 8) * u16_at(blob, at + 10) != values_at(blob, 24) ? 29 : 0;
}

/* Checks 22 to 29. */
static inline int final_check(const uint8_t *blob, size_t size) {
    const uint64_t n_ops = u16_at(blob, 20), labels = u32_at(blob, 32), length = u32_at(blob, 36);
    uint64_t closed = 0;
    for (uint64_t i = 0; i < n_ops; i++) {
        if (!is_output(blob, i) && last_reader(blob, i) == 0) {
            return 22;
        }
    }
    if (clocks_check(blob) != 0 || state_check(blob) != 0) {
        return 23;
    }
    if (plan_check(blob) != 0 || lent_check(blob) != 0) {
        return 24;
    }
    const size_t out = record_at(n_ops - 1) + 24;
    const uint64_t n_labels = u16_at(blob, 22);
    const int by_pixel = u16_at(blob, 6) != 0 && n_labels == u16_at(blob, out + 4);
    if (n_labels != 0 && n_labels != values_at(blob, out) && !by_pixel) {
        return 25;
    }
    if (labels + length > size) {
        return 26;
    }
    for (uint64_t i = 0; i < length; i++) {
        closed += blob[labels + i] == 0;
    }
    if (closed != u16_at(blob, 22) || (length > 0 && blob[labels + length - 1] != 0)) {
        return 27;
    }
    return sound_check(blob, size);
}

/* The number of the first check that refuses the blob, or 0; `room` is for how many ops. */
static inline int failing_check(const uint8_t *blob, size_t size, size_t room) {
    int check = header_check(blob, size, room);
    if (check != 0) {
        return check;
    }
    const uint64_t n_ops = u16_at(blob, 20);
    uint64_t named = 0;
    for (uint64_t op = 0; op < n_ops && check == 0; op++) {
        const size_t r = record_at(op);
        check = fields_check(blob, r);
        check = check == 0 ? shape_check(blob, r) : check;
        check = check == 0 ? graph_check(blob, op) : check;
        check = check == 0 ? tables_check(blob, size, r, &named) : check;
    }
    return check == 0 ? final_check(blob, size) : check;
}

#endif
