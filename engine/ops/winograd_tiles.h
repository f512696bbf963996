/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside Winograd's convolution F(4x4, 3x3): a picture's tiles to and from the 36 points where the
 * products are taken. The matrices A and B are those of Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2016. */
#ifndef MEL_ENGINE_WINOGRAD_TILES_H
#define MEL_ENGINE_WINOGRAD_TILES_H

#include "engine/onednn.h"

enum { WINOGRAD_TILE = 4, WINOGRAD_EDGE = 6, WINOGRAD_POINTS = 36, WINOGRAD_LANES = 16 };

/* Tiles of 4x4 outputs, row by row, picture by picture; those at the end may stick out. */
typedef struct WinogradTiling {
    DnnConv conv;
    int64_t tiles[2]; /* down, across */
} WinogradTiling;

/* Some of the output's channels. */
typedef struct WinogradPanel {
    int64_t first, count;
} WinogradPanel;

/* Tile d [6, 6, in] of x, zeros outside of it: Bᵀ·d·B, to v[point * step + channel]. */
void winograd_input_tile(const WinogradTiling *tiling, const float *x, int64_t tile, float *v,
                         int64_t step);

/* m[point * step + channel of the panel], 6x6: Aᵀ·m·A and the bias [out], which may be NULL, to the
 * tile [4, 4] of the panel's channels, as far as it lies in the output. */
void winograd_output_tile(const WinogradTiling *tiling, const float *m, int64_t step, int64_t tile,
                          WinogradPanel panel, const float *bias, float *out);

/* Tile s [4, 4] of dy in the panel's channels, zeros outside of it: A·s·Aᵀ, to
 * y[point * step + channel of the panel]. */
void winograd_slope_tile(const WinogradTiling *tiling, const float *dy, int64_t tile,
                         WinogradPanel panel, float *y, int64_t step);

#endif
