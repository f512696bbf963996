/* SPDX-License-Identifier: Apache-2.0
 *
 * The dataset that the commands work on: making, copying, running, looking. */
#ifndef MEL_TESTS_CRASH_WORLD_H
#define MEL_TESTS_CRASH_WORLD_H

#include "tests/crash/crash.h"

/* Makes the little world in `folder` (list.csv, annotations.jsonl, media/), and beside it the empty
 * folder 00/ where the first dataset will be. */
MEL_MUST_CHECK bool world_make(const char *bin, const char *folder, Err *err);

/* Copies a dataset, or nothing when there is none yet; makes the folders above it. */
MEL_MUST_CHECK bool world_copy(const char *from, const char *to, Err *err);

/* Runs `mel` with the arguments (@W the world, @D the dataset, @S its first source by id), killed
 * after so long (0 = never). None of its processes may outlive it. Its report lines are kept. */
MEL_MUST_CHECK bool world_run(const char *bin, const char *world, const char *dataset,
                              const char *const *args, int64_t after_us, CrashEnd *end, Err *err);

/* What the last run reported as done is in the store. Adds the number of lines to *count. */
MEL_MUST_CHECK bool world_check_reports(const char *world, const char *dataset, int64_t *count,
                                        Err *err);

/* `mel verify` finds no error; with its findings in err otherwise. */
MEL_MUST_CHECK bool world_verify(const char *bin, const char *dataset, Err *err);
MEL_MUST_CHECK bool world_repair(const char *bin, const char *dataset, Err *err);

/* Spoils the first of the dataset's files of this name. */
MEL_MUST_CHECK bool world_damage(const char *dataset, const char *name, Err *err);

/* The public views without ids and times (and, as asked, numbers of attempts), and the
 * hash of every file below media/ and exports/. Yours. */
char *world_state(const char *dataset, bool forget_attempts, Err *err);

#endif
