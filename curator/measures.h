/* SPDX-License-Identifier: Apache-2.0
 *
 * Quality measures of one clip. They are measured in the one decode pass and stored; nothing is
 * ever dropped because of them (thresholds live in passes). Each is a plain number, NAN when it
 * cannot be said (no sound, no picture, too short), so that "not measured" is never "zero". */
#ifndef MEL_CURATOR_MEASURES_H
#define MEL_CURATOR_MEASURES_H

#include <stddef.h>
#include <stdint.h>

/* X-macro list: X(name, unit, meaning). The struct fields, the store's columns, --where names,
 * the JSON keys and the documentation all come from these two lists. */
#define MEL_AUDIO_MEASURES(X)                                                                      \
    X(silence_share, "0..1", "share of 50 ms windows below -60 dBFS RMS in every channel")         \
    X(silence_longest_s, "s", "longest run of such windows")                                       \
    X(clipped_runs, "count", "runs of 3 or more equal samples at the peak, or beyond full scale")  \
    X(clipped_share, "0..1", "share of samples inside such runs")                                  \
    X(loudness_lufs, "LUFS", "integrated loudness, EBU R128 / ITU-R BS.1770-4")                    \
    X(loudness_range_lu, "LU", "loudness range, EBU Tech 3342 (unreliable over 10 s)")             \
    X(true_peak_dbtp, "dBTP", "highest true peak of any channel, BS.1770-4 annex 2")               \
    X(bandwidth_hz, "Hz", "highest frequency whose long-term level stands above the noise floor")  \
    X(stereo_correlation, "-1..1", "correlation of left and right; NAN for mono")                  \
    X(side_level_db, "dB", "level of (L-R)/2 against (L+R)/2; below -50: mono sold as stereo")     \
    X(dc_offset, "-1..1", "largest mean of a channel")                                             \
    X(dropouts, "count", "digital-zero or frozen gaps of 2..200 ms inside sounding music")         \
    X(gap_s, "s", "sound the container promised but did not hold (filled with silence)")           \
    X(crest_db, "dB", "peak over RMS")                                                             \
    X(tempo_bpm, "BPM", "tempo estimate, 60..200 folded; a hint, not an answer")                   \
    X(onset_rate_hz, "1/s", "onsets per second")

#define MEL_PICTURE_MEASURES(X)                                                                    \
    X(black_share, "0..1", "share of frames with at least 98 % of luma below 32 of 255")           \
    X(sharpness_median, "luma^2", "median over frames of the Laplacian's variance")                \
    X(motion_mean, "0..255", "mean absolute luma difference of successive frames")                 \
    X(static_share, "0..1", "share of frame steps that change nothing visible")                    \
    X(shot_cuts, "count", "hard cuts inside the clip")                                             \
    X(brightness_mean, "0..255", "mean luma")                                                      \
    X(contrast, "0..255", "mean over frames of the luma standard deviation")                       \
    X(frame_count, "count", "pictures presented inside the span")                                  \
    X(frame_rate_hz, "Hz", "pictures per second inside the span")                                  \
    X(longest_frame_s, "s", "longest time one picture stood (variable frame rate, freezes)")

typedef struct AudioMeasures {
#define X(name, unit, meaning) double name;
    MEL_AUDIO_MEASURES(X)
#undef X
} AudioMeasures;

typedef struct PictureMeasures {
#define X(name, unit, meaning) double name;
    MEL_PICTURE_MEASURES(X)
#undef X
} PictureMeasures;

/* ---- sound: all of a clip at once ----------------------------------------------------------- */

/* Measures of interleaved samples in [-1, 1] (peaks may exceed it), n per channel. Everything but
 * gap_s, which is left NAN for the caller who knows the container. channels 1..8. */
void mel_measure_audio(const float *interleaved, size_t n, int channels, int sample_rate_hz,
                       AudioMeasures *out);

/* The levels of ITU-R BS.1770-4 and EBU Tech 3342 alone; NAN where there is none. */
typedef struct Loudness {
    double integrated_lufs, range_lu, true_peak_dbtp;
} Loudness;

/* Of interleaved finite samples, n per channel; channels 1..8. */
Loudness mel_measure_loudness(const float *interleaved, size_t n, int channels, int sample_rate_hz);

/* The pulse that tempo_bpm names, alone: from a banded spectral flux, the period at which it is
 * most like itself (autocorrelation at the period and its multiples, m-th weighted 1/m), times
 * exp(-log2(bpm / 120)^2 / 2): a log-normal preference as in Ellis 2007, "Beat Tracking by Dynamic
 * Programming". */
typedef struct Pulse {
    double bpm;     /* 60..200, often an octave off outside 70..160; NAN: none, or under 3 s */
    double clarity; /* likeness to itself one beat on, 0..1; NAN with bpm */
} Pulse;

/* Of interleaved finite samples, n per channel, the first two channels of 1..8. */
Pulse mel_measure_pulse(const float *interleaved, size_t n, int channels, int sample_rate_hz);

/* ---- picture: frame by frame, on small luma planes --------------------------------------------
 */

typedef struct PictureMeter PictureMeter;

/* Times in microseconds of the clip's own clock (0 = its start). duration_us: the clip's. */
PictureMeter *mel_picture_meter_new(int64_t duration_us);
void mel_picture_meter_free(PictureMeter *meter); /* NULL is fine */

/* What one frame is like; also what still selection needs. */
typedef struct FrameFacts {
    int64_t time_us;
    double sharpness;   /* variance of the Laplacian */
    double brightness;  /* mean luma */
    double contrast;    /* luma standard deviation */
    double black_share; /* share of luma below 32 */
    double change;      /* mean absolute difference from the frame before; NAN for the first */
    uint8_t is_cut;     /* a hard cut lies between the frame before and this one, or a flash
                           begins (which shot_cuts, knowing what follows, does not count) */
} FrameFacts;

/* The next frame in presentation order: an 8-bit luma plane, full range, any size (the same for
 * all; about 160x90 is best: callers scale). Returns the facts of this frame. */
FrameFacts mel_picture_meter_add(PictureMeter *meter, const uint8_t *luma, int width, int height,
                                 ptrdiff_t stride, int64_t time_us);

void mel_picture_meter_finish(const PictureMeter *meter, PictureMeasures *out);

/* Chooses k still times out of the frames seen: sharp, not black, away from cuts, spread over the
 * clip and different from each other, best first. Writes at most k indices into `chosen` and
 * returns how many. Deterministic. */
size_t mel_choose_stills(const FrameFacts *frames, const uint64_t *picture_hashes, size_t n,
                         size_t k, size_t *chosen);

/* The score that orders them, 0..1 (also stored with each still). */
double mel_still_score(const FrameFacts *frames, size_t n, size_t index);

#endif
