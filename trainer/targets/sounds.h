/* SPDX-License-Identifier: Apache-2.0
 *
 * Stretches of the shards' sounds, as a network's front end wants them. */
#ifndef MEL_TRAINER_SOUNDS_H
#define MEL_TRAINER_SOUNDS_H

#include "trainer/target.h"

enum { SOUND_SECONDS = 10 };

typedef struct Sounds {
    int array;      /* "wave" of the shards */
    double seconds; /* heard at once; where they begin is drawn anew each time */
    double peak;    /* every whole sound is made as loud as this; 0: it is left as it is */
    bool mixup;     /* in training each is mixed with the batch's next one (Zhang et al., 2018) */
    const MelSettings *front;
    int64_t samples;      /* of a stretch, at the front end's rate */
    float *whole, *batch; /* one stored sound; [B, samples] */
    float *shares;        /* [B], of the last batch: how much of each is its own; 1 unless mixed */
} Sounds;

/* With front and seconds set. */
MEL_MUST_CHECK bool sounds_open(Sounds *sounds, const Shards *shards, int64_t batch, Err *err);
void sounds_close(Sounds *sounds); /* {0} is fine */

/* The input "wave" [B, samples]; its log-mel spectrogram [B, T, bins], in the graph's type. */
Node *sounds_wave(const Sounds *sounds, Graph *graph, int batch);
Node *sounds_log_mel(const Sounds *sounds, Graph *graph, int batch);
MEL_MUST_CHECK bool sounds_fill(Sounds *sounds, Plan *plan, const TrainBatch *batch, Err *err);

/* Mono sounds, `stride` numbers apart, of the batch's first items: <clip>-<what>.wav at 16 kHz, ':'
 * in the clip's id as '_'. */
enum { SOUNDS_KEPT = 4 };
MEL_MUST_CHECK bool sounds_save(const TrainBatch *batch, const char *what, const float *sounds,
                                int64_t samples, int64_t stride, const char *folder, Err *err);

/* Log-mel spectrograms [frames, 64] made into sounds by the model's vocoder, and kept so. */
MEL_MUST_CHECK bool sounds_save_mels(const TrainBatch *batch, const char *what, const float *mels,
                                     int64_t frames, const char *model, const char *folder,
                                     Err *err);

/* Latents of the model's autoencoder, likewise. */
MEL_MUST_CHECK bool sounds_save_latents(const TrainBatch *batch, const char *what,
                                        const float *latents, const char *model, const char *folder,
                                        Err *err);

#endif
