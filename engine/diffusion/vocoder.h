/* SPDX-License-Identifier: Apache-2.0
 *
 * From a log-mel spectrogram (front/mel.h, MEL_FRONT_AUDIOLDM) back to sound. */
#ifndef MEL_ENGINE_VOCODER_H
#define MEL_ENGINE_VOCODER_H

#include "engine/tensor.h"

typedef struct Vocoder Vocoder;

/* folder/vocoder, a HiFi-GAN; without that folder Griffin and Lim's algorithm, the vocoder of last
 * resort. frames: of the spectrograms. */
MEL_MUST_CHECK bool mel_vocoder_open(const char *folder, int64_t frames, DType float_type,
                                     Vocoder **out, Err *err);
void mel_vocoder_close(Vocoder *vocoder); /* NULL is fine */
const char *mel_vocoder_name(const Vocoder *vocoder);
const char *mel_vocoder_sha256(const Vocoder *vocoder); /* "" without weights */
int64_t mel_vocoder_samples(const Vocoder *vocoder);    /* at 16 kHz, of one spectrogram */

/* log_mel [frames, bins] → samples in -1 … 1. */
MEL_MUST_CHECK bool mel_vocoder_run(Vocoder *vocoder, const float *log_mel, float *samples,
                                    Err *err);

/* Griffin and Lim's algorithm alone, with the momentum of Perraudin et al., "A fast Griffin-Lim
 * algorithm", 2013; magnitudes by mel_inverse(). samples: frames·hop. */
void mel_griffin_lim(const float *log_mel, int64_t frames, int iterations, float *samples);

#endif
