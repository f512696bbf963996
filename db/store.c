/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool configure(Db *db, Err *err)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, 64 << 20);
    sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
    static const char pragmas[] = "PRAGMA foreign_keys = ON;"
                                  "PRAGMA synchronous = FULL;"
                                  "PRAGMA cell_size_check = ON;"
                                  "PRAGMA mmap_size = 0;"
                                  "PRAGMA temp_store = MEMORY;"
                                  "PRAGMA wal_autocheckpoint = 0;"
                                  "PRAGMA cache_size = -16384;";
    if (!db_script(db, pragmas, err)) return false;
    db_checkpoint_install(db);
    db_guard_install(db);
    return true;
}

static bool refuse_network_fs(const char *folder, Err *err)
{
    const char *kind = mel_network_fs(folder);
    if (!kind) return true;
    mel_err(err, ERR_DENIED, "'%s' lies on a network file system (%s)", folder, kind);
    return mel_err_hint(err, "the store needs a disk of this machine: work there, and pass answers "
                             "on as packets (mel pack, mel merge)");
}

/* The header's first 16 bytes tell a database before anything trusts it. */
static bool check_magic(const char *path, Err *err)
{
    char magic[16] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return mel_err_errno(err, "cannot open '%s'", path);
    int64_t n = mel_read_fd(fd, magic, sizeof magic);
    close(fd);
    if (n == sizeof magic && memcmp(magic, "SQLite format 3", 16) == 0) return true;
    mel_err(err, ERR_FORMAT, "'%s' is not a Melkit store", path);
    return mel_err_hint(err, "restore a backup, or make a new dataset with 'mel init'");
}

static bool count_tables(Db *db, int64_t *tables, Err *err)
{
    return db_one_i64(db, "SELECT count(*) FROM sqlite_master", NULL, 0, 0, tables, err);
}

static bool check_versions(Db *db, DbMode mode, const char *path, Err *err)
{
    int application_id, version;
    int64_t tables;
    if (!db_read_versions(db, &application_id, &version, err)) return false;
    if (!count_tables(db, &tables, err)) return false;
    if (application_id == 0 && tables == 0) {
        mel_err(err, ERR_FORMAT, "'%s' is empty: its making was interrupted", path);
        return mel_err_hint(err, "run 'mel init %s' again, which completes it", db->folder);
    }
    if (application_id != DB_APPLICATION_ID)
        return mel_err(err, ERR_FORMAT, "'%s' is a database of another program", path);
    if (version > mel_db_schema_version()) {
        mel_err(err, ERR_FORMAT, "'%s' has schema %d, this Melkit knows up to %d", path, version,
                mel_db_schema_version());
        return mel_err_hint(err, "use the Melkit that wrote it, or a newer one");
    }
    bool may_be_older = db->writable || (mode == DB_LOOK && version > 0);
    if (version < mel_db_schema_version() && !may_be_older)
        return mel_err(err, ERR_FORMAT, "'%s' has the older schema %d and needs migrating", path,
                       version) ||
               mel_err_hint(err, "run any writing command once, for example 'mel verify --repair'");
    return true;
}

/* How a store is connected to: a DbMode, or one of these. */
enum { CONNECT_NEW = DB_LOOK + 1, CONNECT_IMMUTABLE };

static bool connect_file(Db *db, int how, Err *err)
{
    bool immutable = how == CONNECT_IMMUTABLE;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    flags |= immutable ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE;
    if (how == CONNECT_NEW) flags |= SQLITE_OPEN_CREATE;
    char *real = realpath(db->folder, NULL); /* NOFOLLOW looks at every part of the path */
    char *path = mel_path_join(real ? real : db->folder, "mel.db");
    char *uri = immutable ? db_immutable_uri(path) : NULL;
    bool ok = sqlite3_open_v2(uri ? uri : path, &db->handle, flags, NULL) == SQLITE_OK
                  ? configure(db, err)
                  : db_fail(db, err, "opening it");
    free(uri);
    free(path);
    free(real);
    return ok;
}

/* SQLite's handle and the lock file of a Db that has neither. */
static bool connect_store(Db *db, int how, Err *err)
{
    db->writable = how == DB_WRITE || how == CONNECT_NEW;
    if (!connect_file(db, how, err)) return false;
    char *lock_path = mel_path_join(db->folder, "mel.db-writer");
    db->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    bool ok =
        db->lock_fd >= 0 || !db->writable || mel_err_errno(err, "cannot open '%s'", lock_path);
    free(lock_path);
    return ok;
}

static void disconnect_store(Db *db)
{
    MEL_ASSERT(db->depth == 0);
    for (int i = 0; i < db->cached; i++)
        sqlite3_finalize(db->cache[i].statement);
    db->cached = 0;
    db_checkpoint_at_close(db);
    sqlite3_close(db->handle);
    db->handle = NULL;
    if (db->lock_fd >= 0) close(db->lock_fd);
    db->lock_fd = -1;
}

static Db *new_db(const char *folder)
{
    Db *db = mel_alloc(sizeof *db);
    db->lock_fd = -1;
    db->folder = mel_strdup(folder);
    return db;
}

static const char *const dataset_folders[] = {"media", "exports", "runs", "models"};

/* Only an unfinished store may become a dataset: an empty one, or one whose making was killed
 * between its tables and its vocabulary. */
static bool refuse_taken(Db *db, const char *folder, Err *err)
{
    int64_t tables, settings;
    int application_id, version;
    if (!count_tables(db, &tables, err)) return false;
    if (!db_read_versions(db, &application_id, &version, err)) return false;
    if (tables == 0 && application_id == 0) return true;
    if (application_id != DB_APPLICATION_ID)
        return mel_err(err, ERR_EXISTS, "'%s/mel.db' is a database of another program", folder);
    if (version > 0 && version <= mel_db_schema_version()) {
        if (!db_one_i64(db, "SELECT count(*) FROM setting", NULL, 0, 0, &settings, err))
            return false;
        if (settings == 0) return true;
    }
    return mel_err(err, ERR_EXISTS, "there is a dataset in '%s' already", folder);
}

static bool make_store(Db *db, const char *folder, Err *err)
{
    if (!db_lock(db, err)) return false;
    bool ok = refuse_taken(db, folder, err) && db_script(db, "PRAGMA journal_mode = WAL", err) &&
              db_migrate(db, true, err);
    db_unlock(db);
    return ok;
}

/* A store that is not a database at all must not be written over. */
static bool refuse_foreign_file(const char *path, Err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0 || (S_ISREG(st.st_mode) && st.st_size == 0)) return true;
    Err ignored = {0};
    if (check_magic(path, &ignored)) return true;
    return mel_err(err, ERR_EXISTS, "'%s' is there and is not a Melkit store", path);
}

bool mel_db_create(const char *folder, Err *err)
{
    bool ok = false;
    Db *db = NULL;
    char *path = mel_path_join(folder, "mel.db");
    if (!mel_make_dirs(folder, err) || !refuse_network_fs(folder, err)) goto out;
    if (!refuse_foreign_file(path, err)) goto out;
    for (size_t i = 0; i < MEL_COUNT(dataset_folders); i++) {
        char *sub = mel_path_join(folder, dataset_folders[i]);
        bool made = mel_make_dirs(sub, err);
        free(sub);
        if (!made) goto out;
    }
    db = new_db(folder);
    ok = connect_store(db, CONNECT_NEW, err) && make_store(db, folder, err) &&
         mel_fsync_dir(folder, err);
out:
    mel_db_close(db);
    free(path);
    return ok;
}

/* What a connection needs before anything else uses it. */
static bool make_ready(Db *db, DbMode mode, const char *path, Err *err)
{
    if (!check_versions(db, mode, path, err)) return false;
    if (mode != DB_WRITE) return db_script(db, "PRAGMA query_only = ON;", err);
    /* A restored backup comes without the WAL mode. */
    bool ok = db_lock(db, err) && db_script(db, "PRAGMA journal_mode = WAL", err) &&
              db_migrate(db, false, err);
    db_unlock(db);
    return ok;
}

/* The handle stays when it fails. */
static bool connect_ready(Db *db, DbMode mode, Err *err)
{
    Err first = {0};
    char *path = mel_path_join(db->folder, "mel.db");
    bool ok = connect_store(db, mode, &first) && make_ready(db, mode, path, &first);
    if (!ok && mode != DB_WRITE && db_lacks_shared_file(db)) {
        mel_err_clear(&first);
        ok = db_refuse_unread_journal(db, &first);
        disconnect_store(db);
        ok = ok && connect_store(db, CONNECT_IMMUTABLE, &first) &&
             make_ready(db, mode, path, &first);
    }
    free(path);
    if (!ok) *err = first;
    return ok;
}

bool mel_db_open(const char *folder, DbMode mode, Db **out, Err *err)
{
    bool ok = false;
    Db *db = NULL;
    char *path = mel_path_join(folder, "mel.db");
    if (!mel_path_exists(path)) {
        mel_err(err, ERR_NOT_FOUND, "there is no dataset in '%s'", folder);
        mel_err_hint(err, "make one with 'mel init %s'", folder);
        goto out;
    }
    if (!refuse_network_fs(folder, err) || !check_magic(path, err)) goto out;
    db = new_db(folder);
    if (!connect_ready(db, mode, err)) goto out;
    *out = db;
    db = NULL;
    ok = true;
out:
    mel_db_close(db);
    free(path);
    return ok;
}

bool mel_db_unlock(Db *db, Err *err)
{
    Err again = {0};
    disconnect_store(db); /* first: connections of one process share what they may do */
    if (connect_ready(db, DB_WRITE, err)) return true;
    disconnect_store(db);
    if (!connect_ready(db, DB_READ, &again)) {
        disconnect_store(db); /* gone altogether: every question is answered with an error */
        sqlite3_open_v2(":memory:", &db->handle, SQLITE_OPEN_READONLY, NULL);
    }
    return false;
}

void mel_db_close(Db *db)
{
    if (!db) return;
    disconnect_store(db);
    free(db->folder);
    free(db);
}

char *mel_db_find(const char *start, Err *err)
{
    char *folder = realpath(start, NULL);
    while (folder) {
        char *path = mel_path_join(folder, "mel.db");
        bool found = mel_path_exists(path);
        free(path);
        if (found) return folder;
        if (mel_equal(folder, "/")) break;
        char *above = mel_path_dir(folder);
        free(folder);
        folder = above;
    }
    free(folder);
    mel_err(err, ERR_NOT_FOUND, "there is no dataset in '%s' or above it", start);
    mel_err_hint(err, "make one with 'mel init DIR', or name one with 'mel -C DIR'");
    return NULL;
}

const char *mel_db_folder(const Db *db)
{
    return db->folder;
}

char *mel_db_path(const Db *db, const char *relative)
{
    return mel_path_join(db->folder, relative);
}

bool mel_db_begin(Db *db, Err *err)
{
    MEL_ASSERT(db->writable);
    if (db->depth == 0) {
        db->failed = false;
        if (!db_lock(db, err)) return false;
        if (!db_script(db, "BEGIN IMMEDIATE", err)) {
            db_unlock(db);
            return false;
        }
    }
    db->depth++;
    return true;
}

bool mel_db_end(Db *db, bool ok, Err *err)
{
    MEL_ASSERT(db->depth > 0);
    db->depth--;
    if (!ok) db->failed = true;
    if (db->depth > 0) return ok;
    if (ok && db->failed)
        mel_err(err, ERR_DB, "the change was not stored: a step inside it failed");
    ok = !db->failed;
    if (ok) ok = db_script(db, "COMMIT", err);
    if (!ok && !sqlite3_get_autocommit(db->handle)) {
        Err ignored = {0};
        if (!db_script(db, "ROLLBACK", &ignored)) ok = false;
    }
    if (ok) db_checkpoint_after_commit(db);
    db_unlock(db);
    return ok;
}

/* It attaches the new file, which nothing else may. Not a write to the store: no lock. */
static bool vacuum_into(Db *db, const char *path, Err *err)
{
    DbRows rows;
    sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 1);
    bool ok = DB_ROWS(db, &rows, "VACUUM INTO ?1", err, db_text(path));
    while (ok && db_next(&rows, err))
        continue;
    db_rows_end(&rows);
    sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
    return ok && !mel_err_is_set(err);
}

bool mel_db_backup(Db *db, const char *path, Err *err)
{
    bool ok = false;
    char *temporary = mel_asprintf("%s.tmp", path);
    char *folder = mel_path_dir(path);
    int fd = -1;
    unlink(temporary);
    if (!vacuum_into(db, temporary, err)) goto out;
    fd = open(temporary, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0 || rename(temporary, path) != 0) {
        mel_err_errno(err, "cannot write '%s'", path);
        goto out;
    }
    ok = mel_fsync_dir(folder, err);
out:
    if (fd >= 0) close(fd);
    if (!ok) unlink(temporary);
    free(folder);
    free(temporary);
    return ok;
}
