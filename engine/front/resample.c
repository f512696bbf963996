/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates from:to in lowest terms: `to` filters, one for each place between two input samples, step
 * along the input by `from`. A filter's taps where its window is 0 are left out. */
#include "engine/front/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;
static const double crossings = 6, rolloff = 0.99;
static const size_t limit_bytes = (size_t)1 << 34;

/* The filter of output phase p: weights[p·stride …], for the inputs from first[p] on. */
typedef struct Filters {
    int64_t from, to, stride;
    int64_t *first;
    float *weights;
} Filters;

static void filters_clear(Filters *filters)
{
    free(filters->first);
    free(filters->weights);
}

static int64_t common(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Input i seen from output phase p. torchaudio takes this difference in float, which with hundreds
 * of phases shows in the fifth digit of a sample; so do we. */
static double weight_at(const Filters *f, int64_t p, int64_t i)
{
    double base = (double)(f->from < f->to ? f->from : f->to) * rolloff;
    float apart = (float)i / (float)f->from - (float)p / (float)f->to;
    double t = (double)(apart * (float)base);
    if (fabs(t) >= crossings) return 0;
    double window = cos(t * pi / crossings / 2);
    double sinc = t == 0 ? 1 : sin(t * pi) / (t * pi);
    return sinc * window * window * base / (double)f->from;
}

static bool filters_new(int from_hz, int to_hz, Filters *out, Err *err)
{
    int64_t shared = common(from_hz, to_hz);
    Filters f = {.from = from_hz / shared, .to = to_hz / shared};
    double base = (double)(f.from < f.to ? f.from : f.to) * rolloff;
    double reach = crossings * (double)f.from / base; /* in input samples */
    f.stride = 2 * (int64_t)ceil(reach) + 2;
    if (f.to > INT32_MAX / f.stride)
        return mel_err(err, ERR_LIMIT, "%d Hz and %d Hz have too little in common", from_hz, to_hz);
    f.first = mel_try_alloc((size_t)f.to, sizeof *f.first, limit_bytes, "a resampling filter", err);
    f.weights = mel_try_alloc((size_t)(f.to * f.stride), sizeof *f.weights, limit_bytes,
                              "a resampling filter", err);
    if (!f.first || !f.weights) {
        filters_clear(&f);
        return false;
    }
    for (int64_t p = 0; p < f.to; p++) {
        f.first[p] = (int64_t)floor((double)p * (double)f.from / (double)f.to - reach);
        for (int64_t k = 0; k < f.stride; k++)
            f.weights[p * f.stride + k] = (float)weight_at(&f, p, f.first[p] + k);
    }
    *out = f;
    return true;
}

static float filtered(const float *weights, int64_t first, int64_t stride, const float *in,
                      int64_t n)
{
    int64_t begin = first < 0 ? -first : 0, end = n - first < stride ? n - first : stride;
    double sum = 0;
    for (int64_t k = begin; k < end; k++)
        sum += (double)weights[k] * in[first + k];
    return (float)sum;
}

static bool check(int64_t n, int from_hz, int to_hz, Err *err)
{
    if (n < 0 || from_hz < 1 || to_hz < 1)
        return mel_err(err, ERR_USAGE, "%lld samples at %d Hz cannot become %d Hz", (long long)n,
                       from_hz, to_hz);
    return n <= INT64_MAX / INT32_MAX / 2 ||
           mel_err(err, ERR_LIMIT, "%lld samples are too many", (long long)n);
}

bool mel_resample(const float *in, int64_t n, int from_hz, int to_hz, float **out, int64_t *n_out,
                  Err *err)
{
    Filters f = {0};
    if (!check(n, from_hz, to_hz, err) || !filters_new(from_hz, to_hz, &f, err)) return false;
    int64_t count = (n * f.to + f.from - 1) / f.from;
    float *result = mel_try_alloc((size_t)count + 1, sizeof *result, limit_bytes, "a sound", err);
    if (result && f.from == f.to) {
        if (n) memcpy(result, in, (size_t)n * sizeof *result);
    } else if (result) {
#pragma omp parallel for schedule(static) if (count > 16384)
        for (int64_t j = 0; j < count; j++) {
            int64_t p = j % f.to, first = j / f.to * f.from + f.first[p];
            result[j] = filtered(f.weights + p * f.stride, first, f.stride, in, n);
        }
    }
    filters_clear(&f);
    if (!result) return false;
    *out = result;
    *n_out = count;
    return true;
}

int64_t mel_decimate(const float *in, int64_t n, int step, float *out)
{
    MEL_ASSERT(step >= 1);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += step)
        out[count++] = in[i];
    return count;
}
