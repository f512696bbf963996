/* SPDX-License-Identifier: Apache-2.0
 *
 * product.h by cuBLASLt, which counts rows down columns: a matrix of rows is its transpose to it,
 * so c' = op(b)'·op(a)' is asked for, with b as the first operand. */
#include "engine/cuda/product.h"

#include "engine/cuda/kernel.h"
#include "engine/cuda/shared_library.h"

#include <algorithm>
#include <cublasLt.h>

#define CALLS(X)                                                                                   \
    X(cublasLtCreate)                                                                              \
    X(cublasLtGetStatusString)                                                                     \
    X(cublasLtMatmulDescCreate)                                                                    \
    X(cublasLtMatmulDescDestroy)                                                                   \
    X(cublasLtMatmulDescSetAttribute)                                                              \
    X(cublasLtMatrixLayoutCreate)                                                                  \
    X(cublasLtMatrixLayoutDestroy)                                                                 \
    X(cublasLtMatrixLayoutSetAttribute)                                                            \
    X(cublasLtMatmulPreferenceCreate)                                                              \
    X(cublasLtMatmulPreferenceDestroy)                                                             \
    X(cublasLtMatmulPreferenceSetAttribute)                                                        \
    X(cublasLtMatmulAlgoGetHeuristic)                                                              \
    X(cublasLtMatmul)

/* The library as it was found: its functions by their own names, and why it cannot be used. */
struct Lt {
#define POINTER(name) decltype(&::name) name;
    CALLS(POINTER)
    cublasLtHandle_t handle;
    bool usable;
    Err err;
};

constexpr uint64_t WORKSPACE_BYTES = 32 << 20;
constexpr uintptr_t WORKSPACE_ALIGNMENT = 256;
constexpr int PROPOSALS = 8;

static bool good(const Lt &lt, cublasStatus_t status, const char *call, Err *err)
{
    return status == CUBLAS_STATUS_SUCCESS ||
           mel_err(err, ERR_DEVICE, "%s: %s", call, lt.cublasLtGetStatusString(status));
}

/* TRY(function, arguments…) in functions that have lt and err. */
#define TRY(name, ...) good(lt, lt.name(__VA_ARGS__), #name, err)

static Lt open_library(void)
{
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12", NULL};
    Lt lt = {};
    Err *err = &lt.err;
#define SYMBOL(name) {#name, (void **)&lt.name},
    const Symbol symbols[] = {CALLS(SYMBOL)};
    lt.usable = shared_library_open("cuBLASLt", names, symbols, MEL_COUNT(symbols), err) &&
                TRY(cublasLtCreate, &lt.handle);
    return lt;
}

/* Opened once in the process, by whoever comes first. */
static const Lt &library(void)
{
    static const Lt lt = open_library();
    return lt;
}

/* An algorithm, for operands that begin at multiples of 16 bytes or anywhere. */
struct Algorithm {
    bool found;
    cublasLtMatmulAlgo_t algo;
};

struct ProductPlan {
    Product product;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c; /* as product.h has them; b is cuBLASLt's first */
    Algorithm aligned, anywhere;
    size_t workspace_bytes;
};

static cudaDataType_t type_of(DType dtype)
{
    return dtype == DTYPE_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* ---- what is asked for ---------------------------------------------------------------------- */

/* `rows` of `columns`, `step` apart, as they lie in memory. */
static bool make_layout(const Lt &lt, DType dtype, int64_t rows, int64_t columns, int64_t step,
                        int64_t batch, int64_t distance, cublasLtMatrixLayout_t *out, Err *err)
{
    const int32_t count = (int32_t)batch;
    if (batch > INT32_MAX) return mel_err(err, ERR_USAGE, "too many matrices in one batch");
    return TRY(cublasLtMatrixLayoutCreate, out, type_of(dtype), (uint64_t)columns, (uint64_t)rows,
               step) &&
           TRY(cublasLtMatrixLayoutSetAttribute, *out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
               sizeof count) &&
           TRY(cublasLtMatrixLayoutSetAttribute, *out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
               &distance, sizeof distance);
}

static bool make_layouts(const Lt &lt, ProductPlan *plan, Err *err)
{
    const Product *p = &plan->product;
    const bool ta = p->transpose_a, tb = p->transpose_b;
    return make_layout(lt, p->dtype, ta ? p->k : p->m, ta ? p->m : p->k, p->a_step, p->batch,
                       p->a_batch, &plan->a, err) &&
           make_layout(lt, p->dtype, tb ? p->n : p->k, tb ? p->k : p->n, p->b_step, p->batch,
                       p->b_batch, &plan->b, err) &&
           make_layout(lt, p->c_dtype, p->m, p->n, p->c_step, p->batch, p->c_batch, &plan->c, err);
}

static bool set_bias(const Lt &lt, const ProductPlan *plan, const void *bias, Err *err)
{
    return TRY(cublasLtMatmulDescSetAttribute, plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
               sizeof bias);
}

static bool make_desc(const Lt &lt, ProductPlan *plan, Err *err)
{
    const Product *p = &plan->product;
    const int32_t first = p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int32_t second = p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const uint32_t epilogue = p->bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    return TRY(cublasLtMatmulDescCreate, &plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) &&
           TRY(cublasLtMatmulDescSetAttribute, plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &first,
               sizeof first) &&
           TRY(cublasLtMatmulDescSetAttribute, plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, &second,
               sizeof second) &&
           TRY(cublasLtMatmulDescSetAttribute, plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
               sizeof epilogue);
}

/* ---- how it is done ------------------------------------------------------------------------- */

/* Bytes of which every matrix of a batch begins at a multiple. */
static uint32_t alignment(bool aligned, DType dtype, int64_t distance)
{
    const int64_t size = (int64_t)mel_dtype_size(dtype);
    return aligned && distance * size % 16 == 0 ? 16 : (uint32_t)size;
}

static bool set_limit(const Lt &lt, cublasLtMatmulPreference_t preference,
                      cublasLtMatmulPreferenceAttributes_t attribute, uint32_t limit, Err *err)
{
    return TRY(cublasLtMatmulPreferenceSetAttribute, preference, attribute, &limit, sizeof limit);
}

/* Sums that are cut along k are kept as float, and added in a fixed order. */
static bool set_limits(const Lt &lt, const Product *p, bool aligned,
                       cublasLtMatmulPreference_t preference, Err *err)
{
    const uint32_t a = alignment(aligned, p->dtype, p->a_batch);
    const uint32_t b = alignment(aligned, p->dtype, p->b_batch);
    const uint32_t c = alignment(aligned, p->c_dtype, p->c_batch);
    const uint64_t bytes = WORKSPACE_BYTES;
    return TRY(cublasLtMatmulPreferenceSetAttribute, preference,
               CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes) &&
           set_limit(lt, preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                     CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, err) &&
           set_limit(lt, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b, err) &&
           set_limit(lt, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a, err) &&
           set_limit(lt, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c, err) &&
           set_limit(lt, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c, err);
}

/* The heuristic's first proposal that works; none is no error yet. */
static bool propose(const Lt &lt, ProductPlan *plan, cublasLtMatmulPreference_t preference,
                    Algorithm *out, Err *err)
{
    cublasLtMatmulHeuristicResult_t results[PROPOSALS] = {};
    int count = 0;
    const cublasStatus_t status =
        lt.cublasLtMatmulAlgoGetHeuristic(lt.handle, plan->desc, plan->b, plan->a, plan->c, plan->c,
                                          preference, PROPOSALS, results, &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return true;
    if (!good(lt, status, "cublasLtMatmulAlgoGetHeuristic", err)) return false;
    for (int i = 0; i < count && !out->found; i++) {
        if (results[i].state != CUBLAS_STATUS_SUCCESS) continue;
        *out = Algorithm{true, results[i].algo};
        plan->workspace_bytes = std::max(plan->workspace_bytes, results[i].workspaceSize);
    }
    return true;
}

static bool choose(const Lt &lt, ProductPlan *plan, bool aligned, Algorithm *out, Err *err)
{
    cublasLtMatmulPreference_t preference = NULL;
    /* stands for the biases to come: only how it is aligned is looked at */
    const void *bias = (const void *)(aligned ? 16 : mel_dtype_size(plan->product.c_dtype));
    if (plan->product.bias && !set_bias(lt, plan, bias, err)) return false;
    if (!TRY(cublasLtMatmulPreferenceCreate, &preference)) return false;
    const bool ok = set_limits(lt, &plan->product, aligned, preference, err) &&
                    propose(lt, plan, preference, out, err);
    (void)lt.cublasLtMatmulPreferenceDestroy(preference);
    return ok;
}

/* ---- product.h ------------------------------------------------------------------------------ */

static bool is_empty(const Product *p)
{
    return p->m == 0 || p->n == 0;
}

static bool make_plan(const Lt &lt, ProductPlan *plan, Err *err)
{
    const Product *p = &plan->product;
    if (is_empty(p)) return true;
    if (p->k == 0) return mel_err(err, ERR_USAGE, "a product of matrices without inner size");
    if (!make_desc(lt, plan, err) || !make_layouts(lt, plan, err) ||
        !choose(lt, plan, true, &plan->aligned, err) ||
        !choose(lt, plan, false, &plan->anywhere, err))
        return false;
    return plan->aligned.found || plan->anywhere.found ||
           mel_err(err, ERR_DEVICE, "cuBLASLt has no way to multiply [%lld, %lld] by [%lld, %lld]",
                   (long long)p->m, (long long)p->k, (long long)p->k, (long long)p->n);
}

bool product_new(const Product *product, ProductPlan **out, Err *err)
{
    const Lt &lt = library();
    if (!lt.usable) {
        *err = lt.err;
        return false;
    }
    ProductPlan *plan = (ProductPlan *)mel_alloc(sizeof *plan);
    plan->product = *product;
    if (plan->product.batch == 0) plan->product.batch = 1;
    if (!make_plan(lt, plan, err)) {
        product_free(plan);
        return false;
    }
    *out = plan;
    return true;
}

void product_free(ProductPlan *plan)
{
    if (!plan) return;
    const Lt &lt = library();
    if (plan->a) (void)lt.cublasLtMatrixLayoutDestroy(plan->a);
    if (plan->b) (void)lt.cublasLtMatrixLayoutDestroy(plan->b);
    if (plan->c) (void)lt.cublasLtMatrixLayoutDestroy(plan->c);
    if (plan->desc) (void)lt.cublasLtMatmulDescDestroy(plan->desc);
    free(plan);
}

int64_t product_scratch_bytes(const ProductPlan *plan)
{
    return (int64_t)(plan->workspace_bytes + WORKSPACE_ALIGNMENT);
}

bool product_run(const ProductPlan *plan, Stream *stream, const ProductArrays *arrays,
                 void *scratch, Err *err)
{
    const Lt &lt = library();
    const Product *p = &plan->product;
    const void *bias = arrays->bias, *d = arrays->d ? arrays->d : arrays->c;
    if (p->bias != (bias != NULL)) return mel_err(err, ERR_USAGE, "bias: asked for, not given");
    if (is_empty(p)) return true;
    const bool aligned = all_aligned(arrays->a, arrays->b, bias, d, arrays->c);
    const Algorithm *way = aligned && plan->aligned.found ? &plan->aligned : &plan->anywhere;
    if (!way->found)
        return mel_err(err, ERR_DEVICE, "cuBLASLt has no way to multiply where these arrays begin");
    const uintptr_t at =
        ((uintptr_t)scratch + WORKSPACE_ALIGNMENT - 1) & ~(WORKSPACE_ALIGNMENT - 1);
    return (!bias || set_bias(lt, plan, bias, err)) &&
           TRY(cublasLtMatmul, lt.handle, plan->desc, &p->alpha, arrays->b, plan->b, arrays->a,
               plan->a, &p->beta, d, plan->c, arrays->c, plan->c, &way->algo, (void *)at,
               plan->workspace_bytes, (cudaStream_t)stream);
}
