/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>

extern const char mel_sql_0001_init[], mel_sql_0002_views[], mel_sql_views[];

/* Migration i brings schema i to schema i + 1, in one transaction. */
static const char *const *migrations(int *count)
{
    static const char *const all[] = {mel_sql_0001_init, mel_sql_0002_views};
    *count = (int)MEL_COUNT(all);
    return all;
}

int mel_db_schema_version(void)
{
    int count;
    migrations(&count);
    return count;
}

bool db_read_versions(Db *db, int *application_id, int *user_version, Err *err)
{
    int64_t id, version;
    if (!db_one_i64(db, "PRAGMA application_id", NULL, 0, 0, &id, err)) return false;
    if (!db_one_i64(db, "PRAGMA user_version", NULL, 0, 0, &version, err)) return false;
    *application_id = (int)id;
    *user_version = (int)version;
    return true;
}

static bool set_versions(Db *db, int version, Err *err)
{
    char *sql = mel_asprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                             DB_APPLICATION_ID, version);
    bool ok = db_script(db, sql, err);
    free(sql);
    return ok;
}

static bool run_one(Db *db, int version, const char *sql, Err *err)
{
    if (!db_script(db, "BEGIN IMMEDIATE", err)) return false;
    bool ok = db_script(db, sql, err) && db_script(db, mel_sql_views, err) &&
              set_versions(db, version, err) && db_script(db, "COMMIT", err);
    if (!ok && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

static bool backup_before(Db *db, int version, Err *err)
{
    char *path = mel_asprintf("%s/mel.db.schema-%d.bak", db->folder, version);
    bool ok = mel_path_exists(path) || mel_db_backup(db, path, err);
    free(path);
    return ok;
}

bool db_migrate(Db *db, bool fresh, Err *err)
{
    int application_id, version, count;
    const char *const *all = migrations(&count);
    if (!db_read_versions(db, &application_id, &version, err)) return false;
    /* A making that was killed leaves an empty store with neither mark. */
    if (!fresh && version < count && !backup_before(db, version, err)) return false;
    for (int i = version; i < count; i++)
        if (!run_one(db, i + 1, all[i], err))
            return mel_err_wrap(err, "cannot migrate the store to schema %d", i + 1);
    return mel_vocabulary_install(db, err);
}
