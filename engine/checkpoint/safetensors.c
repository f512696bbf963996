/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors format: eight bytes with the header's length, the header in JSON, the arrays
 * one behind the other without a gap up to the end of the file. */
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/checkpoint_internal.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

/* Where a tensor lies in the data behind the header. */
typedef struct Span {
    const char *name; /* the header's */
    int64_t begin, end;
} Span;

static const char *const dtype_words[DTYPE_COUNT] = {
    [DTYPE_F32] = "F32", [DTYPE_BF16] = "BF16", [DTYPE_F16] = "F16", [DTYPE_F64] = "F64",
    [DTYPE_I64] = "I64", [DTYPE_I32] = "I32",   [DTYPE_I16] = "I16", [DTYPE_I8] = "I8",
    [DTYPE_U8] = "U8",   [DTYPE_BOOL] = "BOOL",
};

const char *mel_safetensors_dtype(DType dtype)
{
    return dtype_words[dtype];
}

static bool read_dtype(const json_t *value, DType *out, Err *err)
{
    const char *word = json_string_value(value);
    if (!word) return mel_err(err, ERR_FORMAT, "there is no dtype");
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(word, dtype_words[i]) != 0) continue;
        *out = (DType)i;
        return true;
    }
    return mel_err(err, ERR_FORMAT, "the dtype '%s' is not supported",
                   mel_shown(word, strlen(word)).text);
}

static bool read_shape(const json_t *value, Shape *out, Err *err)
{
    if (!json_is_array(value)) return mel_err(err, ERR_FORMAT, "there is no shape");
    if (json_array_size(value) > RANK_MAX)
        return mel_err(err, ERR_LIMIT, "it has %zu dimensions, the limit is %d",
                       json_array_size(value), RANK_MAX);
    out->rank = (int)json_array_size(value);
    for (int i = 0; i < out->rank; i++) {
        const json_t *size = json_array_get(value, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return mel_err(err, ERR_FORMAT, "dimension %d is not a whole number from 0", i);
        out->dims[i] = json_integer_value(size);
    }
    return true;
}

static bool read_offsets(const json_t *value, int64_t data_bytes, Span *out, Err *err)
{
    const json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return mel_err(err, ERR_FORMAT, "data_offsets is not a pair of whole numbers");
    out->begin = json_integer_value(begin);
    out->end = json_integer_value(end);
    if (out->begin < 0 || out->end < out->begin || out->end > data_bytes)
        return mel_err(err, ERR_FORMAT, "data_offsets [%lld, %lld] are not within the %lld bytes",
                       (long long)out->begin, (long long)out->end, (long long)data_bytes);
    return true;
}

static bool read_entry(const json_t *value, int64_t data_bytes, CheckpointTensor *tensor,
                       Span *span, Err *err)
{
    int64_t count;
    if (!json_is_object(value)) return mel_err(err, ERR_FORMAT, "its entry is not an object");
    if (!read_dtype(json_object_get(value, "dtype"), &tensor->dtype, err)) return false;
    if (!read_shape(json_object_get(value, "shape"), &tensor->shape, err)) return false;
    if (!read_offsets(json_object_get(value, "data_offsets"), data_bytes, span, err)) return false;
    if (json_object_size(value) != 3)
        return mel_err(err, ERR_FORMAT, "its entry has a field besides dtype, shape, data_offsets");
    if (!mel_shape_bytes(&tensor->shape, tensor->dtype, &count, &tensor->bytes))
        return mel_err(err, ERR_FORMAT, "its shape has more bytes than can be counted");
    if (tensor->bytes != span->end - span->begin)
        return mel_err(err, ERR_FORMAT, "its shape takes %lld bytes, its data_offsets %lld",
                       (long long)tensor->bytes, (long long)(span->end - span->begin));
    return true;
}

static bool check_metadata(const json_t *metadata, Err *err)
{
    if (!json_is_object(metadata)) return mel_err(err, ERR_FORMAT, "__metadata__ is not an object");
    for (void *at = json_object_iter((json_t *)(uintptr_t)metadata); at;
         at = json_object_iter_next((json_t *)(uintptr_t)metadata, at))
        if (!json_is_string(json_object_iter_value(at)))
            return mel_err(
                err, ERR_FORMAT, "__metadata__ '%s' is not a text",
                mel_shown(json_object_iter_key(at), strlen(json_object_iter_key(at))).text);
    return true;
}

static int by_begin(const void *a, const void *b)
{
    const Span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The arrays cover the data from its first byte to its last, each byte once. */
static bool check_cover(Span *spans, size_t count, int64_t data_bytes, Err *err)
{
    int64_t at = 0;
    if (count) qsort(spans, count, sizeof *spans, by_begin);
    for (size_t i = 0; i < count; i++) {
        if (spans[i].begin != at)
            return mel_err(err, ERR_FORMAT, "tensor '%s': its data begins at %lld, %s %lld",
                           mel_shown(spans[i].name, strlen(spans[i].name)).text,
                           (long long)spans[i].begin,
                           spans[i].begin < at ? "within an array that ends at"
                                               : "behind a hole that begins at",
                           (long long)at);
        at = spans[i].end;
    }
    if (at == data_bytes) return true;
    return mel_err(err, ERR_FORMAT, "the tensors end at %lld of %lld data bytes", (long long)at,
                   (long long)data_bytes);
}

static bool add_entries(Checkpoint *checkpoint, json_t *header, const uint8_t *data,
                        int64_t data_bytes, Err *err)
{
    bool ok = false;
    size_t count = 0;
    const char *name;
    json_t *value;
    Span *spans = mel_alloc(json_object_size(header) * sizeof *spans);
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (!check_metadata(value, err)) goto out;
            continue;
        }
        ShownText shown = mel_shown(name, strlen(name));
        CheckpointTensor tensor = {.name = name};
        Span *span = &spans[count++];
        span->name = name;
        if (!mel_checkpoint_name_ok(name, strlen(name))) {
            mel_err(err, ERR_FORMAT,
                    "the name '%s' is empty, over %d bytes or has control "
                    "characters",
                    shown.text, CHECKPOINT_NAME_MAX);
            goto out;
        }
        if (!read_entry(value, data_bytes, &tensor, span, err)) {
            mel_err_wrap(err, "tensor '%s'", shown.text);
            goto out;
        }
        tensor.data = data + span->begin;
        if (!mel_checkpoint_add(checkpoint, &tensor, err)) goto out;
    }
    ok = check_cover(spans, count, data_bytes, err);
out:
    free(spans);
    return ok;
}

static bool read_header(const MappedFile *file, json_t **header, int64_t *data_at, Err *err)
{
    int64_t rest = file->size - LENGTH_BYTES;
    if (rest < 2)
        return mel_err(err, ERR_FORMAT, "%lld bytes are too few for a header",
                       (long long)file->size);
    uint64_t length = mel_le64(file->bytes);
    const char *text = (const char *)file->bytes + LENGTH_BYTES;
    if (length > (uint64_t)rest || length < 2)
        return mel_err(err, ERR_FORMAT,
                       "the header claims %llu bytes, the file has %lld behind "
                       "its length",
                       (unsigned long long)length, (long long)rest);
    if (length > SAFETENSORS_HEADER_MAX)
        return mel_err(err, ERR_LIMIT, "the header has %llu bytes, the limit is %d",
                       (unsigned long long)length, SAFETENSORS_HEADER_MAX);
    *header = mel_checkpoint_parse_json(text, (size_t)length, "the header", err);
    if (!*header) return false;
    *data_at = LENGTH_BYTES + (int64_t)length;
    return true;
}

/* That the header is an object follows from its first byte, by which the format was known. */
bool mel_safetensors_read(Checkpoint *checkpoint, const MappedFile *file, Err *err)
{
    json_t *header = NULL;
    int64_t data_at = 0;
    if (!read_header(file, &header, &data_at, err)) return false;
    bool ok = add_entries(checkpoint, header, file->bytes + data_at, file->size - data_at, err);
    json_decref(header);
    return ok;
}
