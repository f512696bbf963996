/* SPDX-License-Identifier: Apache-2.0
 *
 * All that is asked about generated sounds: the distances from real ones, and the purity with the
 * pictures and texts that they were made for. */
#ifndef MEL_CLI_JUDGING_H
#define MEL_CLI_JUDGING_H

#include "cli/evaluate_run.h"

/* The models' names, "none" leaves a judge out; and the peak that every sound is scaled to before
 * VGGish and Cnn14 hear it, 0: as it is. */
typedef struct Judging {
    const char *vggish, *cnn14, *picture, *music;
    double peak;
} Judging;

typedef struct Judges {
    Judging how;
    const char *dataset; /* where models are looked for, and embeddings kept; may be NULL */
    Judge *vggish, *cnn14;
    const Progress *progress;
} Judges;

MEL_MUST_CHECK bool cli_judges_open(const Judging *how, const char *dataset,
                                    const Progress *progress, Judges *out, Err *err);
void cli_judges_close(Judges *judges); /* {0} is fine */

/* matched: the triplets that the samples are named after, for their purity; NULL: no purity. It is
 * changed: of each the sample becomes the sound. */
MEL_MUST_CHECK bool cli_judge_samples(const Judges *judges, const SoundSet *samples,
                                      const SoundSet *references, Selection *matched,
                                      Evaluation *out, Err *err);

/* {"samples":…, "fad":…, …, "imsm":…}; yours */
json_t *cli_evaluation_json(const Evaluation *evaluation);
void cli_evaluation_read(const json_t *object, Evaluation *out);

#endif
