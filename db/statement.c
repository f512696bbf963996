/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

DbArg db_text(const char *text)
{
    if (!text) return (DbArg){.type = ARG_NULL};
    return (DbArg){.type = ARG_TEXT, .bytes = text};
}

DbArg db_i64(int64_t value)
{
    return (DbArg){.type = ARG_I64, .i64 = value};
}

DbArg db_f64(double value)
{
    if (!isfinite(value)) return (DbArg){.type = ARG_NULL};
    return (DbArg){.type = ARG_F64, .f64 = value};
}

DbArg db_blob(const void *bytes, size_t n)
{
    return (DbArg){.type = ARG_BLOB, .bytes = bytes, .i64 = (int64_t)n};
}

bool db_fail(Db *db, Err *err, const char *doing)
{
    int code = sqlite3_extended_errcode(db->handle);
    mel_err(err, ERR_DB, "the store said '%s' (%d) while %s", sqlite3_errmsg(db->handle), code,
            doing);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return mel_err_hint(err, "free some space on that disk and try again");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return mel_err_hint(err, "check the permissions of the dataset's folder");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return mel_err_hint(err, "run 'mel verify', and restore a backup");
    default:
        return false;
    }
}

static bool bind_all(Db *db, sqlite3_stmt *statement, const DbArg *args, int count, Err *err)
{
    MEL_ASSERT(sqlite3_bind_parameter_count(statement) == count);
    for (int i = 0; i < count; i++) {
        int rc = SQLITE_OK;
        switch (args[i].type) {
        case ARG_NULL:
            rc = sqlite3_bind_null(statement, i + 1);
            break;
        case ARG_I64:
            rc = sqlite3_bind_int64(statement, i + 1, args[i].i64);
            break;
        case ARG_F64:
            rc = sqlite3_bind_double(statement, i + 1, args[i].f64);
            break;
        case ARG_TEXT:
            rc = sqlite3_bind_text(statement, i + 1, args[i].bytes, -1, SQLITE_TRANSIENT);
            break;
        case ARG_BLOB:
            rc = sqlite3_bind_blob64(statement, i + 1, args[i].bytes, (sqlite3_uint64)args[i].i64,
                                     SQLITE_TRANSIENT);
            break;
        }
        if (rc != SQLITE_OK) return db_fail(db, err, "binding a value");
    }
    return true;
}

static sqlite3_stmt *cached_statement(const Db *db, const char *sql)
{
    for (int i = 0; i < db->cached; i++)
        if (db->cache[i].sql == sql && !sqlite3_stmt_busy(db->cache[i].statement))
            return db->cache[i].statement;
    return NULL;
}

bool db_rows(Db *db, DbRows *rows, const char *sql, const DbArg *args, int count, Err *err)
{
    *rows = (DbRows){.statement = cached_statement(db, sql), .cached = true};
    if (!rows->statement) {
        if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &rows->statement,
                               NULL) != SQLITE_OK)
            return db_fail(db, err, "preparing a statement");
        rows->cached = db->cached < DB_STATEMENTS_MAX;
        if (rows->cached)
            db->cache[db->cached++] = (CachedStatement){.sql = sql, .statement = rows->statement};
    }
    return bind_all(db, rows->statement, args, count, err);
}

bool db_next(DbRows *rows, Err *err)
{
    int rc = sqlite3_step(rows->statement);
    if (rc == SQLITE_ROW) return true;
    if (rc != SQLITE_DONE) {
        Db db = {.handle = sqlite3_db_handle(rows->statement)};
        db_fail(&db, err, "running a statement");
    }
    return false;
}

void db_rows_end(DbRows *rows)
{
    if (!rows->statement) return;
    if (rows->cached) {
        sqlite3_reset(rows->statement);
        sqlite3_clear_bindings(rows->statement);
    } else {
        sqlite3_finalize(rows->statement);
    }
    rows->statement = NULL;
}

/* A change outside a transaction waits its turn like any other. */
static bool wants_transaction(const Db *db, const DbRows *rows)
{
    return db->depth == 0 && !db->locked && db->writable && !sqlite3_stmt_readonly(rows->statement);
}

bool db_run(Db *db, const char *sql, const DbArg *args, int count, Err *err)
{
    DbRows rows;
    Err step = {0};
    bool ok = db_rows(db, &rows, sql, args, count, &step);
    bool alone = ok && wants_transaction(db, &rows);
    if (alone) ok = alone = mel_db_begin(db, &step);
    while (ok && db_next(&rows, &step))
        continue;
    db_rows_end(&rows);
    ok = ok && !mel_err_is_set(&step);
    if (alone) ok = mel_db_end(db, ok, &step);
    if (!ok && !mel_err_is_set(err)) *err = step;
    return ok;
}

int64_t db_changed(const Db *db)
{
    return sqlite3_changes64(db->handle);
}

bool db_script(Db *db, const char *sql, Err *err)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK) return true;
    return db_fail(db, err, "running a script");
}

int64_t db_col_i64(const DbRows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

double db_col_f64(const DbRows *rows, int column)
{
    if (sqlite3_column_type(rows->statement, column) == SQLITE_NULL) return NAN;
    return sqlite3_column_double(rows->statement, column);
}

const char *db_col_text(const DbRows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->statement, column);
}

bool db_one_i64(Db *db, const char *sql, const DbArg *args, int count, int64_t missing,
                int64_t *out, Err *err)
{
    DbRows rows;
    Err step = {0};
    int64_t value = missing;
    bool ok = db_rows(db, &rows, sql, args, count, &step);
    if (ok && db_next(&rows, &step)) value = db_col_i64(&rows, 0);
    db_rows_end(&rows);
    if (mel_err_is_set(&step)) {
        if (!mel_err_is_set(err)) *err = step;
        return false;
    }
    *out = value;
    return true;
}

bool db_one_text(Db *db, const char *sql, const DbArg *args, int count, char **out, Err *err)
{
    DbRows rows;
    Err step = {0};
    char *value = NULL;
    bool ok = db_rows(db, &rows, sql, args, count, &step);
    if (ok && db_next(&rows, &step)) value = mel_strdup(db_col_text(&rows, 0));
    db_rows_end(&rows);
    if (mel_err_is_set(&step)) {
        if (!mel_err_is_set(err)) *err = step;
        free(value);
        return false;
    }
    *out = value;
    return true;
}
