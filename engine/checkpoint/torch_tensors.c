/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/checkpoint/torch_tensors.h"

#include "engine/checkpoint/checkpoint_internal.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 };
enum { NOT_VISITED, ON_THE_PATH, VISITED };

typedef struct Search {
    const PickleValue *best;
    size_t tensors;
    char name[64], rival[64]; /* the key of the best, and of one that holds as many */
    bool tie;
    Err *err;
} Search;

static size_t count_tensors(const PickleValue *dict)
{
    size_t tensors = 0;
    for (size_t i = 0; i + 1 < dict->list.count; i += 2)
        tensors += dict->list.items[i]->kind == PICKLE_TEXT &&
                   dict->list.items[i + 1]->kind == PICKLE_TENSOR;
    return tensors;
}

static int preference(const char *name)
{
    return mel_equal(name, "state_dict") ? 2 : mel_equal(name, "model") ? 1 : 0;
}

static void consider(Search *search, const PickleValue *dict, const char *name)
{
    size_t tensors = count_tensors(dict);
    if (tensors == 0 || tensors < search->tensors) return;
    bool equal = tensors == search->tensors;
    int better = preference(name) - preference(search->name);
    if (equal && better <= 0) {
        if (better == 0) snprintf(search->rival, sizeof search->rival, "%s", name);
        search->tie = search->tie || better == 0;
        return;
    }
    search->best = dict;
    search->tensors = tensors;
    search->tie = false;
    snprintf(search->name, sizeof search->name, "%s", name);
}

static int by_text(const void *a, const void *b)
{
    const PickleValue *x = *(const PickleValue *const *)a, *y = *(const PickleValue *const *)b;
    size_t n = x->text.n < y->text.n ? x->text.n : y->text.n;
    int order = n ? memcmp(x->text.bytes, y->text.bytes, n) : 0;
    return order ? order : (x->text.n > y->text.n) - (x->text.n < y->text.n);
}

/* Readers differ on which of two equal keys counts: there must not be any. */
static bool check_keys(const PickleValue *dict, Err *err)
{
    size_t n = 0;
    const PickleValue **keys = mel_alloc(dict->list.count / 2 * sizeof(const PickleValue *));
    for (size_t i = 0; i + 1 < dict->list.count; i += 2)
        if (dict->list.items[i]->kind == PICKLE_TEXT) keys[n++] = dict->list.items[i];
    if (n > 1) qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; i < n; i++)
        if (by_text(&keys[i - 1], &keys[i]) == 0) {
            mel_err(err, ERR_FORMAT, "the key '%s' is there twice in one dictionary",
                    mel_shown(keys[i]->text.bytes, keys[i]->text.n).text);
            break;
        }
    free(keys);
    return !mel_err_is_set(err);
}

static bool search_dict(Search *search, PickleValue *dict, const char *name, int depth)
{
    if (dict->visit == VISITED) return true;
    if (dict->visit == ON_THE_PATH)
        return mel_err(search->err, ERR_FORMAT, "dictionary '%s' holds itself", name);
    if (depth > DEPTH_MAX)
        return mel_err(search->err, ERR_LIMIT, "dictionaries are nested deeper than %d", DEPTH_MAX);
    if (!check_keys(dict, search->err)) return false;
    dict->visit = ON_THE_PATH;
    consider(search, dict, name);
    for (size_t i = 0; i + 1 < dict->list.count; i += 2) {
        const PickleValue *key = dict->list.items[i];
        PickleValue *value = dict->list.items[i + 1];
        if (value->kind != PICKLE_DICT) continue;
        ShownText shown =
            key->kind == PICKLE_TEXT ? mel_shown(key->text.bytes, key->text.n) : mel_shown("?", 1);
        if (!search_dict(search, value, shown.text, depth + 1)) return false;
    }
    dict->visit = VISITED;
    return true;
}

static bool find_dict(PickleValue *root, const PickleValue **out, Err *err)
{
    Search search = {.err = err};
    if (root->kind == PICKLE_DICT && !search_dict(&search, root, "", 1)) return false;
    if (!search.best) {
        mel_err(err, ERR_FORMAT, "there is no dictionary that holds tensors");
        return mel_err_hint(err, "a whole module cannot be read: in Python, torch.save its "
                                 "state_dict()");
    }
    if (search.tie) {
        mel_err(err, ERR_FORMAT, "dictionaries '%s' and '%s' hold %zu tensors each", search.name,
                search.rival, search.tensors);
        return mel_err_hint(err, "in Python, torch.save the one that is meant");
    }
    *out = search.best;
    return true;
}

/* Shape and strides; false and an error without the tensor's name. */
static bool read_view(const PickleValue *value, Shape *shape, int64_t strides[RANK_MAX], Err *err)
{
    const PickleValue *size = value->tensor.size, *stride = value->tensor.strides;
    if (size->list.count > RANK_MAX)
        return mel_err(err, ERR_LIMIT, "it has %zu dimensions, the limit is %d", size->list.count,
                       RANK_MAX);
    shape->rank = (int)size->list.count;
    for (int i = 0; i < shape->rank; i++) {
        shape->dims[i] = size->list.items[i]->integer;
        strides[i] = stride->list.items[i]->integer;
        if (shape->dims[i] < 0)
            return mel_err(err, ERR_FORMAT, "dimension %d is negative (%lld)", i,
                           (long long)shape->dims[i]);
        if (strides[i] < 0)
            return mel_err(err, ERR_FORMAT, "the stride of dimension %d is negative (%lld)", i,
                           (long long)strides[i]);
    }
    return true;
}

/* offset + Σ (size - 1) * stride is an element of the storage (of its view). */
static bool within_storage(const Shape *shape, const int64_t *strides, int64_t offset,
                           const PickleStorage *storage, Err *err)
{
    int64_t last = offset, step;
    bool empty = false, counted = offset >= 0;
    for (int i = 0; counted && i < shape->rank; i++) {
        empty = empty || shape->dims[i] == 0;
        counted = shape->dims[i] == 0 ||
                  (!__builtin_mul_overflow(shape->dims[i] - 1, strides[i], &step) &&
                   !__builtin_add_overflow(last, step, &last));
    }
    int64_t end = storage->view_count;
    if (counted && (empty ? offset <= end : last < end)) return true;
    return mel_err(err, ERR_FORMAT, "its view reaches out of the %lld elements of storage '%s'",
                   (long long)end, storage->key);
}

static bool is_contiguous(const Shape *shape, const int64_t *strides)
{
    int64_t wanted = 1;
    if (mel_shape_count(shape) == 0) return true;
    for (int i = shape->rank - 1; i >= 0; i--) {
        if (shape->dims[i] != 1 && strides[i] != wanted) return false;
        wanted *= shape->dims[i];
    }
    return true;
}

/* Element by element, the last axis in the inner loop. */
static void copy_strided(const uint8_t *from, uint8_t *to, size_t size, const Shape *shape,
                         const int64_t *strides)
{
    int64_t at[RANK_MAX] = {0}, count = mel_shape_count(shape);
    int last = shape->rank - 1;
    int64_t inner = shape->dims[last], step = strides[last] * (int64_t)size;
    for (int64_t done = 0; done < count; done += inner) {
        const uint8_t *source = from;
        for (int i = 0; i < last; i++)
            source += at[i] * strides[i] * (int64_t)size;
        for (int64_t i = 0; i < inner; i++, to += size)
            memcpy(to, source + (i ? i * step : 0), size);
        for (int i = last - 1; i >= 0 && ++at[i] == shape->dims[i]; i--)
            at[i] = 0;
    }
}

static bool check_type(const PickleStorage *storage, Err *err)
{
    if (storage->type && storage->type->readable) return true;
    return mel_err(err, ERR_FORMAT, "its type, %s, is not supported", storage->type_name);
}

static bool read_tensor(Checkpoint *checkpoint, const PickleValue *value, TorchLocateFn *locate,
                        void *ctx, CheckpointTensor *tensor, Err *err)
{
    const PickleStorage *storage = value->tensor.storage;
    int64_t strides[RANK_MAX] = {0}, count, offset = value->tensor.offset;
    const uint8_t *bytes = NULL;
    if (!check_type(storage, err) || !read_view(value, &tensor->shape, strides, err)) return false;
    tensor->dtype = storage->type->dtype;
    if (!mel_shape_bytes(&tensor->shape, tensor->dtype, &count, &tensor->bytes))
        return mel_err(err, ERR_FORMAT, "its shape has more bytes than can be counted");
    if (!within_storage(&tensor->shape, strides, offset, storage, err)) return false;
    if (!locate(ctx, storage, &bytes, err)) return false;
    size_t size = mel_dtype_size(tensor->dtype);
    bytes += (size_t)(storage->view_offset + offset) * size;
    tensor->data = bytes;
    if (is_contiguous(&tensor->shape, strides)) return true;
    uint8_t *copy = mel_checkpoint_copy_space(checkpoint, tensor->bytes, tensor->name, err);
    if (!copy) return false;
    copy_strided(bytes, copy, size, &tensor->shape, strides);
    tensor->data = copy;
    return true;
}

static bool add_tensor(Checkpoint *checkpoint, const PickleValue *key, const PickleValue *value,
                       TorchLocateFn *locate, void *ctx, Err *err)
{
    char name[CHECKPOINT_NAME_MAX + 1];
    CheckpointTensor tensor = {.name = name};
    if (key->kind != PICKLE_TEXT)
        return mel_err(err, ERR_FORMAT, "a tensor among the others has a key that is not a text");
    ShownText shown = mel_shown(key->text.bytes, key->text.n);
    if (!mel_checkpoint_name_ok(key->text.bytes, key->text.n))
        return mel_err(err, ERR_FORMAT,
                       "the name '%s' is empty, over %d bytes or has control characters",
                       shown.text, CHECKPOINT_NAME_MAX);
    memcpy(name, key->text.bytes, key->text.n);
    name[key->text.n] = '\0';
    if (!read_tensor(checkpoint, value, locate, ctx, &tensor, err))
        return mel_err_wrap(err, "tensor '%s'", shown.text);
    return mel_checkpoint_add(checkpoint, &tensor, err);
}

/* A foreign object by which torch describes kinds of tensors that are not read (sparse, quantized,
 * subclasses): among weights it must not go unnoticed. */
static bool is_other_tensor(const PickleValue *value)
{
    static const char *const prefixes[] = {"torch._utils._rebuild", "torch._tensor._rebuild"};
    for (size_t i = 0; i < MEL_COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (value->kind == PICKLE_FOREIGN && value->text.n > n &&
            memcmp(value->text.bytes, prefixes[i], n) == 0)
            return true;
    }
    return false;
}

bool mel_torch_add_tensors(Checkpoint *checkpoint, PickleValue *root, TorchLocateFn *locate,
                           void *ctx, Err *err)
{
    const PickleValue *dict = NULL;
    if (!find_dict(root, &dict, err)) return false;
    for (size_t i = 0; i + 1 < dict->list.count; i += 2) {
        const PickleValue *key = dict->list.items[i], *value = dict->list.items[i + 1];
        if (is_other_tensor(value))
            return mel_err(err, ERR_FORMAT, "tensor '%s': its kind, %s, is not supported",
                           key->kind == PICKLE_TEXT ? mel_shown(key->text.bytes, key->text.n).text
                                                    : "?",
                           mel_shown(value->text.bytes, value->text.n).text);
        if (value->kind == PICKLE_TENSOR && !add_tensor(checkpoint, key, value, locate, ctx, err))
            return false;
    }
    return true;
}
