/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows from one store into another. */
#include "db/db_internal.h"

enum { COLUMNS_MAX = 40 };

static DbArg column_arg(sqlite3_stmt *statement, int i)
{
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER:
        return db_i64(sqlite3_column_int64(statement, i));
    case SQLITE_FLOAT:
        return db_f64(sqlite3_column_double(statement, i));
    case SQLITE_TEXT:
        return db_text((const char *)sqlite3_column_text(statement, i));
    case SQLITE_BLOB:
        return db_blob(sqlite3_column_blob(statement, i),
                       (size_t)sqlite3_column_bytes(statement, i));
    default:
        return db_text(NULL);
    }
}

bool db_copy_rows(Db *from, const char *select, const DbArg *args, int count, Db *to,
                  const char *insert, int64_t *copied, Err *err)
{
    DbRows rows;
    int64_t changed = 0;
    bool ok = db_rows(from, &rows, select, args, count, err);
    while (ok && db_next(&rows, err)) {
        DbArg row[COLUMNS_MAX];
        int columns = sqlite3_column_count(rows.statement);
        MEL_ASSERT(columns <= COLUMNS_MAX);
        for (int i = 0; i < columns; i++)
            row[i] = column_arg(rows.statement, i);
        ok = db_run(to, insert, row, columns, err);
        changed += ok ? db_changed(to) : 0;
    }
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    if (copied) *copied = changed;
    return true;
}
