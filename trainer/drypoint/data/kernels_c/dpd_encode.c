/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: bytes to floats, channels first. */
#include "dpd_kernels.h"

void dpd_encode(size_t n, size_t size, size_t channels, const uint8_t *pixels, const float *table,
                float *out) {
    for (size_t image = 0; image < n; image++) {
        for (size_t c = 0; c < channels; c++) {
            const uint8_t *in = pixels + image * size * channels + c;
            for (size_t i = 0; i < size; i++) {
                *out++ = table[256 * c + in[i * channels]];
            }
        }
    }
}
