/* SPDX-License-Identifier: Apache-2.0
 *
 * A tempo out of taps: the slope of a straight line through the last taps' times, so that one late
 * tap matters little. */
#ifndef MEL_ANNOTATOR_TAP_H
#define MEL_ANNOTATOR_TAP_H

#include <stdint.h>

enum { TAPS_MAX = 16, TAP_PAUSE_US = 2500000, TAP_BPM_MIN = 30, TAP_BPM_MAX = 300 };

typedef struct TapTempo {
    int64_t at_us[TAPS_MAX];
    int count;
} TapTempo;

/* Beats a minute after another tap, NAN before the third; a pause begins anew. */
double tap_tempo(TapTempo *tap, int64_t now_us);

/* The same music is felt at twice the pulse too, or at half of it: the tempo an octave away; NAN
 * where that is not between TAP_BPM_MIN and TAP_BPM_MAX, or there is none. */
typedef enum TapFold { TAP_HALVE, TAP_DOUBLE } TapFold;
double tap_fold(double bpm, TapFold fold);

#endif
