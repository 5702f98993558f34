/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels between pixels, by the byte and word products of x86. */
#ifndef DRYPOINT_DATA_SAMPLE_VECTOR_H
#define DRYPOINT_DATA_SAMPLE_VECTOR_H

#include "dpd_memory.h"
#include "dpd_sources.h"
#include "dpd_vector.h"

/* Blocks of 16 bytes are interleaved each by itself: they first get the groups of four bytes that
 * belong into the same block of each result. */
static const int32_t interleaving[] = {
#if defined(__AVX512BW__)
    0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
#else
    0, 2, 4, 6, 1, 3, 5, 7,
#endif
};

/* Pixels less 128, as signed bytes, so that their products with weights fit in 16 bits. */
DPD_INLINE dpd_vec pixels(const uint8_t *from) {
    return dpd_permuted(dpd_load(from), dpd_load(interleaving)) ^ V(set1_epi8)(-128);
}

/* packed[i] holds plane[i], [i + 1], [i + row], [i + row + 1]. */
DPD_INLINE void pack(const dpd_memory *m, uint32_t *packed) {
    for (size_t i = 0; i < m->n; i += sizeof(dpd_vec)) {
        const uint8_t *at = m->plane + i;
        const dpd_vec a = pixels(at), b = pixels(at + 1);
        const dpd_vec c = pixels(at + m->row), d = pixels(at + m->row + 1);
        const dpd_vec above = V(unpacklo_epi8)(a, b), below = V(unpacklo_epi8)(c, d);
        const dpd_vec above2 = V(unpackhi_epi8)(a, b), below2 = V(unpackhi_epi8)(c, d);
        dpd_store(packed + i, V(unpacklo_epi16)(above, below));
        dpd_store(packed + i + DPD_WIDTH, V(unpackhi_epi16)(above, below));
        dpd_store(packed + i + 2 * DPD_WIDTH, V(unpacklo_epi16)(above2, below2));
        dpd_store(packed + i + 3 * DPD_WIDTH, V(unpackhi_epi16)(above2, below2));
    }
}

/* The second byte of each lane, 0..255, in the bytes of the lane where `where` has 1; 0 where it
 * has FF. */
DPD_INLINE dpd_vec second_bytes(dpd_vec v, uint32_t where) {
    const dpd_vec lanes = dpd_repeated(0, 0x04040404, 0x08080808, 0x0C0C0C0C);
    return V(shuffle_epi8)(v, V(set1_epi32)((int)where) | lanes);
}

/* above * (256 - down) + below * down + 2^15, where above = a * (256 - right) + b * right, and
 * below is this sum of the lower two pixels. A weight of 256 is no byte, so above is taken as
 * a * (255 - right) + b * right + a. What pixels lack, 128 each, is missing in
 * above and below as 2^15 and in the end as 2^23. */
DPD_INLINE dpd_vec blended(dpd_vec four, dpd_vec x, dpd_vec y) {
    /* Fractions are the second bytes of lanes: four times, or twice with zeros between. */
    const dpd_vec right = second_bytes(x, 0x01010101);
    const dpd_vec down = second_bytes(y, 0xFF01FF01);
    const dpd_vec left_right = right ^ V(set1_epi32)(0x00FF00FF);
    const dpd_vec up_down =
        V(add_epi16)(down ^ V(set1_epi32)(0x0000FFFF), V(set1_epi32)(0x00000101));
    const dpd_vec a = V(srai_epi16)(V(slli_epi16)(four, 8), 8);
    const dpd_vec across = V(add_epi16)(V(maddubs_epi16)(left_right, four), a);
    return V(add_epi32)(V(madd_epi16)(across, up_down), V(set1_epi32)((1 << 23) + (1 << 15)));
}

/* Columns are in the lower and rows in the upper half of a lane, counted from the black ones before
 * the first. What is below 0 or beyond the last, black too, is above it as a number without sign:
 * all of that is moved there. */
DPD_INLINE dpd_vec places(dpd_vec x, dpd_vec y, dpd_vec last, dpd_vec strides) {
    const dpd_vec both = V(srli_epi32)(x, 16) | (y & V(set1_epi32)(-65536));
    return V(madd_epi16)(V(min_epu16)(both, last), strides);
}

DPD_INLINE dpd_vec starts(int32_t start, int32_t step) {
    static const int32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const dpd_vec steps = V(mullo_epi32)(dpd_load(numbers), V(set1_epi32)(step));
    return V(add_epi32)(V(set1_epi32)(start + 65536), steps);
}

/* The row of a channel, of m->lanes pixels. */
DPD_INLINE void sample_row(const dpd_warp *warp, const dpd_memory *m, const uint32_t *packed,
                           const dpd_sources *s, uint8_t *out) {
    const dpd_vec last = V(set1_epi32)((int)((warp->height + 1) << 16 | (warp->width + 1)));
    const dpd_vec strides = V(set1_epi32)((int)(m->row << 16 | 1));
    const dpd_vec step_x = V(set1_epi32)(s->step_x * DPD_WIDTH);
    const dpd_vec step_y = V(set1_epi32)(s->step_y * DPD_WIDTH);
    dpd_vec x = starts(s->start_x, s->step_x), y = starts(s->start_y, s->step_y);
    for (size_t i = 0; i < m->lanes; i += DPD_WIDTH) {
        dpd_vec from_x = x, from_y = y;
        if (s->field_x != NULL) {
            from_x = V(add_epi32)(x, dpd_load(s->field_x + i));
            from_y = V(add_epi32)(y, dpd_load(s->field_y + i));
        }
        const dpd_vec four = dpd_words(packed, places(from_x, from_y, last, strides));
        dpd_store_third_bytes(out + i, blended(four, from_x, from_y));
        x = V(add_epi32)(x, step_x);
        y = V(add_epi32)(y, step_y);
    }
}

#endif
