/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/metrics.h"

#include "engine/mt19937.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

static double *matrix(int64_t rows, int64_t columns, Err *err)
{
    int64_t count;
    if (rows > INT32_MAX || columns > INT32_MAX || __builtin_mul_overflow(rows, columns, &count)) {
        mel_err(err, ERR_LIMIT, "too many features");
        return NULL;
    }
    return mel_try_alloc((size_t)count, sizeof(double), SIZE_MAX, "features", err);
}

static bool check_rows(const float *rows, int64_t n, int64_t least, int64_t width, Err *err)
{
    if (n < least || width < 1)
        return mel_err(err, ERR_USAGE, "%lld rows are too few, it takes %lld", (long long)n,
                       (long long)least);
    for (int64_t i = 0; i < n * width; i++)
        if (!isfinite(rows[i]))
            return mel_err(err, ERR_USAGE, "row %lld holds a number that is not finite",
                           (long long)(i / width));
    return true;
}

/* ---- Fréchet distance ----------------------------------------------------------------------- */

/* The mean, and the rows about it divided by √(n-1): then Σ = XᵀX. */
static double *centred(const float *rows, int64_t n, int64_t width, double *mean, Err *err)
{
    double *x = matrix(n, width, err);
    if (!x) return NULL;
    for (int64_t j = 0; j < width; j++)
        mean[j] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++)
            mean[j] += rows[i * width + j] / (double)n;
    double scale = 1 / sqrt((double)(n - 1));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++)
            x[i * width + j] = (rows[i * width + j] - mean[j]) * scale;
    return x;
}

static double sum_of_squares(const double *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i] * x[i];
    return sum;
}

/* The triangle R of X = QR, [width, width], in place of X: RᵀR = XᵀX. Zeroes below. */
static bool reduce_rows(double *x, int64_t *n, int64_t width, Err *err)
{
    if (*n <= width) return true;
    double *tau = matrix(1, width, err);
    if (!tau) return false;
    int info = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (int)*n, (int)width, x, (int)width, tau);
    free(tau);
    if (info != 0) return mel_err(err, ERR_USAGE, "the features cannot be reduced (%d)", info);
    for (int64_t i = 1; i < width; i++)
        for (int64_t j = 0; j < i; j++)
            x[i * width + j] = 0;
    *n = width;
    return true;
}

/* tr (Σ1Σ2)^½ with Σ = XᵀX: the eigenvalues of X1ᵀX1·X2ᵀX2 are those of (X1X2ᵀ)ᵀ(X1X2ᵀ), so it is
 * the sum of the singular values of X1X2ᵀ, which stays exact where the covariances are singular. */
static bool trace_of_root(double *x, int64_t n, double *y, int64_t m, int64_t width, double *out,
                          Err *err)
{
    if (!reduce_rows(x, &n, width, err) || !reduce_rows(y, &m, width, err)) return false;
    int64_t least = n < m ? n : m;
    double *product = matrix(n, m, err), *values = matrix(1, least, err);
    bool ok = product && values;
    if (ok) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)m, (int)width, 1, x,
                    (int)width, y, (int)width, 0, product, (int)m);
        int info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', (int)n, (int)m, product, (int)m, values,
                                  NULL, (int)n, NULL, (int)m);
        ok = info == 0 || mel_err(err, ERR_USAGE, "the singular values were not found (%d)", info);
    }
    *out = 0;
    for (int64_t i = 0; ok && i < least; i++)
        *out += values[i];
    free(product);
    free(values);
    return ok;
}

bool mel_metric_frechet(const float *a, int64_t n, const float *b, int64_t m, int64_t width,
                        double *out, Err *err)
{
    if (!check_rows(a, n, 2, width, err) || !check_rows(b, m, 2, width, err)) return false;
    bool ok = false;
    double root, *x = NULL, *y = NULL;
    double *means = matrix(2, width, err);
    if (!means) goto out;
    x = centred(a, n, width, means, err);
    y = centred(b, m, width, means + width, err);
    if (!x || !y) goto out;
    double distance = sum_of_squares(x, n * width) + sum_of_squares(y, m * width);
    for (int64_t j = 0; j < width; j++)
        distance += (means[j] - means[width + j]) * (means[j] - means[width + j]);
    ok = trace_of_root(x, n, y, m, width, &root, err);
    if (ok) *out = distance - 2 * root;
out:
    free(means);
    free(x);
    free(y);
    return ok;
}

/* ---- divergences ---------------------------------------------------------------------------- */

/* Probabilities and their logarithms. */
static void softmax(const float *logits, int64_t n, double *p, double *log_p)
{
    double top = logits[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        top = fmax(top, logits[i]);
    for (int64_t i = 0; i < n; i++)
        sum += exp(logits[i] - top);
    for (int64_t i = 0; i < n; i++) {
        log_p[i] = logits[i] - top - log(sum);
        p[i] = exp(log_p[i]);
    }
}

static void probabilities(MetricKl kind, const float *logits, int64_t n, double *p, double *log_p)
{
    if (kind == METRIC_KL_SOFTMAX) {
        softmax(logits, n, p, log_p);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double x = logits[i];
        p[i] = 1 / (1 + exp(-x));
        log_p[i] = x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
    }
}

bool mel_metric_kl(const float *reference, const float *generated, int64_t n, int64_t classes,
                   MetricKl kind, double *out, Err *err)
{
    if (!check_rows(reference, n, 1, classes, err) || !check_rows(generated, n, 1, classes, err))
        return false;
    double *work = matrix(4, classes, err), sum = 0;
    if (!work) return false;
    double *p = work, *log_p = p + classes, *q = log_p + classes, *log_q = q + classes;
    for (int64_t i = 0; i < n; i++) {
        probabilities(kind, reference + i * classes, classes, p, log_p);
        probabilities(kind, generated + i * classes, classes, q, log_q);
        for (int64_t c = 0; c < classes; c++)
            sum += p[c] * (log_p[c] - log(q[c] + 1e-6));
    }
    free(work);
    *out = sum / (double)n;
    return true;
}

/* ---- inception score ------------------------------------------------------------------------ */

/* e^(mean KL of the rows to their mean). */
static double score_of_part(const double *p, const double *log_p, const int64_t *rows,
                            int64_t count, int64_t classes, double *mean)
{
    double sum = 0;
    for (int64_t c = 0; c < classes; c++)
        mean[c] = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < classes; c++)
            mean[c] += p[rows[i] * classes + c] / (double)count;
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < classes; c++) {
            int64_t at = rows[i] * classes + c;
            if (p[at] > 0) sum += p[at] * (log_p[at] - log(mean[c]));
        }
    return exp(sum / (double)count);
}

bool mel_metric_inception(const float *logits, int64_t n, int64_t classes, int splits,
                          uint32_t seed, double *mean, double *deviation, Err *err)
{
    if (splits < 1) return mel_err(err, ERR_USAGE, "an inception score takes at least one part");
    if (!check_rows(logits, n, splits, classes, err)) return false;
    double *p = matrix(2 * n + 1, classes, err), sum = 0, squares = 0;
    int64_t *order = mel_try_alloc((size_t)n, sizeof *order, SIZE_MAX, "rows", err);
    bool ok = p && order;
    if (ok) {
        Mt19937 mt;
        double *log_p = p + n * classes, *work = log_p + n * classes;
        for (int64_t i = 0; i < n; i++)
            softmax(logits + i * classes, classes, p + i * classes, log_p + i * classes);
        mt19937_seed(&mt, seed);
        mt19937_permutation(&mt, n, order);
        for (int k = 0; k < splits; k++) {
            int64_t begin = k * n / splits, end = (k + 1) * n / splits;
            double score = score_of_part(p, log_p, order + begin, end - begin, classes, work);
            sum += score;
            squares += score * score;
        }
        *mean = sum / splits;
        *deviation = sqrt(fmax(0, squares / splits - *mean * *mean));
    }
    free(p);
    free(order);
    return ok;
}
