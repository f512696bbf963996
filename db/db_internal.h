/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside db/: statements with their arguments. SQL literals stand above their one user; values are
 * bound as ?1, ?2, … and never formatted in. Statements are cached by the literal's address. */
#ifndef MEL_DB_INTERNAL_H
#define MEL_DB_INTERNAL_H

#include "db/db.h"

#include <sqlite3.h>

enum { DB_APPLICATION_ID = 0x4D454C4B /* "MELK" */, DB_STATEMENTS_MAX = 128, DB_BUSY_MS = 10000 };

typedef struct CachedStatement {
    const char *sql; /* the literal; its address is the key */
    sqlite3_stmt *statement;
} CachedStatement;

struct Db {
    sqlite3 *handle;
    char *folder;
    int lock_fd; /* of mel.db-writer */
    int depth;   /* of nested write transactions */
    bool failed; /* an inner transaction failed: the outermost rolls back */
    bool locked;
    bool writable;
    int wal_pages;       /* of the journal, after the last commit */
    int checkpoint_at;   /* pages at which it is copied back next */
    struct Guard *guard; /* what a user's condition may do, while one is being prepared */
    CachedStatement cache[DB_STATEMENTS_MAX];
    int cached;
};

typedef struct DbArg {
    enum { ARG_NULL, ARG_I64, ARG_F64, ARG_TEXT, ARG_BLOB } type;
    int64_t i64; /* also the blob's length */
    double f64;
    const void *bytes;
} DbArg;

/* NULL text and NAN bind NULL. */
DbArg db_text(const char *text);
DbArg db_i64(int64_t value);
DbArg db_f64(double value);
DbArg db_blob(const void *bytes, size_t n);

/* Runs a statement that returns no rows, in a transaction of its own when none is open.
 * DB_RUN(db, sql, err, db_text(a), db_i64(b)) */
#define DB_RUN(db, sql, err, ...)                                                                  \
    db_run(db, sql, (const DbArg[]){__VA_ARGS__},                                                  \
           (int)(sizeof((const DbArg[]){__VA_ARGS__}) / sizeof(DbArg)), err)
MEL_MUST_CHECK bool db_run(Db *db, const char *sql, const DbArg *args, int count, Err *err);

/* Rows changed by the last DB_RUN. */
int64_t db_changed(const Db *db);

/* Several statements in one text, no arguments, not cached. */
MEL_MUST_CHECK bool db_script(Db *db, const char *sql, Err *err);

/* Rows:  for (ok = DB_ROWS(db, &rows, sql, err, …); ok && db_next(&rows, err);) …;
 *        db_rows_end(&rows);  ok = ok && !mel_err_is_set(err); */
typedef struct DbRows {
    sqlite3_stmt *statement;
    bool cached;
} DbRows;

#define DB_ROWS(db, rows, sql, err, ...)                                                           \
    db_rows(db, rows, sql, (const DbArg[]){__VA_ARGS__},                                           \
            (int)(sizeof((const DbArg[]){__VA_ARGS__}) / sizeof(DbArg)), err)
MEL_MUST_CHECK bool db_rows(Db *db, DbRows *rows, const char *sql, const DbArg *args, int count,
                            Err *err);
bool db_next(DbRows *rows, Err *err); /* false at the end and on error */
void db_rows_end(DbRows *rows);       /* after a failed db_rows too */

int64_t db_col_i64(const DbRows *rows, int column);
double db_col_f64(const DbRows *rows, int column);       /* NAN for NULL */
const char *db_col_text(const DbRows *rows, int column); /* NULL for NULL; until the next row */

/* One integer; `missing` when there is no row. */
MEL_MUST_CHECK bool db_one_i64(Db *db, const char *sql, const DbArg *args, int count,
                               int64_t missing, int64_t *out, Err *err);

/* One text, yours to free; NULL when there is no row or it is NULL. */
MEL_MUST_CHECK bool db_one_text(Db *db, const char *sql, const DbArg *args, int count, char **out,
                                Err *err);

/* suggestion.c, clip_read.c: the suggestion `s` is not taken away, and its origin has said nothing
 * newer. */
#define SUGGESTION_STANDS                                                                          \
    "s.value_json <> 'null'"                                                                       \
    " AND NOT EXISTS (SELECT 1 FROM suggestion AS n"                                               \
    "                  WHERE n.clip_id = s.clip_id"                                                \
    "                    AND n.field = s.field"                                                    \
    "                    AND n.origin = s.origin"                                                  \
    "                    AND (n.created_at > s.created_at"                                         \
    "                      OR (n.created_at = s.created_at AND n.id > s.id)))"

/* assignment.c, packet.c: the first answer to a clip that a person is asked about again is given:
 * submitted, and not sent back. Both are SQL. */
#define FIRST_ANSWER_STANDS(clip, person)                                                          \
    "EXISTS (SELECT 1 FROM annotation_head AS f"                                                   \
    "         WHERE f.clip_id = " clip "           AND f.annotator_id = " person                   \
    "           AND f.state = 'submitted'"                                                         \
    "           AND coalesce((SELECT v.verdict FROM review AS v"                                   \
    "                          WHERE v.annotation_id = f.annotation_id"                            \
    "                          ORDER BY v.created_at DESC, v.id DESC LIMIT 1), '') <> 'return')"

/* The second answer was submitted at least once. */
#define SECOND_ANSWER_GIVEN(clip, person)                                                          \
    "EXISTS (SELECT 1 FROM annotation AS b"                                                        \
    "         WHERE b.clip_id = " clip "           AND b.annotator_id = " person                   \
    " || '" RETEST_SUFFIX "'"                                                                      \
    "           AND b.state = 'submitted')"

/* copy.c: runs `insert` in `to` for each row of `select` in `from`, columns in order. *copied, how
 * many rows that changed, may be NULL. */
MEL_MUST_CHECK bool db_copy_rows(Db *from, const char *select, const DbArg *args, int count, Db *to,
                                 const char *insert, int64_t *copied, Err *err);

/* err from the connection's state. Returns false. */
bool db_fail(Db *db, Err *err, const char *doing);

/* source.c: ERR_DENIED "source.taken_down" when the source, or the clip's source, has a tombstone.
 */
MEL_MUST_CHECK bool db_refuse_taken_down(Db *db, const char *source_id, Err *err);
MEL_MUST_CHECK bool db_refuse_taken_down_clip(Db *db, const char *clip_id, Err *err);

/* clip_fetch.c: removes the rows of what a cut made. */
MEL_MUST_CHECK bool db_forget_products(Db *db, const char *clip_id, Err *err);

/* lock.c: the writers' queue; ERR_CANCELLED when interrupted. */
MEL_MUST_CHECK bool db_lock(Db *db, Err *err);
void db_unlock(Db *db); /* harmless when not locked */

/* checkpoint.c: copying the journal into the database, when its time has come. */
void db_checkpoint_install(Db *db);
void db_checkpoint_after_commit(Db *db);   /* with the lock held */
void db_checkpoint_before_reading(Db *db); /* harmless inside a transaction */
void db_checkpoint_at_close(Db *db);

/* immutable.c: after a connection failed, whether that is because its journal's shared file is not
 * there and cannot be made. */
bool db_lacks_shared_file(const Db *db);

/* ERR_DENIED when a journal with changes lies beside the database. */
MEL_MUST_CHECK bool db_refuse_unread_journal(const Db *db, Err *err);

/* The URI of a database that nobody changes; yours to free. */
char *db_immutable_uri(const char *path);

/* query.c: lets everything through but what a user's condition may not do. */
void db_guard_install(Db *db);

/* assignment.c: by its name; QUEUE_OPEN for NULL and for what is none */
QueueState db_queue_state(const char *name);

/* migrate.c */
MEL_MUST_CHECK bool db_migrate(Db *db, bool fresh, Err *err);
MEL_MUST_CHECK bool db_read_versions(Db *db, int *application_id, int *user_version, Err *err);

#endif
