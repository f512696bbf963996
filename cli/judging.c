/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/judging.h"

#include "cli/models.h"
#include "cli/score_run.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

static bool open_judge(const char *dataset, const char *name, const char *kind, Judge **out,
                       Err *err)
{
    if (mel_equal(name, "none")) return true;
    char *folder = cli_model_find(dataset, name, err);
    bool ok = folder && mel_judge_open(folder, out, err);
    free(folder);
    if (ok && !mel_equal(mel_judge_info(*out)->kind, kind))
        ok = mel_err(err, ERR_USAGE, "the model '%s' is a %s, wanted a %s", name,
                     mel_judge_info(*out)->kind, kind);
    return ok;
}

bool cli_judges_open(const Judging *how, const char *dataset, const Progress *progress, Judges *out,
                     Err *err)
{
    *out = (Judges){.how = *how, .dataset = dataset, .progress = progress};
    if (open_judge(dataset, how->vggish, "vggish", &out->vggish, err) &&
        open_judge(dataset, how->cnn14, "cnn14", &out->cnn14, err))
        return true;
    cli_judges_close(out);
    return false;
}

void cli_judges_close(Judges *judges)
{
    mel_judge_close(judges->vggish);
    mel_judge_close(judges->cnn14);
    judges->vggish = judges->cnn14 = NULL;
}

/* ---- purity --------------------------------------------------------------------------------- */

/* The triplets that have a sample, with that sample as their sound. */
static bool replace_sounds(Selection *selection, const SoundSet *samples, Err *err)
{
    int64_t kept = 0;
    bool ok = true;
    for (int64_t i = 0; i < selection->count && ok; i++) {
        char sha256[SHA256_HEX_SIZE], *name = cli_sound_name(selection->items[i].id);
        const NamedSound *sound = cli_sound_find(samples, name);
        free(name);
        if (!sound) continue;
        Triplet t = selection->items[i];
        ok = mel_sha256_file(sound->path, sha256, NULL, err);
        t.sound = sound->path;
        t.sound_sha256 = mel_arena_strdup(&selection->arena, sha256);
        selection->items[kept++] = t;
    }
    selection->count = kept;
    if (ok && kept == 0)
        ok = mel_err(err, ERR_NOT_FOUND,
                     "no sample is named after a clip of the split "
                     "(<source>_<start in ms>.wav)");
    return ok;
}

static bool purity(const Judges *judges, Selection *selection, const SoundSet *samples, double *out,
                   Err *err)
{
    ScoreJob job = {.kind = SCORE_IMSM,
                    .picture_name = judges->how.picture,
                    .music_name = judges->how.music,
                    .progress = judges->progress};
    double *values = NULL, sum = 0;
    int64_t n = 0;
    bool ok = replace_sounds(selection, samples, err) &&
              cli_score_open(&job, judges->dataset, DTYPE_F32, err) &&
              mel_embeddings_open(judges->dataset, &job.cache, err);
    if (ok) {
        values = mel_alloc((size_t)selection->count * sizeof *values);
        ok = cli_score(&job, selection, NULL, values, err);
    }
    for (int64_t i = 0; i < selection->count && ok; i++) {
        if (!isfinite(values[i])) continue;
        sum += values[i];
        n++;
    }
    if (ok && n) *out = sum / (double)n;
    free(values);
    mel_embeddings_close(job.cache);
    cli_score_close(&job);
    return ok;
}

bool cli_judge_samples(const Judges *judges, const SoundSet *samples, const SoundSet *references,
                       Selection *matched, Evaluation *out, Err *err)
{
    return cli_evaluate(judges->vggish, judges->cnn14, samples, references, judges->how.peak,
                        judges->progress, out, err) &&
           (!matched || purity(judges, matched, samples, &out->imsm, err));
}

/* ---- as JSON -------------------------------------------------------------------------------- */

typedef struct Number {
    const char *key;
    size_t offset;
} Number;

static const Number numbers[] = {
    {"fad",                 offsetof(Evaluation, fad)                },
    {"fd",                  offsetof(Evaluation, fd)                 },
    {"kl",                  offsetof(Evaluation, kl)                 },
    {"kl_sigmoid",          offsetof(Evaluation, kl_sigmoid)         },
    {"inception",           offsetof(Evaluation, inception)          },
    {"inception_deviation", offsetof(Evaluation, inception_deviation)},
    {"imsm",                offsetof(Evaluation, imsm)               },
};
static const Number counts[] = {
    {"samples",    offsetof(Evaluation, samples)   },
    {"references", offsetof(Evaluation, references)},
    {"pairs",      offsetof(Evaluation, pairs)     },
    {"failed",     offsetof(Evaluation, failed)    },
};

json_t *cli_evaluation_json(const Evaluation *evaluation)
{
    json_t *object = json_object();
    const char *base = (const char *)evaluation;
    for (size_t i = 0; i < MEL_COUNT(counts); i++)
        mel_json_set_i64(object, counts[i].key, *(const int64_t *)(base + counts[i].offset));
    for (size_t i = 0; i < MEL_COUNT(numbers); i++)
        mel_json_set_f64(object, numbers[i].key,
                         *(const double *)(const void *)(base + numbers[i].offset));
    return object;
}

void cli_evaluation_read(const json_t *object, Evaluation *out)
{
    char *base = (char *)out;
    for (size_t i = 0; i < MEL_COUNT(counts); i++)
        *(int64_t *)(base + counts[i].offset) = mel_json_i64(object, counts[i].key, 0);
    for (size_t i = 0; i < MEL_COUNT(numbers); i++)
        *(double *)(void *)(base + numbers[i].offset) = mel_json_f64(object, numbers[i].key, NAN);
}
