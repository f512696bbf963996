/* SPDX-License-Identifier: Apache-2.0
 *
 * Sounds at another rate. */
#ifndef MEL_ENGINE_FRONT_RESAMPLE_H
#define MEL_ENGINE_FRONT_RESAMPLE_H

#include "base/base.h"

/* What torchaudio.functional.resample does by default: a sinc of six zero crossings on each side
 * under a Hann window, cut off at 0.99 of the lower rate's half; zeros outside. *out gets
 * ⌈n·to_hz/from_hz⌉ samples, yours to free(). Errors: ERR_USAGE for a rate below 1 or n below 0;
 * ERR_LIMIT and ERR_NOMEM. */
MEL_MUST_CHECK bool mel_resample(const float *in, int64_t n, int from_hz, int to_hz, float **out,
                                 int64_t *n_out, Err *err);

/* Every step-th sample, in[::step], without any filter: what audioldm_eval does to 32 and 48 kHz,
 * with 2 and 3. `out` gets ⌈n/step⌉ samples and may be `in`. Returns how many. */
int64_t mel_decimate(const float *in, int64_t n, int step, float *out);

#endif
