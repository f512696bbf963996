/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's way back into the database. A commit that left many pages copies them, with the
 * writers' lock held, so that no other commit waits for the same disk. Whoever reads without a
 * pause keeps the journal from starting anew: it grows, and every look into it slows. So a reader
 * that finds it long copies it before reading, while it holds no snapshot of its own. */
#include "db/db_internal.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { CHECKPOINT_PAGES = 1000, LONG_PAGES = 4000 };

/* Remembers how long the journal has grown; the checkpoint waits for the writers' lock. */
static int on_commit(void *ctx, sqlite3 *handle, const char *name, int pages)
{
    (void)handle, (void)name;
    Db *db = ctx;
    if (pages < db->checkpoint_at - CHECKPOINT_PAGES) /* it started anew */
        db->checkpoint_at = CHECKPOINT_PAGES;
    db->wal_pages = pages;
    return SQLITE_OK;
}

void db_checkpoint_install(Db *db)
{
    db->checkpoint_at = CHECKPOINT_PAGES;
    sqlite3_wal_hook(db->handle, on_commit, db);
}

/* Tells how many pages the journal holds. While somebody reads, a part remains uncopied; trying
 * again at every commit would sync twice for each. */
static int checkpoint(Db *db, int mode)
{
    int pages = 0, copied = 0;
    sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, &pages, &copied);
    db->wal_pages = 0;
    db->checkpoint_at = CHECKPOINT_PAGES + (copied < pages ? pages : 0);
    return pages;
}

void db_checkpoint_after_commit(Db *db)
{
    if (db->wal_pages >= db->checkpoint_at) checkpoint(db, SQLITE_CHECKPOINT_PASSIVE);
}

/* The file keeps its length when the journal in it starts anew: the second question is for the
 * checkpoint. */
static bool file_is_long(const Db *db)
{
    struct stat st;
    char *path = mel_path_join(db->folder, "mel.db-wal");
    bool is_long = stat(path, &st) == 0 && st.st_size > (int64_t)LONG_PAGES * 4096;
    free(path);
    return is_long;
}

/* The last pages and the new start, with the writers' lock but waiting for no reader. */
static void start_anew(Db *db, int mode)
{
    Err ignored = {0};
    if (db->lock_fd < 0 || !db_lock(db, &ignored)) return;
    sqlite3_busy_timeout(db->handle, 0);
    checkpoint(db, mode);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    db_unlock(db);
}

void db_checkpoint_before_reading(Db *db)
{
    if (db->locked || sqlite3_txn_state(db->handle, NULL) != SQLITE_TXN_NONE) return;
    if (file_is_long(db) && checkpoint(db, SQLITE_CHECKPOINT_PASSIVE) > LONG_PAGES)
        start_anew(db, SQLITE_CHECKPOINT_RESTART);
}

void db_checkpoint_at_close(Db *db)
{
    if (!db->writable) return;
    bool is_long = file_is_long(db);
    if (db->wal_pages > 0 || is_long) checkpoint(db, SQLITE_CHECKPOINT_PASSIVE);
    if (is_long) start_anew(db, SQLITE_CHECKPOINT_TRUNCATE);
}
