/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch memory of each thread, and the memory that the C library keeps. */
#define _POSIX_C_SOURCE 200112L /* posix_memalign */

#include "dpk_threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { HEAD = 64 }; /* bytes before the floats, which begin at a multiple of 64; their number */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key;

/* Each training step allocates the memory that the step before freed. If the C library returned it
 * to the system, each page would cost a fault: a fifth of a step's time. So it keeps 256 MiB. */
static void keep_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

void dpk_return_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static void prepare(void) {
    keep_memory();
    pthread_key_create(&scratch_key, free);
}

/* Scratch memory that a thread keeps between kernels: new pages would cost as much as the work. */
float *dpk_scratch(size_t n_floats) {
    pthread_once(&once, prepare);
    char *memory = pthread_getspecific(scratch_key);
    size_t held = 0;
    if (memory)
        memcpy(&held, memory, sizeof held);
    if (memory == NULL || held < n_floats) {
        void *larger = NULL;
        free(memory);
        pthread_setspecific(scratch_key, NULL);
        if (n_floats > SIZE_MAX / 8 || posix_memalign(&larger, HEAD, HEAD + 4 * n_floats))
            return NULL;
        memory = larger;
        memcpy(memory, &n_floats, sizeof n_floats);
        pthread_setspecific(scratch_key, memory);
    }
    void *floats = memory + HEAD;
    return floats;
}
