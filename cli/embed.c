/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/embed.h"

#include "curator/curator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8 };

static const char *const side_names[TOWER_SIDES] = {"picture", "sound", "text"};

/* Some inputs on their way through the network. */
typedef struct Batch {
    int64_t items[BATCH]; /* their places in the whole */
    int count;
    float *inputs; /* [BATCH, input_count]; NULL for texts */
    Err errors[BATCH];
    bool bad[BATCH];
} Batch;

typedef struct Work {
    EmbedJob *job;
    const EmbedItem *items;
    float *rows;
    bool *failed;
    int64_t width, input_count;
    const int64_t *missing; /* places of what the cache lacks */
    int64_t missing_count;
    char model[SHA256_HEX_SIZE + 8]; /* the cache's name of it */
} Work;

/* ---- one batch ------------------------------------------------------------------------------ */

static bool prepare_picture(const Towers *towers, const char *path, float *out, Err *err)
{
    LoadedPicture picture;
    if (!mel_load_picture(path, &picture, err)) return false;
    bool ok = mel_tower_prepare_picture(
        towers, picture.rgb, (PictureSize){.width = picture.width, .height = picture.height}, out,
        err);
    free(picture.rgb);
    return ok;
}

static bool prepare_sound(const Towers *towers, const char *path, float *out, Err *err)
{
    LoadedSound sound;
    if (!mel_load_sound(path, &sound, err)) return false;
    bool ok = mel_tower_prepare_sound(towers, sound.samples, sound.frames, sound.channels,
                                      sound.rate_hz, out, err);
    free(sound.samples);
    return ok;
}

static void fill(const Work *w, int64_t from, Batch *batch)
{
    int64_t left = w->missing_count - from;
    batch->count = left < BATCH ? (int)left : BATCH;
    for (int i = 0; i < batch->count; i++) {
        const Towers *towers = w->job->towers;
        batch->items[i] = w->missing[from + i];
        batch->errors[i] = (Err){0};
        batch->bad[i] = false;
        if (!batch->inputs) continue;
        float *input = batch->inputs + i * w->input_count;
        const char *path = w->items[batch->items[i]].content;
        batch->bad[i] = w->job->side == TOWER_PICTURE
                            ? !prepare_picture(towers, path, input, &batch->errors[i])
                            : !prepare_sound(towers, path, input, &batch->errors[i]);
        if (batch->bad[i]) memset(input, 0, (size_t)w->input_count * sizeof *input);
    }
}

static bool embed(const Work *w, const Batch *batch, float *out, Err *err)
{
    const char *texts[BATCH];
    if (batch->inputs)
        return mel_tower_embed(w->job->towers, w->job->side, batch->inputs, batch->count, out, err);
    for (int i = 0; i < batch->count; i++)
        texts[i] = w->items[batch->items[i]].content;
    return mel_tower_embed_texts(w->job->towers, texts, batch->count, out, &w->job->cut, err);
}

/* Pairs a batch of embeddings with its items, and keeps it. */
static bool keep(const Work *w, const Batch *batch, const float *out, Err *err)
{
    EmbedJob *job = w->job;
    for (int i = 0; i < batch->count; i++) {
        int64_t item = batch->items[i];
        if (batch->bad[i]) {
            mel_log_warn("%s: %s", w->items[item].name, batch->errors[i].message);
            w->failed[item] = true;
            job->failed++;
            continue;
        }
        const float *row = out + i * w->width;
        memcpy(w->rows + item * w->width, row, (size_t)w->width * sizeof *row);
        job->computed++;
        if (job->cache && !mel_embedding_put(job->cache, w->model, side_names[job->side],
                                             w->items[item].sha256, row, w->width, err))
            return false;
    }
    return true;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* The network runs on one batch while the next is read. */
typedef struct Step {
    const Work *work;
    const Batch *now;
    Batch *next; /* NULL behind the last */
    int64_t next_from;
    float *out;
    bool ok;
    Err *err;
} Step;

static void run_step(void *ctx, int64_t item, int thread)
{
    Step *step = ctx;
    (void)thread;
    if (item == 0)
        step->ok = embed(step->work, step->now, step->out, step->err);
    else if (step->next)
        fill(step->work, step->next_from, step->next);
}

static void tell(const Work *w, int64_t done)
{
    static const char *const what[TOWER_SIDES] = {"pictures", "sounds", "texts"};
    mel_progress(w->job->progress, &(ProgressTick){.what = what[w->job->side],
                                                   .done = done,
                                                   .total = w->missing_count,
                                                   .failed = w->job->failed});
}

static bool embed_missing(const Work *w, Batch batches[2], float *out, Err *err)
{
    fill(w, 0, &batches[0]);
    for (int64_t at = 0; at < w->missing_count; at += BATCH) {
        Batch *now = &batches[at / BATCH % 2], *next = &batches[(at / BATCH + 1) % 2];
        bool more = at + BATCH < w->missing_count;
        Step step = {.work = w,
                     .now = now,
                     .next = more ? next : NULL,
                     .next_from = at + BATCH,
                     .out = out,
                     .err = err};
        tell(w, at);
        if (mel_interrupted()) {
            mel_err(err, ERR_CANCELLED, "interrupted");
            return mel_err_hint(err, "what was computed is kept: the same command goes on");
        }
        mel_parallel_for(2, 2, run_step, &step);
        if (!step.ok || !keep(w, now, out, err)) return false;
    }
    tell(w, w->missing_count);
    return true;
}

/* For each item the first with the same content: what is there twice is computed once, so that it
 * gets one answer (a network's last bits depend on the batch). */
typedef struct Place {
    const char *sha256;
    int64_t item;
} Place;

static int by_content(const void *a, const void *b)
{
    const Place *x = a, *y = b;
    int order = strcmp(x->sha256, y->sha256);
    return order ? order : (x->item > y->item) - (x->item < y->item);
}

static int64_t *find_firsts(const EmbedItem *items, int64_t count)
{
    Place *places = mel_alloc(((size_t)count + 1) * sizeof *places);
    int64_t *firsts = mel_alloc(((size_t)count + 1) * sizeof *firsts);
    for (int64_t i = 0; i < count; i++)
        places[i] = (Place){.sha256 = items[i].sha256, .item = i};
    qsort(places, (size_t)count, sizeof *places, by_content);
    for (int64_t i = 0; i < count; i++) {
        bool again = i > 0 && strcmp(places[i - 1].sha256, places[i].sha256) == 0;
        firsts[places[i].item] = again ? firsts[places[i - 1].item] : places[i].item;
    }
    free(places);
    return firsts;
}

static void copy_repeated(const Work *w, const int64_t *firsts, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t first = firsts[i];
        if (first == i) continue;
        memcpy(w->rows + i * w->width, w->rows + first * w->width,
               (size_t)w->width * sizeof *w->rows);
        w->failed[i] = w->failed[first];
        w->job->failed += w->failed[i];
    }
}

static bool find_cached(const Work *w, const int64_t *firsts, int64_t count, int64_t *missing,
                        int64_t *missing_count, Err *err)
{
    const EmbedJob *job = w->job;
    for (int64_t i = 0; i < count; i++) {
        bool found = false;
        if (firsts[i] != i) continue;
        if (job->cache &&
            !mel_embedding_get(job->cache, w->model, side_names[job->side], w->items[i].sha256,
                               w->rows + i * w->width, w->width, &found, err))
            return false;
        if (!found) missing[(*missing_count)++] = i;
    }
    return true;
}

bool cli_embed(EmbedJob *job, const EmbedItem *items, int64_t count, float *rows, bool *failed,
               Err *err)
{
    int64_t *missing = mel_alloc(((size_t)count + 1) * sizeof *missing);
    int64_t *firsts = find_firsts(items, count);
    Batch batches[2] = {0};
    float *out = NULL;
    Work w = {.job = job,
              .items = items,
              .rows = rows,
              .failed = failed,
              .width = mel_towers_info(job->towers)->width,
              .missing = missing};
    const TowersInfo *info = mel_towers_info(job->towers);
    snprintf(w.model, sizeof w.model, "%s/%s", info->sha256, mel_dtype_name(info->float_type));
    bool ok = find_cached(&w, firsts, count, missing, &w.missing_count, err);
    if (ok && w.missing_count) {
        bool prepared = job->side != TOWER_TEXT;
        w.input_count = prepared ? mel_tower_input_count(job->towers, job->side) : 0;
        for (int i = 0; i < 2 && prepared; i++)
            batches[i].inputs = mel_alloc((size_t)(BATCH * w.input_count) * sizeof(float));
        out = mel_alloc((size_t)(BATCH * w.width) * sizeof *out);
        ok = embed_missing(&w, batches, out, err);
    }
    if (ok) copy_repeated(&w, firsts, count);
    free(firsts);
    free(batches[0].inputs);
    free(batches[1].inputs);
    free(out);
    free(missing);
    return ok;
}
