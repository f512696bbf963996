/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies in an export: hashed as it was read back from the disk. */
#include "curator/export_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct FileList {
    const char *folder;
    ExportFile *files;
    size_t count, capacity;
    Err *errors; /* one a thread */
} FileList;

static bool take_file(void *ctx, const char *relative, Err *err)
{
    (void)err;
    FileList *list = ctx;
    mel_grow(&list->files, &list->capacity, list->count + 1, sizeof *list->files);
    list->files[list->count++] = (ExportFile){.name = mel_strdup(relative)};
    return true;
}

static void hash_one(void *ctx, int64_t item, int thread)
{
    FileList *list = ctx;
    ExportFile *file = &list->files[item];
    Err *err = &list->errors[thread];
    if (mel_err_is_set(err) || mel_interrupted()) return;
    char *path = mel_path_join(list->folder, file->name);
    (void)!mel_sha256_file(path, file->sha256, &file->size_bytes, err);
    free(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ExportFile *)a)->name, ((const ExportFile *)b)->name);
}

static bool hash_files(ExportRun *run, ExportFile **files_out, size_t *count_out, Err *err)
{
    int threads = mel_cpu_count();
    FileList list = {.folder = run->folder,
                     .errors = mel_alloc((size_t)threads * sizeof *list.errors)};
    bool ok = mel_walk(run->folder, take_file, &list, err);
    if (ok) mel_parallel_for(threads, (int64_t)list.count, hash_one, &list);
    for (int i = 0; ok && i < threads; i++)
        if (mel_err_is_set(&list.errors[i])) {
            *err = list.errors[i];
            ok = false;
        }
    if (ok && mel_interrupted()) ok = mel_err(err, ERR_CANCELLED, "interrupted");
    free(list.errors);
    *files_out = list.files;
    *count_out = list.count;
    return ok;
}

static bool add_file(ExportRun *run, const char *name, ExportFile **files, size_t *count, Err *err)
{
    ExportFile file = {0};
    if (!mel_sha256_file(mel_export_path(run, "%s", name), file.sha256, &file.size_bytes, err))
        return false;
    *files = mel_realloc(*files, (*count + 1) * sizeof **files);
    file.name = mel_strdup(name);
    (*files)[(*count)++] = file;
    return true;
}

static bool write_sums(ExportRun *run, const ExportFile *files, size_t count, Err *err)
{
    Str text = {0};
    ExportReport *report = run->report;
    for (size_t i = 0; i < count; i++) {
        mel_str_addf(&text, "%s  %s\n", files[i].sha256, files[i].name);
        report->size_bytes += files[i].size_bytes;
    }
    report->files = (int64_t)count + 1;
    report->size_bytes += (int64_t)text.length;
    mel_sha256_hex(text.text, text.length, report->manifest_sha256);
    bool ok = mel_write_file(mel_export_path(run, "SHA256SUMS"), text.text, text.length, err);
    mel_str_clear(&text);
    return ok;
}

bool mel_export_seal(ExportRun *run, Err *err)
{
    ExportFile *files = NULL;
    size_t count = 0;
    bool ok = hash_files(run, &files, &count, err) &&
              mel_export_croissant(run, files, count, err) &&
              add_file(run, "dataset.croissant.json", &files, &count, err);
    if (ok) qsort(files, count, sizeof *files, by_name);
    ok = ok && write_sums(run, files, count, err);
    for (size_t i = 0; i < count; i++)
        free(files[i].name);
    free(files);
    return ok;
}
