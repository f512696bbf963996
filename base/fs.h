/* SPDX-License-Identifier: Apache-2.0
 *
 * Files. Whatever gets a final name gets it whole: written beside, fsynced, renamed, and the
 * folder fsynced. */
#ifndef MEL_BASE_FS_H
#define MEL_BASE_FS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

char *mel_path_join(const char *folder, const char *name); /* yours to free */
const char *mel_path_base(const char *path);               /* behind the last '/'; borrowed */
char *mel_path_dir(const char *path);                      /* "." when there is none; yours */
const char *mel_path_extension(const char *path);          /* without the dot, "" if none */
bool mel_path_exists(const char *path);
bool mel_path_is_dir(const char *path);

MEL_MUST_CHECK bool mel_make_dirs(const char *path, Err *err); /* like mkdir -p */
MEL_MUST_CHECK bool mel_fsync_dir(const char *path, Err *err);

/* Removes a file or a folder with all that is in it; links are removed, not followed. A path that
 * is not there is fine. */
MEL_MUST_CHECK bool mel_remove_tree(const char *path, Err *err);

/* The whole of a regular file, NUL-terminated behind its bytes. Over limit_bytes is ERR_LIMIT. */
MEL_MUST_CHECK bool mel_read_file(const char *path, size_t limit_bytes, char **bytes_out,
                                  size_t *n_out, Err *err);

/* Writes a whole file under its final name. */
MEL_MUST_CHECK bool mel_write_file(const char *path, const void *bytes, size_t n, Err *err);

/* A file that is written piece by piece and appears under its name only on commit:
 *
 *     FileWriter writer = {0};
 *     if (!mel_writer_begin(&writer, path, err)) goto out;
 *     fprintf(writer.file, ...);
 *     ok = mel_writer_commit(&writer, err);
 * out:
 *     mel_writer_abort(&writer);   -- no-op after commit or on {0} */
typedef struct FileWriter {
    FILE *file;
    char *path, *temporary;
} FileWriter;

MEL_MUST_CHECK bool mel_writer_begin(FileWriter *writer, const char *path, Err *err);
MEL_MUST_CHECK bool mel_writer_commit(FileWriter *writer, Err *err);
void mel_writer_abort(FileWriter *writer);

/* All n bytes to / from a descriptor, over EINTR and short counts. mel_read_fd returns the bytes
 * read (fewer only at the end of the file) or -1. */
bool mel_write_fd(int fd, const void *bytes, size_t n);
int64_t mel_read_fd(int fd, void *bytes, size_t n);

/* The kind of network file system that `path` is on ("nfs", "cifs", "fuse", "9p", …), or NULL. */
const char *mel_network_fs(const char *path);

/* Calls fn for every regular file below `folder`, in byte order of the paths, links not followed.
 * `relative` is the path below folder. Stops when fn returns false. */
typedef bool WalkFn(void *ctx, const char *relative, Err *err);
MEL_MUST_CHECK bool mel_walk(const char *folder, WalkFn *fn, void *ctx, Err *err);

#endif
