/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that run the parts of a task, and the scratch memory of each.
 *
 * Why not OpenMP: at the end of each parallel region its threads spin at a barrier, which on a
 * machine with other work makes two threads many times slower than one; and its runtime is shared
 * with whatever else the process has loaded. Here a thread that finds no work spins for about the
 * time between two kernels of a training step, and then sleeps. */
#define _POSIX_C_SOURCE 200112L /* signals, posix_memalign */

#include "dpk_threads.h"
#include "dpk_kernels.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { MOST_THREADS = 64, SPINS = 4000 };

/* One job at a time. Worker i waits until `job` changes, does part i + 1 if there is one, and
 * counts itself in. */
static struct {
    pthread_mutex_t owner; /* held by the thread whose job it is */
    pthread_mutex_t mutex; /* guards the sleeping, and nothing else */
    pthread_cond_t work, done;
    size_t n_workers;
    /* What follows is written by the owner before `job` changes. */
    dpk_task *task;
    const void *arguments;
    size_t n_parts;
    /* Atomics. */
    unsigned job;    /* number of the job */
    size_t finished; /* workers that are done with it */
    int failed;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static void pause_once(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Until the number is another one than `old`. */
static unsigned next_job(unsigned old) {
    for (int i = 0; i < SPINS; i++) {
        const unsigned job = __atomic_load_n(&pool.job, __ATOMIC_ACQUIRE);
        if (job != old)
            return job;
        pause_once();
    }
    pthread_mutex_lock(&pool.mutex);
    while (__atomic_load_n(&pool.job, __ATOMIC_ACQUIRE) == old)
        pthread_cond_wait(&pool.work, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
    return __atomic_load_n(&pool.job, __ATOMIC_ACQUIRE);
}

/* The number of the last job before a worker was there. */
static unsigned hired_at[MOST_THREADS];

/* cppcheck-suppress constParameterCallback ; pthread_create wants it so */
static void *worker(void *hired) {
    const unsigned *at = hired;
    const size_t part = (size_t)(at - hired_at);
    unsigned job = *at;
    for (;;) {
        job = next_job(job);
        if (part < pool.n_parts && pool.task(pool.arguments, part, pool.n_parts))
            __atomic_store_n(&pool.failed, 1, __ATOMIC_RELAXED);
        if (__atomic_add_fetch(&pool.finished, 1, __ATOMIC_ACQ_REL) == pool.n_workers) {
            pthread_mutex_lock(&pool.mutex);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.mutex);
        }
    }
    return NULL;
}

/* A child process has this thread only. */
static void after_fork(void) {
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.done, NULL);
    pool.n_workers = 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key;

/* What one training step frees the next one allocates. Handed back to the system in between, its
 * pages come back cleared, one fault each: a fifth of a step's time. So the C library keeps up to
 * 256 MiB that are free. */
static void keep_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

static void prepare(void) {
    keep_memory();
    pthread_atfork(NULL, NULL, after_fork);
    pthread_key_create(&scratch_key, free);
}

/* Workers up to n of them, or as many as can be had; only between jobs. They take no signals: those
 * are the interpreter's. */
static void hire(size_t n) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.n_workers < n) {
        const size_t part = pool.n_workers + 1;
        pthread_t thread;
        hired_at[part] = pool.job;
        if (pthread_create(&thread, NULL, worker, &hired_at[part]))
            break;
        pthread_detach(thread);
        pool.n_workers = part;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void await_workers(void) {
    for (int i = 0; i < SPINS; i++) {
        if (__atomic_load_n(&pool.finished, __ATOMIC_ACQUIRE) == pool.n_workers)
            return;
        pause_once();
    }
    pthread_mutex_lock(&pool.mutex);
    while (__atomic_load_n(&pool.finished, __ATOMIC_ACQUIRE) != pool.n_workers)
        pthread_cond_wait(&pool.done, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
}

int dpk_run(dpk_task *task, const void *arguments, size_t n_threads) {
    pthread_once(&once, prepare);
    /* With one thread, or while another Python thread has the workers, this one does all parts. */
    if (n_threads <= 1 || pthread_mutex_trylock(&pool.owner))
        return task(arguments, 0, 1);
    hire(n_threads - 1);
    pool.task = task;
    pool.arguments = arguments;
    pool.n_parts = n_threads <= pool.n_workers ? n_threads : pool.n_workers + 1;
    pool.finished = 0;
    pool.failed = 0;
    pthread_mutex_lock(
        &pool.mutex); /* else a worker could miss this between looking and sleeping */
    __atomic_add_fetch(&pool.job, 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.mutex);
    const int failed = task(arguments, 0, pool.n_parts);
    await_workers();
    const int any = failed || __atomic_load_n(&pool.failed, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&pool.owner);
    return any;
}

/* What a thread keeps from one kernel to the next: fresh pages would cost as much as the work. */
enum { HEAD = 64 }; /* bytes before the floats, which begin at a multiple of 64; their number */

float *dpk_scratch(size_t n_floats) {
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
