/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/packet_internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

enum { TAR_CHUNK = 1 << 17 };
static const int64_t untar_bytes_max = INT64_C(4) << 30;
static const int64_t untar_whole_bytes_max = INT64_C(1) << 40;

static bool tar_fail(struct archive *archive, const char *path, Err *err)
{
    const char *why = archive_error_string(archive);
    return mel_err(err, ERR_IO, "cannot write '%s': %s", path, why ? why : "the archive says no");
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct TarWriter {
    struct archive *archive;
    const char *folder, *path; /* what is packed; the tar file */
    char *below;               /* the folder inside it */
} TarWriter;

static bool put_bytes(TarWriter *tar, const char *from, int64_t size, Err *err)
{
    bool ok = false;
    char *chunk = mel_alloc(TAR_CHUNK);
    FILE *file = fopen(from, "re");
    size_t n;
    int64_t done = 0;
    if (!file) {
        mel_err_errno(err, "cannot read '%s'", from);
        goto out;
    }
    while ((n = fread(chunk, 1, TAR_CHUNK, file)) > 0) {
        if (archive_write_data(tar->archive, chunk, n) != (la_ssize_t)n) {
            tar_fail(tar->archive, tar->path, err);
            goto out;
        }
        done += (int64_t)n;
    }
    ok = done == size || mel_err(err, ERR_IO, "'%s' changed while it was read", from);
out:
    if (file) fclose(file);
    free(chunk);
    return ok;
}

static bool put_file(void *ctx, const char *relative, Err *err)
{
    TarWriter *tar = ctx;
    char hex[SHA256_HEX_SIZE];
    int64_t size;
    if (mel_ends_with(relative, "-shm") || mel_ends_with(relative, "-wal") ||
        mel_ends_with(relative, "-writer"))
        return true;
    char *from = mel_path_join(tar->folder, relative), *name = mel_path_join(tar->below, relative);
    struct archive_entry *entry = archive_entry_new();
    bool ok = mel_sha256_file(from, hex, &size, err);
    if (ok) {
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_mtime(entry, 0, 0);
        archive_entry_set_size(entry, size);
        ok = archive_write_header(tar->archive, entry) == ARCHIVE_OK ||
             tar_fail(tar->archive, tar->path, err);
    }
    ok = ok && put_bytes(tar, from, size, err);
    archive_entry_free(entry);
    free(name);
    free(from);
    return ok;
}

static char *stem_of(const char *path)
{
    const char *base = mel_path_base(path);
    size_t n = strlen(base) - (mel_ends_with(base, ".tar") ? 4 : 0);
    return n ? mel_strndup(base, n) : mel_strdup("packet");
}

bool mel_packet_tar(const char *folder, const char *path, Err *err)
{
    bool ok = false;
    FileWriter file = {0};
    TarWriter tar = {.folder = folder, .path = path, .below = stem_of(path)};
    tar.archive = archive_write_new();
    if (!mel_writer_begin(&file, path, err)) goto out;
    if (archive_write_set_format_pax_restricted(tar.archive) != ARCHIVE_OK ||
        archive_write_add_filter_none(tar.archive) != ARCHIVE_OK ||
        archive_write_open_FILE(tar.archive, file.file) != ARCHIVE_OK) {
        tar_fail(tar.archive, path, err);
        goto out;
    }
    if (!mel_walk(folder, put_file, &tar, err)) goto out;
    if (archive_write_close(tar.archive) != ARCHIVE_OK) {
        tar_fail(tar.archive, path, err);
        goto out;
    }
    ok = mel_writer_commit(&file, err);
out:
    archive_write_free(tar.archive);
    mel_writer_abort(&file);
    free(tar.below);
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What is taken of a packet: names below its folder. */
typedef bool WantedFn(const char *name);

static bool is_answer(const char *name)
{
    static const char *const wanted[] = {"mel.db", "mel.db-wal", PACKET_MANIFEST, PACKET_CHECKSUM};
    for (size_t i = 0; i < MEL_COUNT(wanted); i++)
        if (mel_equal(name, wanted[i])) return true;
    return false;
}

static bool is_part(const char *name)
{
    return is_answer(name) || mel_starts_with(name, "media/");
}

/* A name that leads nowhere but down. */
static bool is_safe(const char *name)
{
    if (*name == '/' || !*name) return false;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (mel_starts_with(part, "../") || mel_equal(part, "..")) return false;
    return true;
}

/* The name of a wanted member below the outermost folder, or of one without it; NULL for any other.
 */
static const char *wanted_name(struct archive_entry *entry, WantedFn *wanted)
{
    const char *path = archive_entry_pathname(entry);
    if (!path || archive_entry_filetype(entry) != AE_IFREG) return NULL;
    while (mel_starts_with(path, "./"))
        path += 2;
    if (!is_safe(path)) return NULL;
    if (wanted(path)) return path;
    const char *below = strchr(path, '/');
    return below && wanted(below + 1) ? below + 1 : NULL;
}

static bool take_member(struct archive *archive, const char *folder, const char *name,
                        int64_t *total, int64_t bytes_max, Err *err)
{
    bool ok = false;
    FileWriter file = {0};
    char *to = mel_path_join(folder, name), *chunk = mel_alloc(TAR_CHUNK),
         *above = mel_path_dir(to);
    la_ssize_t n;
    if (mel_path_exists(to)) {
        mel_err(err, ERR_FORMAT, "it holds two packets");
        goto out;
    }
    if (!mel_make_dirs(above, err) || !mel_writer_begin(&file, to, err)) goto out;
    while ((n = archive_read_data(archive, chunk, TAR_CHUNK)) > 0) {
        *total += n;
        if (*total > bytes_max) {
            mel_err(err, ERR_LIMIT, "it holds more than Melkit unpacks");
            goto out;
        }
        if (fwrite(chunk, 1, (size_t)n, file.file) != (size_t)n) {
            mel_err_errno(err, "cannot write '%s'", to);
            goto out;
        }
    }
    if (n < 0)
        mel_err(err, ERR_FORMAT, "it is damaged: %s", archive_error_string(archive));
    else
        ok = mel_writer_commit(&file, err);
out:
    mel_writer_abort(&file);
    free(chunk);
    free(above);
    free(to);
    return ok;
}

static bool untar(const char *path, const char *folder, WantedFn *wanted, int64_t bytes_max,
                  Err *err)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    int64_t total = 0;
    int rc = ARCHIVE_FATAL;
    archive_read_support_format_tar(archive);
    archive_read_support_filter_gzip(archive);
    bool ok = archive_read_open_filename(archive, path, TAR_CHUNK) == ARCHIVE_OK;
    while (ok && (rc = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        const char *name = wanted_name(entry, wanted);
        if (name && !take_member(archive, folder, name, &total, bytes_max, err)) break;
    }
    ok = rc == ARCHIVE_EOF;
    if (!ok && !mel_err_is_set(err)) {
        const char *why = archive_error_string(archive);
        mel_err(err, ERR_FORMAT, "it is not a whole tar file: %s", why ? why : "it ends early");
    }
    archive_read_free(archive);
    return ok;
}

bool mel_packet_untar(const char *path, const char *folder, Err *err)
{
    return untar(path, folder, is_answer, untar_bytes_max, err);
}

bool mel_packet_untar_whole(const char *path, const char *folder, Err *err)
{
    return untar(path, folder, is_part, untar_whole_bytes_max, err);
}
