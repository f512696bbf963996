/* SPDX-License-Identifier: Apache-2.0
 *
 * How loud a sound is. */
#ifndef MEL_ENGINE_FRONT_LEVEL_H
#define MEL_ENGINE_FRONT_LEVEL_H

#include "base/base.h"

/* x in place, so that its largest absolute number is `peak`; silence stays as it is. */
void mel_scale_to_peak(float *x, int64_t n, float peak);

#endif
