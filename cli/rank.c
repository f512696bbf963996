/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rank.h"

#include "curator/curator.h"

#include <stdlib.h>
#include <string.h>

struct Ranker {
    ScoreJob job;                       /* its kind and towers */
    float *picture_texts, *music_texts; /* of the bank */
    int64_t bank_count;
};

static int64_t width_of(const Towers *towers)
{
    return mel_towers_info(towers)->width;
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool embed_bank(Towers *towers, const RankSettings *s, float **out, Err *err)
{
    *out = mel_try_alloc((size_t)s->bank_count, (size_t)width_of(towers) * sizeof(float),
                         SIZE_MAX / 2, "the bank's texts", err);
    return *out && mel_tower_embed_texts(towers, s->bank, (int)s->bank_count, *out, NULL, err);
}

static bool open_parts(Ranker *r, const RankSettings *s, Err *err)
{
    r->job =
        (ScoreJob){.kind = s->by, .picture_name = s->picture_model, .music_name = s->music_model};
    if (!cli_score_open(&r->job, NULL, s->float_type, err)) return false;
    if (s->by != SCORE_IMSM) return true;
    if (s->bank_count < 2) {
        mel_err(err, ERR_USAGE, "IMSM wants a bank of two texts or more");
        return mel_err_hint(err, "'--bank' names a file with a text in each line");
    }
    r->bank_count = s->bank_count;
    return embed_bank(r->job.picture, s, &r->picture_texts, err) &&
           embed_bank(cli_score_music_texts(&r->job), s, &r->music_texts, err);
}

bool cli_ranker_open(const RankSettings *settings, Ranker **out, Err *err)
{
    Ranker *r = mel_alloc(sizeof *r);
    if (open_parts(r, settings, err)) {
        *out = r;
        return true;
    }
    cli_ranker_close(r);
    return false;
}

void cli_ranker_close(Ranker *r)
{
    if (!r) return;
    cli_score_close(&r->job);
    free(r->picture_texts);
    free(r->music_texts);
    free(r);
}

/* ---- ranking -------------------------------------------------------------------------------- */

static bool embed_sounds(Ranker *r, const RankQuestion *q, float *rows, Err *err)
{
    float *input =
        mel_alloc((size_t)mel_tower_input_count(r->job.music, TOWER_SOUND) * sizeof *input);
    bool ok = true;
    for (int64_t i = 0; i < q->count && ok; i++)
        ok = mel_tower_prepare_sound(r->job.music, q->sounds + i * q->n, q->n, 1, q->rate_hz, input,
                                     err) &&
             mel_tower_embed(r->job.music, TOWER_SOUND, input, 1, rows + i * width_of(r->job.music),
                             err);
    free(input);
    return ok;
}

static bool by_clap(Ranker *r, const RankQuestion *q, const float *sounds, double *scores, Err *err)
{
    int64_t width = width_of(r->job.music);
    if (!q->text || !*q->text)
        return mel_err(err, ERR_USAGE, "CLAP ranks by the text, and there is none");
    float *text = mel_alloc((size_t)width * sizeof *text);
    bool ok = mel_tower_embed_texts(cli_score_music_texts(&r->job), &q->text, 1, text, NULL, err);
    for (int64_t i = 0; i < q->count; i++) {
        scores[i] = 0;
        for (int64_t c = 0; c < width; c++)
            scores[i] += (double)text[c] * sounds[i * width + c];
    }
    free(text);
    return ok;
}

/* rows [count, width], all alike: the picture's. */
static bool embed_picture(Ranker *r, const RankQuestion *q, float *rows, Err *err)
{
    LoadedPicture picture;
    int64_t width = width_of(r->job.picture);
    if (!mel_load_picture(q->image, &picture, err)) return false;
    const PictureSize size = {.width = picture.width, .height = picture.height};
    bool ok = mel_tower_embed_picture(r->job.picture, picture.rgb, size, rows, err);
    for (int64_t i = 1; i < q->count; i++)
        memcpy(rows + i * width, rows, (size_t)width * sizeof *rows);
    free(picture.rgb);
    return ok;
}

static bool by_imsm(Ranker *r, const RankQuestion *q, const float *sounds, double *scores, Err *err)
{
    if (!q->image) return mel_err(err, ERR_USAGE, "IMSM ranks by the picture, and there is none");
    float *pictures = mel_alloc((size_t)(q->count * width_of(r->job.picture)) * sizeof *pictures);
    const ImsmBank bank = {.triplets = q->count,
                           .texts = r->bank_count,
                           .picture_width = width_of(r->job.picture),
                           .music_width = width_of(r->job.music),
                           .pictures = pictures,
                           .picture_texts = r->picture_texts,
                           .music = sounds,
                           .music_texts = r->music_texts,
                           .picture_scale = mel_towers_info(r->job.picture)->scale,
                           .music_scale = mel_towers_info(r->job.music)->scale};
    bool ok = embed_picture(r, q, pictures, err) && mel_imsm(&bank, scores, err);
    free(pictures);
    return ok;
}

bool cli_rank(Ranker *r, const RankQuestion *q, double *scores, Err *err)
{
    float *sounds = mel_alloc((size_t)(q->count * width_of(r->job.music)) * sizeof *sounds);
    bool ok = embed_sounds(r, q, sounds, err) &&
              (r->job.kind == SCORE_CLAP ? by_clap : by_imsm)(r, q, sounds, scores, err);
    free(sounds);
    return ok;
}
