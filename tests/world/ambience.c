/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/ambience.h"

#include "tests/world/synth.h"

#include <math.h>
#include <stdlib.h>

typedef struct Source {
    const Ambience *ambience;
    Svf floor, floor2, ceiling, ceiling2;
    double spark, spark_shrink, phase;
    uint32_t noise;
} Source;

static void source_init(Source *source, const Ambience *ambience, Rng *rng, double phase)
{
    *source = (Source){.ambience = ambience,
                       .spark_shrink = mel_shrink(0.004),
                       .phase = phase,
                       .noise = (uint32_t)mel_rng_int(rng, 1 << 30) + 1};
    mel_svf_tune(&source->floor, ambience->low_hz, 0.7);
    mel_svf_tune(&source->floor2, ambience->low_hz, 0.7);
    mel_svf_tune(&source->ceiling, ambience->high_hz, 0.7);
    mel_svf_tune(&source->ceiling2, ambience->high_hz, 0.7);
}

static double source_run(Source *source, size_t i)
{
    const Ambience *a = source->ambience;
    double turns = source->phase + a->wave_hz * (double)i / SYNTH_RATE_HZ;
    double wave = 1 - a->depth * (0.5 + 0.5 * mel_quick_sine(turns));
    mel_svf_run(&source->floor, mel_noise(&source->noise));
    mel_svf_run(&source->floor2, source->floor.high);
    mel_svf_run(&source->ceiling, source->floor2.high);
    mel_svf_run(&source->ceiling2, source->ceiling.low);
    double chance = 0.5 * mel_noise(&source->noise) + 0.5;
    if (chance < a->sparks_hz / SYNTH_RATE_HZ) source->spark = 2 + 4 * mel_noise(&source->noise);
    source->spark *= source->spark_shrink;
    return wave * source->ceiling2.low + source->spark * mel_noise(&source->noise);
}

void mel_ambience_add(const Ambience *ambience, double music_lufs, Rng rng, float *mix, size_t n)
{
    rng.next += UINT64_C(1) << 41; /* behind the composer's and the players' draws */
    double phase = mel_rng_uniform(&rng), power = 0;
    float *bed = mel_alloc(2 * n * sizeof *bed);
    for (int side = 0; side < 2; side++) {
        Source source;
        source_init(&source, ambience, &rng, phase);
        for (size_t i = 0; i < n; i++) {
            double y = source_run(&source, i);
            power += y * y;
            bed[2 * i + (size_t)side] = (float)y;
        }
    }
    /* A level by RMS: weighted loudness would let the low ones roar. */
    double rms = sqrt(power / (2 * (double)n));
    double gain = pow(10, (music_lufs + ambience->level_db) / 20) / rms;
    for (size_t i = 0; i < 2 * n; i++)
        mix[i] += (float)(gain * bed[i]);
    free(bed);
}
