/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of every export: load and prove, write into a folder beside, say what it is, hash it,
 * name it, record it. */
#include "curator/export.h"

#include "curator/export_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const ExportKind kinds[EXPORT_FORMATS] = {
    [EXPORT_WEBDATASET] =
        {"webdataset", "%s-[0-9]*.tar",          "application/x-tar",
                             "WebDataset shards: `<side>-000000.tar` and so on, each clip as "
         "`<key>.flac`, `.jpg`, `.json` and `.txt`, side by side. `sizes.json` has "
         "the clips in each shard.",                                                             mel_export_webdataset},
    [EXPORT_PARQUET] = {"parquet",    "data/%s-[0-9]*.parquet", "application/x-parquet",
                             "Parquet files below `data/`: sound and picture are inside, as "
                        "`struct<bytes, path>`; the answers are columns; `provenance` is JSON.", mel_export_parquet   },
    [EXPORT_JSONL] =
        {"jsonl",      "%s.jsonl",               "application/jsonlines",
                             "One JSON object a line in `<side>.jsonl`; `audio_path` and `image_path` lead "
         "to the files in `media/`.",                                                            mel_export_jsonl     },
    [EXPORT_CSV] =
        {"csv",        "%s.csv",                 "text/csv",
                             "`<side>.csv` with one clip a row; sets are joined by `; `, and text that a "
         "spreadsheet would run as a formula has an apostrophe in front. The files are in "
         "`media/`.",                                                                            mel_export_csv       },
    [EXPORT_MUSICCAPS] =
        {"musiccaps",  "%s.csv",                 "text/csv",
                             "`<side>.csv` with the columns of MusicCaps: spans of YouTube videos with "
         "captions, without media. `author_id` over 1000 are this dataset's own "
         "annotators; `is_balanced_subset` is not known here and always False.",                 mel_export_musiccaps },
    [EXPORT_MELFUSION] = {"melfusion",  "%s.json",                "application/jsonlines",
                             "JSON lines in `<side>.json` as MeLFusion's released loader reads them; "
                          "put its data folder to `audio/` and `images/`.",                      mel_export_melfusion },
};

const ExportKind *mel_export_kind(ExportFormat format)
{
    MEL_ASSERT(format >= 0 && format < EXPORT_FORMATS);
    return &kinds[format];
}

const char *mel_export_format_name(ExportFormat format)
{
    return mel_export_kind(format)->name;
}

bool mel_export_format_parse(const char *name, ExportFormat *out)
{
    for (int i = 0; i < EXPORT_FORMATS; i++) {
        if (!mel_equal(name, kinds[i].name)) continue;
        *out = (ExportFormat)i;
        return true;
    }
    return false;
}

void mel_export_report_clear(ExportReport *report)
{
    mel_arena_clear(&report->arena);
    *report = (ExportReport){0};
}

/* ---- where it goes --------------------------------------------------------------------------- */

static bool folder_is_empty(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) return false;
    int entries = 0;
    while (readdir(dir))
        entries++;
    closedir(dir);
    return entries == 2; /* . and .. */
}

static bool is_export(const char *path)
{
    char *mark = mel_path_join(path, EXPORT_SUMMARY), *sums = mel_path_join(path, "SHA256SUMS");
    bool is = mel_path_exists(mark) && mel_path_exists(sums);
    free(mark);
    free(sums);
    return is;
}

static bool check_target(const ExportOptions *options, Err *err)
{
    const char *folder = options->folder;
    if (!*folder) return mel_err(err, ERR_USAGE, "an export needs a folder to go to");
    if (options->shard_bytes < 0 || options->shard_items < 0)
        return mel_err(err, ERR_USAGE, "a limit for the files of an export is below 0");
    if (!mel_path_exists(folder) || folder_is_empty(folder)) return true;
    if (options->overwrite && is_export(folder)) return true;
    mel_err(err, ERR_EXISTS, "'%s' is there already", folder);
    return is_export(folder)
               ? mel_err_hint(err, "choose another folder, or replace it with --force")
               : mel_err_hint(err,
                              "choose another folder: it is not an export, and is not replaced");
}

/* "out/" and "out" are the same; the temporary folder stands beside, on the same disk. */
static bool make_folder(ExportRun *run, const char *target, Err *err)
{
    char *parent = mel_path_dir(target), id[ULID_SIZE];
    mel_ulid(id);
    run->folder = mel_asprintf("%s.%s.tmp", target, id);
    bool ok = mel_make_dirs(parent, err) && mel_make_dirs(run->folder, err);
    free(parent);
    return ok;
}

static bool flush(const char *folder, Err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return mel_err_errno(err, "cannot open folder '%s'", folder);
    bool ok = syncfs(fd) == 0 || mel_err_errno(err, "cannot flush '%s'", folder);
    close(fd);
    return ok;
}

/* An earlier export steps aside first, and comes back when the new one cannot take its place. */
static bool publish(ExportRun *run, const char *target, Err *err)
{
    char *parent = mel_path_dir(target), *aside = NULL;
    bool ok = flush(run->folder, err);
    if (ok && mel_path_exists(target)) {
        aside = mel_asprintf("%s.old", run->folder);
        ok = rename(target, aside) == 0 || mel_err_errno(err, "cannot replace '%s'", target);
    }
    if (ok && rename(run->folder, target) != 0) {
        ok = mel_err_errno(err, "cannot name '%s'", target);
        if (aside && rename(aside, target) != 0)
            mel_err_hint(err, "the earlier export lies in '%s'", aside);
    }
    ok = ok && mel_fsync_dir(parent, err);
    if (ok && aside) ok = mel_remove_tree(aside, err);
    free(aside);
    free(parent);
    return ok;
}

/* ---- the work -------------------------------------------------------------------------------- */

static void fill_counts(ExportRun *run)
{
    ExportReport *report = run->report;
    for (int side = 0; side < run->sides.count; side++) {
        int64_t count = 0;
        for (size_t i = 0; i < run->count; i++)
            count += run->items[i].side == side;
        if (!count) continue;
        report->sides[report->side_count] =
            mel_arena_strdup(&report->arena, run->sides.names[side]);
        report->counts[report->side_count++] = count;
    }
    report->items = (int64_t)run->count;
}

static bool write_all(ExportRun *run, Err *err)
{
    return mel_export_kind(run->options->format)->write(run, err) &&
           mel_export_datasheet(run, err) && mel_export_summary(run, err) &&
           mel_export_seal(run, err);
}

static bool record(ExportRun *run, const char *target, Err *err)
{
    const ExportRow row = {.split_id = run->split.id,
                           .format = mel_export_format_name(run->options->format),
                           .path = target,
                           .manifest_sha256 = run->report->manifest_sha256,
                           .item_count = run->report->items,
                           .file_count = run->report->files,
                           .size_bytes = run->report->size_bytes};
    return mel_export_record(run->db, &row, err);
}

static void run_clear(ExportRun *run)
{
    free(run->items);
    free(run->folder);
    mel_export_attrition_clear(&run->attrition);
    mel_arena_clear(&run->arena);
}

bool mel_export(Db *db, const ExportOptions *options, const Progress *progress,
                ExportReport *report, Err *err)
{
    ExportReport made = {0};
    ExportRun run = {.db = db, .options = options, .progress = progress, .report = &made};
    char *target = mel_strdup(options->folder);
    for (size_t n = strlen(target); n > 1 && target[n - 1] == '/'; n--)
        target[n - 1] = '\0';
    bool ok =
        check_target(options, err) && mel_export_load(&run, err) && mel_export_count(&run, err);
    if (ok) fill_counts(&run);
    ok = ok && make_folder(&run, target, err) && write_all(&run, err) &&
         publish(&run, target, err) && record(&run, target, err);
    if (!ok && run.folder) {
        Err ignored = {0};
        (void)!mel_remove_tree(run.folder, &ignored);
    }
    run_clear(&run);
    free(target);
    if (ok)
        *report = made;
    else
        mel_export_report_clear(&made);
    return ok;
}
