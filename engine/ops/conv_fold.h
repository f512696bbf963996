/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolutions with strides: a product spreads each place of the small side into columns
 * of float, [places, groups, taps, channels / groups], and each place of the large side adds up
 * what fell on it. No place of either side is computed for nothing, as gathered columns would. */
#ifndef MEL_ENGINE_CONV_FOLD_H
#define MEL_ENGINE_CONV_FOLD_H

#include "engine/ops/conv_columns.h"

/* How the work is cut: into whole items of the batch, or, where one is too large, into bands along
 * one axis of the large side and windows of the small one that all that falls on a band is in. */
typedef struct Fold {
    Columns columns; /* transposed: rows are the large side's places */
    int64_t batch, channels;
    int64_t items;    /* of a chunk */
    int axis;         /* of the bands */
    int band, window; /* places along it */
} Fold;

/* One chunk: bands begin at `band` of the large side, windows at `start` of the small one. */
typedef struct FoldChunk {
    int64_t item, items;
    int band, band_size, start;
} FoldChunk;

Fold fold_of(const ConvMap *map);
int64_t fold_width(const Fold *fold);               /* numbers that one small place spreads into */
int64_t fold_rows(const Fold *fold, int64_t items); /* small places of a chunk */
int64_t fold_count(const Fold *fold);               /* chunks */
FoldChunk fold_chunk(const Fold *fold, int64_t i);
int64_t fold_first(const Fold *fold, const FoldChunk *chunk); /* the chunk's first small place */

/* out ← sums of the chunk's columns, and the bias (none: no data). */
void fold_add(const CudaCall *call, const Fold *fold, const FoldChunk *chunk, const float *columns,
              Floats bias);

#endif
