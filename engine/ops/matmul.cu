/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products by product.h. Weights lie where the plan put them, or, published in another type,
 * in the state. */
#include "engine/cuda/product.h"
#include "engine/ops/operands.h"

struct MatmulState {
    ProductPlan *product; /* NULL: nothing to compute */
    void *weights;        /* NULL: as they lie */
    ProductBias bias;
};

static void free_state(void *memory)
{
    MatmulState *state = (MatmulState *)memory;
    product_free(state->product);
    if (state->weights) cuda_free(state->weights);
    product_bias_clear(&state->bias);
    free(state);
}

/* Weights of the values' type stay with the plan. */
static bool take_weights(Prepare *prepare, MatmulState *state, Err *err)
{
    const Node *node = prepare->node;
    if (node->in[1]->dtype == node->dtype) return true;
    if (!prepare->weights[1].data)
        return mel_err(err, ERR_USAGE, "weights of another type than the values");
    state->weights = weights_upload(&prepare->weights[1], node->dtype, err);
    prepare->packed[1] = state->weights != NULL;
    return state->weights != NULL;
}

static bool prepare_product(Prepare *prepare, const ProductSizes *sizes, bool transpose_x,
                            bool transpose_y, Err *err)
{
    const Node *node = prepare->node;
    MatmulState *state = (MatmulState *)mel_alloc(sizeof *state);
    prepare->state = state;
    prepare->free_state = free_state;
    Product product = {};
    product.m = sizes->m;
    product.n = sizes->n;
    product.k = sizes->k;
    product.a_step = transpose_x ? sizes->x_column : sizes->x_row;
    product.b_step = transpose_y ? sizes->y_column : sizes->y_row;
    product.c_step = sizes->n;
    product.transpose_a = transpose_x;
    product.transpose_b = transpose_y;
    product.batch = sizes->batch;
    product.a_batch = sizes->x_batch;
    product.b_batch = sizes->y_batch;
    product.c_batch = sizes->m * sizes->n;
    product.alpha = 1;
    product.dtype = product.c_dtype = node->dtype;
    product.bias = node->in[2] != NULL;
    product.beta = node->in[3] ? 1 : 0;
    if (!take_weights(prepare, state, err)) return false;
    if (mel_shape_count(&node->shape) == 0) return true;
    if (!product_bias_new(node, &state->bias, err) || !product_new(&product, &state->product, err))
        return false;
    prepare->scratch_bytes = product_scratch_bytes(state->product);
    return true;
}

static bool product_run_node(const CudaCall *call, Err *err)
{
    MatmulState *state = (MatmulState *)call->state;
    if (!state->product) return true;
    const ProductArrays arrays = {call->in[0], state->weights ? state->weights : call->in[1],
                                  product_bias_of(call, &state->bias), call->in[3], call->out};
    return cuda_started(err) &&
           product_run(state->product, call->stream, &arrays, call->scratch, err);
}

static bool matmul_prepare(Prepare *prepare, Err *err)
{
    const MatmulAttrs *attrs = (const MatmulAttrs *)prepare->node->attrs;
    const ProductSizes sizes = op_matmul_sizes(prepare->node);
    return prepare_product(prepare, &sizes, attrs->transpose_x, attrs->transpose_y, err);
}

static bool linear_prepare(Prepare *prepare, Err *err)
{
    const ProductSizes sizes = op_linear_sizes(prepare->node);
    return prepare_product(prepare, &sizes, false, true, err);
}

extern "C" const CudaOp cuda_op_matmul = {matmul_prepare, product_run_node, MIXED(1) | MIXED(2)};
extern "C" const CudaOp cuda_op_linear = {linear_prepare, product_run_node, MIXED(1) | MIXED(2)};
