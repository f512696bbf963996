/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/shards_write.h"

#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

/* While files are being written, their list and their items lie in this file; index.json, which
 * readers ask for, comes last. */
static const char unfinished_name[] = "unfinished.json";
enum { INDEX_BYTES_MAX = 1 << 28 };

struct ShardsWriter {
    char *folder;
    ShardArray *arrays;
    int array_count;
    int64_t items_per_file;
    json_t *index;   /* made_with, and the files and items that are whole */
    json_t *pending; /* items of the file in hand */
    char **buffers;  /* of the file in hand, by array */
};

static int64_t item_bytes(const ShardArray *array)
{
    return mel_shape_count(&array->shape) * (int64_t)mel_dtype_size(array->dtype);
}

static json_t *describe(const ShardsPlan *plan)
{
    json_t *arrays = json_object(), *index = json_object();
    for (int i = 0; i < plan->array_count; i++) {
        char text[SHAPE_TEXT_SIZE];
        char *form = mel_asprintf("%s %s", mel_dtype_name(plan->arrays[i].dtype),
                                  mel_shape_text(&plan->arrays[i].shape, text));
        json_object_set_new(arrays, plan->arrays[i].name, json_string(form));
        free(form);
    }
    json_object_set_new(index, "melkit_shards", json_integer(1));
    json_object_set_new(index, "arrays", arrays);
    json_object_set_new(index, "items_per_file", json_integer(plan->items_per_file));
    json_object_update(index, (json_t *)plan->made_with);
    return index;
}

/* What an earlier writer left, if it wrote by the same plan. */
static bool take_up(ShardsWriter *writer, const char *path, Err *err)
{
    json_t *found = mel_json_load(path, INDEX_BYTES_MAX, err);
    if (!found) return false;
    json_t *files = json_incref(json_object_get(found, "files"));
    json_t *items = json_incref(json_object_get(found, "items"));
    json_object_del(found, "files");
    json_object_del(found, "items");
    bool same = json_equal(found, writer->index) && json_is_array(files) && json_is_array(items);
    json_decref(found);
    json_object_set_new(writer->index, "files", files ? files : json_array());
    json_object_set_new(writer->index, "items", items ? items : json_array());
    if (same) return true;
    mel_err(err, ERR_USAGE, "'%s' holds training shards of something else", writer->folder);
    mel_err_hint(err, "give another folder, or remove that one");
    return false;
}

static bool write_constants(ShardsWriter *writer, const ShardsPlan *plan, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    if (!plan->constant_count) return true;
    char *path = mel_path_join(writer->folder, "constants.safetensors");
    bool ok = mel_safetensors_write(path, plan->constants, plan->constant_count, NULL, err) &&
              mel_sha256_file(path, sha256, NULL, err);
    if (ok) mel_json_set_text(writer->index, "constants_sha256", sha256);
    free(path);
    return ok;
}

static bool begin(ShardsWriter *writer, Err *err)
{
    static const char *const names[] = {"index.json", unfinished_name};
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        char *path = mel_path_join(writer->folder, names[i]);
        bool there = mel_path_exists(path), ok = !there || take_up(writer, path, err);
        free(path);
        if (there) return ok;
    }
    json_object_set_new(writer->index, "files", json_array());
    json_object_set_new(writer->index, "items", json_array());
    return true;
}

bool mel_shards_begin(const char *folder, const ShardsPlan *plan, ShardsWriter **out, int64_t *done,
                      Err *err)
{
    ShardsWriter *writer = mel_alloc(sizeof *writer);
    *writer = (ShardsWriter){.folder = mel_strdup(folder),
                             .array_count = plan->array_count,
                             .items_per_file = plan->items_per_file,
                             .index = describe(plan),
                             .pending = json_array()};
    writer->arrays = mel_alloc((size_t)plan->array_count * sizeof *writer->arrays);
    writer->buffers = mel_alloc((size_t)plan->array_count * sizeof *writer->buffers);
    bool ok = true;
    for (int i = 0; i < plan->array_count && ok; i++) {
        writer->arrays[i] = plan->arrays[i];
        writer->arrays[i].name = mel_strdup(plan->arrays[i].name);
        writer->buffers[i] =
            mel_try_alloc((size_t)plan->items_per_file, (size_t)item_bytes(&plan->arrays[i]) + 1,
                          SIZE_MAX / 2, "a file of shards", err);
        ok = writer->buffers[i] != NULL;
    }
    ok = ok && mel_make_dirs(writer->folder, err) && write_constants(writer, plan, err) &&
         begin(writer, err);
    if (!ok) {
        mel_shards_abandon(writer);
        return false;
    }
    *done = (int64_t)json_array_size(json_object_get(writer->index, "items"));
    *out = writer;
    return true;
}

const char *mel_shards_last_key(const ShardsWriter *writer)
{
    const json_t *items = json_object_get(writer->index, "items");
    if (json_array_size(writer->pending)) items = writer->pending;
    size_t count = json_array_size(items);
    return count ? mel_json_text(json_array_get(items, count - 1), "key", NULL) : NULL;
}

static bool write_index(ShardsWriter *writer, const char *name, Err *err)
{
    char *line = mel_json_line(writer->index), *path = mel_path_join(writer->folder, name);
    bool ok = mel_write_file(path, line, strlen(line), err);
    free(line);
    free(path);
    return ok;
}

static bool write_arrays(const ShardsWriter *writer, const char *path, int64_t count, Err *err)
{
    CheckpointTensor *tensors = mel_alloc((size_t)writer->array_count * sizeof *tensors + 1);
    for (int i = 0; i < writer->array_count; i++) {
        Shape shape = {.rank = writer->arrays[i].shape.rank + 1, .dims = {count}};
        for (int k = 1; k < shape.rank; k++)
            shape.dims[k] = writer->arrays[i].shape.dims[k - 1];
        tensors[i] = (CheckpointTensor){.name = writer->arrays[i].name,
                                        .dtype = writer->arrays[i].dtype,
                                        .shape = shape,
                                        .data = writer->buffers[i],
                                        .bytes = count * item_bytes(&writer->arrays[i])};
    }
    bool ok = mel_safetensors_write(path, tensors, writer->array_count, NULL, err);
    free(tensors);
    return ok;
}

/* The file in hand, whole; then it is listed. */
static bool flush(ShardsWriter *writer, Err *err)
{
    json_t *files = json_object_get(writer->index, "files");
    json_t *items = json_object_get(writer->index, "items");
    int64_t count = (int64_t)json_array_size(writer->pending);
    char name[32], sha256[SHA256_HEX_SIZE];
    if (!count) return true;
    snprintf(name, sizeof name, "%05zu.safetensors", json_array_size(files));
    char *path = mel_path_join(writer->folder, name);
    bool ok = write_arrays(writer, path, count, err) && mel_sha256_file(path, sha256, NULL, err);
    free(path);
    if (!ok) return false;
    json_t *entry = json_object();
    mel_json_set_text(entry, "file", name);
    mel_json_set_i64(entry, "items", count);
    mel_json_set_text(entry, "sha256", sha256);
    json_array_append_new(files, entry);
    json_array_extend(items, writer->pending);
    json_array_clear(writer->pending);
    return write_index(writer, unfinished_name, err);
}

bool mel_shards_add(ShardsWriter *writer, const char *key, const char *text,
                    const void *const *data, Err *err)
{
    int64_t at = (int64_t)json_array_size(writer->pending);
    for (int i = 0; i < writer->array_count; i++) {
        int64_t bytes = item_bytes(&writer->arrays[i]);
        memcpy(writer->buffers[i] + at * bytes, data[i], (size_t)bytes);
    }
    json_t *item = json_object();
    mel_json_set_text(item, "key", key);
    mel_json_set_text(item, "text", text);
    json_array_append_new(writer->pending, item);
    return at + 1 < writer->items_per_file || flush(writer, err);
}

void mel_shards_abandon(ShardsWriter *writer)
{
    if (!writer) return;
    for (int i = 0; i < writer->array_count; i++) {
        free((char *)writer->arrays[i].name);
        free(writer->buffers[i]);
    }
    json_decref(writer->index);
    json_decref(writer->pending);
    free(writer->arrays);
    free(writer->buffers);
    free(writer->folder);
    free(writer);
}

bool mel_shards_finish(ShardsWriter *writer, Err *err)
{
    char *unfinished = mel_path_join(writer->folder, unfinished_name);
    bool ok = flush(writer, err) && write_index(writer, "index.json", err) &&
              mel_remove_tree(unfinished, err);
    free(unfinished);
    mel_shards_abandon(writer);
    return ok;
}
