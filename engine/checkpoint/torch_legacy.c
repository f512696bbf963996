/* SPDX-License-Identifier: Apache-2.0
 *
 * What torch.save wrote before 1.6: five pickles (a magic number, the protocol's, facts on the
 * machine, the objects, the list of storage keys), then for each key in the list's order the count
 * of its elements in eight bytes, and the elements. */
#include "engine/checkpoint/checkpoint_internal.h"
#include "engine/checkpoint/torch_tensors.h"

#include <stdlib.h>
#include <string.h>

enum { PROTOCOL = 1001, COUNT_BYTES = 8, PREFACE_BYTES_MAX = 64 << 10 };

typedef struct Stored {
    const PickleStorage *storage;
    const uint8_t *bytes; /* NULL until it was met in the file */
} Stored;

typedef struct Legacy {
    const MappedFile *file;
    int64_t at;
    Arena arena;
    Stored *stored; /* one for each key, sorted by it */
    size_t count;
} Legacy;

static bool next_pickle(Legacy *legacy, int64_t limit_bytes, PickleResult *out, Err *err)
{
    int64_t left = legacy->file->size - legacy->at;
    if (left > limit_bytes) left = limit_bytes;
    const uint8_t *bytes = legacy->file->bytes + legacy->at;
    if (!mel_pickle_read(&legacy->arena, bytes, (size_t)left, legacy->at, out, err)) return false;
    legacy->at += (int64_t)out->used;
    return true;
}

/* The first three pickles. */
static bool read_preface(Legacy *legacy, Err *err)
{
    static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    PickleResult result = {0};
    if (!next_pickle(legacy, PREFACE_BYTES_MAX, &result, err)) return false;
    if (result.root->kind != PICKLE_LONG || result.root->text.n != sizeof magic ||
        memcmp(result.root->text.bytes, magic, sizeof magic) != 0)
        return mel_err(err, ERR_FORMAT, "a pickle, but not one of torch's (no magic number)");
    if (!next_pickle(legacy, PREFACE_BYTES_MAX, &result, err)) return false;
    if (result.root->kind != PICKLE_INT || result.root->integer != PROTOCOL)
        return mel_err(err, ERR_FORMAT, "the protocol is not %d", PROTOCOL);
    if (!next_pickle(legacy, PREFACE_BYTES_MAX, &result, err)) return false;
    const PickleValue *little = mel_pickle_get(result.root, "little_endian");
    if (little && little->kind == PICKLE_BOOL && little->integer) return true;
    return mel_err(err, ERR_FORMAT, "its byte order is not said to be little-endian");
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const Stored *)a)->storage->key, ((const Stored *)b)->storage->key);
}

/* The storages that the objects name, each once; those that name one storage agree on it. */
static bool list_storages(Legacy *legacy, const PickleResult *objects, Err *err)
{
    size_t kept = 0;
    Stored *all = mel_arena_alloc(&legacy->arena, objects->storage_count * sizeof *all);
    for (size_t i = 0; i < objects->storage_count; i++)
        all[i].storage = objects->storages[i];
    if (objects->storage_count > 1) qsort(all, objects->storage_count, sizeof *all, by_key);
    for (size_t i = 0; i < objects->storage_count; i++) {
        const PickleStorage *storage = all[i].storage;
        const PickleStorage *last = kept ? all[kept - 1].storage : NULL;
        if (!storage->type)
            return mel_err(err, ERR_FORMAT, "storage '%s': its type, %s, is not supported",
                           storage->key, storage->type_name);
        if (!last || strcmp(last->key, storage->key) != 0)
            all[kept++].storage = storage;
        else if (last->type != storage->type || last->count != storage->count)
            return mel_err(err, ERR_FORMAT, "storage '%s' is described in two ways", storage->key);
    }
    legacy->stored = all;
    legacy->count = kept;
    return true;
}

static Stored *find_stored(const Legacy *legacy, const char *key)
{
    PickleStorage storage = {.key = key};
    Stored wanted = {.storage = &storage};
    if (legacy->count == 0) return NULL;
    return bsearch(&wanted, legacy->stored, legacy->count, sizeof wanted, by_key);
}

/* The count of one storage, and its elements. */
static bool read_storage(Legacy *legacy, Stored *stored, Err *err)
{
    const PickleStorage *storage = stored->storage;
    int64_t left = legacy->file->size - legacy->at, bytes;
    if (left < COUNT_BYTES)
        return mel_err(err, ERR_FORMAT, "byte %lld: the file ends before storage '%s'",
                       (long long)legacy->at, storage->key);
    const uint8_t *at = legacy->file->bytes + legacy->at;
    if (mel_le64(at) != (uint64_t)storage->count)
        return mel_err(err, ERR_FORMAT,
                       "byte %lld: storage '%s' has %llu elements here and %lld in "
                       "the objects",
                       (long long)legacy->at, storage->key, (unsigned long long)mel_le64(at),
                       (long long)storage->count);
    if (__builtin_mul_overflow(storage->count, (int64_t)storage->type->size, &bytes) ||
        bytes > left - COUNT_BYTES)
        return mel_err(err, ERR_FORMAT, "byte %lld: the file ends within storage '%s'",
                       (long long)legacy->at, storage->key);
    stored->bytes = at + COUNT_BYTES;
    legacy->at += COUNT_BYTES + bytes;
    return true;
}

static bool read_storages(Legacy *legacy, const PickleValue *keys, Err *err)
{
    if (keys->kind != PICKLE_LIST)
        return mel_err(err, ERR_FORMAT, "the storage keys are not a list");
    for (size_t i = 0; i < keys->list.count; i++) {
        const PickleValue *value = keys->list.items[i];
        if (value->kind != PICKLE_TEXT)
            return mel_err(err, ERR_FORMAT, "storage key %zu is not a text", i);
        char *key = mel_arena_strndup(&legacy->arena, value->text.bytes, value->text.n);
        Stored *stored = find_stored(legacy, key);
        if (!stored || stored->bytes)
            return mel_err(err, ERR_FORMAT, "storage '%s' %s", mel_shown(key, strlen(key)).text,
                           stored ? "is listed twice" : "is listed but not used");
        if (!read_storage(legacy, stored, err)) return false;
    }
    if (legacy->at == legacy->file->size) return true;
    return mel_err(err, ERR_FORMAT, "byte %lld: something follows the last storage",
                   (long long)legacy->at);
}

/* The counts were compared when the storages were read. */
static bool locate(void *ctx, const PickleStorage *storage, const uint8_t **bytes, Err *err)
{
    const Stored *stored = find_stored(ctx, storage->key);
    if (!stored || !stored->bytes)
        return mel_err(err, ERR_FORMAT, "storage '%s' is not in the file", storage->key);
    *bytes = stored->bytes;
    return true;
}

bool mel_torch_legacy_read(Checkpoint *checkpoint, const MappedFile *file, Err *err)
{
    Legacy legacy = {.file = file};
    PickleResult objects = {0}, keys = {0};
    bool ok = read_preface(&legacy, err) && next_pickle(&legacy, PICKLE_BYTES_MAX, &objects, err) &&
              list_storages(&legacy, &objects, err) &&
              next_pickle(&legacy, PICKLE_BYTES_MAX, &keys, err) &&
              read_storages(&legacy, keys.root, err) &&
              mel_torch_add_tensors(checkpoint, objects.root, locate, &legacy, err);
    mel_arena_clear(&legacy.arena);
    return ok;
}
