/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, its transpose and its slope along the weights: cuDNN's where it is there and suits,
 * else products over columns, chunk after chunk of rows. */
#include "engine/cuda/conv_cudnn.h"
#include "engine/cuda/product.h"
#include "engine/cuda/runtime.h"
#include "engine/ops/conv_fold.h"
#include "engine/ops/operands.h"

constexpr int64_t CHUNK_MULTIPLE = 8; /* rows: keeps 16-byte accesses possible */

/* Where parts of the scratch memory begin; columns are at 0. */
struct Layout {
    int64_t weights, sums, product;
};

struct ConvState {
    ConvDnn *dnn;                /* NULL: products */
    ProductPlan *product, *last; /* of a chunk's rows, and of those that are left */
    Columns columns;
    int64_t chunk;
    Fold fold; /* how, where that is done */
    bool folds;
    bool plain;    /* the columns are the values as they lie */
    void *weights; /* in the order that is wanted; NULL: made at each run, or as they lie */
    bool in_order; /* the weights' own order is the one that is wanted */
    ProductBias bias;
    Layout at;
};

static void free_state(void *memory)
{
    ConvState *state = (ConvState *)memory;
    conv_cudnn_free(state->dnn);
    product_free(state->product);
    product_free(state->last);
    if (state->weights) cuda_free(state->weights);
    product_bias_clear(&state->bias);
    free(state);
}

static ConvState *new_state(Prepare *prepare, const ConvMap *map, bool transposed)
{
    ConvState *state = (ConvState *)mel_alloc(sizeof *state);
    state->columns = columns_of(map, transposed);
    state->plain = columns_plain(&state->columns);
    state->in_order = map->kernel[0] * map->kernel[1] == 1;
    prepare->state = state;
    prepare->free_state = free_state;
    return state;
}

static int64_t align_up(int64_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Rows of one chunk: as equal as may be, and all of them where no columns are made. */
static int64_t chunk_rows(const ConvState *state, size_t size)
{
    const int64_t rows = state->columns.rows;
    const int64_t width = most(columns_width(&state->columns), 1) * (int64_t)size;
    const int64_t limit = COLUMNS_BYTES / width;
    if (state->plain || rows <= limit) return most(rows, 1);
    const int64_t chunks = (rows + most(limit, 1) - 1) / most(limit, 1);
    return ((rows + chunks - 1) / chunks + CHUNK_MULTIPLE - 1) / CHUNK_MULTIPLE * CHUNK_MULTIPLE;
}

/* For chunks of so many rows, and for what is left; `rows` is the size of the product that counts
 * them. */
static bool make_products(ConvState *state, Product product, int64_t Product::*rows, int64_t chunk,
                          int64_t left, Err *err)
{
    product.*rows = chunk;
    if (!product_new(&product, &state->product, err)) return false;
    product.*rows = left;
    return left == 0 || product_new(&product, &state->last, err);
}

static int64_t columns_bytes(const Node *node, const ConvState *state)
{
    const Fold *fold = &state->fold;
    if (state->folds)
        return fold_rows(fold, fold->items) * fold_width(fold) * (int64_t)sizeof(float);
    return state->chunk * columns_width(&state->columns) * (int64_t)mel_dtype_size(node->dtype);
}

/* Room for columns, weights, sums and the library, in this order; 0 for what is not needed. */
static void lay_out(Prepare *prepare, ConvState *state, int64_t weights, int64_t sums)
{
    const int64_t columns = state->dnn || state->plain ? 0 : columns_bytes(prepare->node, state);
    state->at.weights = align_up(columns);
    state->at.sums = state->at.weights + align_up(weights);
    state->at.product = state->at.sums + align_up(sums);
    prepare->scratch_bytes = state->at.product;
    if (state->dnn)
        prepare->scratch_bytes += conv_cudnn_scratch_bytes(state->dnn);
    else
        prepare->scratch_bytes += most(product_scratch_bytes(state->product),
                                       state->last ? product_scratch_bytes(state->last) : 0);
}

static void *scratch_at(const CudaCall *call, int64_t offset)
{
    return (char *)call->scratch + offset;
}

/* The columns of a chunk: gathered, or where they lie. */
static const void *columns_at(const CudaCall *call, const void *from, int64_t first, int64_t rows)
{
    const ConvState *state = (const ConvState *)call->state;
    if (state->plain) return from;
    columns_gather(call, &state->columns, call->node->dtype, from, call->scratch, first, rows);
    return call->scratch;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* OIHW to [O, H, W, I], or, where gathered columns make the large side, [groups, I, H, W, O]. */
static void order_weights(const CudaCall *call, const Node *node, bool transposed, Floats from,
                          void *to)
{
    const int64_t *dims = node->in[1]->shape.dims;
    const int64_t groups = ((const ConvAttrs *)node->attrs)->groups, taps = dims[2] * dims[3];
    if (transposed)
        swap_axes(call, from, to, node->dtype, groups, dims[0] / groups, dims[1] * taps);
    else
        swap_axes(call, from, to, node->dtype, dims[0], dims[1], taps);
}

static bool wants_transposed(const ConvState *state)
{
    return state->columns.transposed && !state->dnn && !state->folds;
}

static int64_t weights_bytes(const Node *node)
{
    return mel_shape_count(&node->in[1]->shape) * (int64_t)mel_dtype_size(node->dtype);
}

/* Known weights are put in order once; others stay where they lie. */
static bool take_weights(Prepare *prepare, ConvState *state, Err *err)
{
    const Node *node = prepare->node;
    const bool same = node->in[1]->dtype == node->dtype, known = prepare->weights[1].data != NULL;
    if (!same && !known) return mel_err(err, ERR_USAGE, "weights of another type than the values");
    if (!known || (same && state->in_order)) return true;
    void *published = weights_upload(&prepare->weights[1], node->dtype, err);
    if (!published) return false;
    prepare->packed[1] = true;
    if (state->in_order) {
        state->weights = published;
        return true;
    }
    CudaCall call = {};
    call.stream = runtime_stream();
    state->weights = cuda_alloc(weights_bytes(node), err);
    if (state->weights)
        order_weights(&call, node, wants_transposed(state),
                      Floats{published, node->dtype == DTYPE_BF16}, state->weights);
    const bool ok = state->weights && cuda_started(err) && runtime_wait(call.stream, err);
    cuda_free(published);
    return ok;
}

static const void *weights_of(const CudaCall *call)
{
    const ConvState *state = (const ConvState *)call->state;
    if (state->weights) return state->weights;
    if (state->in_order) return call->in[1];
    void *to = scratch_at(call, state->at.weights);
    order_weights(call, call->node, wants_transposed(state), floats_of(call, 1), to);
    return to;
}

/* ---- one of the sides ----------------------------------------------------------------------- */

/* `rows` of the result: columns [rows, K] of each group by its weights [n, K], or [K, n] where they
 * lie as published and the large side is wanted. */
static Product side_product(const Node *node, const ConvState *state)
{
    const Columns *columns = &state->columns;
    const int64_t width = columns_width(columns), channels = node->shape.dims[3];
    const bool as_published = columns->transposed && state->in_order;
    Product product = {};
    product.batch = columns->groups;
    product.m = state->chunk;
    product.n = channels / columns->groups;
    product.k = width / columns->groups;
    product.a_step = width;
    product.a_batch = product.k;
    product.b_step = as_published ? product.n : product.k;
    product.b_batch = product.n * product.k;
    product.transpose_b = !as_published;
    product.c_step = channels;
    product.c_batch = product.n;
    product.alpha = 1;
    product.dtype = product.c_dtype = node->dtype;
    product.bias = node->in[2] && columns->groups == 1;
    return product;
}

static bool prepare_gather(const Node *node, ConvState *state, Err *err)
{
    state->chunk = chunk_rows(state, mel_dtype_size(node->dtype));
    const Product product = side_product(node, state);
    return make_products(state, product, &Product::m, state->chunk,
                         state->columns.rows % state->chunk, err) &&
           (!product.bias || product_bias_new(node, &state->bias, err));
}

/* The small side's places [rows, O] of each group by its weights [O, K], to columns of float. */
static bool prepare_fold(const Node *node, const ConvMap *map, ConvState *state, Err *err)
{
    state->fold = fold_of(map);
    const Fold *fold = &state->fold;
    Product product = {};
    product.batch = map->attrs->groups;
    product.n = fold_width(fold) / product.batch;
    product.k = map->out / product.batch;
    product.a_step = map->out;
    product.a_batch = product.k;
    product.b_step = product.n;
    product.b_batch = product.k * product.n;
    product.c_step = fold_width(fold);
    product.c_batch = product.n;
    product.alpha = 1;
    product.dtype = node->dtype;
    product.c_dtype = DTYPE_F32;
    return make_products(state, product, &Product::m, fold_rows(fold, fold->items),
                         fold_rows(fold, map->batch % fold->items), err);
}

static bool prepare_side(Prepare *prepare, const ConvMap *map, bool transposed, Err *err)
{
    const Node *node = prepare->node;
    ConvState *state = new_state(prepare, map, transposed);
    if (mel_shape_count(&node->shape) == 0) return true;
    state->dnn = conv_cudnn_new(map, transposed ? CONV_LARGE : CONV_SMALL, node->dtype);
    state->folds = transposed && !state->plain && !state->dnn &&
                   (map->attrs->stride[0] > 1 || map->attrs->stride[1] > 1);
    if (!take_weights(prepare, state, err)) return false;
    if (state->folds ? !prepare_fold(node, map, state, err)
                     : !state->dnn && !prepare_gather(node, state, err))
        return false;
    const bool ordered = state->weights || state->in_order;
    lay_out(prepare, state, ordered ? 0 : weights_bytes(node), 0);
    return true;
}

static bool conv_prepare(Prepare *prepare, Err *err)
{
    const ConvMap map = op_conv_map(prepare->node);
    return prepare_side(prepare, &map, false, err);
}

static bool transpose_prepare(Prepare *prepare, Err *err)
{
    const ConvMap map = op_conv_transpose_map(prepare->node);
    return prepare_side(prepare, &map, true, err);
}

static bool run_chunks(const CudaCall *call, const void *weights, Err *err)
{
    ConvState *state = (ConvState *)call->state;
    const Node *node = call->node;
    const bool bias_in_product = node->in[2] && state->columns.groups == 1;
    const int64_t row_bytes = node->shape.dims[3] * (int64_t)mel_dtype_size(node->dtype);
    const void *bias = bias_in_product ? product_bias_of(call, &state->bias) : NULL;
    for (int64_t first = 0; first < state->columns.rows; first += state->chunk) {
        const int64_t left = state->columns.rows - first;
        const bool whole = left >= state->chunk;
        const void *columns = columns_at(call, call->in[0], first, whole ? state->chunk : left);
        const ProductArrays arrays = {columns, weights, bias, NULL,
                                      (char *)call->out + first * row_bytes};
        if (!product_run(whole ? state->product : state->last, call->stream, &arrays,
                         scratch_at(call, state->at.product), err))
            return false;
    }
    if (node->in[2] && !bias_in_product) bias_add(call);
    return cuda_started(err);
}

static bool run_fold(const CudaCall *call, const void *weights, Err *err)
{
    const ConvState *state = (const ConvState *)call->state;
    const Fold *fold = &state->fold;
    const int64_t place = call->node->in[0]->shape.dims[3];
    const int64_t place_bytes = place * (int64_t)mel_dtype_size(call->node->dtype);
    for (int64_t i = 0; i < fold_count(fold); i++) {
        const FoldChunk chunk = fold_chunk(fold, i);
        const char *from = (const char *)call->in[0] + fold_first(fold, &chunk) * place_bytes;
        const ProductArrays arrays = {from, weights, NULL, NULL, call->scratch};
        if (!product_run(chunk.items == fold->items ? state->product : state->last, call->stream,
                         &arrays, scratch_at(call, state->at.product), err))
            return false;
        fold_add(call, fold, &chunk, (const float *)call->scratch, floats_of(call, 2));
    }
    return cuda_started(err);
}

static bool side_run(const CudaCall *call, Err *err)
{
    const ConvState *state = (const ConvState *)call->state;
    if (mel_shape_count(&call->node->shape) == 0) return true;
    const void *weights = weights_of(call);
    if (state->folds) return run_fold(call, weights, err);
    if (!state->dnn) return run_chunks(call, weights, err);
    if (!conv_cudnn_run(state->dnn, call->stream, call->in[0], weights, call->out,
                        scratch_at(call, state->at.product), err))
        return false;
    if (call->node->in[2]) bias_add(call);
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_conv = {conv_prepare, side_run, MIXED(1) | MIXED(2)};
extern "C" const CudaOp cuda_op_conv_transpose = {transpose_prepare, side_run, MIXED(1) | MIXED(2)};

/* ---- the slope along the weights ------------------------------------------------------------ */

/* Whether the sums are written as the result at once. */
static bool is_direct(const ConvState *state)
{
    return state->in_order && state->chunk >= state->columns.rows && state->columns.rows > 0;
}

/* The small side's columns [n, rows] of each group by the large side's [rows, K], in float where
 * several chunks are added. */
static Product weights_product(const Node *node, const ConvMap *map, const ConvState *state)
{
    const int64_t width = columns_width(&state->columns);
    Product product = {};
    product.batch = state->columns.groups;
    product.m = map->out / product.batch;
    product.n = width / product.batch;
    product.k = state->chunk;
    product.transpose_a = true;
    product.a_step = map->out;
    product.a_batch = product.m;
    product.b_step = width;
    product.b_batch = product.n;
    product.c_step = product.n;
    product.c_batch = product.m * product.n;
    product.alpha = 1;
    product.beta = is_direct(state) ? 0 : 1;
    product.dtype = node->dtype;
    product.c_dtype = is_direct(state) ? node->dtype : DTYPE_F32;
    return product;
}

static bool weight_prepare(Prepare *prepare, Err *err)
{
    const Node *node = prepare->node;
    const ConvMap map = op_conv_weight_map(node);
    ConvState *state = new_state(prepare, &map, false);
    const int64_t count = mel_shape_count(&node->shape);
    if (count == 0) return true;
    state->chunk = chunk_rows(state, mel_dtype_size(node->dtype));
    state->dnn = conv_cudnn_new(&map, CONV_WEIGHTS, node->dtype);
    const Product product = weights_product(node, &map, state);
    if (!state->dnn && !make_products(state, product, &Product::k, state->chunk,
                                      state->columns.rows % state->chunk, err))
        return false;
    lay_out(prepare, state, 0, is_direct(state) ? 0 : count * (int64_t)sizeof(float));
    return true;
}

static bool add_chunks(const CudaCall *call, void *sums, Err *err)
{
    const ConvState *state = (const ConvState *)call->state;
    const Node *node = call->node;
    const Shape *small = &node->in[1]->shape;
    const int64_t row_bytes = small->dims[3] * (int64_t)mel_dtype_size(node->dtype);
    if (!is_direct(state)) fill_zero(call, (float *)sums, mel_shape_count(&node->shape));
    for (int64_t first = 0; first < state->columns.rows; first += state->chunk) {
        const int64_t left = state->columns.rows - first;
        const bool whole = left >= state->chunk;
        const void *columns = columns_at(call, call->in[0], first, whole ? state->chunk : left);
        const ProductArrays arrays = {(const char *)call->in[1] + first * row_bytes, columns, NULL,
                                      NULL, sums};
        if (!product_run(whole ? state->product : state->last, call->stream, &arrays,
                         scratch_at(call, state->at.product), err))
            return false;
    }
    return true;
}

/* Sums are [O, H, W, I]; the result is OIHW. */
static bool weight_run(const CudaCall *call, Err *err)
{
    const ConvState *state = (const ConvState *)call->state;
    const Node *node = call->node;
    const int64_t *dims = node->shape.dims;
    if (mel_shape_count(&node->shape) == 0) return true;
    const bool direct = is_direct(state) || (state->dnn && state->in_order);
    void *sums = direct ? call->out : scratch_at(call, state->at.sums);
    const bool ok = state->dnn ? conv_cudnn_run(state->dnn, call->stream, call->in[0], call->in[1],
                                                sums, scratch_at(call, state->at.product), err)
                               : add_chunks(call, sums, err);
    if (!ok) return false;
    if (!direct)
        swap_axes(call, Floats{sums, state->dnn && node->dtype == DTYPE_BF16}, call->out,
                  node->dtype, dims[0], dims[2] * dims[3], dims[1]);
    return cuda_started(err);
}

extern "C" const CudaOp cuda_op_conv_grad_weight = {weight_prepare, weight_run, 0};
