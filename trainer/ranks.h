/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ranks of one run share: gradients added up over all, and the proof that all hold the
 * same. Every rank makes the same calls. */
#ifndef MEL_TRAINER_RANKS_H
#define MEL_TRAINER_RANKS_H

#include "engine/engine.h"
#include "trainer/collective.h"

typedef struct RankSums RankSums;

/* For these variables, which must outlive it; with memory for some MiB of them. */
RankSums *rank_sums_new(Collective *collective, Variables *variables);
void rank_sums_free(RankSums *sums); /* NULL is fine */

/* These numbers become `scale` times their sums over all ranks, the same bits at every rank. Of a
 * flat variable in one go: a ring over each of many small ones would wait more than it sends. */
MEL_MUST_CHECK bool rank_sums_run(RankSums *sums, VariableSpan span, float scale, Err *err);

/* *all: whether every rank says so. */
MEL_MUST_CHECK bool ranks_all_say(Collective *collective, bool own, bool *all, Err *err);

/* ERR_FORMAT when a rank's text is another than rank 0's: "rank 2 has WHAT than rank 0",
 * with `what` such as "another configuration". */
MEL_MUST_CHECK bool ranks_agree(Collective *collective, const char *text, const char *what,
                                Err *err);

/* The same of all variables that a checkpoint keeps. */
MEL_MUST_CHECK bool ranks_agree_on_variables(Collective *collective, const Variables *variables,
                                             Err *err);

#endif
