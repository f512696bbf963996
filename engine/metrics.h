/* SPDX-License-Identifier: Apache-2.0
 *
 * What a set of generated sounds is judged by, from features that networks gave; the formulas are
 * those of audioldm_eval, the evaluation behind the tables of TANGO and MeLFusion. */
#ifndef MEL_ENGINE_METRICS_H
#define MEL_ENGINE_METRICS_H

#include "base/base.h"

/* Fréchet distance between two clouds of features [n, width] and [m, width], each taken as a normal
 * distribution (covariance with n-1): ‖μ1-μ2‖² + tr(Σ1 + Σ2 - 2(Σ1Σ2)^½). FAD with VGGish's 128
 * numbers of every patch, FD with Cnn14's 2048 of every clip. ERR_USAGE for fewer than two rows or
 * numbers that are not finite. */
MEL_MUST_CHECK bool mel_metric_frechet(const float *a, int64_t n, const float *b, int64_t m,
                                       int64_t width, double *out, Err *err);

typedef enum MetricKl {
    METRIC_KL_SOFTMAX, /* what the papers report */
    METRIC_KL_SIGMOID, /* the same sum over sigmoids: no true divergence */
} MetricKl;

/* Mean over pairs of Σ p·(ln p - ln(q + 1e-6)), p of the reference's logits, q of the generated
 * one's; both [n, classes]. */
MEL_MUST_CHECK bool mel_metric_kl(const float *reference, const float *generated, int64_t n,
                                  int64_t classes, MetricKl kind, double *out, Err *err);

/* Inception score of logits [n, classes]: rows shuffled as NumPy's RandomState(seed) does, `splits`
 * parts, e^(mean KL of each row to its part's mean); mean and standard deviation over the parts.
 * The published setting is 10 parts and seed 2020. */
MEL_MUST_CHECK bool mel_metric_inception(const float *logits, int64_t n, int64_t classes,
                                         int splits, uint32_t seed, double *mean, double *deviation,
                                         Err *err);

#endif
