/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/front/level.h"

#include <math.h>

void mel_scale_to_peak(float *x, int64_t n, float peak)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(x[i]));
    for (int64_t i = 0; i < n && most > 0; i++)
        x[i] *= peak / most;
}
