/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/device.h"
#include "engine/diffusion/music_model.h"

#include "engine/front/level.h"
#include "engine/front/mel.h"
#include "engine/front/resample.h"
#include "engine/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Without its mean, and as loud as half of full scale. */
static void normalise(float *x, int64_t n)
{
    double mean = 0, peak = 0;
    for (int64_t i = 0; i < n; i++)
        mean += x[i] / (double)(n ? n : 1);
    for (int64_t i = 0; i < n; i++)
        peak = fmax(peak, fabs(x[i] - mean));
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(0.5 * (x[i] - mean) / (peak + 1e-8));
}

static bool to_wave(const float *samples, int64_t frames, int channels, int rate_hz, float *wave,
                    Err *err)
{
    float *first = mel_try_alloc((size_t)frames + 1, sizeof *first, SIZE_MAX / 2, "a sound", err);
    float *resampled = NULL;
    int64_t n = frames;
    if (!first) return false;
    for (int64_t i = 0; i < frames; i++)
        first[i] = samples[i * channels];
    bool same = rate_hz == MUSIC_RATE_HZ;
    bool ok = same || mel_resample(first, frames, rate_hz, MUSIC_RATE_HZ, &resampled, &n, err);
    if (ok) {
        float *x = same ? first : resampled;
        normalise(x, n);
        if (n > MUSIC_SAMPLES) n = MUSIC_SAMPLES;
        memset(wave, 0, MUSIC_SAMPLES * sizeof *wave);
        memcpy(wave, x, (size_t)n * sizeof *wave);
        mel_scale_to_peak(wave, MUSIC_SAMPLES, 0.5F);
    }
    free(first);
    free(resampled);
    return ok;
}

struct MusicFront {
    Graph *graph;
    Plan *plan;
};

bool mel_music_front_open(MusicFront **out, Err *err)
{
    MusicFront *front = mel_alloc(sizeof *front);
    Graph *graph = front->graph = mel_graph_new(DTYPE_F32);
    Node *x = mel_graph_input(graph, "wave", DTYPE_F32, SHAPE(1, MUSIC_SAMPLES));
    const MelSettings *settings = mel_front_settings(MEL_FRONT_AUDIOLDM);
    mel_graph_output(graph, "mel", mel_front_log_mel(graph, x, settings));
    if (mel_plan_new(graph, mel_device(), NULL, &front->plan, err)) {
        *out = front;
        return true;
    }
    mel_music_front_close(front);
    return false;
}

void mel_music_front_close(MusicFront *front)
{
    if (!front) return;
    mel_plan_free(front->plan);
    mel_graph_free(front->graph);
    free(front);
}

bool mel_music_front(MusicFront *front, const float *samples, int64_t frames, int channels,
                     int rate_hz, float *wave, float *log_mel, Err *err)
{
    return to_wave(samples, frames, channels, rate_hz, wave, err) &&
           mel_plan_write(front->plan, "wave", wave, err) && mel_plan_run(front->plan, err) &&
           mel_plan_read(front->plan, "mel", log_mel, err);
}
