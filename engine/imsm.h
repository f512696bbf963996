/* SPDX-License-Identifier: Apache-2.0
 *
 * IMSM, the purity of ⟨picture, text, music⟩ triplets (MeLFusion, CVPR 2024): with P the softmax
 * over the bank's texts of the picture-text logits, and Q that of the music-text logits, A = P·Qᵀ;
 * a triplet's purity is A_ii, a dataset's the mean of the diagonal. No matrix of triplets by texts
 * is ever stored. */
#ifndef MEL_ENGINE_IMSM_H
#define MEL_ENGINE_IMSM_H

#include "base/base.h"

/* Embeddings of length 1, row after row; the two towers of one side have one width. */
typedef struct ImsmBank {
    int64_t triplets, texts;
    int64_t picture_width, music_width;
    const float *pictures;      /* [triplets, picture_width] */
    const float *picture_texts; /* [texts, picture_width] */
    const float *music;         /* [triplets, music_width] */
    const float *music_texts;   /* [texts, music_width] */
    double picture_scale;       /* logits per cosine, e^logit_scale: about 100 for CLIP */
    double music_scale;
} ImsmBank;

/* A_ii into purity[triplets]. ERR_USAGE for an empty bank or numbers that are not finite;
 * ERR_CANCELLED when interrupted. */
MEL_MUST_CHECK bool mel_imsm(const ImsmBank *bank, double *purity, Err *err);

/* As the authors' released script has it: a further softmax of each row of A over all triplets,
 * e^A_ii / Σ_j e^A_ij. Takes triplets² · texts steps. */
MEL_MUST_CHECK bool mel_imsm_compat(const ImsmBank *bank, double *purity, Err *err);

#endif
