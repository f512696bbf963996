/* SPDX-License-Identifier: Apache-2.0
 *
 * What torch.save has written since 1.6: a zip with <root>/data.pkl and one <root>/data/<key> for
 * each storage. */
#include "engine/checkpoint/checkpoint_internal.h"
#include "engine/checkpoint/torch_tensors.h"
#include "engine/checkpoint/zip.h"

#include <string.h>

typedef struct TorchZip {
    ZipArchive archive;
    const char *root; /* with its '/' */
    int root_n;
} TorchZip;

/* The one folder that all entries are in. */
static bool find_root(TorchZip *zip, Err *err)
{
    const ZipArchive *archive = &zip->archive;
    const char *first = archive->entries[0].name, *slash = strchr(first, '/');
    if (!slash)
        return mel_err(err, ERR_FORMAT, "no archive of torch's: '%s' is in no folder",
                       mel_shown(first, strlen(first)).text);
    zip->root = first;
    zip->root_n = (int)(slash - first) + 1;
    for (size_t i = 1; i < archive->count; i++) {
        const char *name = archive->entries[i].name;
        if (strncmp(name, zip->root, (size_t)zip->root_n) != 0)
            return mel_err(err, ERR_FORMAT,
                           "no archive of torch's: '%s' is not in the folder of "
                           "the others",
                           mel_shown(name, strlen(name)).text);
    }
    return true;
}

/* <root>/<folder><name>, or NULL. */
static const ZipEntry *find_record(const TorchZip *zip, const char *folder, const char *name)
{
    char path[ZIP_NAME_MAX + 64];
    snprintf(path, sizeof path, "%.*s%s%s", zip->root_n, zip->root, folder, name);
    return mel_zip_find(&zip->archive, path);
}

static bool check_kind(const TorchZip *zip, Err *err)
{
    const ZipEntry *order = find_record(zip, "", "byteorder");
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return mel_err(err, ERR_FORMAT, "its byte order is '%s', only 'little' is read",
                       mel_shown((const char *)order->data, (size_t)order->size).text);
    if (!find_record(zip, "", "constants.pkl")) return true;
    mel_err(err, ERR_FORMAT, "a TorchScript program, not a checkpoint");
    return mel_err_hint(err, "in Python: torch.save(torch.jit.load(FILE).state_dict(), NEW)");
}

static bool locate(void *ctx, const PickleStorage *storage, const uint8_t **bytes, Err *err)
{
    const TorchZip *zip = ctx;
    const ZipEntry *entry = find_record(zip, "data/", storage->key);
    int64_t wanted;
    if (!entry) return mel_err(err, ERR_FORMAT, "storage '%s' is not in the archive", storage->key);
    if (__builtin_mul_overflow(storage->count, (int64_t)storage->type->size, &wanted) ||
        wanted != entry->size)
        return mel_err(err, ERR_FORMAT, "storage '%s' has %lld bytes, not %lld elements of %d",
                       storage->key, (long long)entry->size, (long long)storage->count,
                       storage->type->size);
    *bytes = entry->data;
    return true;
}

static bool read_objects(const TorchZip *zip, Arena *arena, PickleResult *result, Err *err)
{
    const ZipEntry *entry = find_record(zip, "", "data.pkl");
    if (!entry) return mel_err(err, ERR_FORMAT, "no archive of torch's: there is no data.pkl");
    if (entry->size > PICKLE_BYTES_MAX)
        return mel_err(err, ERR_LIMIT, "data.pkl has %lld bytes, the limit is %d",
                       (long long)entry->size, PICKLE_BYTES_MAX);
    if (!mel_zip_check_crc(entry, err)) return false;
    if (!mel_pickle_read(arena, entry->data, (size_t)entry->size, 0, result, err)) return false;
    if (result->used == (size_t)entry->size) return true;
    return mel_err(err, ERR_FORMAT, "pickle, byte %zu: something follows its end", result->used);
}

bool mel_torch_zip_read(Checkpoint *checkpoint, const MappedFile *file, Err *err)
{
    Arena arena = {0};
    TorchZip zip = {0};
    PickleResult objects = {0};
    bool ok = mel_zip_read(&arena, file->bytes, file->size, &zip.archive, err) &&
              find_root(&zip, err) && check_kind(&zip, err) &&
              read_objects(&zip, &arena, &objects, err) &&
              mel_torch_add_tensors(checkpoint, objects.root, locate, &zip, err);
    mel_arena_clear(&arena);
    return ok;
}
