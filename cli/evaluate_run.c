/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evaluate_run.h"

#include "curator/curator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sets ----------------------------------------------------------------------------------- */

static void add_sound(SoundSet *set, const char *name, size_t name_length, const char *path)
{
    mel_grow(&set->items, &set->capacity, (size_t)set->count + 1, sizeof *set->items);
    set->items[set->count++] =
        (NamedSound){.name = mel_arena_strndup(&set->arena, name, name_length),
                     .path = mel_arena_strdup(&set->arena, path)};
}

typedef struct Gather {
    SoundSet *set;
    const char *folder;
} Gather;

static bool gather(void *ctx, const char *relative, Err *err)
{
    (void)err;
    const Gather *g = ctx;
    const char *extension = mel_path_extension(relative);
    if (!mel_equal(extension, "wav") && !mel_equal(extension, "flac")) return true;
    char *path = mel_path_join(g->folder, relative);
    add_sound(g->set, relative, strlen(relative) - strlen(extension) - 1, path);
    free(path);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const NamedSound *)a)->name, ((const NamedSound *)b)->name);
}

static void sort(SoundSet *set)
{
    if (set->count) qsort(set->items, (size_t)set->count, sizeof *set->items, by_name);
}

bool cli_sounds_in(const char *folder, SoundSet *out, Err *err)
{
    Gather g = {.set = out, .folder = folder};
    if (!mel_walk(folder, gather, &g, err)) return false;
    sort(out);
    return out->count > 0 ||
           mel_err(err, ERR_NOT_FOUND, "'%s' holds no WAV and no FLAC file", folder);
}

char *cli_sound_name(const char *clip)
{
    char *name = mel_strdup(clip);
    for (char *c = name; *c; c++)
        if (*c == ':') *c = '_';
    return name;
}

void cli_sounds_of(const Selection *selection, SoundSet *out)
{
    for (int64_t i = 0; i < selection->count; i++) {
        char *name = cli_sound_name(selection->items[i].id);
        add_sound(out, name, strlen(name), selection->items[i].sound);
        free(name);
    }
    sort(out);
}

void cli_sounds_clear(SoundSet *set)
{
    free(set->items);
    mel_arena_clear(&set->arena);
    *set = (SoundSet){0};
}

const NamedSound *cli_sound_find(const SoundSet *set, const char *name)
{
    const NamedSound key = {.name = name};
    return set->count ? bsearch(&key, set->items, (size_t)set->count, sizeof *set->items, by_name)
                      : NULL;
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool load(const Judge *judge, const char *path, double peak, float **sound, int64_t *n,
                 Err *err)
{
    LoadedSound loaded;
    if (!mel_load_sound(path, &loaded, err)) return false;
    if (peak > 0) mel_scale_to_peak(loaded.samples, loaded.frames * loaded.channels, (float)peak);
    bool ok = mel_judge_prepare(judge, loaded.samples, loaded.frames, loaded.channels,
                                loaded.rate_hz, sound, n, err);
    free(loaded.samples);
    return ok;
}

static bool judge_sound(Judge *judge, const float *sound, int64_t n, int64_t i, Judged *out,
                        Err *err)
{
    const JudgeInfo *info = mel_judge_info(judge);
    int64_t rows = mel_judge_rows(judge, n);
    mel_grow(&out->features, &out->capacity, (size_t)((out->rows + rows) * info->width),
             sizeof *out->features);
    out->heard[i] = rows > 0;
    bool ok = mel_judge_sound(judge, sound, n, out->features + out->rows * info->width,
                              info->classes ? out->logits + i * info->classes : NULL, err);
    if (ok) out->rows += rows;
    return ok;
}

bool cli_judge(Judge *judge, const SoundSet *set, double peak, const Progress *progress,
               Judged *out, int64_t *failed, Err *err)
{
    const JudgeInfo *info = mel_judge_info(judge);
    *out = (Judged){.set = set};
    out->heard = mel_alloc((size_t)set->count * sizeof *out->heard);
    out->logits = mel_alloc((size_t)(set->count * info->classes + 1) * sizeof *out->logits);
    for (int64_t i = 0; i < set->count; i++) {
        Err problem = {0};
        float *sound;
        int64_t n;
        mel_progress(progress, &(ProgressTick){.what = info->kind,
                                               .done = i,
                                               .total = set->count,
                                               .failed = *failed,
                                               .note = set->items[i].name});
        if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
        if (!load(judge, set->items[i].path, peak, &sound, &n, &problem)) {
            mel_log_warn("%s: %s", set->items[i].name, problem.message);
            ++*failed;
            continue;
        }
        bool ok = judge_sound(judge, sound, n, i, out, err);
        free(sound);
        if (!ok) return false;
    }
    return true;
}

void cli_judged_clear(Judged *judged)
{
    free(judged->features);
    free(judged->logits);
    free(judged->heard);
    *judged = (Judged){0};
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* NAN, with a warning, for fewer than two rows. */
static bool frechet(const char *what, const Judged *a, const Judged *b, int64_t width, double *out,
                    Err *err)
{
    if (a->rows >= 2 && b->rows >= 2)
        return mel_metric_frechet(a->features, a->rows, b->features, b->rows, width, out, err);
    mel_log_warn("%s wants two features on each side", what);
    return true;
}

/* The logits of the sounds that both sets have under one name. */
static int64_t pair_up(const Judged *samples, const Judged *references, int64_t classes, float *a,
                       float *b)
{
    int64_t pairs = 0;
    size_t row = (size_t)classes * sizeof *a;
    for (int64_t i = 0; i < samples->set->count; i++) {
        const NamedSound *found = cli_sound_find(references->set, samples->set->items[i].name);
        int64_t j = found ? found - references->set->items : -1;
        if (j < 0 || !samples->heard[i] || !references->heard[j]) continue;
        memcpy(a + pairs * classes, samples->logits + i * classes, row);
        memcpy(b + pairs * classes, references->logits + j * classes, row);
        pairs++;
    }
    return pairs;
}

/* As audioldm_eval: only when nearly every sample has its reference. */
static bool divergence(const Judged *samples, const Judged *references, int64_t classes,
                       Evaluation *e, Err *err)
{
    size_t size = (size_t)(samples->set->count * classes + 1) * sizeof(float);
    float *a = mel_alloc(size), *b = mel_alloc(size);
    e->pairs = pair_up(samples, references, classes, a, b);
    bool ok = true;
    if ((double)e->pairs >= 0.99 * (double)samples->set->count)
        ok = mel_metric_kl(b, a, e->pairs, classes, METRIC_KL_SOFTMAX, &e->kl, err) &&
             mel_metric_kl(b, a, e->pairs, classes, METRIC_KL_SIGMOID, &e->kl_sigmoid, err);
    else
        mel_log_warn("%lld of %lld samples have a reference of their name: KL wants nearly all",
                     (long long)e->pairs, (long long)samples->set->count);
    free(a);
    free(b);
    return ok;
}

static bool inception(const Judged *samples, int64_t classes, Evaluation *e, Err *err)
{
    enum { PARTS = 10, SEED = 2020 };
    if (samples->rows < PARTS) {
        mel_log_warn("the inception score wants %d samples", PARTS);
        return true;
    }
    float *logits = mel_alloc((size_t)(samples->rows * classes) * sizeof *logits);
    int64_t n = 0;
    for (int64_t i = 0; i < samples->set->count; i++)
        if (samples->heard[i])
            memcpy(logits + n++ * classes, samples->logits + i * classes,
                   (size_t)classes * sizeof *logits);
    bool ok = mel_metric_inception(logits, n, classes, PARTS, SEED, &e->inception,
                                   &e->inception_deviation, err);
    free(logits);
    return ok;
}

typedef struct BothJudged {
    Judged samples, references;
} BothJudged;

static bool judge_both(Judge *judge, const SoundSet *samples, const SoundSet *references,
                       double peak, const Progress *progress, BothJudged *out, int64_t *failed,
                       Err *err)
{
    return cli_judge(judge, samples, peak, progress, &out->samples, failed, err) &&
           cli_judge(judge, references, peak, progress, &out->references, failed, err);
}

static void both_clear(BothJudged *both)
{
    cli_judged_clear(&both->samples);
    cli_judged_clear(&both->references);
}

bool cli_evaluate(Judge *vggish, Judge *cnn14, const SoundSet *samples, const SoundSet *references,
                  double peak, const Progress *progress, Evaluation *out, Err *err)
{
    bool ok = true;
    Evaluation e = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, samples->count, references->count, 0, 0};
    if (vggish) {
        BothJudged both = {0};
        ok = judge_both(vggish, samples, references, peak, progress, &both, &e.failed, err) &&
             frechet("FAD", &both.samples, &both.references, mel_judge_info(vggish)->width, &e.fad,
                     err);
        both_clear(&both);
    }
    if (cnn14 && ok) {
        BothJudged both = {0};
        int64_t failed = 0, classes = mel_judge_info(cnn14)->classes;
        ok = judge_both(cnn14, samples, references, peak, progress, &both, &failed, err) &&
             frechet("FD", &both.samples, &both.references, mel_judge_info(cnn14)->width, &e.fd,
                     err) &&
             divergence(&both.samples, &both.references, classes, &e, err) &&
             inception(&both.samples, classes, &e, err);
        if (failed > e.failed) e.failed = failed;
        both_clear(&both);
    }
    *out = e;
    return ok;
}
