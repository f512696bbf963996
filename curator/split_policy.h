/* SPDX-License-Identifier: Apache-2.0
 *
 * Between split.c (the run), split_policy.c (what was asked, and what the store holds) and
 * split_report.c. */
#ifndef MEL_CURATOR_SPLIT_POLICY_H
#define MEL_CURATOR_SPLIT_POLICY_H

#include "curator/split.h"
#include "curator/split_graph.h"

/* All that a split was made with. Stored in the columns seed, sides_json, condition and stratify;
 * the last one carries the limits behind the columns: "genre; holdout-eval; per-source 3". */
typedef struct SplitPolicy {
    const char *seed, *condition, *columns;
    SplitSides sides;
    bool holdout_eval;
    int64_t per_source_max, per_channel_max;
} SplitPolicy;

/* What `options` asks for, with the defaults. */
MEL_MUST_CHECK bool mel_policy_from_options(const SplitRunOptions *options, Arena *arena,
                                            SplitPolicy *out, Err *err);

/* The row to store. */
MEL_MUST_CHECK bool mel_policy_to_row(const SplitPolicy *policy, const char *name, Arena *arena,
                                      SplitRow *row, Err *err);
MEL_MUST_CHECK bool mel_policy_from_row(const SplitRow *row, Arena *arena, SplitPolicy *out,
                                        Err *err);

/* ERR_EXISTS unless all that `options` gives is what `stored` holds. */
MEL_MUST_CHECK bool mel_policy_agrees(const SplitRunOptions *options, const SplitPolicy *stored,
                                      Err *err);

/* Fills in counts, strata and components from the graph, whose sides are final. */
void mel_split_report_fill(SplitRunReport *report, const SplitGraph *graph);

#endif
