/* SPDX-License-Identifier: Apache-2.0
 *
 * What a world says of itself: the list that is imported, the annotations of trained listeners,
 * and the truth that no command may look at. Formats are described beside the writers. */
#ifndef MEL_WORLD_TRUTH_H
#define MEL_WORLD_TRUTH_H

#include "tests/world/plan.h"

/* list.csv: path,start_s,end_s,title,channel,license,genre,mood,tempo_bpm,caption. */
MEL_MUST_CHECK bool mel_write_list(const WorldPlan *plan, const char *path, Err *err);

/* annotations.jsonl: one object a clip in which music can be heard. */
MEL_MUST_CHECK bool mel_write_annotations(const WorldPlan *plan, const char *path, Err *err);

/* truth.json: "world" (options), "mapping" (who tells what), "sources" (all factors), "faults"
 * (every planted fault with its clips) and "row_faults" (with their lines in list.csv). */
MEL_MUST_CHECK bool mel_write_truth(const WorldPlan *plan, const char *path, Err *err);

#endif
