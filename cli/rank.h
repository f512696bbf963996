/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of several generated sounds fits best: by CLAP, the cosine of sound and text, or by IMSM,
 * the probability that picture and sound mean the same one of a bank of texts. */
#ifndef MEL_CLI_RANK_H
#define MEL_CLI_RANK_H

#include "cli/score_run.h"

typedef struct Ranker Ranker;

typedef struct RankSettings {
    ScoreKind by;                            /* SCORE_CLAP or SCORE_IMSM */
    const char *music_model, *picture_model; /* names, as 'mel score' takes them */
    const char *const *bank;                 /* texts; IMSM wants two or more */
    int64_t bank_count;
    DType float_type;
} RankSettings;

MEL_MUST_CHECK bool cli_ranker_open(const RankSettings *settings, Ranker **out, Err *err);
void cli_ranker_close(Ranker *ranker); /* NULL is fine */

/* One picture and text, `count` sounds of n samples each at rate_hz; scores [count]: higher is
 * better. ERR_USAGE without the text that CLAP compares with, or the picture that IMSM does. */
typedef struct RankQuestion {
    const char *text, *image; /* the image's path */
    const float *sounds;      /* [count, n] */
    int64_t count, n;
    int rate_hz;
} RankQuestion;

MEL_MUST_CHECK bool cli_rank(Ranker *ranker, const RankQuestion *question, double *scores,
                             Err *err);

#endif
