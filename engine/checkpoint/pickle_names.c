/* SPDX-License-Identifier: Apache-2.0
 *
 * The closed list of names, and what calling them with their arguments would have made. */
#include "engine/checkpoint/checkpoint_internal.h"
#include "engine/checkpoint/pickle_internal.h"

#include <string.h>

#define STORAGE(name, dtype, size)                                                                 \
    {                                                                                              \
        "torch", name "Storage", ROLE_STORAGE, true, DTYPE_##dtype, size                           \
    }
#define OTHER_STORAGE(name, size)                                                                  \
    {                                                                                              \
        "torch", name "Storage", ROLE_STORAGE, false, DTYPE_U8, size                               \
    }

static const PickleGlobal names[] = {
    {"collections",  "OrderedDict",        ROLE_DICT,      false, DTYPE_U8, 0},
    {"torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR,    false, DTYPE_U8, 0},
    {"torch._utils", "_rebuild_tensor",    ROLE_TENSOR_V1, false, DTYPE_U8, 0},
    {"torch._utils", "_rebuild_parameter", ROLE_PARAMETER, false, DTYPE_U8, 0},
    {"torch",        "Size",               ROLE_SIZE,      false, DTYPE_U8, 0},
    STORAGE("Float", F32, 4),
    STORAGE("BFloat16", BF16, 2),
    STORAGE("Half", F16, 2),
    STORAGE("Double", F64, 8),
    STORAGE("Long", I64, 8),
    STORAGE("Int", I32, 4),
    STORAGE("Short", I16, 2),
    STORAGE("Char", I8, 1),
    STORAGE("Byte", U8, 1),
    STORAGE("Bool", BOOL, 1),
    OTHER_STORAGE("ComplexFloat", 8),
    OTHER_STORAGE("ComplexDouble", 16),
    OTHER_STORAGE("QInt8", 1),
    OTHER_STORAGE("QUInt8", 1),
    OTHER_STORAGE("QInt32", 4),
};

static bool same(const char *text, size_t n, const char *wanted)
{
    return n == strlen(wanted) && memcmp(text, wanted, n) == 0;
}

static PickleValue *foreign(Pickle *pickle, const char *name, size_t n)
{
    PickleValue *value = mel_pickle_value(pickle, PICKLE_FOREIGN);
    if (!value) return NULL;
    value->text.bytes = name;
    value->text.n = n;
    return value;
}

PickleValue *mel_pickle_name(Pickle *pickle, const char *module, size_t module_n, const char *name,
                             size_t name_n)
{
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        if (!same(module, module_n, names[i].module) || !same(name, name_n, names[i].name))
            continue;
        PickleValue *value = mel_pickle_value(pickle, PICKLE_GLOBAL);
        if (value) value->global = &names[i];
        return value;
    }
    size_t n = module_n + 1 + name_n;
    if (!mel_pickle_count(pickle, n / 64)) return NULL;
    char *whole = mel_arena_alloc(pickle->arena, n + 1);
    memcpy(whole, module, module_n);
    whole[module_n] = '.';
    memcpy(whole + module_n + 1, name, name_n);
    return foreign(pickle, whole, n);
}

static const PickleValue *item(const PickleValue *list, size_t i)
{
    return list->list.items[i];
}

/* OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], …]). */
static PickleValue *make_dict(Pickle *pickle, const PickleValue *args)
{
    PickleValue *dict = mel_pickle_value(pickle, PICKLE_DICT);
    if (!dict || args->list.count == 0) return dict;
    const PickleValue *pairs = item(args, 0);
    if (args->list.count != 1 || pairs->kind != PICKLE_LIST) {
        mel_pickle_bad(pickle, "OrderedDict is not given a list of pairs");
        return NULL;
    }
    for (size_t i = 0; i < pairs->list.count; i++) {
        const PickleValue *pair = item(pairs, i);
        if ((pair->kind != PICKLE_LIST && pair->kind != PICKLE_TUPLE) || pair->list.count != 2) {
            mel_pickle_bad(pickle, "OrderedDict is given something else than pairs");
            return NULL;
        }
        if (!mel_pickle_append(pickle, dict, pair->list.items, 2)) return NULL;
    }
    return dict;
}

/* A tuple of integers, as many as torch has dimensions: a longer one that is used again and again
 * would cost more than its pickle shows. */
static bool is_integers(const PickleValue *value)
{
    enum { TORCH_RANK_MAX = 64 };
    if (value->kind != PICKLE_TUPLE || value->list.count > TORCH_RANK_MAX) return false;
    for (size_t i = 0; i < value->list.count; i++)
        if (item(value, i)->kind != PICKLE_INT) return false;
    return true;
}

/* (storage, offset, size, strides, …): the rest is about gradients and hooks. Whether the view is
 * within the storage is checked where the tensor's name is known. */
static PickleValue *make_tensor(Pickle *pickle, const PickleValue *args, bool v1)
{
    size_t n = args->list.count;
    if (v1 ? n != 4 : n < 6 || n > 7) {
        mel_pickle_bad(pickle, "a tensor of %zu arguments", n);
        return NULL;
    }
    if (item(args, 0)->kind != PICKLE_STORAGE || item(args, 1)->kind != PICKLE_INT ||
        !is_integers(item(args, 2)) || !is_integers(item(args, 3)) ||
        item(args, 2)->list.count != item(args, 3)->list.count) {
        mel_pickle_bad(pickle, "a tensor's arguments are not storage, offset, size and strides");
        return NULL;
    }
    PickleValue *value = mel_pickle_value(pickle, PICKLE_TENSOR);
    if (!value) return NULL;
    value->tensor.storage = item(args, 0)->storage;
    value->tensor.offset = item(args, 1)->integer;
    value->tensor.size = item(args, 2);
    value->tensor.strides = item(args, 3);
    return value;
}

/* The call returns one of its arguments. */
static PickleValue *first_argument(Pickle *pickle, const PickleValue *args, PickleKind kind,
                                   const char *what)
{
    if (args->list.count && item(args, 0)->kind == kind) return args->list.items[0];
    mel_pickle_bad(pickle, "%s", what);
    return NULL;
}

PickleValue *mel_pickle_reduce(Pickle *pickle, const PickleValue *callable, const PickleValue *args)
{
    if (args->kind != PICKLE_TUPLE) {
        mel_pickle_bad(pickle, "a call without a tuple of arguments");
        return NULL;
    }
    if (callable->kind == PICKLE_FOREIGN)
        return foreign(pickle, callable->text.bytes, callable->text.n);
    if (callable->kind != PICKLE_GLOBAL) {
        mel_pickle_bad(pickle, "a call of what is not a name");
        return NULL;
    }
    switch (callable->global->role) {
    case ROLE_DICT:
        return make_dict(pickle, args);
    case ROLE_SIZE:
        return first_argument(pickle, args, PICKLE_TUPLE, "torch.Size is not given a tuple");
    case ROLE_TENSOR:
    case ROLE_TENSOR_V1:
        return make_tensor(pickle, args, callable->global->role == ROLE_TENSOR_V1);
    case ROLE_PARAMETER:
        return first_argument(pickle, args, PICKLE_TENSOR, "a parameter is not given a tensor");
    case ROLE_STORAGE:
        break;
    }
    mel_pickle_bad(pickle, "a call of torch.%s", callable->global->name);
    return NULL;
}

/* (key, offset, count) of a part, or None. */
static bool read_view(const PickleValue *view, PickleStorage *storage)
{
    if (view->kind == PICKLE_NONE) return true;
    if (view->kind != PICKLE_TUPLE || view->list.count != 3) return false;
    if (item(view, 1)->kind != PICKLE_INT || item(view, 2)->kind != PICKLE_INT) return false;
    storage->view_offset = item(view, 1)->integer;
    storage->view_count = item(view, 2)->integer;
    return storage->view_offset >= 0 && storage->view_count >= 0 &&
           storage->view_offset <= storage->count &&
           storage->view_count <= storage->count - storage->view_offset;
}

static bool read_key(Pickle *pickle, const PickleValue *value, PickleStorage *storage)
{
    enum { KEY_BYTES_MAX = 32 };
    if (value->kind != PICKLE_TEXT || value->text.n == 0 || value->text.n > KEY_BYTES_MAX)
        return false;
    for (size_t i = 0; i < value->text.n; i++)
        if (value->text.bytes[i] < '0' || value->text.bytes[i] > '9') return false;
    storage->key = mel_arena_strndup(pickle->arena, value->text.bytes, value->text.n);
    return true;
}

/* ("storage", class, key, device, count[, view]) */
static bool read_storage(Pickle *pickle, const PickleValue *id, PickleStorage *storage)
{
    const PickleValue *class = item(id, 1), *count = item(id, 4);
    if (class->kind == PICKLE_GLOBAL && class->global->role == ROLE_STORAGE) {
        storage->type = class->global;
        storage->type_name = class->global->name;
    } else if (class->kind == PICKLE_FOREIGN) {
        ShownText shown = mel_shown(class->text.bytes, class->text.n);
        storage->type_name = mel_arena_strdup(pickle->arena, shown.text);
    } else {
        return mel_pickle_bad(pickle, "a storage whose type is no class of storages");
    }
    if (!read_key(pickle, item(id, 2), storage))
        return mel_pickle_bad(pickle, "a storage whose key is not a short number");
    if (count->kind != PICKLE_INT || count->integer < 0)
        return mel_pickle_bad(pickle, "storage '%s' has no count of elements", storage->key);
    storage->count = storage->view_count = count->integer;
    if (id->list.count == 6 && !read_view(item(id, 5), storage))
        return mel_pickle_bad(pickle, "storage '%s': the view is not within it", storage->key);
    return true;
}

enum { STORAGE_OBJECTS = 4 }; /* a storage, its key and the name of its type */

PickleValue *mel_pickle_persistent(Pickle *pickle, const PickleValue *id)
{
    if (id->kind == PICKLE_TUPLE && id->list.count && mel_pickle_is_text(item(id, 0), "module"))
        return foreign(pickle, "module", strlen("module"));
    if (id->kind != PICKLE_TUPLE || (id->list.count != 5 && id->list.count != 6) ||
        !mel_pickle_is_text(item(id, 0), "storage")) {
        mel_pickle_bad(pickle, "a persistent id that is not a storage's");
        return NULL;
    }
    PickleValue *value = mel_pickle_value(pickle, PICKLE_STORAGE);
    if (!value || !mel_pickle_count(pickle, STORAGE_OBJECTS)) return NULL;
    value->storage = mel_arena_alloc(pickle->arena, sizeof *value->storage);
    if (!read_storage(pickle, id, value->storage)) return NULL;
    mel_grow(&pickle->storages, &pickle->storage_capacity, pickle->storage_count + 1,
             sizeof *pickle->storages);
    pickle->storages[pickle->storage_count++] = value->storage;
    return value;
}
