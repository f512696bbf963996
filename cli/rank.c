/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rank.h"

#include "cli/models.h"
#include "curator/curator.h"

#include <stdlib.h>
#include <string.h>

struct Ranker {
    RankBy by;
    Towers *music, *picture;            /* picture: NULL where nothing is asked of it */
    float *picture_texts, *music_texts; /* of the bank */
    int64_t bank_count;
};

static int64_t width_of(const Towers *towers)
{
    return mel_towers_info(towers)->width;
}

static Towers *texts_of(const Ranker *r)
{
    return mel_towers_info(r->music)->has[TOWER_TEXT] ? r->music : r->picture;
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool open_towers(const char *name, TowerSide side, DType type, Towers **out, Err *err)
{
    char *folder = cli_model_find(NULL, name, err);
    bool ok = folder && mel_towers_open(folder, type, out, err);
    free(folder);
    return ok &&
           (mel_towers_info(*out)->has[side] ||
            mel_err(err, ERR_USAGE, "the model '%s' is a %s and knows no %s", name,
                    mel_towers_info(*out)->kind, side == TOWER_SOUND ? "sounds" : "pictures"));
}

static bool embed_bank(Towers *towers, const RankSettings *s, float **out, Err *err)
{
    int64_t cut = 0;
    *out = mel_try_alloc((size_t)s->bank_count, (size_t)width_of(towers) * sizeof(float),
                         SIZE_MAX / 2, "the bank's texts", err);
    return *out && mel_tower_embed_texts(towers, s->bank, (int)s->bank_count, *out, &cut, err);
}

static bool open_parts(Ranker *r, const RankSettings *s, Err *err)
{
    if (!open_towers(s->music_model, TOWER_SOUND, s->float_type, &r->music, err)) return false;
    bool own_texts = mel_towers_info(r->music)->has[TOWER_TEXT];
    if ((s->by == RANK_BY_IMSM || !own_texts) &&
        !open_towers(s->picture_model, TOWER_PICTURE, s->float_type, &r->picture, err))
        return false;
    if (!own_texts && width_of(r->music) != width_of(r->picture))
        return mel_err(err, ERR_USAGE, "'%s' does not answer in the space of '%s'", s->music_model,
                       s->picture_model);
    if (s->by != RANK_BY_IMSM) return true;
    if (s->bank_count < 2) {
        mel_err(err, ERR_USAGE, "IMSM wants a bank of two texts or more");
        return mel_err_hint(err, "'--bank' names a file with a text in each line");
    }
    r->bank_count = s->bank_count;
    return embed_bank(r->picture, s, &r->picture_texts, err) &&
           embed_bank(texts_of(r), s, &r->music_texts, err);
}

bool cli_ranker_open(const RankSettings *settings, Ranker **out, Err *err)
{
    Ranker *r = mel_alloc(sizeof *r);
    r->by = settings->by;
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
    mel_towers_close(r->music);
    mel_towers_close(r->picture);
    free(r->picture_texts);
    free(r->music_texts);
    free(r);
}

/* ---- ranking -------------------------------------------------------------------------------- */

static bool embed_sounds(Ranker *r, const RankQuestion *q, float *rows, Err *err)
{
    float *input = mel_alloc((size_t)mel_tower_input_count(r->music, TOWER_SOUND) * sizeof *input);
    bool ok = true;
    for (int64_t i = 0; i < q->count && ok; i++)
        ok = mel_tower_prepare_sound(r->music, q->sounds + i * q->n, q->n, 1, q->rate_hz, input,
                                     err) &&
             mel_tower_embed(r->music, TOWER_SOUND, input, 1, rows + i * width_of(r->music), err);
    free(input);
    return ok;
}

static bool by_clap(Ranker *r, const RankQuestion *q, const float *sounds, double *scores, Err *err)
{
    int64_t width = width_of(r->music);
    if (!q->text || !*q->text)
        return mel_err(err, ERR_USAGE, "CLAP ranks by the text, and there is none");
    float *text = mel_alloc((size_t)width * sizeof *text);
    bool ok = mel_tower_embed_texts(texts_of(r), &q->text, 1, text, NULL, err);
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
    int64_t width = width_of(r->picture);
    if (!mel_load_picture(q->image, &picture, err)) return false;
    const PictureSize size = {.width = picture.width, .height = picture.height};
    float *input =
        mel_alloc((size_t)mel_tower_input_count(r->picture, TOWER_PICTURE) * sizeof *input);
    bool ok = mel_tower_prepare_picture(r->picture, picture.rgb, size, input, err) &&
              mel_tower_embed(r->picture, TOWER_PICTURE, input, 1, rows, err);
    for (int64_t i = 1; i < q->count; i++)
        memcpy(rows + i * width, rows, (size_t)width * sizeof *rows);
    free(input);
    free(picture.rgb);
    return ok;
}

static bool by_imsm(Ranker *r, const RankQuestion *q, const float *sounds, double *scores, Err *err)
{
    if (!q->image) return mel_err(err, ERR_USAGE, "IMSM ranks by the picture, and there is none");
    float *pictures = mel_alloc((size_t)(q->count * width_of(r->picture)) * sizeof *pictures);
    const ImsmBank bank = {.triplets = q->count,
                           .texts = r->bank_count,
                           .picture_width = width_of(r->picture),
                           .music_width = width_of(r->music),
                           .pictures = pictures,
                           .picture_texts = r->picture_texts,
                           .music = sounds,
                           .music_texts = r->music_texts,
                           .picture_scale = mel_towers_info(r->picture)->scale,
                           .music_scale = mel_towers_info(r->music)->scale};
    bool ok = embed_picture(r, q, pictures, err) && mel_imsm(&bank, scores, err);
    free(pictures);
    return ok;
}

bool cli_rank(Ranker *r, const RankQuestion *q, double *scores, Err *err)
{
    float *sounds = mel_alloc((size_t)(q->count * width_of(r->music)) * sizeof *sounds);
    bool ok = embed_sounds(r, q, sounds, err) &&
              (r->by == RANK_BY_CLAP ? by_clap : by_imsm)(r, q, sounds, scores, err);
    free(sounds);
    return ok;
}
