/* SPDX-License-Identifier: Apache-2.0
 *
 * A model of music and its pictures, opened for so many steps of DDIM and one text. */
#ifndef MEL_TESTS_BENCH_MODELS_H
#define MEL_TESTS_BENCH_MODELS_H

#include "engine/engine.h"
#include "tests/bench/bench.h"

enum { STEPS_MAX = 1000 };

typedef struct Models {
    MusicModel *music;
    PictureModel *picture;
    int times[STEPS_MAX], steps;
    int32_t lengths[2]; /* of the text, of none */
} Models;

typedef struct ModelsPlan {
    const char *folder, *text;
    int tokens, steps;
    DType type;
} ModelsPlan;

static inline void models_open(Models *m, const ModelsPlan *plan)
{
    Err err = {0};
    m->steps = plan->steps;
    if (!mel_music_model_open(plan->folder, true, plan->tokens, plan->type, &m->music, &err) ||
        !mel_picture_model_open(plan->folder, mel_music_model_synapse(m->music), plan->type,
                                &m->picture, &err) ||
        !mel_schedule_times(mel_music_model_schedule(m->music), mel_sampler_grid(SAMPLER_DDIM),
                            m->steps, m->times, &err) ||
        !mel_music_text_length(m->music, plan->text, &m->lengths[0], &err) ||
        !mel_music_text_length(m->music, "", &m->lengths[1], &err))
        give_up(&err);
}

static inline void models_close(Models *m)
{
    mel_music_model_close(m->music);
    mel_picture_model_close(m->picture);
}

#endif
