/* SPDX-License-Identifier: Apache-2.0
 *
 * A little world of videos whose every factor is known: OUT/media/, OUT/list.csv,
 * OUT/annotations.jsonl and OUT/truth.json. The same options give the same list and truth anywhere
 * and the same media files on the same machine. */
#ifndef MEL_WORLD_WORLD_H
#define MEL_WORLD_WORLD_H

#include "tests/world/plan.h"

typedef struct WorldSummary {
    int sources, faulty, clips;
    int64_t bytes; /* of the media */
} WorldSummary;

/* Makes the world in the folder `out`, which must be new or empty, with `jobs` threads. The text
 * files come last: where there is a truth.json, the world is whole. */
MEL_MUST_CHECK bool mel_world_make(const WorldOptions *options, const char *out, int jobs,
                                   const Progress *progress, WorldSummary *summary_out, Err *err);

#endif
