/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/source_list.h"

#include "curator/source_list_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD_BYTES = 64 << 10 };

static const char *const format_names[] = {
    [LIST_AUTO] = "auto",         [LIST_MUSICCAPS] = "musiccaps",
    [LIST_AUDIOSET] = "audioset", [LIST_VGGSOUND] = "vggsound",
    [LIST_CSV] = "csv",           [LIST_TSV] = "tsv",
    [LIST_JSONL] = "jsonl",       [LIST_MEDIA] = "media",
};

const char *mel_list_format_name(ListFormat format)
{
    return format_names[format];
}

bool mel_list_format_parse(const char *name, ListFormat *out)
{
    for (size_t i = 0; i < MEL_COUNT(format_names); i++) {
        if (!mel_equal(name, format_names[i])) continue;
        *out = (ListFormat)i;
        return true;
    }
    return false;
}

/* One file found, by its absolute path. */
static bool media_row(ListRun *run, const char *path, Err *err)
{
    Err problem = {0};
    mel_list_row_begin(run, 0);
    bool good = mel_list_row_locator(run, LOCATOR_FILE, path, &problem);
    return mel_list_row_finish(run, good, &problem, path, strlen(path), err);
}

static bool walk_media(void *ctx, const char *relative, Err *err)
{
    ListRun *run = ctx;
    /* "._name" is where macOS keeps attributes on foreign disks; hidden files are nobody's music.
     */
    if (mel_path_base(relative)[0] == '.' || !mel_list_is_media_name(relative)) return true;
    char *path = mel_path_join(run->folder, relative);
    bool ok = media_row(run, path, err);
    free(path);
    return ok;
}

bool mel_list_read_media(ListRun *run, Err *err)
{
    char *absolute = realpath(run->path, NULL);
    if (!absolute) return mel_err_errno(err, "cannot open '%s'", run->path);
    bool ok;
    if (mel_path_is_dir(absolute)) {
        free(run->folder);
        run->folder = mel_strdup(absolute);
        ok = mel_walk(absolute, walk_media, run, err);
    } else {
        ok = media_row(run, absolute, err);
    }
    free(absolute);
    return ok;
}

static bool read_format(ListRun *run, FILE *file, Err *err)
{
    switch (run->format) {
    case LIST_MUSICCAPS:
    case LIST_AUDIOSET:
    case LIST_VGGSOUND:
        return mel_list_read_published(run, file, err);
    case LIST_JSONL:
        return mel_list_read_jsonl(run, file, err);
    default:
        return mel_list_read_table(run, file, err);
    }
}

/* A list in a file: checks that it is text, finds the format, reads it. */
static bool read_file(ListRun *run, Err *err)
{
    bool ok = false;
    char *head = NULL;
    size_t n;
    FILE *file = fopen(run->path, "rbe");
    if (!file) return mel_err_errno(err, "cannot open '%s'", run->path);
    head = mel_alloc(HEAD_BYTES);
    n = fread(head, 1, HEAD_BYTES, file);
    if (!mel_list_is_text(run->path, head, n, err)) goto out;
    if (run->format == LIST_AUTO) run->format = mel_list_detect(run->path, head, n, err);
    if (run->format == LIST_AUTO) goto out;
    rewind(file);
    if (!read_format(run, file, err)) goto out;
    errno = EIO; /* the stream keeps no reason */
    ok = !ferror(file) || mel_err_errno(err, "cannot read '%s'", run->path);
out:
    free(head);
    fclose(file);
    return ok;
}

static bool read_any(ListRun *run, Err *err)
{
    struct stat st;
    if (stat(run->path, &st) != 0) {
        if (errno != ENOENT) return mel_err_errno(err, "cannot open '%s'", run->path);
        return mel_err_reason(err, ERR_NOT_FOUND, "list.missing", "there is no '%s'", run->path);
    }
    bool folder = S_ISDIR(st.st_mode);
    if (!folder && !S_ISREG(st.st_mode))
        return mel_err_reason(err, ERR_IO, "list.not_a_file", "'%s' is no file and no folder",
                              run->path);
    if (run->format == LIST_AUTO && (folder || mel_list_is_media_name(run->path)))
        run->format = LIST_MEDIA;
    if (run->format == LIST_MEDIA) return mel_list_read_media(run, err);
    if (folder)
        return mel_err_reason(err, ERR_USAGE, "list.not_a_file", "'%s' is a folder, not a %s list",
                              run->path, format_names[run->format]);
    return read_file(run, err);
}

/* An empty list is refused, and so is one of bad rows only (each has been reported). */
static bool check_counts(const ListRun *run, Err *err)
{
    if (run->rows) return true;
    if (run->bad)
        return mel_err_reason(err, ERR_FORMAT, "list.no_rows",
                              "none of the %lld rows of '%s' could be understood",
                              (long long)run->bad, run->path);
    return mel_err_reason(err, ERR_FORMAT, "list.empty", "there is no row in '%s'", run->path);
}

bool mel_list_read(const char *path, ListFormat format, const ListReader *reader,
                   ListFormat *detected_out, Err *err)
{
    ListRun run = {.path = path, .folder = mel_path_dir(path), .format = format, .reader = reader};
    bool ok = read_any(&run, err) && check_counts(&run, err);
    if (ok && detected_out) *detected_out = run.format;
    mel_list_row_begin(&run, 0);
    free(run.labels);
    free(run.folder);
    return ok;
}
