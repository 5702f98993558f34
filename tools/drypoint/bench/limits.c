/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of one core: `limits NAME...` prints a line "NAME VALUE" for each name.
 *
 *   clock                           cycles a nanosecond
 *   avx512vnni avxvnni avx2 sse41   products of bytes summed in 32 bits: multiply-accumulates a
 *                                   nanosecond that a loop without loads reaches
 *   fma512 fma256                   multiply-accumulates of float32 a nanosecond in such a loop
 *   read:BYTES                      bytes a nanosecond when BYTES bytes are read repeatedly; needs
 *                                   AVX
 *   trip                            nanoseconds that a cache line takes from one core to another
 *                                   and back; 0 with one core
 *   at:TIME:NAME                    the mean of limit NAME over 20 milliseconds from TIME on, in
 *                                   nanoseconds of the monotonic clock
 *
 * The value is 0 where a limit is not known for this kind of CPU. The caller asks only for
 * instructions of this CPU. The measured loops are assembly: a compiler would move the product of
 * two constants out of its loop. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIES    9          /* the best counts: a limit is what was reached once */
#define STEPS    20000      /* of a loop in one try: a tenth of a millisecond */
#define READ     (1u << 25) /* bytes read in one try, about */
#define SPAN     20e6       /* nanoseconds of a mean */
#define PATIENCE 1000000000 /* looks at a cache line: a few seconds */
#define TRIPS    200        /* of a cache line in one try: a few hundredths of a millisecond */

static double nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* A loop of STEPS iterations, each of `work` cycles or multiply-accumulates. */
typedef struct loop {
    const char *name;
    void (*run)(void);
    double work;
} loop;

#if defined(__x86_64__) && defined(__GNUC__)

#define CLOBBERED                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* Twelve sums that do not wait for each other hide a latency of six cycles at two instructions a
 * cycle. Register 12 is scratch, 15 holds zeros. */
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define LOOP(name, before, instructions, after)                                                    \
    static void name(void) {                                                                       \
        __asm__ volatile(before::: CLOBBERED);                                                     \
        for (int i = 0; i < STEPS; i++) {                                                          \
            __asm__ volatile(TWELVE(instructions)::: CLOBBERED);                                   \
        }                                                                                          \
        __asm__ volatile(after::: CLOBBERED);                                                      \
    }

#define VNNI_512(i) "vpdpbusd %%zmm15, %%zmm15, %%zmm" #i "\n\t"
#define VNNI_256(i) "%{vex%} vpdpbusd %%ymm15, %%ymm15, %%ymm" #i "\n\t"
#define FMA_512(i)  "vfmadd231ps %%zmm15, %%zmm15, %%zmm" #i "\n\t"
#define FMA_256(i)  "vfmadd231ps %%ymm15, %%ymm15, %%ymm" #i "\n\t"
/* Of bytes that were widened to 16 bits: vpmaddubsw may saturate (NUMERICS.md section 4). */
#define MADD_256(i)                                                                                \
    "vpmaddwd %%ymm15, %%ymm15, %%ymm12\n\tvpaddd %%ymm12, %%ymm" #i ", %%ymm" #i "\n\t"
#define MADD_128(i)                                                                                \
    "movdqa %%xmm15, %%xmm12\n\tpmaddwd %%xmm15, %%xmm12\n\tpaddd %%xmm12, %%xmm" #i "\n\t"

LOOP(vnni_512, "vzeroall", VNNI_512, "vzeroupper")
LOOP(vnni_256, "vzeroall", VNNI_256, "vzeroupper")
LOOP(madd_256, "vzeroall", MADD_256, "vzeroupper")
LOOP(madd_128, "pxor %%xmm15, %%xmm15", MADD_128, "")
LOOP(fma_512, "vzeroall", FMA_512, "vzeroupper")
LOOP(fma_256, "vzeroall", FMA_256, "vzeroupper")

/* Rotations of one register wait for each other: one a cycle on every x86-64. */
static void rotations(void) {
    uint64_t x = 1;
    for (int i = 0; i < STEPS; i++) {
        __asm__ volatile("rol $1, %0\n\trol $1, %0\n\trol $1, %0\n\trol $1, %0\n\trol $1, %0\n\t"
                         "rol $1, %0\n\trol $1, %0\n\trol $1, %0\n\trol $1, %0\n\trol $1, %0"
                         : "+r"(x));
    }
}

static const loop loops[] = {
    {"clock", rotations, 10},       {"avx512vnni", vnni_512, 12 * 64},
    {"avxvnni", vnni_256, 12 * 32}, {"avx2", madd_256, 12 * 16},
    {"sse41", madd_128, 12 * 8},    {"fma512", fma_512, 12 * 16},
    {"fma256", fma_256, 12 * 8},    {NULL, NULL, 0},
};

static void read_all(const uint8_t *p, size_t size) {
    for (size_t i = 0; i + 256 <= size; i += 256) {
        __asm__ volatile("vmovdqu (%0), %%ymm0\n\tvmovdqu 32(%0), %%ymm1\n\t"
                         "vmovdqu 64(%0), %%ymm2\n\tvmovdqu 96(%0), %%ymm3\n\t"
                         "vmovdqu 128(%0), %%ymm4\n\tvmovdqu 160(%0), %%ymm5\n\t"
                         "vmovdqu 192(%0), %%ymm6\n\tvmovdqu 224(%0), %%ymm7" ::"r"(p + i)
                         : CLOBBERED);
    }
    __asm__ volatile("vzeroupper" ::: CLOBBERED);
}

enum { CAN_READ = 1 };

#else

static const loop loops[] = {{NULL, NULL, 0}};
enum { CAN_READ = 0 };

static void read_all(const uint8_t *p, size_t size) {
    (void)p;
    (void)size;
}

#endif

static double best_rate(const loop *l) {
    double best = 0;
    for (int t = 0; t < TRIES; t++) {
        const double begin = nanoseconds();
        l->run();
        const double rate = l->work * STEPS / (nanoseconds() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

static double best_reading(size_t size) {
    void *memory = NULL;
    double best = 0;
    if (size < 256 || !CAN_READ || posix_memalign(&memory, 4096, size) != 0) {
        return 0;
    }
    uint8_t *bytes = memory;
    memset(bytes, 1, size);
    const size_t times = READ / size + 1;
    for (int t = 0; t < TRIES; t++) {
        const double begin = nanoseconds();
        for (size_t i = 0; i < times; i++) {
            read_all(bytes, size);
        }
        const double rate = (double)size * (double)times / (nanoseconds() - begin);
        best = rate > best ? rate : best;
    }
    free(bytes);
    return best;
}

static double mean_rate(const loop *l, double from) {
    double now = nanoseconds(), n = 0;
    while (now < from) {
        now = nanoseconds();
    }
    const double begin = now;
    for (; now < begin + SPAN; n++) {
        l->run();
        now = nanoseconds();
    }
    return n * l->work * STEPS / (now - begin);
}

/* A turn each: this process makes its counts the other one's, from the first to the last. It lets
 * the other one run where both are on one core, and gives up where that has died. */
static void play(int *count, int first, int last) {
    long spins = 0;
    for (int n = first; n <= last && spins < PATIENCE; n += 2) {
        for (spins = 0; spins < PATIENCE && __atomic_load_n(count, __ATOMIC_ACQUIRE) != n;) {
            if (++spins % 1000 == 0) {
                sched_yield();
            }
        }
        __atomic_store_n(count, n + 1, __ATOMIC_RELEASE);
    }
}

/* Two processes that both run are sooner or later on a core each: until then a trip is a matter of
 * microseconds. The best counts: in others one had lost its core. */
static double best_trip(void) {
    const int zero = open("/dev/zero", O_RDWR);
    void *memory = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
    double best = 1e9;
    if (zero < 0 || memory == MAP_FAILED) {
        return 0;
    }
    int *count = memory, n = 0;
    const pid_t other = fork();
    if (other == 0) {
        play(count, 1, 1 << 30);
        _exit(0);
    }
    for (double from = nanoseconds(), spent = 0;
         other > 0 && spent < (best < 1e3 ? 0.2 : 10) * SPAN; n += TRIPS) {
        const double begin = nanoseconds();
        play(count, 2 * n, 2 * (n + TRIPS) - 2);
        const double trip = (nanoseconds() - begin) / TRIPS;
        best = trip < best ? trip : best;
        spent = nanoseconds() - from;
    }
    if (other > 0) {
        kill(other, SIGKILL);
        waitpid(other, NULL, 0);
    }
    munmap(memory, sizeof(int));
    close(zero);
    return best;
}

static double limit(const char *name) {
    const int at = strncmp(name, "at:", 3) == 0;
    char *wanted = NULL;
    if (strncmp(name, "read:", 5) == 0) {
        return best_reading((size_t)strtoull(name + 5, NULL, 10));
    }
    if (strcmp(name, "trip") == 0) {
        return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? best_trip() : 0;
    }
    const double from = at ? strtod(name + 3, &wanted) : 0;
    for (size_t i = 0; loops[i].name != NULL; i++) {
        if (strcmp(at ? wanted + 1 : name, loops[i].name) == 0) {
            return at ? mean_rate(&loops[i], from) : best_rate(&loops[i]);
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        printf("%s %.4f\n", argv[i], limit(argv[i]));
    }
    return 0;
}
