/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/ranks.h"

#include "trainer/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_FLOATS = 1 << 20 };

struct RankSums {
    Collective *collective;
    Variables *variables;
    float *piece; /* PIECE_FLOATS of a variable that is not in the host's memory */
};

/* ---- sums ----------------------------------------------------------------------------------- */

RankSums *rank_sums_new(Collective *collective, Variables *variables)
{
    RankSums *sums = mel_alloc(sizeof *sums);
    *sums = (RankSums){.collective = collective, .variables = variables};
    sums->piece = mel_alloc(PIECE_FLOATS * sizeof *sums->piece);
    return sums;
}

void rank_sums_free(RankSums *sums)
{
    if (!sums) return;
    free(sums->piece);
    free(sums);
}

bool rank_sums_run(RankSums *sums, VariableSpan span, float scale, Err *err)
{
    float *host = mel_variables_host(sums->variables, span.variable);
    const int64_t end = span.begin + span.count;
    for (VariableSpan piece = span; piece.begin < end; piece.begin += PIECE_FLOATS) {
        int64_t left = end - piece.begin;
        piece.count = left < PIECE_FLOATS ? left : PIECE_FLOATS;
        float *values = host ? host + piece.begin : sums->piece;
        if (!host && !mel_variables_read_part(sums->variables, piece, values, err)) return false;
        if (!collective_sum(sums->collective, values, piece.count, err)) return false;
        for (int64_t k = 0; k < piece.count && scale != 1; k++)
            values[k] *= scale;
        if (!host && !mel_variables_write_part(sums->variables, piece, values, err)) return false;
    }
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

bool ranks_all_say(Collective *collective, bool own, bool *all, Err *err)
{
    int rank;
    if (!first_flagged(collective, !own, &rank, err)) return false;
    *all = rank < 0;
    return true;
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
