/* SPDX-License-Identifier: Apache-2.0
 *
 * The three scores of a triplet: clip, the cosine of picture and text; clap, that of sound and
 * text; imsm, its purity. */
#ifndef MEL_CLI_SCORE_RUN_H
#define MEL_CLI_SCORE_RUN_H

#include "cli/selection.h"
#include "engine/engine.h"

typedef enum ScoreKind { SCORE_CLIP, SCORE_CLAP, SCORE_IMSM } ScoreKind;

typedef struct ScoreJob {
    ScoreKind kind;
    const char *picture_name, *music_name; /* of the models */
    Towers *picture, *music;               /* NULL where the score needs none */
    EmbeddingCache *cache;                 /* NULL: none */
    const Progress *progress;
    bool compat;                   /* imsm: the released script's further softmax */
    int64_t computed, failed, cut; /* out, see embed.h */
} ScoreJob;

/* Opens the models that the kind needs. dataset: where models are looked for; may be NULL. */
MEL_MUST_CHECK bool cli_score_open(ScoreJob *job, const char *dataset, DType type, Err *err);
void cli_score_close(ScoreJob *job);

/* The texts' tower of its music model: its own, or, of a sound tower, CLIP's. */
Towers *cli_score_music_texts(const ScoreJob *job);

/* values[i] of triplet i; NAN for one that cannot be read. bank: whose texts purity is computed
 * against; NULL for those of the selection. */
MEL_MUST_CHECK bool cli_score(ScoreJob *job, const Selection *selection, const Selection *bank,
                              double *values, Err *err);

#endif
