/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that run the parts of a task.
 *
 * Why not OpenMP: its threads spin at a barrier after each parallel region, which makes two threads
 * many times slower than one on a machine with other work; and all libraries of a process share its
 * runtime. Here a thread without work spins for about the time between two kernels or two runs of a
 * compiled step, yields to other processes, and then sleeps. */
#define _POSIX_C_SOURCE 200112L /* signals */

#include "dpk_threads.h"

#include "dpk_jobs.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

/* Pauses of a spinning thread: some 300 microseconds between two jobs, which Python may take
 * between two runs of a compiled step; 500 while a job runs, which may offer inner jobs; 2.5; and
 * 0.2, after which a thread looks for parts of others. */
enum { SPINS = 12000, SPINS_IN_JOB = 20000, YIELD_EVERY = 100, LOOK_EVERY = 8 };
enum { MOST_THREADS = 64 };

/* The inner job of a thread that runs a part. */
typedef struct {
    dpk_share parts;
    dpk_job job;
    int idle; /* atomic: whether the thread spins without a part */
} __attribute__((aligned(64))) inner;

/* One job runs at a time. Each thread has a share of its parts: equal images or rows in successive
 * kernels, which stay in the cache of the thread's core. A thread that has finished its share
 * claims parts of other shares. The threads are the owner, which called dpk_run, and the workers.
 * The owner waits for claimed parts, not for workers: a worker that still sleeps, or that has lost
 * its core to another process, delays nothing.
 *
 * A part that runs several kernels is long. Its thread offers the parts of each kernel as an inner
 * job when another thread is free.
 *
 * A thread may read a job only after claiming a part of it: the owner of the job waits until this
 * part is finished. Between two jobs there is no part to claim, so a claimed part belongs to the
 * current job.
 *
 * A small kernel takes some microseconds, and a cache line that two cores write takes a tenth of
 * one from core to core. So a spinning thread reads little but its own share, and the owner writes
 * nothing else that a spinning thread reads. */
static struct {
    pthread_mutex_t owner; /* held by the thread whose job it is */
    pthread_mutex_t mutex; /* guards the sleeping, and nothing else */
    pthread_cond_t work, done;
    size_t n_workers;
    dpk_job job;
    /* Atomics. */
    size_t n_threads; /* that may claim: the owner, 0, and the workers below this number */
    size_t asleep;    /* workers that sleep */
    int owner_asleep;
    dpk_share shares[MOST_THREADS];
    inner inners[MOST_THREADS];
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static void pause_once(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Runs parts of a share until no part is left; returns whether there was a part. */
static int help(dpk_share *with) {
    size_t n_done = 0;
    dpk_job *job = NULL; /* of all parts: it is unfinished until they are subtracted */
    for (size_t part = 0; dpk_claimed(with, &part); n_done++) {
        job = with->job;
        const int status = with->task(with->arguments, part, with->n_parts);
        if (status)
            __atomic_store_n(&job->failed, status, __ATOMIC_RELAXED);
    }
    if (n_done > 0 && __atomic_sub_fetch(&job->unfinished, n_done, __ATOMIC_SEQ_CST) == 0 &&
        __atomic_load_n(&pool.owner_asleep, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_signal(&pool.done);
        pthread_mutex_unlock(&pool.mutex);
    }
    return n_done > 0;
}

/* Runs parts of the thread's own share, then of the shares and inner jobs of the other threads. */
static int help_all(size_t thread) {
    const size_t n = __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED);
    int helped = 0;
    for (size_t i = 0; i < n && thread < n; i++)
        helped |= help(pool.shares + (thread + i) % n);
    for (size_t i = 1; i < n && thread < n; i++)
        helped |= help(&pool.inners[(thread + i) % n].parts);
    return helped;
}

static int is_wanted(size_t thread) {
    const size_t n = __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED);
    for (size_t i = 0; i < n && thread < n; i++)
        if (dpk_has_parts(pool.shares + i) || dpk_has_parts(&pool.inners[i].parts))
            return 1;
    return 0;
}

static void set_idle(size_t thread, int idle) {
    __atomic_store_n(&pool.inners[thread].idle, idle, __ATOMIC_RELAXED);
}

static int is_another_idle(size_t thread) {
    const size_t n = __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED);
    for (size_t i = 0; i < n; i++)
        if (i != thread && __atomic_load_n(&pool.inners[i].idle, __ATOMIC_RELAXED))
            return 1;
    return 0;
}

/* Spins for about the time between two kernels or runs of a step, or until the end of a long part;
 * returns whether there is work. It yields the core to other threads: on a busy machine the owner
 * may wait for the same core. */
static int spun_for_work(size_t thread) {
    int wanted = 0;
    set_idle(thread, 1);
    for (int i = 1, most = SPINS; !wanted && i <= most; i++) {
        pause_once();
        wanted = dpk_has_parts(pool.shares + thread);
        if (i % YIELD_EVERY == 0) { /* not at first: work mostly comes soon */
            sched_yield();
            most = dpk_is_done(&pool.job) ? SPINS : SPINS_IN_JOB;
        }
        if (i % LOOK_EVERY == 0)
            wanted |= is_wanted(thread);
    }
    set_idle(thread, 0);
    return wanted;
}

static void await_work(size_t thread) {
    if (is_wanted(thread) || spun_for_work(thread))
        return;
    pthread_mutex_lock(&pool.mutex);
    __atomic_add_fetch(&pool.asleep, 1, __ATOMIC_SEQ_CST);
    if (!is_wanted(thread))
        do /* once: if others took the parts, the next parts come while this thread spins */
            pthread_cond_wait(&pool.work, &pool.mutex);
        while (thread >= __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED));
    __atomic_sub_fetch(&pool.asleep, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool.mutex);
}

static pthread_key_t number_key; /* of a thread that has parts to do: 1 for the owner, and so on */

static void *worker(void *number) {
    pthread_setspecific(number_key, number);
    for (const size_t thread = (uintptr_t)number - 1;;) {
        await_work(thread);
        help_all(thread);
    }
    return NULL;
}

/* A forked child process has only the calling thread. */
static void after_fork(void) {
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.done, NULL);
    pool.n_workers = 0;
    memset(pool.shares, 0, sizeof pool.shares);
    memset(pool.inners, 0, sizeof pool.inners);
    memset(&pool.job, 0, sizeof pool.job);
    pool.asleep = 0;
    pool.owner_asleep = 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void prepare(void) {
    pthread_atfork(NULL, NULL, after_fork);
    pthread_key_create(&number_key, NULL);
}

/* Starts workers until there are n, or as many as the system allows; only between jobs. Workers
 * block all signals, which the interpreter handles. */
static void hire(size_t n) {
    sigset_t all, before;
    if (pool.n_workers >= n)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.n_workers < n) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(uintptr_t)(pool.n_workers + 2)))
            break;
        pthread_detach(thread);
        pool.n_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The owner runs parts of inner jobs until all parts are finished. If a worker has lost its core in
 * the middle of a part, the owner sleeps, which frees a core for the worker. */
static void await_parts(void) {
    set_idle(0, 1);
    for (int i = 1; !dpk_is_done(&pool.job) && i <= SPINS_IN_JOB; i++) {
        pause_once();
        if (i % LOOK_EVERY == 0 && is_wanted(0)) {
            set_idle(0, 0);
            help_all(0);
            set_idle(0, 1);
            i = 0;
        }
    }
    set_idle(0, 0);
    if (dpk_is_done(&pool.job))
        return;
    pthread_mutex_lock(&pool.mutex);
    __atomic_store_n(&pool.owner_asleep, 1, __ATOMIC_SEQ_CST);
    while (!dpk_is_done(&pool.job))
        pthread_cond_wait(&pool.done, &pool.mutex);
    __atomic_store_n(&pool.owner_asleep, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool.mutex);
}

/* Offers a call to all threads, and wakes the sleeping threads. A thread that falls asleep sees the
 * parts, or is seen asleep: one of the two changes of `asleep` comes first. */
static void share_out(dpk_call call) {
    const size_t n = __atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED);
    for (size_t i = n; i-- > 0;)
        dpk_offer(pool.shares + i, call, &pool.job, call.n_parts * i / n,
                  call.n_parts * (i + 1) / n);
    if (__atomic_fetch_add(&pool.asleep, 0, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.mutex);
    }
}

int dpk_run(dpk_task *task, const void *arguments, size_t n_threads, size_t n_parts) {
    pthread_once(&once, prepare);
    /* With one thread, or while another Python thread uses the workers, this thread runs all. */
    if (n_threads <= 1 || n_parts <= 1 || pthread_mutex_trylock(&pool.owner))
        return task(arguments, 0, 1);
    hire(n_threads - 1);
    pthread_setspecific(number_key, (void *)(uintptr_t)1);
    if (__atomic_load_n(&pool.n_threads, __ATOMIC_RELAXED) != n_threads)
        __atomic_store_n(&pool.n_threads, n_threads, __ATOMIC_RELAXED);
    dpk_begin_job(&pool.job, n_parts);
    share_out((dpk_call){task, arguments, n_parts});
    help_all(0);
    await_parts();
    const int status = __atomic_load_n(&pool.job.failed, __ATOMIC_RELAXED);
    pthread_setspecific(number_key, NULL);
    pthread_mutex_unlock(&pool.owner);
    return status;
}

int dpk_run_inside(dpk_task *task, const void *arguments, size_t n_parts) {
    const uintptr_t number = (uintptr_t)pthread_getspecific(number_key);
    if (number == 0 || n_parts <= 1 || !is_another_idle(number - 1))
        return task(arguments, 0, 1);
    inner *mine = pool.inners + number - 1;
    dpk_begin_job(&mine->job, n_parts);
    dpk_offer(&mine->parts, (dpk_call){task, arguments, n_parts}, &mine->job, 0, n_parts);
    help(&mine->parts);
    for (int i = 1; !dpk_is_done(&mine->job); i++) {
        pause_once();
        if (i % YIELD_EVERY == 0)
            sched_yield();
    }
    return __atomic_load_n(&mine->job.failed, __ATOMIC_RELAXED);
}
