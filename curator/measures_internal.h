/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the measures, one file a topic. */
#ifndef MEL_CURATOR_MEASURES_INTERNAL_H
#define MEL_CURATOR_MEASURES_INTERNAL_H

#include "curator/measures.h"

#include <stdbool.h>

enum { MEASURE_CHANNELS_MAX = 8 };

/* Interleaved samples, all finite. */
typedef struct Sound {
    const float *samples;
    size_t n; /* of each channel */
    int channels;
    int rate_hz;
} Sound;

/* Gaps in sounding music (quality_gaps.c): fills dropouts. clip_rms: of all samples. */
void mel_measure_gaps(const Sound *sound, double clip_rms, AudioMeasures *out);

/* What a spectrogram tells (quality_spectrum.c): fills bandwidth_hz, tempo_bpm, onset_rate_hz. */
void mel_measure_spectrum(const Sound *sound, AudioMeasures *out);

/* Onset strength, frame by frame, into a rate of onsets and a tempo (quality_tempo.c). */
typedef struct Rhythm {
    double onset_rate_hz;
    Pulse pulse;
} Rhythm;
Rhythm mel_find_rhythm(const float *strength, size_t frames, double frame_rate_hz);

/* Two luma planes of the same size; strides in bytes. */
typedef struct PicturePair {
    const uint8_t *a, *b;
    ptrdiff_t a_stride, b_stride;
    int width, height;
} PicturePair;

/* Whether successive pictures belong to one shot though their mean absolute difference, `change`,
 * is large: a fade, a change of light or a moving camera lies between them (quality_shots.c). */
bool mel_same_shot(const PicturePair *pair, double change);

#endif
