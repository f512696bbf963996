/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/targets/contrast.h"

#include <math.h>

static Node *unit_rows(Node *x)
{
    x = mel_op_cast(x, DTYPE_F32);
    Shape one = SHAPE(mel_node_dim(x, 0), 1);
    Node *squares = mel_op_sum_to(mel_op_unary(x, UNARY_SQUARE, 0, 0), one);
    return mel_op_mul(x, mel_op_unary(squares, UNARY_RSQRT, 1e-12, 0));
}

/* Mean over rows of ln Σ_j e^x_ij - Σ_j m_ij x_ij. No cosine is above 1, so with the scale taken
 * off no exponential overflows. */
static Node *cross_entropy(Node *logits, Node *scale, Node *matches)
{
    int64_t n = mel_node_dim(logits, 0);
    Node *low = mel_op_sub(logits, scale);
    Node *sums = mel_op_sum_to(mel_op_unary(low, UNARY_EXP, 0, 0), SHAPE(n, 1));
    Node *own = mel_op_sum_to(mel_op_mul(low, matches), SHAPE(n, 1));
    return mel_op_mean(mel_op_sub(mel_op_unary(sums, UNARY_LOG, 1e-38, 0), own));
}

Node *contrastive_loss(Graph *graph, Node *a, Node *b, Node *log_scale)
{
    int64_t n = mel_node_dim(a, 0);
    Node *matches = mel_graph_input(graph, "matches", DTYPE_F32, SHAPE(n, n));
    Node *scale = mel_op_unary(mel_op_unary(log_scale, UNARY_CLAMP, 0, log(100)), UNARY_EXP, 0, 0);
    Node *cosines = mel_op_matmul(unit_rows(a), unit_rows(b), false, true);
    Node *logits = mel_op_mul(cosines, scale);
    Node *one_way = cross_entropy(logits, scale, matches);
    Node *other_way = cross_entropy(mel_op_transpose(logits, (const int[]){1, 0}), scale, matches);
    return mel_op_affine(mel_op_add(one_way, other_way), 0.5, 0);
}

bool contrastive_fill(Plan *plan, const TrainBatch *batch, float *matches, Err *err)
{
    int n = batch->count;
    for (int i = 0; i < n; i++) {
        int same = 0;
        const char *text = mel_shards_text(batch->shards, batch->items[i]);
        for (int j = 0; j < n; j++) {
            matches[i * n + j] = mel_equal(text, mel_shards_text(batch->shards, batch->items[j]));
            same += matches[i * n + j] > 0;
        }
        for (int j = 0; j < n; j++)
            matches[i * n + j] /= (float)same;
    }
    return mel_plan_write(plan, "matches", matches, err);
}
