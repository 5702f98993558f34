/* SPDX-License-Identifier: Apache-2.0 */
/* What Python needs beside drypoint.h: batches, so that one call does many images without the GIL.
 */
#ifndef DRYPOINT_BRIDGE_H
#define DRYPOINT_BRIDGE_H

#include "drypoint.h"

/* cffi: begin */

/* At most so many threads. */
#define DPT_BRIDGE_THREADS 64

/* dpt_bridge_run: no memory for the arenas. */
#define DPT_BRIDGE_E_MEMORY 2

/* Runs n >= 1 inputs in `threads` threads, this one included, `batch` inputs of a thread at a time.
 * Each call has arenas of its own, one a thread, so calls may overlap. Without a thread to be had,
 * this one does the work. Returns a dpt_status or DPT_BRIDGE_E_MEMORY. */
int dpt_bridge_run(const dpt_model *model, size_t batch, size_t threads, size_t n,
                   const uint8_t *inputs, int32_t *outputs);

/* Runs n steps of a signal, whose state is at the front of the arena; has_output[i] says whether
 * step i wrote outputs. */
dpt_status dpt_bridge_steps(const dpt_model *model, uint8_t *arena, size_t n, const uint8_t *inputs,
                            int32_t *outputs, uint8_t *has_output);

/* Runs n inputs one by one, of a streaming model n steps after a reset; `traces` receives for each
 * the outputs of all its ops, one after the other, trace_size bytes in all. */
dpt_status dpt_bridge_trace(const dpt_model *model, void *arena, size_t n, const uint8_t *inputs,
                            int32_t *outputs, uint8_t *traces, size_t trace_size);

/* cffi: end */

#endif
