/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention's fast code for the CPU, and what its two ways share. */
#ifndef MEL_ENGINE_ATTENTION_CPU_H
#define MEL_ENGINE_ATTENTION_CPU_H

#include "engine/ops/attrs.h"

/* Where one head of one batch item begins. */
typedef struct AttentionHead {
    int64_t q, k, v, out, bias;
} AttentionHead;

/* item: of batch · heads. */
AttentionHead attention_head(const AttentionSizes *s, int64_t item);

/* Scores of query `query` with keys from `first` on: adds the bias, which begins at bias_at, and
 * hides what a causal query may not see. */
void attention_mask_row(const AttentionSizes *s, const Call *call, float *row, int64_t bias_at,
                        int64_t query, int64_t first, int64_t count);

/* Whether what goes in is bf16, and better multiplied as such than widened. */
bool attention_in_bf16(const Node *node);

static inline const uint16_t *attention_bf16_at(const Call *call, int input, int64_t offset)
{
    return (const uint16_t *)call->in[input] + offset;
}

bool attention_prepare(Prepare *prepare, Err *err);
void attention_cpu(const Call *call);

bool attention_grad_prepare(Prepare *prepare, Err *err);
void attention_grad_cpu(const Call *call);

#endif
