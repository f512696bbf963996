/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/targets/contrast.h"

#include <math.h>
#include <stdlib.h>

static Node *unit_rows(Node *x)
{
    x = mel_op_cast(x, DTYPE_F32);
    Shape one = SHAPE(mel_node_dim(x, 0), 1);
    Node *squares = mel_op_sum_to(mel_op_unary(x, UNARY_SQUARE, 0, 0), one);
    return mel_op_mul(x, mel_op_unary(squares, UNARY_RSQRT, 1e-12, 0));
}

static Node *identity(Graph *graph, int64_t n)
{
    float *numbers = mel_alloc((size_t)(n * n) * sizeof *numbers);
    for (int64_t i = 0; i < n; i++)
        numbers[i * n + i] = 1;
    Node *node = mel_graph_constant(graph, DTYPE_F32, SHAPE(n, n), numbers);
    free(numbers);
    return node;
}

/* Mean over rows of ln Σ_j e^x_ij - x_ii. No cosine is above 1, so with the scale taken off no
 * exponential overflows. */
static Node *cross_entropy(Node *logits, Node *scale, Node *eye)
{
    int64_t n = mel_node_dim(logits, 0);
    Node *low = mel_op_sub(logits, scale);
    Node *sums = mel_op_sum_to(mel_op_unary(low, UNARY_EXP, 0, 0), SHAPE(n, 1));
    Node *own = mel_op_sum_to(mel_op_mul(low, eye), SHAPE(n, 1));
    return mel_op_mean(mel_op_sub(mel_op_unary(sums, UNARY_LOG, 1e-38, 0), own));
}

Node *contrastive_loss(Graph *graph, Node *a, Node *b, Node *log_scale)
{
    int64_t n = mel_node_dim(a, 0);
    Node *eye = identity(graph, n);
    Node *scale = mel_op_unary(mel_op_unary(log_scale, UNARY_CLAMP, 0, log(100)), UNARY_EXP, 0, 0);
    Node *cosines = mel_op_matmul(unit_rows(a), unit_rows(b), false, true);
    Node *logits = mel_op_mul(cosines, scale);
    Node *one_way = cross_entropy(logits, scale, eye);
    Node *other_way = cross_entropy(mel_op_transpose(logits, (const int[]){1, 0}), scale, eye);
    return mel_op_affine(mel_op_add(one_way, other_way), 0.5, 0);
}
