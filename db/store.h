/* SPDX-License-Identifier: Apache-2.0
 *
 * The store itself: making, opening, transactions. */
#ifndef MEL_DB_STORE_H
#define MEL_DB_STORE_H

#include "base/base.h"

typedef struct Db Db;

typedef enum DbMode {
    DB_READ, /* may not change anything */
    DB_WRITE,
    DB_LOOK, /* as DB_READ; a store of an older schema opens too, for who knows what is in it */
} DbMode;

/* Makes a new dataset in `folder` (which may be there, but must not hold one): its folders and an
 * empty store. Refuses network file systems (WAL needs one host). */
MEL_MUST_CHECK bool mel_db_create(const char *folder, Err *err);

/* Opens the dataset in `folder`, migrating an older store first (after a backup beside it) when
 * mode is DB_WRITE. Refuses: no store, a foreign or damaged file, a newer schema, a network file
 * system; each with a sentence. To be read, a folder that cannot be written may hold mel.db alone,
 * which nobody is to change then; ERR_DENIED when its journal lies there too and holds changes. */
MEL_MUST_CHECK bool mel_db_open(const char *folder, DbMode mode, Db **out, Err *err);
void mel_db_close(Db *db); /* NULL is fine */

/* A Db that was opened with DB_READ, as its folder could not be written then, becomes one of
 * DB_WRITE. When that fails it can be read as before. */
MEL_MUST_CHECK bool mel_db_unlock(Db *db, Err *err);

/* The dataset that contains `start`, found upwards like git; yours to free. */
char *mel_db_find(const char *start, Err *err);

const char *mel_db_folder(const Db *db);               /* borrowed */
char *mel_db_path(const Db *db, const char *relative); /* inside the dataset; yours to free */

/* A write transaction; nests (the outermost one commits). mel_db_end commits when ok, else rolls
 * back, and returns whether the whole was done:
 *
 *     if (!mel_db_begin(db, err)) return false;
 *     bool ok = step_one(db, err) && step_two(db, err);
 *     return mel_db_end(db, ok, err); */
MEL_MUST_CHECK bool mel_db_begin(Db *db, Err *err);
MEL_MUST_CHECK bool mel_db_end(Db *db, bool ok, Err *err);

/* A consistent copy of the store under a new name, written while others work. */
MEL_MUST_CHECK bool mel_db_backup(Db *db, const char *path, Err *err);

int mel_db_schema_version(void);

#endif
