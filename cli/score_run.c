/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/score_run.h"

#include "cli/embed.h"
#include "cli/models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- models --------------------------------------------------------------------------------- */

static bool open_model(const char *dataset, const char *name, DType type, Towers **out, Err *err)
{
    char *folder = cli_model_find(dataset, name, err);
    bool ok = folder && mel_towers_open(folder, type, out, err);
    free(folder);
    return ok;
}

static bool need_side(const Towers *towers, TowerSide side, const char *name, const char *what,
                      Err *err)
{
    return mel_towers_info(towers)->has[side] ||
           mel_err(err, ERR_USAGE, "the model '%s' is a %s and knows no %s", name,
                   mel_towers_info(towers)->kind, what);
}

/* A sound tower speaks CLIP's space: its texts are that CLIP's. */
static bool check_spaces(const ScoreJob *job, Err *err)
{
    if (!job->music || mel_towers_info(job->music)->has[TOWER_TEXT]) return true;
    long long music = mel_towers_info(job->music)->width;
    long long picture = mel_towers_info(job->picture)->width;
    return music == picture ||
           mel_err(err, ERR_USAGE, "'%s' answers in %lld numbers, the texts of '%s' have %lld",
                   job->music_name, music, job->picture_name, picture);
}

bool cli_score_open(ScoreJob *job, const char *dataset, DType type, Err *err)
{
    if (job->kind != SCORE_CLIP &&
        (!open_model(dataset, job->music_name, type, &job->music, err) ||
         !need_side(job->music, TOWER_SOUND, job->music_name, "sounds", err)))
        return false;
    bool own_texts = job->music && mel_towers_info(job->music)->has[TOWER_TEXT];
    if ((job->kind != SCORE_CLAP || !own_texts) &&
        (!open_model(dataset, job->picture_name, type, &job->picture, err) ||
         !need_side(job->picture, TOWER_PICTURE, job->picture_name, "pictures", err)))
        return false;
    return check_spaces(job, err);
}

void cli_score_close(ScoreJob *job)
{
    mel_towers_close(job->picture);
    mel_towers_close(job->music);
}

/* ---- embeddings ----------------------------------------------------------------------------- */

/* One side of a selection, embedded. */
typedef struct Rows {
    float *rows;
    bool *failed;
    int64_t width;
} Rows;

static void rows_clear(Rows *rows)
{
    free(rows->rows);
    free(rows->failed);
    *rows = (Rows){0};
}

static EmbedItem item_of(const Triplet *t, TowerSide side)
{
    EmbedItem item = {.name = t->id, .sha256 = t->text_sha256, .content = t->text};
    if (side == TOWER_PICTURE)
        item = (EmbedItem){.name = t->id, .sha256 = t->picture_sha256, .content = t->picture};
    else if (side == TOWER_SOUND)
        item = (EmbedItem){.name = t->id, .sha256 = t->sound_sha256, .content = t->sound};
    return item;
}

static bool embed_side(ScoreJob *job, Towers *towers, TowerSide side, const Selection *selection,
                       Rows *out, Err *err)
{
    size_t count = (size_t)selection->count;
    EmbedJob embed = {
        .towers = towers, .side = side, .cache = job->cache, .progress = job->progress};
    EmbedItem *items = mel_alloc(count * sizeof *items);
    out->width = mel_towers_info(towers)->width;
    out->failed = mel_alloc(count * sizeof *out->failed);
    out->rows = mel_try_alloc(count, (size_t)out->width * sizeof(float), SIZE_MAX / 2,
                              "the embeddings", err);
    for (size_t i = 0; i < count; i++)
        items[i] = item_of(&selection->items[i], side);
    bool ok = out->rows && cli_embed(&embed, items, selection->count, out->rows, out->failed, err);
    free(items);
    job->computed += embed.computed;
    job->failed += embed.failed;
    job->cut += embed.cut;
    return ok;
}

Towers *cli_score_music_texts(const ScoreJob *job)
{
    return mel_towers_info(job->music)->has[TOWER_TEXT] ? job->music : job->picture;
}

/* ---- clip, clap ----------------------------------------------------------------------------- */

static void cosines(const Rows *a, const Rows *b, int64_t count, double *values)
{
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t c = 0; c < a->width; c++)
            sum += (double)a->rows[i * a->width + c] * b->rows[i * a->width + c];
        values[i] = a->failed[i] ? NAN : sum;
    }
}

static bool score_cosine(ScoreJob *job, const Selection *selection, double *values, Err *err)
{
    bool clip = job->kind == SCORE_CLIP;
    Rows thing = {0}, text = {0};
    bool ok = embed_side(job, clip ? job->picture : job->music, clip ? TOWER_PICTURE : TOWER_SOUND,
                         selection, &thing, err) &&
              embed_side(job, clip ? job->picture : cli_score_music_texts(job), TOWER_TEXT,
                         selection, &text, err);
    if (ok) cosines(&thing, &text, selection->count, values);
    rows_clear(&thing);
    rows_clear(&text);
    return ok;
}

/* ---- imsm ----------------------------------------------------------------------------------- */

typedef struct Bank {
    Rows pictures, sounds, picture_texts, music_texts;
} Bank;

static bool embed_bank(ScoreJob *job, const Selection *selection, const Selection *texts, Bank *b,
                       Err *err)
{
    return embed_side(job, job->picture, TOWER_PICTURE, selection, &b->pictures, err) &&
           embed_side(job, job->music, TOWER_SOUND, selection, &b->sounds, err) &&
           embed_side(job, job->picture, TOWER_TEXT, texts, &b->picture_texts, err) &&
           embed_side(job, cli_score_music_texts(job), TOWER_TEXT, texts, &b->music_texts, err);
}

/* Moves row i to `kept`. */
static void move_row(const Rows *rows, int64_t i, int64_t kept)
{
    memmove(rows->rows + kept * rows->width, rows->rows + i * rows->width,
            (size_t)rows->width * sizeof *rows->rows);
}

/* Triplets that cannot be read leave the bank: their own texts too, when it is the selection's. */
static int64_t drop_failed(const Bank *b, int64_t count, bool own_texts, int64_t *places)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        if (b->pictures.failed[i] || b->sounds.failed[i]) continue;
        move_row(&b->pictures, i, kept);
        move_row(&b->sounds, i, kept);
        if (own_texts) {
            move_row(&b->picture_texts, i, kept);
            move_row(&b->music_texts, i, kept);
        }
        places[kept++] = i;
    }
    return kept;
}

static bool purity(const ScoreJob *job, const Bank *b, int64_t triplets, int64_t texts,
                   double *values, Err *err)
{
    const ImsmBank bank = {.triplets = triplets,
                           .texts = texts,
                           .picture_width = b->pictures.width,
                           .music_width = b->sounds.width,
                           .pictures = b->pictures.rows,
                           .picture_texts = b->picture_texts.rows,
                           .music = b->sounds.rows,
                           .music_texts = b->music_texts.rows,
                           .picture_scale = mel_towers_info(job->picture)->scale,
                           .music_scale = mel_towers_info(job->music)->scale};
    return job->compat ? mel_imsm_compat(&bank, values, err) : mel_imsm(&bank, values, err);
}

static bool score_imsm(ScoreJob *job, const Selection *selection, const Selection *bank,
                       double *values, Err *err)
{
    Bank b = {0};
    const Selection *texts = bank ? bank : selection;
    int64_t count = selection->count;
    int64_t *places = mel_alloc((size_t)count * sizeof *places);
    double *kept_values = mel_alloc((size_t)count * sizeof *kept_values);
    bool ok = embed_bank(job, selection, texts, &b, err);
    if (ok) {
        int64_t kept = drop_failed(&b, count, !bank, places);
        ok = kept ? purity(job, &b, kept, bank ? texts->count : kept, kept_values, err)
                  : mel_err(err, ERR_MEDIA, "none of the %lld triplets can be read",
                            (long long)count);
        for (int64_t i = 0; i < count; i++)
            values[i] = NAN;
        for (int64_t i = 0; i < kept && ok; i++)
            values[places[i]] = kept_values[i];
    }
    rows_clear(&b.pictures);
    rows_clear(&b.sounds);
    rows_clear(&b.picture_texts);
    rows_clear(&b.music_texts);
    free(places);
    free(kept_values);
    return ok;
}

bool cli_score(ScoreJob *job, const Selection *selection, const Selection *bank, double *values,
               Err *err)
{
    return job->kind == SCORE_IMSM ? score_imsm(job, selection, bank, values, err)
                                   : score_cosine(job, selection, values, err);
}
