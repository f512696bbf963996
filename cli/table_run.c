/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table_run.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JSON_BYTES_MAX = 1 << 20 };

typedef struct TableRun {
    TableJob *job;
    Selection asked, judged; /* the clips with their own texts, and with those of the template */
    SoundSet references;
} TableRun;

static bool write_json(const char *folder, const char *name, const json_t *object, Err *err)
{
    char *path = mel_path_join(folder, name), *text = json_dumps(object, JSON_INDENT(2));
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(text);
    free(path);
    return ok;
}

/* Writes it, or finds it written: what a folder holds is made in one way only. */
static bool claim(const char *folder, const char *name, const json_t *object, Err *err)
{
    char *path = mel_path_join(folder, name);
    json_t *there = mel_path_exists(path) ? mel_json_load(path, JSON_BYTES_MAX, err) : NULL;
    bool ok = !mel_err_is_set(err);
    if (ok && there && !json_equal(there, object)) {
        mel_err(err, ERR_EXISTS, "'%s' says that it was made otherwise", path);
        mel_err_hint(err, "remove '%s', or name another folder by --runs", folder);
        ok = false;
    } else if (ok && !there) {
        ok = mel_make_dirs(folder, err) && write_json(folder, name, object, err);
    }
    json_decref(there);
    free(path);
    return ok;
}

/* ---- training ------------------------------------------------------------------------------- */

static json_t *training_of(const TableJob *job, const PaperRow *row)
{
    const char *key;
    json_t *config = json_deep_copy(job->training), *value;
    json_t *changes = row->set ? json_loads(row->set, 0, NULL) : json_object();
    MEL_ASSERT(changes);
    json_object_foreach(changes, key, value)
    {
        if (json_is_null(value))
            json_object_del(config, key);
        else
            json_object_set(config, key, value);
    }
    mel_json_set_text(config, "model", job->model);
    json_object_set_new(config, "install", json_false());
    json_decref(changes);
    return config;
}

static bool link_to(const char *path, const char *target, Err *err)
{
    char *whole = realpath(target, NULL);
    bool ok = whole && symlink(whole, path) == 0;
    if (!ok) mel_err_errno(err, "'%s' cannot be made to point to '%s'", path, target);
    free(whole);
    return ok;
}

/* Links to all that is in `from`, but to nothing that `to` has already. */
static bool link_all(const char *to, const char *from, bool synapse, Err *err)
{
    DIR *folder = opendir(from);
    bool ok = folder || mel_err_errno(err, "'%s' cannot be read", from);
    for (const struct dirent *entry; ok && (entry = readdir(folder));) {
        const char *name = entry->d_name;
        if (*name == '.' || (!synapse && mel_equal(name, "synapse.json"))) continue;
        char *path = mel_path_join(to, name), *target = mel_path_join(from, name);
        ok = mel_path_exists(path) || link_to(path, target, err);
        free(path);
        free(target);
    }
    if (folder) closedir(folder);
    return ok;
}

/* What was trained, and the base model's for everything else. */
static bool join_model(const TableJob *job, const json_t *config, const char *folder, char **out,
                       Err *err)
{
    char *model = mel_path_join(folder, "whole"), *trained = mel_path_join(folder, "model");
    const json_t *synapse = json_object_get(config, "synapse");
    bool ok = mel_make_dirs(model, err) && link_all(model, trained, false, err) &&
              link_all(model, job->model, !synapse, err) &&
              (!synapse || write_json(model, "synapse.json", synapse, err));
    free(trained);
    if (ok)
        *out = model;
    else
        free(model);
    return ok;
}

/* The folder of the row's model: trained, gone on with, or found. */
static bool find_model(const TableJob *job, const PaperRow *row, char **out, Err *err)
{
    if (!job->training) {
        *out = mel_strdup(job->model);
        return true;
    }
    json_t *config = training_of(job, row);
    char *folder =
        mel_asprintf("%s/trained/%s", job->runs, row->training ? row->training : "as-told");
    char *done = mel_path_join(folder, "model/unet/config.json");
    TrainResult result;
    const TrainOptions how = {
        .folder = folder, .resume = true, .tick = job->trained, .ctx = job->ctx};
    bool ok = claim(folder, "asked.json", config, err) &&
              (mel_path_exists(done) || mel_train(config, &how, &result, err)) &&
              join_model(job, config, folder, out, err);
    free(folder);
    free(done);
    json_decref(config);
    return ok;
}

/* ---- music ---------------------------------------------------------------------------------- */

static int words_of(const char *text)
{
    int words = 0;
    for (const char *c = text; *c; c++)
        words += !isspace((unsigned char)*c) && (c == text || isspace((unsigned char)c[-1]));
    return words;
}

static bool is_asked(const PaperRow *row, const char *text)
{
    int words = words_of(text);
    return words >= row->words_min && (!row->words_max || words <= row->words_max);
}

typedef struct Requests {
    Arena arena;
    Request *items;
    int64_t count;
    size_t capacity;
} Requests;

/* Of the row's clips those without a result. Both files of a result are whole, the JSON last. */
static void list_requests(const TableRun *run, const PaperRow *row, const char *folder,
                          Requests *out)
{
    const TableJob *job = run->job;
    int64_t wanted = 0;
    for (int64_t i = 0; i < run->asked.count; i++) {
        const Triplet *t = &run->asked.items[i];
        if (!is_asked(row, t->text) || (job->limit && wanted == job->limit)) continue;
        wanted++;
        char *name = cli_sound_name(t->id),
             *file = mel_arena_printf(&out->arena, "%s/%s.wav", folder, name);
        char *recipe = mel_asprintf("%s.json", file);
        bool made = mel_path_exists(recipe);
        free(recipe);
        free(name);
        if (made) continue;
        mel_grow(&out->items, &out->capacity, (size_t)out->count + 1, sizeof *out->items);
        out->items[out->count++] = (Request){.image = row->inputs & ROW_IMAGE ? t->picture : NULL,
                                             .text = row->inputs & ROW_TEXT ? t->text : NULL,
                                             .out = file,
                                             .seed = job->seed + i};
    }
}

static bool make_music(const TableRun *run, const PaperRow *row, GenerateJob *how,
                       const char *samples, Err *err)
{
    Requests requests = {0};
    list_requests(run, row, samples, &requests);
    bool ok = mel_make_dirs(samples, err) &&
              (requests.count == 0 || cli_generate(how, requests.items, requests.count, err));
    free(requests.items);
    mel_arena_clear(&requests.arena);
    return ok;
}

static bool judge_music(const TableRun *run, const char *folder, const char *samples,
                        Evaluation *out, Err *err)
{
    SoundSet made = {0};
    /* Its items are changed: the texts stay where they are. */
    Selection matched = {.count = run->judged.count};
    mel_grow(&matched.items, &matched.capacity, (size_t)matched.count + 1, sizeof *matched.items);
    memcpy(matched.items, run->judged.items, (size_t)matched.count * sizeof *matched.items);
    bool ok = cli_sounds_in(samples, &made, err) &&
              cli_judge_samples(run->job->judges, &made, &run->references, &matched, out, err);
    if (ok) {
        json_t *object = cli_evaluation_json(out);
        ok = write_json(folder, "evaluation.json", object, err);
        json_decref(object);
    }
    cli_sounds_clear(&made);
    cli_selection_clear(&matched);
    return ok;
}

/* ---- a row ---------------------------------------------------------------------------------- */

/* Rows of one name are one: Table 1's MeLFusion is Table 4's "both". */
static char *row_name(const PaperRow *row, const GenerateJob *how)
{
    static const char *const inputs[] = {"", "text", "image", "both"};
    Str name = {0};
    mel_str_addf(&name, "%s-%s-%lld-%g", row->training ? row->training : "as-told",
                 inputs[row->inputs], (long long)how->steps, how->guidance);
    if (row->words_min || row->words_max)
        mel_str_addf(&name, "-words-%d-%d", row->words_min, row->words_max);
    return mel_str_take(&name);
}

static json_t *made_by(const TableRun *run, const GenerateJob *how)
{
    const TableJob *job = run->job;
    json_t *object = json_object();
    mel_json_set_text(object, "base", job->model);
    json_object_set(object, "training", (json_t *)job->training);
    mel_json_set_text(object, "split", job->choice.split);
    mel_json_set_text(object, "side", job->choice.side);
    mel_json_set_text(object, "where", job->choice.where);
    mel_json_set_text(object, "text", job->choice.text);
    mel_json_set_i64(object, "limit", job->limit);
    mel_json_set_i64(object, "seed", job->seed);
    mel_json_set_i64(object, "tokens", how->tokens);
    mel_json_set_text(object, "sampler", mel_sampler_name(how->sampler));
    json_object_set_new(object, "guide_by_picture", json_boolean(how->guide_by_picture));
    mel_json_set_text(object, "vggish", job->judges->how.vggish);
    mel_json_set_text(object, "cnn14", job->judges->how.cnn14);
    mel_json_set_text(object, "picture_model", job->judges->how.picture);
    mel_json_set_text(object, "music_model", job->judges->how.music);
    if (job->judges->how.peak > 0) mel_json_set_f64(object, "peak", job->judges->how.peak);
    return object;
}

static bool evaluate_row(const TableRun *run, const PaperRow *row, Evaluation *out, Err *err)
{
    const TableJob *job = run->job;
    GenerateJob how = job->generate;
    if (row->steps) how.steps = row->steps;
    if (row->guidance > 0) how.guidance = row->guidance;
    char *name = row_name(row, &how), *folder = mel_asprintf("%s/made/%s", job->runs, name);
    char *samples = mel_path_join(folder, "samples"), *model = NULL;
    char *result = mel_path_join(folder, "evaluation.json");
    json_t *what = made_by(run, &how), *known = NULL;
    bool ok = claim(folder, "row.json", what, err);
    if (ok && mel_path_exists(result)) {
        ok = (known = mel_json_load(result, JSON_BYTES_MAX, err)) != NULL;
        if (ok) cli_evaluation_read(known, out);
    } else {
        ok = ok && find_model(job, row, &model, err);
        how.model = model;
        ok = ok && make_music(run, row, &how, samples, err) &&
             judge_music(run, folder, samples, out, err);
    }
    json_decref(what);
    json_decref(known);
    free(name);
    free(folder);
    free(samples);
    free(model);
    free(result);
    return ok;
}

static const char *why_not(const TableRun *run, const PaperRow *row)
{
    bool same_model = !row->training || run->job->training;
    bool inputs_alone = row->inputs != ROW_BOTH; /* the model at hand can leave one of them out */
    int64_t clips = 0;
    for (int64_t i = 0; i < run->asked.count; i++)
        clips += is_asked(row, run->asked.items[i].text);
    if (row->needs) return row->needs;
    if (!same_model && !inputs_alone) return "it wants its own training: --train CONFIG";
    return clips ? NULL : "no clip has a text of this length";
}

static bool open_run(TableRun *run, Db *db, Err *err)
{
    Choice plain = run->job->choice;
    plain.text = NULL;
    if (!cli_select(db, &plain, &run->asked, err) ||
        !cli_select(db, &run->job->choice, &run->judged, err))
        return false;
    cli_sounds_of(&run->asked, &run->references);
    return true;
}

bool cli_table(TableJob *job, Db *db, Err *err)
{
    TableRun run = {.job = job};
    size_t count;
    const PaperRow *rows = cli_paper_rows(&count);
    bool ok = open_run(&run, db, err);
    for (size_t i = 0; i < count && ok; i++) {
        Evaluation evaluation;
        if (rows[i].table != job->table) continue;
        const char *reason = why_not(&run, &rows[i]);
        ok = reason || evaluate_row(&run, &rows[i], &evaluation, err);
        if (ok) job->done(job->ctx, &rows[i], reason ? NULL : &evaluation, reason);
    }
    cli_selection_clear(&run.asked);
    cli_selection_clear(&run.judged);
    cli_sounds_clear(&run.references);
    return ok;
}
