/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of a batch as their encoder's states, and no text in the place of some: what guidance
 * compares with. */
#ifndef MEL_TRAINER_TEXT_BATCH_H
#define MEL_TRAINER_TEXT_BATCH_H

#include "trainer/target.h"

typedef struct TextBatch {
    int states, length; /* arrays of the shards */
    Shape shape;        /* [L, width] */
    const CheckpointTensor *null_text;
    float *text, *mask, *null_states; /* [B, L, width]; [B, L], 0 or -10000 */
    int32_t *lengths;                 /* [B] */
} TextBatch;

MEL_MUST_CHECK bool text_batch_open(TextBatch *t, const Shards *shards, int64_t batch, Err *err);
void text_batch_close(TextBatch *t); /* {0} is fine */

/* Inputs "text" [B, L, width], of the graph's type, and "mask" [B, 1, 1, L]. */
Node *text_batch_states(const TextBatch *t, Graph *graph, int batch);
Node *text_batch_mask(const TextBatch *t, Graph *graph, int batch);

/* dropout: the share of samples without their text; 1 for none with it, also in validation. */
MEL_MUST_CHECK bool text_batch_fill(TextBatch *t, Plan *plan, const TrainBatch *batch,
                                    double dropout, Err *err);

#endif
