/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside vocoder: from mel energies back to the magnitudes of a spectrum. */
#ifndef MEL_ENGINE_MEL_INVERSE_H
#define MEL_ENGINE_MEL_INVERSE_H

#include "engine/front/mel.h"

/* log_mel [frames, settings->bins] → magnitudes [frames, fft/2 + 1], none below 0, whose mel
 * energies are nearest by Kullback and Leibler's divergence, and 0 where no mel bin looks. */
void mel_inverse(const MelSettings *settings, const float *log_mel, int64_t frames,
                 float *magnitudes);

#endif
