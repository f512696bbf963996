/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/ranks.h"

#include "trainer/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKET_FLOATS = 1 << 20 };

/* Small variables travel together: a ring over each of them would wait more than it sends. */
struct RankSums {
    Collective *collective;
    Variables *variables;
    int *packed; /* numbers of the variables in the bucket */
    int packed_count;
    float *bucket;
    int64_t held, capacity; /* floats */
};

static int64_t count_of(const RankSums *sums, int i)
{
    return mel_shape_count(mel_variables_shape(sums->variables, i));
}

/* ---- sums ----------------------------------------------------------------------------------- */

static bool goes_alone(const RankSums *sums, int i)
{
    return count_of(sums, i) >= BUCKET_FLOATS && mel_variables_host(sums->variables, i);
}

bool rank_sums_new(Collective *collective, Variables *variables, RankSums **out, Err *err)
{
    RankSums *sums = mel_alloc(sizeof *sums);
    *sums = (RankSums){.collective = collective, .variables = variables, .capacity = BUCKET_FLOATS};
    int count = mel_variables_count(variables);
    for (int i = 0; i < count; i++)
        if (!goes_alone(sums, i) && count_of(sums, i) > sums->capacity)
            sums->capacity = count_of(sums, i);
    sums->packed = mel_alloc((size_t)count * sizeof *sums->packed + 1);
    sums->bucket = mel_try_alloc((size_t)sums->capacity, sizeof *sums->bucket, SIZE_MAX,
                                 "the ranks' sums", err);
    if (sums->bucket) {
        *out = sums;
        return true;
    }
    rank_sums_free(sums);
    return false;
}

void rank_sums_free(RankSums *sums)
{
    if (!sums) return;
    free(sums->packed);
    free(sums->bucket);
    free(sums);
}

static bool sum_values(RankSums *sums, float *values, int64_t count, float scale, double *squares,
                       Err *err)
{
    if (!collective_sum(sums->collective, values, count, err)) return false;
    for (int64_t k = 0; k < count && scale != 1; k++)
        values[k] *= scale;
    for (int64_t k = 0; k < count && squares; k++)
        *squares += (double)values[k] * (double)values[k];
    return true;
}

static bool empty_bucket(RankSums *sums, float scale, double *squares, Err *err)
{
    const float *at = sums->bucket;
    if (sums->packed_count == 0) return true;
    if (!sum_values(sums, sums->bucket, sums->held, scale, squares, err)) return false;
    for (int i = 0; i < sums->packed_count; i++) {
        if (!mel_variables_write(sums->variables, sums->packed[i], at, err)) return false;
        at += count_of(sums, sums->packed[i]);
    }
    sums->packed_count = 0;
    sums->held = 0;
    return true;
}

bool rank_sums_run(RankSums *sums, const int *which, int count, float scale, double *squares,
                   Err *err)
{
    double total = 0, *into = squares ? &total : NULL;
    for (int i = 0; i < count; i++) {
        int64_t n = count_of(sums, which[i]);
        if (goes_alone(sums, which[i])) {
            float *values = mel_variables_host(sums->variables, which[i]);
            if (!sum_values(sums, values, n, scale, into, err)) return false;
            continue;
        }
        if (sums->held + n > sums->capacity && !empty_bucket(sums, scale, into, err)) return false;
        if (!mel_variables_read(sums->variables, which[i], sums->bucket + sums->held, err))
            return false;
        sums->packed[sums->packed_count++] = which[i];
        sums->held += n;
    }
    if (!empty_bucket(sums, scale, into, err)) return false;
    if (squares) *squares = total;
    return true;
}

/* ---- agreement ------------------------------------------------------------------------------ */

/* The first rank whose flag is set at any rank, or -1. Each sets its own place only. */
static bool first_flagged(Collective *c, bool flag, int *rank, Err *err)
{
    int size = mel_collective_size(c);
    float *flags = mel_alloc((size_t)size * sizeof *flags);
    flags[mel_collective_rank(c)] = flag ? 1 : 0;
    bool ok = collective_sum(c, flags, size, err);
    *rank = -1;
    for (int i = size - 1; i >= 0 && ok; i--)
        if (flags[i] > 0) *rank = i;
    free(flags);
    return ok;
}

bool ranks_agree(Collective *collective, const char *text, const char *what, Err *err)
{
    char own[SHA256_HEX_SIZE], first[SHA256_HEX_SIZE];
    int rank;
    if (!collective) return true;
    mel_sha256_hex(text, strlen(text), own);
    memcpy(first, own, sizeof first);
    if (!collective_broadcast(collective, first, sizeof first, err) ||
        !first_flagged(collective, memcmp(own, first, sizeof own) != 0, &rank, err))
        return false;
    return rank < 0 || mel_err(err, ERR_FORMAT, "rank %d has %s than rank 0", rank, what);
}

bool ranks_agree_on_variables(Collective *collective, const Variables *variables, Err *err)
{
    char hex[SHA256_HEX_SIZE];
    return !collective || (checkpoint_hash(variables, hex, err) &&
                           ranks_agree(collective, hex, "other weights", err));
}
