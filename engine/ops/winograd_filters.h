/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside Winograd's convolution F(4x4, 3x3): filters to and from its 36 points. The matrix G is
 * that of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016. */
#ifndef MEL_ENGINE_WINOGRAD_FILTERS_H
#define MEL_ENGINE_WINOGRAD_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

/* n filters [3, 3], w_step numbers apart, each turned by 180 degrees first if asked: G·w·Gᵀ, to
 * u[point * step + filter]. */
void winograd_filters(const float *w, int64_t w_step, int64_t n, bool turned, float *u,
                      int64_t step);

/* The transposed map, for the slope along the weights: Gᵀ·u·G, to dw [n, 3, 3]. */
void winograd_filters_slope(const float *u, int64_t step, int64_t n, float *dw);

#endif
