/* SPDX-License-Identifier: Apache-2.0
 *
 * Generated sounds beside the real ones, by the networks of audioldm_eval. */
#ifndef MEL_CLI_EVALUATE_RUN_H
#define MEL_CLI_EVALUATE_RUN_H

#include "cli/selection.h"
#include "engine/engine.h"

/* Sounds by name: a file's path below its folder without the extension, or a clip's id with '_' for
 * ':'. */
typedef struct NamedSound {
    const char *name, *path;
} NamedSound;

typedef struct SoundSet {
    Arena arena;
    NamedSound *items; /* by name */
    int64_t count;
    size_t capacity;
} SoundSet;

/* WAV and FLAC below a folder. ERR_NOT_FOUND when there are none. */
MEL_MUST_CHECK bool cli_sounds_in(const char *folder, SoundSet *out, Err *err);
char *cli_sound_name(const char *clip); /* yours to free */
void cli_sounds_of(const Selection *selection, SoundSet *out);
void cli_sounds_clear(SoundSet *set); /* {0} is fine */
const NamedSound *cli_sound_find(const SoundSet *set, const char *name);

/* What a judge makes of a set. */
typedef struct Judged {
    const SoundSet *set;
    float *features, *logits; /* [rows, width] of all sounds; [count, classes] */
    bool *heard;              /* by sound: it could be read */
    int64_t rows;
    size_t capacity;
} Judged;

/* peak: that every sound is scaled to; 0: as it is. */
MEL_MUST_CHECK bool cli_judge(Judge *judge, const SoundSet *set, double peak,
                              const Progress *progress, Judged *out, int64_t *failed, Err *err);
void cli_judged_clear(Judged *judged); /* {0} is fine */

/* NAN for what cannot be computed. */
typedef struct Evaluation {
    double fad, fd, kl, kl_sigmoid, inception, inception_deviation, imsm;
    int64_t samples, references, pairs, failed;
} Evaluation;

/* vggish or cnn14 may be NULL: their numbers are NAN then. peak: as of cli_judge. */
MEL_MUST_CHECK bool cli_evaluate(Judge *vggish, Judge *cnn14, const SoundSet *samples,
                                 const SoundSet *references, double peak, const Progress *progress,
                                 Evaluation *out, Err *err);

#endif
