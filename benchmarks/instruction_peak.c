/* Multiply-adds in registers, twelve chains that do not wait for each other: what the cores could do without memory.
   Prints operations a second of one thread: fp32, and bf16 where there is an instruction for it (else 0). */
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

#define CHAINS 12
#define TURNS 20000000L

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float sink;

static double fp32(void) {
#if defined(__AVX512F__)
    __m512 acc[CHAINS], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) acc[i] = b;
    double start = now();
    for (long t = 0; t < TURNS; t++)
        for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_fmadd_ps(acc[i], a, b);
    double taken = now() - start;
    for (int i = 0; i < CHAINS; i++) sink += _mm512_reduce_add_ps(acc[i]);
    return 2.0 * 16 * CHAINS * TURNS / taken;
#elif defined(__FMA__)
    __m256 acc[CHAINS], a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) acc[i] = b;
    double start = now();
    for (long t = 0; t < TURNS; t++)
        for (int i = 0; i < CHAINS; i++) acc[i] = _mm256_fmadd_ps(acc[i], a, b);
    double taken = now() - start;
    for (int i = 0; i < CHAINS; i++) sink += _mm256_cvtss_f32(acc[i]);
    return 2.0 * 8 * CHAINS * TURNS / taken;
#else
    return 0.0;
#endif
}

static double bf16(void) {
#if defined(__AVX512BF16__)
    __m512 acc[CHAINS];
    __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f803f80), b = (__m512bh)_mm512_set1_epi32(0x3c003c00);
    for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_setzero_ps();
    double start = now();
    for (long t = 0; t < TURNS; t++)
        for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_dpbf16_ps(acc[i], a, b);
    double taken = now() - start;
    for (int i = 0; i < CHAINS; i++) sink += _mm512_reduce_add_ps(acc[i]);
    return 2.0 * 32 * CHAINS * TURNS / taken;
#else
    return 0.0;
#endif
}

int main(void) {
    printf("%.0f %.0f\n", fp32(), bf16());
    return sink == 12345.0f;
}
