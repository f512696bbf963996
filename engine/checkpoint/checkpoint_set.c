/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders and indices: which files make up a checkpoint. An index says in which shard each tensor
 * lies, and the shards have to agree with it to the letter. */
#include "engine/checkpoint/checkpoint_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a published folder may hold, the best first: many hold the same weights twice. */
static const char *const published[] = {
    "model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin",
    "diffusion_pytorch_model.bin",
};

static bool join_if_there(const char *folder, const char *name, char **out)
{
    char *path = mel_path_join(folder, name), *index = mel_asprintf("%s.index.json", path);
    bool whole = mel_path_exists(path), shards = mel_path_exists(index);
    if (whole || shards) *out = whole ? path : index;
    if (!whole) free(path);
    if (whole || !shards) free(index);
    return whole || shards;
}

bool mel_checkpoint_pick(const char *folder, char **out, Err *err)
{
    for (size_t i = 0; i < MEL_COUNT(published); i++)
        if (join_if_there(folder, published[i], out)) return true;
    mel_err(err, ERR_NOT_FOUND, "'%s' holds no checkpoint of a known name", folder);
    return mel_err_hint(err,
                        "looked for model.safetensors, pytorch_model.bin and "
                        "diffusion_pytorch_model.*, whole or with *.index.json; any other name "
                        "can be given as a file");
}

/* A file of the same folder: no path, nothing hidden. */
static bool is_plain_name(const char *name)
{
    return mel_checkpoint_name_ok(name, strlen(name)) && !strchr(name, '/') && name[0] != '.' &&
           strlen(name) <= 255;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different shard names of the map, sorted; *shards is yours to free, the texts are the
 * map's. */
static bool list_shards(json_t *map, const char ***shards, size_t *count, Err *err)
{
    const char *tensor, **names = mel_alloc(json_object_size(map) * sizeof *names);
    json_t *value;
    size_t n = 0, kept = 0;
    json_object_foreach(map, tensor, value)
    {
        const char *name = json_string_value(value);
        ShownText shown = mel_shown(tensor, strlen(tensor));
        if (!name)
            mel_err(err, ERR_FORMAT, "the shard of tensor '%s' is not a text", shown.text);
        else if (!is_plain_name(name))
            mel_err(err, ERR_DENIED,
                    "the shard of tensor '%s' is '%s', not a file beside the index", shown.text,
                    mel_shown(name, strlen(name)).text);
        if (mel_err_is_set(err)) {
            free(names);
            return false;
        }
        names[n++] = name;
    }
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(names[kept - 1], names[i]) != 0) names[kept++] = names[i];
    *shards = names;
    *count = kept;
    return true;
}

/* What the shard brought (from tensor `first` on) is what the map says of it. */
static bool check_shard(const Checkpoint *checkpoint, size_t first, const json_t *map,
                        const char *shard, Err *err)
{
    for (size_t i = first; i < checkpoint->count; i++) {
        const char *name = checkpoint->tensors[i].name;
        const char *wanted = json_string_value(json_object_get(map, name));
        ShownText shown = mel_shown(name, strlen(name));
        if (!wanted)
            return mel_err(err, ERR_FORMAT, "tensor '%s' of '%s' is not in the index", shown.text,
                           shard);
        if (strcmp(wanted, shard) != 0)
            return mel_err(err, ERR_FORMAT, "tensor '%s' lies in '%s', the index says '%s'",
                           shown.text, shard, wanted);
    }
    return true;
}

static bool read_shards(Checkpoint *checkpoint, const char *folder, const json_t *map,
                        const char *const *shards, size_t count, Err *err)
{
    checkpoint->files = mel_alloc(count * sizeof *checkpoint->files);
    for (size_t i = 0; i < count; i++) {
        size_t first = checkpoint->count;
        char *path = mel_path_join(folder, shards[i]);
        bool ok = mel_mapped_open(&checkpoint->files[i], path, err);
        free(path);
        if (!ok && err->code == ERR_NOT_FOUND)
            mel_err_hint(err, "the index names this shard: fetch the whole set");
        if (!ok) return false;
        checkpoint->file_count++;
        if (!mel_checkpoint_read(checkpoint, &checkpoint->files[i], err)) return false;
        if (!check_shard(checkpoint, first, map, shards[i], err)) return false;
    }
    return true;
}

/* Every tensor that came is in the map; is every tensor of the map there? */
static bool check_complete(Checkpoint *checkpoint, json_t *map, Err *err)
{
    const char *name;
    json_t *value;
    if (!mel_checkpoint_sort(checkpoint, err)) return false;
    json_object_foreach(map, name, value)
    {
        if (!mel_checkpoint_find(checkpoint, name))
            return mel_err(err, ERR_FORMAT, "tensor '%s' is not in '%s', where the index says",
                           mel_shown(name, strlen(name)).text, json_string_value(value));
    }
    return true;
}

static bool read_map(Checkpoint *checkpoint, const char *folder, json_t *map, Err *err)
{
    const char **shards = NULL;
    size_t count = 0;
    if (!json_is_object(map) || json_object_size(map) == 0)
        return mel_err(err, ERR_FORMAT, "there is no weight_map that names shards");
    if (json_object_size(map) > CHECKPOINT_TENSORS_MAX)
        return mel_err(err, ERR_LIMIT, "there are more than %d tensors", CHECKPOINT_TENSORS_MAX);
    if (!list_shards(map, &shards, &count, err)) return false;
    bool ok = count <= CHECKPOINT_SHARDS_MAX;
    if (!ok) mel_err(err, ERR_LIMIT, "there are more than %d shards", CHECKPOINT_SHARDS_MAX);
    ok = ok && read_shards(checkpoint, folder, map, shards, count, err) &&
         check_complete(checkpoint, map, err);
    free(shards);
    return ok;
}

static json_t *load_index(const char *path, Err *err)
{
    char *text = NULL;
    size_t n = 0;
    if (!mel_path_exists(path)) {
        mel_err(err, ERR_NOT_FOUND, "there is no file '%s'", path);
        return NULL;
    }
    if (!mel_read_file(path, CHECKPOINT_INDEX_MAX, &text, &n, err)) return NULL;
    char *what = mel_asprintf("'%s'", path);
    json_t *index = mel_checkpoint_parse_json(text, n, what, err);
    free(what);
    free(text);
    return index;
}

/* metadata.total_size is not compared: writers differ on whether shared tensors count once. */
bool mel_checkpoint_read_set(Checkpoint *checkpoint, const char *index_path, Err *err)
{
    json_t *index = load_index(index_path, err);
    if (!index) return false;
    char *folder = mel_path_dir(index_path);
    bool ok = read_map(checkpoint, folder, json_object_get(index, "weight_map"), err);
    if (!ok) mel_err_wrap(err, "'%s'", mel_path_base(index_path));
    free(folder);
    json_decref(index);
    return ok;
}
