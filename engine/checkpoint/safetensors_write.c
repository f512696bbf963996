/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/checkpoint/checkpoint_internal.h"
#include "engine/checkpoint/safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_ALIGNMENT = 64 };

static int by_size_and_name(const void *a, const void *b)
{
    const CheckpointTensor *x = *(const CheckpointTensor *const *)a;
    const CheckpointTensor *y = *(const CheckpointTensor *const *)b;
    size_t size_x = mel_dtype_size(x->dtype), size_y = mel_dtype_size(y->dtype);
    if (size_x != size_y) return size_x > size_y ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* What is written can be read: the limits are the reader's. */
static bool check_tensors(const CheckpointTensor *tensors, int64_t count, Err *err)
{
    if (count > CHECKPOINT_TENSORS_MAX)
        return mel_err(err, ERR_LIMIT, "%lld tensors, the limit is %d", (long long)count,
                       CHECKPOINT_TENSORS_MAX);
    for (int64_t i = 0; i < count; i++) {
        const CheckpointTensor *tensor = &tensors[i];
        int64_t elements, bytes;
        MEL_ASSERT(mel_shape_bytes(&tensor->shape, tensor->dtype, &elements, &bytes));
        MEL_ASSERT(bytes == tensor->bytes && (tensor->data || bytes == 0));
        if (!mel_checkpoint_name_ok(tensor->name, strlen(tensor->name)) ||
            strcmp(tensor->name, "__metadata__") == 0)
            return mel_err(err, ERR_USAGE, "'%s' cannot be the name of a tensor",
                           mel_shown(tensor->name, strlen(tensor->name)).text);
    }
    return true;
}

static bool add_metadata(json_t *header, const char *const *metadata, Err *err)
{
    if (!metadata) return true;
    json_t *object = json_object();
    json_object_set_new(header, "__metadata__", object);
    for (; *metadata; metadata += 2) {
        MEL_ASSERT(metadata[1]);
        if (json_object_get(object, metadata[0]) ||
            json_object_set_new(object, metadata[0], json_string(metadata[1])) != 0)
            return mel_err(err, ERR_USAGE, "metadata '%s' is there twice or is not UTF-8",
                           mel_shown(metadata[0], strlen(metadata[0])).text);
    }
    return true;
}

static bool add_tensor(json_t *header, const CheckpointTensor *tensor, int64_t *at, Err *err)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->shape.rank; i++)
        json_array_append_new(shape, json_integer(tensor->shape.dims[i]));
    int64_t end;
    if (__builtin_add_overflow(*at, tensor->bytes, &end) || json_object_get(header, tensor->name)) {
        json_decref(shape);
        return mel_err(err, ERR_USAGE, "tensor '%s' is there twice or too large", tensor->name);
    }
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", mel_safetensors_dtype(tensor->dtype),
                              "shape", shape, "data_offsets", (json_int_t)*at, (json_int_t)end);
    json_object_set_new(header, tensor->name, entry);
    *at = end;
    return true;
}

/* The eight bytes of the length and the header, padded with blanks. */
static bool make_header(const CheckpointTensor *const *order, int64_t count,
                        const char *const *metadata, Str *out, Err *err)
{
    json_t *header = json_object();
    int64_t at = 0;
    bool ok = add_metadata(header, metadata, err);
    for (int64_t i = 0; ok && i < count; i++)
        ok = add_tensor(header, order[i], &at, err);
    char *text = mel_json_line(header);
    json_decref(header);
    MEL_ASSERT(text);
    if (!ok) {
        free(text);
        return false;
    }
    uint8_t length_bytes[8] = {0};
    mel_str_add_bytes(out, length_bytes, sizeof length_bytes);
    mel_str_add(out, text);
    free(text);
    while (out->length % DATA_ALIGNMENT)
        mel_str_add_char(out, ' ');
    uint64_t length = out->length - sizeof length_bytes;
    for (size_t i = 0; i < sizeof length_bytes; i++)
        out->text[i] = (char)(length >> (8 * i));
    if (length <= SAFETENSORS_HEADER_MAX) return true;
    return mel_err(err, ERR_LIMIT, "the header would have %llu bytes, the limit is %d",
                   (unsigned long long)length, SAFETENSORS_HEADER_MAX);
}

static bool write_all(FileWriter *writer, const Str *header, const CheckpointTensor *const *order,
                      int64_t count, Err *err)
{
    bool ok = fwrite(header->text, 1, header->length, writer->file) == header->length;
    for (int64_t i = 0; ok && i < count; i++) {
        size_t n = (size_t)order[i]->bytes;
        ok = n == 0 || fwrite(order[i]->data, 1, n, writer->file) == n;
    }
    return ok || mel_err_errno(err, "cannot write '%s'", writer->path);
}

bool mel_safetensors_write(const char *path, const CheckpointTensor *tensors, int64_t count,
                           const char *const *metadata, Err *err)
{
    MEL_ASSERT(count >= 0);
    bool ok = false;
    Str header = {0};
    FileWriter writer = {0};
    const CheckpointTensor **order = NULL;
    if (!check_tensors(tensors, count, err)) goto out;
    order = mel_alloc((size_t)count * sizeof(const CheckpointTensor *));
    for (int64_t i = 0; i < count; i++)
        order[i] = &tensors[i];
    if (count) qsort(order, (size_t)count, sizeof *order, by_size_and_name);
    if (!make_header(order, count, metadata, &header, err)) goto out;
    if (!mel_writer_begin(&writer, path, err)) goto out;
    if (!write_all(&writer, &header, order, count, err)) goto out;
    ok = mel_writer_commit(&writer, err);
out:
    mel_writer_abort(&writer);
    mel_str_clear(&header);
    free(order);
    return ok;
}
