/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/fault.h"

#include <math.h>
#include <string.h>

static const char *const ids[FAULT_COUNT] = {
    "none",          "mismatch",    "silent",         "reupload",   "truncated",
    "black-picture", "clipped",     "static-picture", "no-sound",   "same-picture",
    "low-bandwidth", "fake-stereo", "dropouts",       "late-sound", "not-media",
};

const char *mel_fault_id(Fault fault)
{
    return ids[fault];
}

void mel_fault_silence(Recording *recording)
{
    memset(recording->samples, 0, 2 * recording->n * sizeof *recording->samples);
}

void mel_fault_gain(Recording *recording, double db)
{
    double gain = pow(10, db / 20);
    for (size_t i = 0; i < 2 * recording->n; i++)
        recording->samples[i] *= (float)gain;
}

void mel_fault_clip(Recording *recording)
{
    mel_fault_gain(recording, CLIP_GAIN_DB);
    for (size_t i = 0; i < 2 * recording->n; i++)
        recording->samples[i] = fminf(1, fmaxf(-1, recording->samples[i]));
}

void mel_fault_lowpass(Recording *recording)
{
    enum { SECTIONS = 12 };
    for (int side = 0; side < 2; side++) {
        Svf filters[SECTIONS] = {0};
        for (int k = 0; k < SECTIONS; k++) /* Butterworth of order 24 */
            mel_svf_tune(&filters[k], LOW_BANDWIDTH_HZ,
                         0.5 / cos(M_PI * (2 * k + 1) / (4 * SECTIONS)));
        for (size_t i = 0; i < recording->n; i++) {
            double x = recording->samples[2 * i + side];
            for (int k = 0; k < SECTIONS; k++) {
                mel_svf_run(&filters[k], x);
                x = filters[k].low;
            }
            recording->samples[2 * i + side] = (float)x;
        }
    }
}

void mel_fault_mono(Recording *recording)
{
    for (size_t i = 0; i < recording->n; i++) {
        float *pair = recording->samples + 2 * i;
        pair[0] = pair[1] = 0.5f * (pair[0] + pair[1]);
    }
}

int mel_fault_dropouts(Recording *recording, Rng *rng)
{
    size_t gap = DROPOUT_GAP_MS * SYNTH_RATE_HZ / 1000;
    size_t at = (size_t)(mel_rng_range(rng, 0.8, 2) * SYNTH_RATE_HZ);
    int count = 0;
    while (at + gap < recording->n) {
        memset(recording->samples + 2 * at, 0, 2 * gap * sizeof *recording->samples);
        at += gap + (size_t)(mel_rng_range(rng, 1.1, 2.3) * SYNTH_RATE_HZ);
        count++;
    }
    return count;
}
