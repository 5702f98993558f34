/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that run the parts of a task, and the scratch memory of each.
 *
 * Why not OpenMP: at the end of each parallel region its threads spin at a barrier, which on a
 * machine with other work makes two threads many times slower than one; and its runtime is shared
 * with whatever else the process has loaded. Here a thread that finds no work spins for about the
 * time between two kernels of a training step, giving way to others, and then sleeps. */
#define _POSIX_C_SOURCE 200112L /* signals, posix_memalign */

#include "dpk_threads.h"
#include "dpk_kernels.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { SPINS = 4000, YIELD_EVERY = 64 }; /* pauses: some 150 and 2.5 microseconds */
enum { MOST_THREADS = 64 };

/* Parts that nobody has claimed: the last ones before `end`. A cache line for each. */
typedef struct {
    size_t left; /* atomic */
    size_t end;  /* written by the owner while nothing is left */
} __attribute__((aligned(64))) share;

/* One job at a time: the parts of one task. Each thread has a share of them, the same images or
 * rows from one kernel to the next, which so stay in the cache of its core; whoever is through with
 * its own claims parts of others' shares. The threads are the owner, which asked for the job, and
 * the workers that are awake. The owner waits for parts that were claimed, not for workers: one
 * that has not woken up yet, or whose core another process has, costs nothing.
 *
 * What the job is may be read after claiming a part of it only: until that part is finished, the
 * owner stays. Between jobs no part is left to claim, so whoever gets one has it of the job that is
 * there. */
static struct {
    pthread_mutex_t owner; /* held by the thread whose job it is */
    pthread_mutex_t mutex; /* guards the sleeping, and nothing else */
    pthread_cond_t work, done;
    size_t n_workers;
    /* What follows is written by the owner while no part is left. */
    dpk_task *task;
    const void *arguments;
    size_t n_parts;
    /* Atomics. */
    size_t n_threads;  /* that may claim: the owner, 0, and the workers below this number */
    size_t unfinished; /* parts */
    size_t asleep;     /* workers */
    int owner_asleep, failed;
    share shares[MOST_THREADS];
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static void pause_once(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Makes one part of a share the caller's; 0: none was left. */
static int claimed(share *of, size_t *part) {
    size_t left = __atomic_load_n(&of->left, __ATOMIC_ACQUIRE);
    while (left > 0 && !__atomic_compare_exchange_n(&of->left, &left, left - 1, 0, __ATOMIC_ACQ_REL,
                                                    __ATOMIC_ACQUIRE)) {
    }
    if (left > 0)
        *part = of->end - left;
    return left > 0;
}

/* Does parts of a share until none is left to claim. */
static void help(share *of) {
    for (size_t part = 0; claimed(of, &part);) {
        const int status = pool.task(pool.arguments, part, pool.n_parts);
        if (status)
            __atomic_store_n(&pool.failed, status, __ATOMIC_RELAXED);
        if (__atomic_sub_fetch(&pool.unfinished, 1, __ATOMIC_SEQ_CST) == 0 &&
            __atomic_load_n(&pool.owner_asleep, __ATOMIC_SEQ_CST)) {
            pthread_mutex_lock(&pool.mutex);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.mutex);
        }
    }
}

/* The thread's own share first, then those of the threads after it. */
static void help_all(size_t thread) {
    const size_t n = __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED);
    for (size_t i = 0; i < n && thread < n; i++)
        help(pool.shares + (thread + i) % n);
}

static int is_wanted(size_t thread) {
    const size_t n = __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED);
    for (size_t i = 0; i < n && thread < n; i++)
        if (__atomic_load_n(&pool.shares[(thread + i) % n].left, __ATOMIC_SEQ_CST) > 0)
            return 1;
    return 0;
}

/* Spins for about as long as it is from one kernel of a training step to the next, and sleeps then.
 * It yields to whatever else wants the core: the owner above all, where a machine with other work
 * put both on one. */
static void await_work(size_t thread) {
    for (int i = 0; i < SPINS; i++) {
        if (is_wanted(thread))
            return;
        pause_once();
        if (i % YIELD_EVERY == 0)
            sched_yield();
    }
    pthread_mutex_lock(&pool.mutex);
    __atomic_add_fetch(&pool.asleep, 1, __ATOMIC_SEQ_CST);
    while (!is_wanted(thread))
        pthread_cond_wait(&pool.work, &pool.mutex);
    __atomic_sub_fetch(&pool.asleep, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool.mutex);
}

/* cppcheck-suppress constParameterCallback ; pthread_create wants it so */
static void *worker(void *thread) {
    for (;;) {
        await_work((uintptr_t)thread);
        help_all((uintptr_t)thread);
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
    memset(pool.shares, 0, sizeof pool.shares);
    pool.asleep = 0;
    pool.owner_asleep = 0;
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
    if (pool.n_workers >= n)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.n_workers < n) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(uintptr_t)(pool.n_workers + 1)))
            break;
        pthread_detach(thread);
        pool.n_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Where a worker has lost its core in the midst of a part, the owner's is free for it as soon as
 * the owner sleeps. */
static void await_parts(void) {
    for (int i = 0; i < SPINS; i++) {
        if (__atomic_load_n(&pool.unfinished, __ATOMIC_ACQUIRE) == 0)
            return;
        pause_once();
    }
    pthread_mutex_lock(&pool.mutex);
    __atomic_store_n(&pool.owner_asleep, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&pool.unfinished, __ATOMIC_SEQ_CST) != 0)
        pthread_cond_wait(&pool.done, &pool.mutex);
    __atomic_store_n(&pool.owner_asleep, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool.mutex);
}

int dpk_run(dpk_task *task, const void *arguments, size_t n_threads, size_t n_parts) {
    pthread_once(&once, prepare);
    /* With one thread, or while another Python thread has the workers, this one does all. */
    if (n_threads <= 1 || n_parts <= 1 || pthread_mutex_trylock(&pool.owner))
        return task(arguments, 0, 1);
    hire(n_threads - 1);
    pool.task = task;
    pool.arguments = arguments;
    pool.n_parts = n_parts;
    __atomic_store_n(&pool.failed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&pool.unfinished, n_parts, __ATOMIC_RELAXED);
    __atomic_store_n(&pool.n_threads, n_threads, __ATOMIC_RELAXED);
    for (size_t i = 0; i < n_threads; i++) {
        const size_t begin = n_parts * i / n_threads;
        pool.shares[i].end = n_parts * (i + 1) / n_threads;
        __atomic_store_n(&pool.shares[i].left, pool.shares[i].end - begin, __ATOMIC_SEQ_CST);
    }
    if (__atomic_load_n(&pool.asleep, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.mutex);
    }
    help_all(0);
    await_parts();
    const int failed = __atomic_load_n(&pool.failed, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&pool.owner);
    return failed;
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
