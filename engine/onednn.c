/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/onednn.h"

#include "engine/big_alloc.h"

#include <dnnl.h>
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, ARGS_MAX = 5 };

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void start(void)
{
    MEL_ASSERT(dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success);
    MEL_ASSERT(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success);
}

static void ensure_started(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

typedef enum Role { ROLE_X, ROLE_W, ROLE_BIAS, ROLE_ADDED, ROLE_OUT } Role;

/* One argument: as the caller keeps it, and as the primitive wants it when that differs. */
typedef struct Arg {
    int id;
    Role role;
    dnnl_memory_desc_t kept, wanted;
    dnnl_memory_t kept_memory, wanted_memory;
    dnnl_primitive_t reorder; /* NULL where both are alike */
    int64_t scratch_at, wide_at;
    void *packed; /* weights known from the start */
} Arg;

struct DnnKernel {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    Arg args[ARGS_MAX];
    int count;
    dnnl_memory_t scratchpad;
    int64_t scratch_bytes;
    bool widened; /* the caller's bf16 are computed in f32: see computed_as */
};

static int64_t aligned(size_t bytes)
{
    return ((int64_t)bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool fail(Err *err, const char *what, dnnl_status_t status)
{
    if (status == dnnl_unimplemented) {
        mel_err(err, ERR_DEVICE, "oneDNN has no code for this %s on this processor", what);
        return mel_err_hint(err, "compute in f32");
    }
    return mel_err(err, ERR_DEVICE, "oneDNN refused a %s (status %d)", what, (int)status);
}

bool dnn_has_bf16(void)
{
    return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
}

/* Where oneDNN has no bf16, values are widened before and narrowed after. */
static DType computed_as(DType dtype)
{
    return dtype == DTYPE_BF16 && !dnn_has_bf16() ? DTYPE_F32 : dtype;
}

static dnnl_data_type_t dnn_type(DType dtype)
{
    return computed_as(dtype) == DTYPE_BF16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_memory_desc_t desc_of(int rank, const int64_t *dims, DType dtype,
                                  const int64_t *strides)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t d, s;
    for (int i = 0; i < rank; i++) {
        d[i] = dims[i];
        s[i] = strides[i];
    }
    MEL_ASSERT(dnnl_memory_desc_init_by_strides(&desc, rank, d, dnn_type(dtype), s) ==
               dnnl_success);
    return desc;
}

/* The same array in whichever layout the primitive likes best. */
static dnnl_memory_desc_t any_layout(const dnnl_memory_desc_t *kept)
{
    dnnl_memory_desc_t desc;
    MEL_ASSERT(dnnl_memory_desc_init_by_tag(&desc, kept->ndims, kept->dims, kept->data_type,
                                            dnnl_format_tag_any) == dnnl_success);
    return desc;
}

static void add_arg(DnnKernel *kernel, int id, Role role, const dnnl_memory_desc_t *kept)
{
    MEL_ASSERT(kernel->count < ARGS_MAX);
    kernel->args[kernel->count++] = (Arg){.id = id, .role = role, .kept = *kept};
}

static dnnl_primitive_t reorder_of(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive = NULL;
    if (dnnl_reorder_primitive_desc_create(&desc, from, engine, to, engine, NULL) != dnnl_success)
        return NULL;
    dnnl_primitive_create(&primitive, desc);
    dnnl_primitive_desc_destroy(desc);
    return primitive;
}

static void run_reorder(dnnl_primitive_t reorder, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_FROM, from},
        {DNNL_ARG_TO,   to  }
    };
    MEL_ASSERT(dnnl_primitive_execute(reorder, stream, 2, args) == dnnl_success);
    MEL_ASSERT(dnnl_stream_wait(stream) == dnnl_success);
}

/* Weights of any type, laid out as kept: into memory of the kernel's own. */
static bool pack(Arg *arg, const Tensor *weights, Err *err)
{
    int64_t count = mel_shape_count(&weights->shape);
    dnnl_memory_desc_t plain = arg->kept;
    plain.data_type = dnnl_f32;
    void *copy = NULL;
    bool as_is = weights->dtype == DTYPE_F32 && (uintptr_t)weights->data % sizeof(float) == 0;
    if (!as_is) {
        copy = mel_try_alloc((size_t)count + 1, sizeof(float), SIZE_MAX, "weights", err);
        if (!copy) return false;
        mel_convert(weights->data, weights->dtype, copy, DTYPE_F32, count);
    }
    size_t bytes = dnnl_memory_desc_get_size(&arg->wanted);
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_t reorder = reorder_of(&plain, &arg->wanted);
    arg->packed = big_alloc((int64_t)bytes);
    bool ok = reorder && arg->packed;
    if (!ok) mel_err(err, ERR_NOMEM, "no memory to pack %zu bytes of weights", bytes);
    if (ok) {
        bool padded = bytes != dnnl_memory_desc_get_size(&plain);
        if (padded) memset(arg->packed, 0, bytes); /* the reorder leaves what is beside */
        dnnl_memory_create(&from, &plain, engine, as_is ? weights->data : copy);
        dnnl_memory_create(&to, &arg->wanted, engine, arg->packed);
        run_reorder(reorder, from, to);
        dnnl_memory_destroy(from);
        dnnl_memory_destroy(to);
    }
    if (reorder) dnnl_primitive_destroy(reorder);
    free(copy);
    return ok;
}

static int64_t elements_of(const Arg *arg)
{
    int64_t count = 1;
    for (int i = 0; i < arg->kept.ndims; i++)
        count *= arg->kept.dims[i];
    return count;
}

static bool is_widened(const DnnKernel *kernel, const Arg *arg)
{
    return kernel->widened && !arg->packed && arg->role != ROLE_BIAS;
}

static dnnl_query_t query_of(int id)
{
    switch (id) {
    case DNNL_ARG_SRC:
        return dnnl_query_src_md;
    case DNNL_ARG_WEIGHTS:
        return dnnl_query_weights_md;
    case DNNL_ARG_DIFF_WEIGHTS:
        return dnnl_query_diff_weights_md;
    case DNNL_ARG_DIFF_DST:
        return dnnl_query_diff_dst_md;
    default:
        return dnnl_query_dst_md;
    }
}

static bool finish_arg(DnnKernel *kernel, Arg *arg, const Tensor *weights, Err *err)
{
    arg->wanted = arg->kept;
    if (arg->role != ROLE_BIAS && arg->role != ROLE_ADDED)
        arg->wanted = *dnnl_primitive_desc_query_md(kernel->desc, query_of(arg->id), 0);
    dnnl_memory_create(&arg->kept_memory, &arg->kept, engine, DNNL_MEMORY_NONE);
    if (arg->role == ROLE_W && weights) {
        if (!pack(arg, weights, err)) return false;
        dnnl_memory_create(&arg->wanted_memory, &arg->wanted, engine, arg->packed);
        return true;
    }
    if (dnnl_memory_desc_equal(&arg->kept, &arg->wanted)) return true;
    bool out = arg->role == ROLE_OUT;
    arg->reorder =
        out ? reorder_of(&arg->wanted, &arg->kept) : reorder_of(&arg->kept, &arg->wanted);
    if (!arg->reorder) return fail(err, "reorder", dnnl_unimplemented);
    dnnl_memory_create(&arg->wanted_memory, &arg->wanted, engine, DNNL_MEMORY_NONE);
    arg->scratch_at = kernel->scratch_bytes;
    kernel->scratch_bytes += aligned(dnnl_memory_desc_get_size(&arg->wanted));
    return true;
}

/* What a primitive is made of, beside its arguments. */
typedef struct Making {
    const char *what; /* for messages */
    const void *op_desc;
    dnnl_primitive_desc_t hint; /* or NULL */
    DType dtype;
    const Tensor *weights;           /* or NULL */
    float scale;                     /* of the result; 0: 1 */
    bool adds;                       /* to what the result holds */
    const dnnl_memory_desc_t *added; /* or NULL */
} Making;

static dnnl_primitive_attr_t new_attr(const Making *making)
{
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    dnnl_primitive_attr_create(&attr);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (making->scale != 0) dnnl_primitive_attr_set_output_scales(attr, 1, 0, &making->scale);
    if (making->adds || making->added) {
        dnnl_post_ops_create(&ops);
        if (making->adds) dnnl_post_ops_append_sum(ops, 1);
        if (making->added) dnnl_post_ops_append_binary(ops, dnnl_binary_add, making->added);
        dnnl_primitive_attr_set_post_ops(attr, ops);
        dnnl_post_ops_destroy(ops);
    }
    return attr;
}

/* Makes the primitive, and the reorders around it. Takes the kernel. */
static bool finish(DnnKernel *kernel, const Making *making, DnnKernel **out, Err *err)
{
    kernel->widened = computed_as(making->dtype) != making->dtype;
    dnnl_primitive_attr_t attr = new_attr(making);
    dnnl_status_t status =
        dnnl_primitive_desc_create(&kernel->desc, making->op_desc, attr, engine, making->hint);
    dnnl_primitive_attr_destroy(attr);
    if (status == dnnl_success) status = dnnl_primitive_create(&kernel->primitive, kernel->desc);
    bool ok = status == dnnl_success || fail(err, making->what, status);
    if (ok) {
        const dnnl_memory_desc_t *pad =
            dnnl_primitive_desc_query_md(kernel->desc, dnnl_query_scratchpad_md, 0);
        dnnl_memory_create(&kernel->scratchpad, pad, engine, DNNL_MEMORY_NONE);
        kernel->scratch_bytes = aligned(dnnl_memory_desc_get_size(pad));
    }
    for (int i = 0; ok && i < kernel->count; i++)
        ok = finish_arg(kernel, &kernel->args[i], making->weights, err);
    for (int i = 0; ok && i < kernel->count; i++) {
        Arg *arg = &kernel->args[i];
        if (!is_widened(kernel, arg)) continue;
        arg->wide_at = kernel->scratch_bytes;
        kernel->scratch_bytes += aligned((size_t)elements_of(arg) * sizeof(float));
    }
    if (ok)
        *out = kernel;
    else
        dnn_free(kernel);
    return ok;
}

void dnn_free(void *memory)
{
    DnnKernel *kernel = memory;
    if (!kernel) return;
    for (int i = 0; i < kernel->count; i++) {
        Arg *arg = &kernel->args[i];
        if (arg->kept_memory) dnnl_memory_destroy(arg->kept_memory);
        if (arg->wanted_memory) dnnl_memory_destroy(arg->wanted_memory);
        if (arg->reorder) dnnl_primitive_destroy(arg->reorder);
        free(arg->packed);
    }
    if (kernel->scratchpad) dnnl_memory_destroy(kernel->scratchpad);
    if (kernel->primitive) dnnl_primitive_destroy(kernel->primitive);
    if (kernel->desc) dnnl_primitive_desc_destroy(kernel->desc);
    free(kernel);
}

int64_t dnn_scratch_bytes(const DnnKernel *kernel)
{
    return kernel->scratch_bytes;
}

static void *address_of(Role role, const DnnArrays *arrays)
{
    switch (role) {
    case ROLE_X:
        return (void *)arrays->x;
    case ROLE_W:
        return (void *)arrays->w;
    case ROLE_BIAS:
        return (void *)arrays->bias;
    case ROLE_ADDED:
        return (void *)arrays->added;
    default:
        return arrays->out;
    }
}

static void *widened(const Arg *arg, void *value, void *scratch)
{
    float *wide = (void *)((char *)scratch + arg->wide_at);
    if (arg->role != ROLE_OUT) mel_convert(value, DTYPE_BF16, wide, DTYPE_F32, elements_of(arg));
    return wide;
}

/* Tells the memory objects where things are, and brings what goes in into the primitive's layout.
 */
static dnnl_memory_t bring(const DnnKernel *kernel, const Arg *arg, void *value, void *scratch)
{
    if (arg->packed) return arg->wanted_memory;
    if (is_widened(kernel, arg)) value = widened(arg, value, scratch);
    dnnl_memory_set_data_handle(arg->kept_memory, value);
    if (!arg->reorder) return arg->kept_memory;
    dnnl_memory_set_data_handle(arg->wanted_memory, (char *)scratch + arg->scratch_at);
    if (arg->role != ROLE_OUT) run_reorder(arg->reorder, arg->kept_memory, arg->wanted_memory);
    return arg->wanted_memory;
}

static void take_home(const DnnKernel *kernel, const Arg *arg, void *out, void *scratch)
{
    if (arg->role != ROLE_OUT) return;
    if (arg->reorder) run_reorder(arg->reorder, arg->wanted_memory, arg->kept_memory);
    if (kernel->widened)
        mel_convert((char *)scratch + arg->wide_at, DTYPE_F32, out, DTYPE_BF16, elements_of(arg));
}

void dnn_run(DnnKernel *kernel, const DnnArrays *arrays, void *scratch)
{
    dnnl_exec_arg_t args[ARGS_MAX + 1];
    for (int i = 0; i < kernel->count; i++) {
        const Arg *arg = &kernel->args[i];
        void *value = address_of(arg->role, arrays);
        args[i] = (dnnl_exec_arg_t){arg->id, bring(kernel, arg, value, scratch)};
    }
    dnnl_memory_set_data_handle(kernel->scratchpad, scratch);
    args[kernel->count] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, kernel->scratchpad};
    MEL_ASSERT(dnnl_primitive_execute(kernel->primitive, stream, kernel->count + 1, args) ==
               dnnl_success);
    MEL_ASSERT(dnnl_stream_wait(stream) == dnnl_success);
    for (int i = 0; i < kernel->count; i++)
        take_home(kernel, &kernel->args[i], arrays->out, scratch);
}

void dnn_multiply(const DnnProduct *p, const float *a, const float *b, float *c)
{
    dnnl_status_t status =
        dnnl_sgemm(p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', p->m, p->n, p->k,
                   p->alpha, a, p->a_step, b, p->b_step, p->beta, c, p->c_step);
    MEL_ASSERT(status == dnnl_success);
}

bool dnn_likes_bf16(void)
{
    return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core_bf16;
}

/* ---- matrix products ------------------------------------------------------------------------ */

static bool matmul_new(const DnnMatmul *m, DnnKernel **out, Err *err)
{
    DnnKernel *kernel = mel_alloc(sizeof *kernel);
    int skip = m->batch == 1; /* a product of matrices has better code than a batch of one */
    int rank = 3 - skip;
    const int64_t x_dims[] = {m->batch, m->m, m->k};
    const int64_t w_dims[] = {m->w_repeats ? 1 : m->batch, m->k, m->n};
    const int64_t out_dims[] = {m->batch, m->m, m->n}, out_strides[] = {m->m * m->n, m->n, 1};
    const int64_t bias_dims[] = {1, 1, m->n}, bias_strides[] = {m->n, m->n, 1};
    DType out_type = m->sums_f32 ? DTYPE_F32 : m->dtype;
    dnnl_memory_desc_t x = desc_of(rank, x_dims + skip, m->dtype, m->x_strides + skip);
    dnnl_memory_desc_t w = desc_of(rank, w_dims + skip, m->dtype, m->w_strides + skip);
    dnnl_memory_desc_t y = desc_of(rank, out_dims + skip, out_type, out_strides + skip);
    dnnl_memory_desc_t b = desc_of(rank, bias_dims + skip, DTYPE_F32, bias_strides + skip);
    dnnl_memory_desc_t w_any = any_layout(&w);
    dnnl_matmul_desc_t desc;
    dnnl_status_t status =
        dnnl_matmul_desc_init(&desc, &x, m->weights ? &w_any : &w, m->bias ? &b : NULL, &y);
    if (status != dnnl_success) {
        free(kernel);
        return fail(err, "matrix product", status);
    }
    add_arg(kernel, DNNL_ARG_SRC, ROLE_X, &x);
    add_arg(kernel, DNNL_ARG_WEIGHTS, ROLE_W, &w);
    if (m->bias) add_arg(kernel, DNNL_ARG_BIAS, ROLE_BIAS, &b);
    if (m->added)
        add_arg(kernel, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, ROLE_ADDED, &y);
    add_arg(kernel, DNNL_ARG_DST, ROLE_OUT, &y);
    const Making making = {.what = "matrix product",
                           .op_desc = &desc,
                           .dtype = m->dtype,
                           .weights = m->weights,
                           .scale = m->scale,
                           .adds = m->adds,
                           .added = m->added ? &y : NULL};
    return finish(kernel, &making, out, err);
}

/* A primitive divides its work by the number of threads at the time when it is made. */
bool dnn_matmul_new(const DnnMatmul *m, DnnKernel **out, Err *err)
{
    ensure_started();
    int threads = omp_get_max_threads();
    if (m->one_thread) omp_set_num_threads(1);
    bool ok = matmul_new(m, out, err);
    omp_set_num_threads(threads);
    return ok;
}

/* ---- convolutions --------------------------------------------------------------------------- */

typedef struct ConvDescs {
    dnnl_memory_desc_t x, w, w_any, bias, y;
    dnnl_dims_t stride, dilation, before, after;
} ConvDescs;

static dnnl_memory_desc_t picture_desc(int64_t batch, const int64_t size[2], int64_t channels,
                                       DType dtype)
{
    const int64_t dims[] = {batch, channels, size[0], size[1]};
    const int64_t strides[] = {size[0] * size[1] * channels, 1, size[1] * channels, channels};
    return desc_of(4, dims, dtype, strides);
}

/* As oneDNN names the axes: [groups,] out, in, kh, kw; in the transpose the array has "in" first.
 */
static dnnl_memory_desc_t weights_desc(const DnnConv *c, bool transposed)
{
    int64_t area = c->kernel[0] * c->kernel[1], groups = c->groups;
    int64_t out = c->out_channels / groups, in = c->in_channels / groups;
    int64_t out_stride = transposed ? area : in * area, in_stride = transposed ? out * area : area;
    const int64_t dims[] = {groups, out, in, c->kernel[0], c->kernel[1]};
    const int64_t strides[] = {out * in * area, out_stride, in_stride, c->kernel[1], 1};
    int skip = groups == 1;
    return desc_of(5 - skip, dims + skip, c->dtype, strides + skip);
}

static ConvDescs conv_descs(const DnnConv *c, bool transposed)
{
    const int64_t one = 1;
    ConvDescs d = {
        .x = picture_desc(c->batch, c->in_size, c->in_channels, c->dtype),
        .w = weights_desc(c, transposed),
        .y = picture_desc(c->batch, c->out_size, c->out_channels, c->dtype),
        .bias = desc_of(1, &c->out_channels, DTYPE_F32, &one),
    };
    d.w_any = any_layout(&d.w);
    for (int i = 0; i < 2; i++) {
        d.stride[i] = c->stride[i];
        d.dilation[i] = c->dilation[i] - 1;
        d.before[i] = c->pad_before[i];
        d.after[i] = c->pad_after[i];
    }
    return d;
}

static DnnKernel *conv_kernel(const DnnConv *c, const ConvDescs *d)
{
    DnnKernel *kernel = mel_alloc(sizeof *kernel);
    add_arg(kernel, DNNL_ARG_SRC, ROLE_X, &d->x);
    add_arg(kernel, DNNL_ARG_WEIGHTS, ROLE_W, &d->w);
    if (c->bias) add_arg(kernel, DNNL_ARG_BIAS, ROLE_BIAS, &d->bias);
    add_arg(kernel, DNNL_ARG_DST, ROLE_OUT, &d->y);
    return kernel;
}

bool dnn_conv_new(const DnnConv *c, DnnKernel **out, Err *err)
{
    ensure_started();
    ConvDescs d = conv_descs(c, false);
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_convolution_direct, &d.x, &d.w_any,
        c->bias ? &d.bias : NULL, &d.y, d.stride, d.dilation, d.before, d.after);
    if (status != dnnl_success) return fail(err, "convolution", status);
    const Making making = {
        .what = "convolution", .op_desc = &desc, .dtype = c->dtype, .weights = c->weights};
    return finish(conv_kernel(c, &d), &making, out, err);
}

bool dnn_conv_transpose_new(const DnnConv *c, DnnKernel **out, Err *err)
{
    ensure_started();
    ConvDescs d = conv_descs(c, true);
    dnnl_deconvolution_desc_t desc;
    dnnl_status_t status = dnnl_dilated_deconvolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_deconvolution_direct, &d.x, &d.w_any,
        c->bias ? &d.bias : NULL, &d.y, d.stride, d.dilation, d.before, d.after);
    if (status != dnnl_success) return fail(err, "transposed convolution", status);
    const Making making = {.what = "transposed convolution",
                           .op_desc = &desc,
                           .dtype = c->dtype,
                           .weights = c->weights};
    return finish(conv_kernel(c, &d), &making, out, err);
}

bool dnn_conv_weights_new(const DnnConv *c, DnnKernel **out, Err *err)
{
    ensure_started();
    ConvDescs d = conv_descs(c, false);
    dnnl_convolution_desc_t forward, desc;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &forward, dnnl_forward_training, dnnl_convolution_direct, &d.x, &d.w_any, NULL, &d.y,
        d.stride, d.dilation, d.before, d.after);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL);
    if (status == dnnl_success)
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &desc, dnnl_convolution_direct, &d.x, &d.w_any, NULL, &d.y, d.stride, d.dilation,
            d.before, d.after);
    if (status != dnnl_success) {
        if (hint) dnnl_primitive_desc_destroy(hint);
        return fail(err, "convolution's gradient", status);
    }
    DnnKernel *kernel = mel_alloc(sizeof *kernel);
    add_arg(kernel, DNNL_ARG_SRC, ROLE_X, &d.x);
    add_arg(kernel, DNNL_ARG_DIFF_DST, ROLE_W, &d.y);
    add_arg(kernel, DNNL_ARG_DIFF_WEIGHTS, ROLE_OUT, &d.w);
    const Making making = {
        .what = "convolution's gradient", .op_desc = &desc, .hint = hint, .dtype = c->dtype};
    bool ok = finish(kernel, &making, out, err);
    dnnl_primitive_desc_destroy(hint);
    return ok;
}
