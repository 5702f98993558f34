/* SPDX-License-Identifier: Apache-2.0 */
/* What Python needs beside drypoint.h: batches, so that one call does many images without the GIL.
 */
#ifndef DRYPOINT_BRIDGE_H
#define DRYPOINT_BRIDGE_H

#include "drypoint.h"

/* cffi: begin */

/* Runs n inputs one after the other. `inputs` holds n * input_size bytes, `outputs` receives
 * n * n_outputs values. Unless `traces` is NULL it receives, for each input, trace_size bytes: the
 * outputs of all its ops, one after the other. Stops at the first status that is not DPT_OK. */
dpt_status dpt_bridge_run(const dpt_model *model, const dpt_backend *backend, void *arena, size_t n,
                          const uint8_t *inputs, size_t input_size, int32_t *outputs,
                          size_t n_outputs, uint8_t *traces, size_t trace_size);

/* cffi: end */

#endif
