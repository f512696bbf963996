/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/shards.h"

#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_BYTES_MAX = 1 << 28, ARRAYS_MAX = 32 };

typedef struct ShardFile {
    Checkpoint *checkpoint;
    int64_t first, count;                       /* of its items */
    const CheckpointTensor *arrays[ARRAYS_MAX]; /* in the order of Shards.arrays */
} ShardFile;

struct Shards {
    char *folder;
    json_t *index;
    const json_t *items;
    char *names[ARRAYS_MAX];
    Tensor forms[ARRAYS_MAX];
    int array_count;
    Checkpoint *constants; /* NULL without */
    ShardFile *files;
    size_t file_count;
    int64_t count;
};

/* ---- opening -------------------------------------------------------------------------------- */

static bool add_array(Shards *s, const CheckpointTensor *tensor, Err *err)
{
    if (s->array_count == ARRAYS_MAX)
        return mel_err(err, ERR_LIMIT, "more than %d arrays", ARRAYS_MAX);
    Tensor form = {.dtype = tensor->dtype, .shape = {.rank = tensor->shape.rank - 1}};
    for (int i = 0; i < form.shape.rank; i++)
        form.shape.dims[i] = tensor->shape.dims[i + 1];
    s->names[s->array_count] = mel_strdup(tensor->name);
    s->forms[s->array_count++] = form;
    return true;
}

/* The arrays of a file: of the first one they are learnt, of the others they must be the same. */
static bool match_arrays(Shards *s, ShardFile *file, bool first, Err *err)
{
    int64_t tensors = mel_checkpoint_count(file->checkpoint);
    for (int64_t i = 0; i < tensors; i++) {
        const CheckpointTensor *tensor = mel_checkpoint_at(file->checkpoint, i);
        if (tensor->shape.rank < 1 || tensor->shape.dims[0] != file->count)
            return mel_err(err, ERR_FORMAT, "'%s' has not %lld items", tensor->name,
                           (long long)file->count);
        if (first && !add_array(s, tensor, err)) return false;
    }
    if (tensors != s->array_count)
        return mel_err(err, ERR_FORMAT, "it has %lld arrays, the first file %d", (long long)tensors,
                       s->array_count);
    for (int i = 0; i < s->array_count; i++) {
        const CheckpointTensor *tensor = mel_checkpoint_find(file->checkpoint, s->names[i]);
        Shape whole = s->forms[i].shape;
        memmove(whole.dims + 1, whole.dims, sizeof whole.dims - sizeof *whole.dims);
        whole.dims[0] = file->count;
        whole.rank++;
        if (!tensor || tensor->dtype != s->forms[i].dtype ||
            !mel_shape_equal(&tensor->shape, &whole))
            return mel_err(err, ERR_FORMAT, "its array '%s' is not as in the first file",
                           s->names[i]);
        file->arrays[i] = tensor;
    }
    return true;
}

static bool open_file(Shards *s, const json_t *entry, Err *err)
{
    ShardFile *file = &s->files[s->file_count];
    char sha256[SHA256_HEX_SIZE];
    const char *name = mel_json_text(entry, "file", "");
    file->first = s->count;
    file->count = mel_json_i64(entry, "items", 0);
    if (!*name || strchr(name, '/') || file->count < 1)
        return mel_err(err, ERR_FORMAT, "its index has a file without a name or items");
    char *path = mel_path_join(s->folder, name);
    bool ok = mel_checkpoint_open(path, &file->checkpoint, err);
    free(path);
    if (!ok) return false;
    s->file_count++;
    ok = mel_checkpoint_sha256(file->checkpoint, sha256, err);
    if (ok && !mel_equal(sha256, mel_json_text(entry, "sha256", "")))
        ok = mel_err(err, ERR_FORMAT, "its content is not what the index says (SHA-256)");
    ok = ok && match_arrays(s, file, s->file_count == 1, err);
    s->count += file->count;
    return ok || mel_err_wrap(err, "'%s'", name);
}

static bool open_constants(Shards *s, Err *err)
{
    const char *wanted = mel_json_text(s->index, "constants_sha256", NULL);
    char sha256[SHA256_HEX_SIZE];
    if (!wanted) return true;
    char *path = mel_path_join(s->folder, "constants.safetensors");
    bool ok =
        mel_checkpoint_open(path, &s->constants, err) &&
        mel_checkpoint_sha256(s->constants, sha256, err) &&
        (mel_equal(sha256, wanted) ||
         mel_err(err, ERR_FORMAT, "constants.safetensors is not what the index says (SHA-256)"));
    free(path);
    return ok;
}

static bool open_all(Shards *s, Err *err)
{
    char *path = mel_path_join(s->folder, "index.json");
    if (!mel_path_exists(path)) {
        free(path);
        mel_err(err, ERR_NOT_FOUND, "there is no index.json: no training shards, or unfinished");
        mel_err_hint(err, "'mel prepare' makes them, and goes on where it was stopped");
        return false;
    }
    s->index = mel_json_load(path, INDEX_BYTES_MAX, err);
    free(path);
    if (!s->index) return false;
    if (mel_json_i64(s->index, "melkit_shards", 0) != 1)
        return mel_err(err, ERR_FORMAT, "index.json is not that of training shards, version 1");
    if (!open_constants(s, err)) return false;
    const json_t *files = json_object_get(s->index, "files");
    s->items = json_object_get(s->index, "items");
    size_t count = json_array_size(files);
    if (!count) return mel_err(err, ERR_FORMAT, "there are no items in it");
    s->files = mel_alloc(count * sizeof *s->files);
    for (size_t i = 0; i < count; i++)
        if (!open_file(s, json_array_get(files, i), err)) return false;
    if ((int64_t)json_array_size(s->items) != s->count)
        return mel_err(err, ERR_FORMAT, "the index names %zu items, the files have %lld",
                       json_array_size(s->items), (long long)s->count);
    return true;
}

bool mel_shards_open(const char *folder, Shards **out, Err *err)
{
    Shards *s = mel_alloc(sizeof *s);
    s->folder = mel_strdup(folder);
    if (open_all(s, err)) {
        *out = s;
        return true;
    }
    mel_shards_close(s);
    return mel_err_wrap(err, "training shards '%s'", folder);
}

void mel_shards_close(Shards *shards)
{
    if (!shards) return;
    for (size_t i = 0; i < shards->file_count; i++)
        mel_checkpoint_close(shards->files[i].checkpoint);
    for (int i = 0; i < shards->array_count; i++)
        free(shards->names[i]);
    mel_checkpoint_close(shards->constants);
    json_decref(shards->index);
    free(shards->files);
    free(shards->folder);
    free(shards);
}

/* ---- reading -------------------------------------------------------------------------------- */

int64_t mel_shards_count(const Shards *shards)
{
    return shards->count;
}

static const char *item_text(const Shards *shards, int64_t item, const char *key)
{
    return mel_json_text(json_array_get(shards->items, (size_t)item), key, "");
}

const char *mel_shards_key(const Shards *shards, int64_t item)
{
    return item_text(shards, item, "key");
}

const char *mel_shards_text(const Shards *shards, int64_t item)
{
    return item_text(shards, item, "text");
}

const json_t *mel_shards_index(const Shards *shards)
{
    return shards->index;
}

int mel_shards_array(const Shards *shards, const char *name, Err *err)
{
    for (int i = 0; i < shards->array_count; i++)
        if (mel_equal(shards->names[i], name)) return i;
    mel_err(err, ERR_NOT_FOUND, "training shards '%s' have no '%s'", shards->folder, name);
    mel_err_hint(err, "make them with 'mel prepare --model': it adds what a model makes of a clip");
    return -1;
}

const Tensor *mel_shards_form(const Shards *shards, int array)
{
    return &shards->forms[array];
}

const void *mel_shards_data(const Shards *shards, int array, int64_t item)
{
    size_t low = 0, high = shards->file_count;
    MEL_ASSERT(item >= 0 && item < shards->count);
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (shards->files[middle].first <= item)
            low = middle;
        else
            high = middle;
    }
    const ShardFile *file = &shards->files[low];
    const Tensor *form = &shards->forms[array];
    int64_t bytes = mel_shape_count(&form->shape) * (int64_t)mel_dtype_size(form->dtype);
    return (const char *)file->arrays[array]->data + (item - file->first) * bytes;
}

void mel_shards_floats(const Shards *shards, int array, int64_t item, float *out)
{
    const Tensor *form = &shards->forms[array];
    mel_convert(mel_shards_data(shards, array, item), form->dtype, out, DTYPE_F32,
                mel_shape_count(&form->shape));
}

const CheckpointTensor *mel_shards_constant(const Shards *shards, const char *name, Err *err)
{
    const CheckpointTensor *tensor =
        shards->constants ? mel_checkpoint_find(shards->constants, name) : NULL;
    if (tensor) return tensor;
    mel_err(err, ERR_NOT_FOUND, "training shards '%s' have no '%s'", shards->folder, name);
    mel_err_hint(err, "make them with 'mel prepare --model'");
    return NULL;
}

bool mel_shards_made_with(const Shards *shards, const char *part, const char *sha256, Err *err)
{
    const json_t *models = json_object_get(shards->index, "models");
    const char *theirs = mel_json_text(models, part, "");
    if (mel_equal(theirs, sha256)) return true;
    mel_err(err, ERR_FORMAT, "training shards '%s' were made with another %s (%.12s…, not %.12s…)",
            shards->folder, part, *theirs ? theirs : "none", sha256);
    mel_err_hint(err, "make them again with 'mel prepare --model' and this model");
    return false;
}
