/* SPDX-License-Identifier: Apache-2.0
 *
 * WebDataset shards. A reader cuts a member's name at the first dot, wants all members of a sample
 * beside each other, and (Hugging Face) the same suffixes in every sample; keys are unique over all
 * shards. Headers carry no time and no owner. */
#include "curator/export_internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

typedef struct Tar {
    struct archive *archive;
    struct archive_entry *entry;
    const char *path;
} Tar;

static bool tar_fail(const Tar *tar, Err *err)
{
    const char *why = archive_error_string(tar->archive);
    return mel_err(err, ERR_IO, "cannot write '%s': %s", tar->path, why ? why : "unknown reason");
}

static bool tar_put(Tar *tar, const ExportItem *item, const char *suffix, const void *bytes,
                    size_t n, Err *err)
{
    char name[EXPORT_KEY_SIZE + 16];
    int length = snprintf(name, sizeof name, "%s.%s", item->key, suffix);
    MEL_ASSERT(length > 0 && (size_t)length < sizeof name);
    archive_entry_clear(tar->entry);
    archive_entry_set_pathname(tar->entry, name);
    archive_entry_set_filetype(tar->entry, AE_IFREG);
    archive_entry_set_perm(tar->entry, 0644);
    archive_entry_set_mtime(tar->entry, 0, 0);
    archive_entry_set_size(tar->entry, (la_int64_t)n);
    if (archive_write_header(tar->archive, tar->entry) != ARCHIVE_OK) return tar_fail(tar, err);
    if (n && archive_write_data(tar->archive, bytes, n) != (la_ssize_t)n) return tar_fail(tar, err);
    return true;
}

static bool put_media(ExportRun *run, Tar *tar, const ExportItem *item, ExportMedia which, Err *err)
{
    char *bytes;
    size_t n;
    if (!mel_export_media(run, item, which, &bytes, &n, err)) return false;
    bool ok =
        tar_put(tar, item, which == EXPORT_AUDIO ? item->audio_extension : item->image_extension,
                bytes, n, err);
    free(bytes);
    return ok;
}

static bool put_item(ExportRun *run, Tar *tar, const ExportItem *item, Err *err)
{
    json_t *object = mel_export_item_json(run, item);
    char *json = mel_json_line(object);
    bool ok = put_media(run, tar, item, EXPORT_AUDIO, err) &&
              put_media(run, tar, item, EXPORT_IMAGE, err) &&
              tar_put(tar, item, "json", json, strlen(json), err) &&
              tar_put(tar, item, "txt", item->text, strlen(item->text), err);
    free(json);
    json_decref(object);
    return ok && mel_export_tick(run, item, err);
}

static bool open_tar(Tar *tar, FileWriter *file, Err *err)
{
    tar->archive = archive_write_new();
    tar->entry = archive_entry_new();
    if (!tar->archive || !tar->entry) return mel_err(err, ERR_NOMEM, "no memory for a tar file");
    if (archive_write_set_format_ustar(tar->archive) != ARCHIVE_OK ||
        archive_write_add_filter_none(tar->archive) != ARCHIVE_OK ||
        archive_write_open_FILE(tar->archive, file->file) != ARCHIVE_OK)
        return tar_fail(tar, err);
    return true;
}

static bool write_shard(ExportRun *run, const ExportShard *shard, void *ctx, Err *err)
{
    bool ok = false;
    json_t *sizes = ctx;
    FileWriter file = {0};
    char name[NAME_MAX_BYTES + 24];
    snprintf(name, sizeof name, "%s-%06zu.tar", run->sides.names[shard->side], shard->number);
    Tar tar = {.path = mel_export_path(run, "%s", name)};
    if (!mel_writer_begin(&file, tar.path, err) || !open_tar(&tar, &file, err)) goto out;
    for (size_t i = 0; i < shard->count; i++)
        if (!put_item(run, &tar, shard->items[i], err)) goto out;
    if (archive_write_close(tar.archive) != ARCHIVE_OK) {
        tar_fail(&tar, err);
        goto out;
    }
    mel_json_set_i64(sizes, name, (int64_t)shard->count);
    ok = mel_writer_commit(&file, err);
out:
    if (tar.archive) archive_write_free(tar.archive);
    if (tar.entry) archive_entry_free(tar.entry);
    mel_writer_abort(&file);
    return ok;
}

static bool check_suffixes(const ExportRun *run, Err *err)
{
    for (size_t i = 0; i < run->count; i++) {
        const ExportItem *item = &run->items[i], *first = &run->items[0];
        if (mel_equal(item->audio_extension, first->audio_extension) &&
            mel_equal(item->image_extension, first->image_extension))
            continue;
        return mel_err(
            err, ERR_FORMAT,
            "clips '%s' and '%s' have media of different kinds, which no tar reader takes",
            first->id, item->id);
    }
    return true;
}

bool mel_export_webdataset(ExportRun *run, Err *err)
{
    json_t *sizes = json_object();
    bool ok = check_suffixes(run, err) && mel_export_each_shard(run, write_shard, sizes, err) &&
              mel_export_write_json(mel_export_path(run, "sizes.json"), sizes, err);
    json_decref(sizes);
    return ok;
}
