/* SPDX-License-Identifier: Apache-2.0
 *
 * The networks that generated sounds are judged by: what audioldm_eval, behind the tables of TANGO
 * and MeLFusion, takes from Cnn14 (a feature and the logits of classes for a sound: FD, KL, IS) and
 * from VGGish (features of every 0.96 s: FAD), with its ways of loading a sound. */
#ifndef MEL_ENGINE_JUDGES_H
#define MEL_ENGINE_JUDGES_H

#include "base/base.h"

typedef struct Judge Judge;

/* A folder with config.json (melkit_cnn14 or melkit_vggish) and the published weights, whatever
 * the file is called. */
MEL_MUST_CHECK bool mel_judge_open(const char *folder, Judge **out, Err *err);
void mel_judge_close(Judge *judge); /* NULL is fine */

typedef struct JudgeInfo {
    const char *kind; /* "cnn14", "vggish" */
    int rate_hz;
    int64_t width, classes; /* of a feature; of the logits, 0 for VGGish */
    char sha256[SHA256_HEX_SIZE];
} JudgeInfo;
const JudgeInfo *mel_judge_info(const Judge *judge);

/* Interleaved samples as audioldm_eval hears them: for Cnn14 the first channel without its mean,
 * for VGGish the mean of the channels, rounded to 16 bits; twice or three times the rate is
 * decimated without a filter, other rates are resampled (as torchaudio does; audioldm_eval takes
 * resampy for VGGish); Cnn14 gets silence up to two seconds. *out is yours to free(). */
MEL_MUST_CHECK bool mel_judge_prepare(const Judge *judge, const float *samples, int64_t frames,
                                      int channels, int rate_hz, float **out, int64_t *n, Err *err);

/* How many features a prepared sound of n samples gives: 1, or VGGish's whole patches. */
int64_t mel_judge_rows(const Judge *judge, int64_t n);

/* A prepared sound → features [rows, width] and, of Cnn14, logits [classes] (may be NULL). Sounds
 * of one length after each other are fastest: each new length is planned anew. */
MEL_MUST_CHECK bool mel_judge_sound(Judge *judge, const float *sound, int64_t n, float *features,
                                    float *logits, Err *err);

#endif
