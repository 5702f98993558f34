/* SPDX-License-Identifier: Apache-2.0 */
/* The table of backends, best first: the only file that asks what CPU this is. */
#include "dpt_internal.h"

static const dpt_backend *const backends[] = {&dpt_scalar};

const dpt_backend *dpt_backend_at(size_t index) {
    return index < sizeof backends / sizeof backends[0] ? backends[index] : NULL;
}

/* The last row runs everywhere, so the loop ends. */
const dpt_backend *dpt_backend_best(void) {
    for (size_t i = 0;; i++) {
        if (backends[i]->available()) {
            return backends[i];
        }
    }
}
