/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/tap.h"

#include <math.h>
#include <string.h>

double tap_tempo(TapTempo *tap, int64_t now_us)
{
    if (tap->count && now_us - tap->at_us[tap->count - 1] > TAP_PAUSE_US) tap->count = 0;
    if (tap->count == TAPS_MAX) {
        memmove(tap->at_us, tap->at_us + 1, (TAPS_MAX - 1) * sizeof *tap->at_us);
        tap->count--;
    }
    tap->at_us[tap->count++] = now_us;
    if (tap->count < 3) return NAN;
    double n = tap->count, mean = (n - 1) / 2, over = 0, under = 0;
    for (int i = 0; i < tap->count; i++) {
        over += (i - mean) * (double)(tap->at_us[i] - tap->at_us[0]);
        under += (i - mean) * (i - mean);
    }
    return over > 0 ? 60e6 * under / over : NAN;
}

double tap_fold(double bpm, TapFold fold)
{
    double folded = fold == TAP_DOUBLE ? bpm * 2 : bpm / 2;
    return folded >= TAP_BPM_MIN && folded <= TAP_BPM_MAX ? folded : NAN;
}
