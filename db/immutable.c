/* SPDX-License-Identifier: Apache-2.0
 *
 * A store where nothing can be written. A journal of the WAL kind needs a file beside it that all
 * who read share, and SQLite refuses a store whose folder has none and takes none. When the journal
 * is empty as well the database says it all, and can be read as a file that nobody changes. */
#include "db/db_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t size_beside(const Db *db, const char *name)
{
    struct stat st;
    char *path = mel_path_join(db->folder, name);
    int64_t size = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    free(path);
    return size;
}

/* Bytes 18 and 19 of the header: the versions that are needed to write and to read. */
static bool journals_ahead(const Db *db)
{
    unsigned char header[20] = {0};
    char *path = mel_path_join(db->folder, "mel.db");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int64_t n = fd >= 0 ? mel_read_fd(fd, header, sizeof header) : 0;
    if (fd >= 0) close(fd);
    free(path);
    return n == sizeof header && header[18] == 2 && header[19] == 2;
}

bool db_lacks_shared_file(const Db *db)
{
    int code = sqlite3_extended_errcode(db->handle) & 0xff;
    return (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) &&
           faccessat(AT_FDCWD, db->folder, W_OK, AT_EACCESS) != 0 && journals_ahead(db) &&
           size_beside(db, "mel.db-journal") == 0;
}

bool db_refuse_unread_journal(const Db *db, Err *err)
{
    if (size_beside(db, "mel.db-wal") == 0) return true;
    mel_err(err, ERR_DENIED,
            "the journal '%s/mel.db-wal' holds changes that cannot be read where nothing can be "
            "written",
            db->folder);
    return mel_err_hint(err, "copy the whole folder to where it can be written, or run 'mel stats' "
                             "once where this one can");
}

char *db_immutable_uri(const char *path)
{
    Str uri = {0};
    mel_str_add(&uri, "file:");
    for (const char *c = path; *c; c++)
        if (strchr("?#%", *c))
            mel_str_addf(&uri, "%%%02X", (unsigned)*c);
        else
            mel_str_add_char(&uri, *c);
    mel_str_add(&uri, "?immutable=1");
    return mel_str_take(&uri);
}
