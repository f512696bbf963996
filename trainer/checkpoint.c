/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/checkpoint.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_BYTES_MAX = 1 << 24 };
static const char prefix[] = "step-";

/* Flat variables are kept as their members. */
static bool is_kept(const Variables *variables, int i)
{
    static const char gradient[] = "gradient of ";
    return !mel_variables_is_flat(variables, i) &&
           strncmp(mel_variables_name(variables, i), gradient, sizeof gradient - 1) != 0;
}

/* ---- the folder ----------------------------------------------------------------------------- */

/* The steps of the checkpoints there, falling; yours to free. */
static int64_t *list_steps(const char *folder, int *count)
{
    int64_t *steps = NULL;
    size_t capacity = 0;
    *count = 0;
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int64_t step;
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0 ||
            !mel_parse_i64(entry->d_name + sizeof prefix - 1, &step))
            continue;
        mel_grow(&steps, &capacity, (size_t)*count + 1, sizeof *steps);
        int at = (*count)++;
        for (; at > 0 && steps[at - 1] < step; at--)
            steps[at] = steps[at - 1];
        steps[at] = step;
    }
    if (dir) closedir(dir);
    return steps;
}

static char *path_of(const char *folder, int64_t step, const char *ending)
{
    return mel_asprintf("%s/%s%08lld%s", folder, prefix, (long long)step, ending);
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool write_variables(const char *path, const Variables *variables, Err *err)
{
    int count = mel_variables_count(variables), kept = 0;
    CheckpointTensor *tensors = mel_alloc((size_t)count * sizeof *tensors + 1);
    bool ok = true;
    for (int i = 0; i < count && ok; i++) {
        const char *name = mel_variables_name(variables, i);
        const Shape *shape = mel_variables_shape(variables, i);
        if (!is_kept(variables, i)) continue;
        int64_t numbers = mel_shape_count(shape);
        float *values = mel_try_alloc((size_t)numbers + 1, sizeof *values, SIZE_MAX, name, err);
        ok = values && mel_variables_read(variables, i, values, err);
        tensors[kept++] = (CheckpointTensor){.name = name,
                                             .dtype = DTYPE_F32,
                                             .shape = *shape,
                                             .data = values,
                                             .bytes = numbers * (int64_t)sizeof *values};
    }
    ok = ok && mel_safetensors_write(path, tensors, kept, NULL, err);
    for (int i = 0; i < kept; i++)
        free((void *)tensors[i].data);
    free(tensors);
    return ok;
}

static bool write_state(const char *path, int64_t step, const json_t *config, const char *sha256,
                        Err *err)
{
    json_t *state = json_object();
    mel_json_set_i64(state, "melkit_checkpoint", 1);
    mel_json_set_i64(state, "step", step);
    mel_json_set_text(state, "sha256", sha256);
    json_object_set(state, "config", (json_t *)config);
    char *line = mel_json_line(state);
    bool ok = mel_write_file(path, line, strlen(line), err);
    free(line);
    json_decref(state);
    return ok;
}

static bool fill_folder(const char *folder, int64_t step, const json_t *config,
                        const Variables *variables, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    char *tensors = mel_path_join(folder, "state.safetensors");
    char *state = mel_path_join(folder, "state.json");
    bool ok = mel_make_dirs(folder, err) && write_variables(tensors, variables, err) &&
              mel_sha256_file(tensors, sha256, NULL, err) &&
              write_state(state, step, config, sha256, err) && mel_fsync_dir(folder, err);
    free(tensors);
    free(state);
    return ok;
}

static bool prune(const char *folder, int64_t keep, Err *err)
{
    int count;
    bool ok = true;
    int64_t *steps = list_steps(folder, &count);
    for (int i = (int)keep; i < count && ok; i++) {
        char *path = path_of(folder, steps[i], "");
        ok = mel_remove_tree(path, err);
        free(path);
    }
    free(steps);
    return ok;
}

bool checkpoint_write(const char *folder, int64_t step, const json_t *config,
                      const Variables *variables, int64_t keep, Err *err)
{
    char *path = path_of(folder, step, ""), *beside = path_of(folder, step, ".tmp");
    bool ok = mel_remove_tree(beside, err) && fill_folder(beside, step, config, variables, err) &&
              mel_remove_tree(path, err);
    if (ok && rename(beside, path) != 0) ok = mel_err_errno(err, "'%s' cannot be renamed", beside);
    ok = ok && mel_fsync_dir(folder, err) && prune(folder, keep, err);
    free(path);
    free(beside);
    return ok || mel_err_wrap(err, "the checkpoint of step %lld", (long long)step);
}

bool checkpoint_hash(const Variables *variables, char hex[SHA256_HEX_SIZE], Err *err)
{
    Sha256 *hash = mel_sha256_new();
    bool ok = true;
    for (int i = 0; i < mel_variables_count(variables) && ok; i++) {
        const char *name = mel_variables_name(variables, i);
        if (!is_kept(variables, i)) continue;
        size_t count = (size_t)mel_shape_count(mel_variables_shape(variables, i));
        float *values = mel_try_alloc(count + 1, sizeof *values, SIZE_MAX, name, err);
        ok = values && mel_variables_read(variables, i, values, err);
        if (ok) mel_sha256_add(hash, values, count * sizeof *values);
        free(values);
    }
    if (ok)
        mel_sha256_finish(hash, hex);
    else
        mel_sha256_free(hash);
    return ok;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Keys that may be changed for the rest of a run. */
static bool may_differ(const char *key)
{
    static const char *const keys[] = {"steps",    "checkpoint_every", "keep",
                                       "install",  "validate_every",   "validate_items",
                                       "validate", "recompute"};
    for (size_t i = 0; i < MEL_COUNT(keys); i++)
        if (mel_equal(key, keys[i])) return true;
    return false;
}

static bool same_config(const json_t *was, const json_t *is, Err *err)
{
    const json_t *sides[] = {was, is};
    for (int i = 0; i < 2; i++) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)sides[i], key, value)
        {
            if (may_differ(key)) continue;
            if (json_equal(json_object_get(was, key), json_object_get(is, key))) continue;
            mel_err(err, ERR_USAGE, "'%.60s' is not what the run began with", key);
            mel_err_hint(err, "go on with the run's own config.json, or begin another run");
            return false;
        }
    }
    return true;
}

static bool read_variables(const Checkpoint *checkpoint, Variables *variables, Err *err)
{
    for (int i = 0; i < mel_variables_count(variables); i++) {
        const char *name = mel_variables_name(variables, i);
        if (!is_kept(variables, i)) continue;
        const CheckpointTensor *tensor = mel_checkpoint_find(checkpoint, name);
        if (!tensor || tensor->dtype != DTYPE_F32 ||
            !mel_shape_equal(&tensor->shape, mel_variables_shape(variables, i)))
            return mel_err(err, ERR_FORMAT, "it lacks '%s', or has it in another shape", name);
        if (!mel_variables_write(variables, i, tensor->data, err)) return false;
    }
    return true;
}

/* state.json of a whole checkpoint, or NULL with an error that says what is torn. */
static json_t *read_state(const char *path, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    char *tensors = mel_path_join(path, "state.safetensors");
    char *state_path = mel_path_join(path, "state.json");
    json_t *state = mel_json_load(state_path, STATE_BYTES_MAX, err);
    bool ok = state && mel_sha256_file(tensors, sha256, NULL, err) &&
              (mel_equal(sha256, mel_json_text(state, "sha256", "")) ||
               mel_err(err, ERR_FORMAT, "state.safetensors is torn: its hash is another"));
    free(tensors);
    free(state_path);
    if (ok) return state;
    json_decref(state);
    return NULL;
}

static bool take_up(const char *path, const json_t *state, const json_t *config,
                    Variables *variables, Err *err)
{
    Checkpoint *checkpoint = NULL;
    char *tensors = mel_path_join(path, "state.safetensors");
    bool ok = same_config(json_object_get(state, "config"), config, err) &&
              mel_checkpoint_open(tensors, &checkpoint, err) &&
              read_variables(checkpoint, variables, err);
    mel_checkpoint_close(checkpoint);
    free(tensors);
    return ok || mel_err_wrap(err, "the checkpoint '%s'", path);
}

bool checkpoint_read(const char *folder, const json_t *config, Variables *variables, int64_t *step,
                     Err *err)
{
    int count;
    bool ok = true, found = false;
    int64_t *steps = list_steps(folder, &count);
    *step = 0;
    for (int i = 0; i < count && !found && ok; i++) {
        Err torn = {0};
        char *path = path_of(folder, steps[i], "");
        json_t *state = read_state(path, &torn);
        if (state) {
            found = true;
            ok = take_up(path, state, config, variables, err);
            *step = mel_json_i64(state, "step", 0);
        } else {
            mel_log_warn("the checkpoint '%s' is passed over: %s", path, torn.message);
        }
        json_decref(state);
        free(path);
    }
    free(steps);
    return ok;
}
