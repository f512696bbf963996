/* SPDX-License-Identifier: Apache-2.0
 *
 * Contrastive learning of two towers (Radford et al., 2021). */
#ifndef MEL_TRAINER_CONTRAST_H
#define MEL_TRAINER_CONTRAST_H

#include "trainer/target.h"

/* rows a and b [B, width], of any length, row i of one belonging to row i of the other; log_scale
 * [] → the mean cross-entropy of finding b from a and a from b, by e^log_scale·cosine (at most 100
 * times). Samples of one text belong to each other, in equal shares (Yang et al., UniCL, 2022). */
Node *contrastive_loss(Graph *graph, Node *a, Node *b, Node *log_scale);

/* Which samples have one text; matches: room for B·B. */
MEL_MUST_CHECK bool contrastive_fill(Plan *plan, const TrainBatch *batch, float *matches, Err *err);

#endif
