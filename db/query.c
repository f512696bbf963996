/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const public_views[] = {"clips", "annotations", "triplets", "scores", "splits"};

static bool is_public_view(const char *name)
{
    for (size_t i = 0; name && i < MEL_COUNT(public_views); i++)
        if (mel_equal(name, public_views[i])) return true;
    return false;
}

typedef struct Guard {
    char refused[120]; /* what the authorizer did not let through */
    int64_t deadline_us;
} Guard;

/* Reads are allowed on the public views, and on tables only from inside them (`view` is then the
 * innermost view's name). Stays installed, because exchanging it would make SQLite prepare every
 * cached statement again. */
static int authorize(void *ctx, int action, const char *a, const char *b, const char *database,
                     const char *view)
{
    Guard *guard = ((Db *)ctx)->guard;
    (void)database;
    if (!guard) return SQLITE_OK;
    static const char *const denied_functions[] = {"load_extension", "writefile", "readfile",
                                                   "edit", "fts3_tokenizer"};
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
        if (is_public_view(a) || is_public_view(view)) return SQLITE_OK;
        snprintf(guard->refused, sizeof guard->refused, "reading '%s.%s'", a, b);
        return SQLITE_DENY;
    case SQLITE_FUNCTION:
        for (size_t i = 0; i < MEL_COUNT(denied_functions); i++)
            if (mel_equal(b, denied_functions[i])) {
                snprintf(guard->refused, sizeof guard->refused, "calling '%s'", b);
                return SQLITE_DENY;
            }
        return SQLITE_OK;
    default:
        snprintf(guard->refused, sizeof guard->refused, "anything but reading");
        return SQLITE_DENY;
    }
}

static int past_deadline(void *ctx)
{
    const Guard *guard = ctx;
    return mel_interrupted() || (guard->deadline_us && mel_monotonic_us() > guard->deadline_us);
}

void db_guard_install(Db *db)
{
    sqlite3_set_authorizer(db->handle, authorize, db);
}

/* The end of what starts at `p`: a quoted thing, a comment, a word, or one other character. */
static const char *token_end(const char *p)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";
    const char *end = NULL;
    if (*p == '\'' || *p == '"' || *p == '`') {
        end = strchr(p + 1, *p);
    } else if (*p == '[') {
        end = strchr(p, ']');
    } else if (mel_starts_with(p, "--")) {
        end = strchr(p, '\n');
    } else if (mel_starts_with(p, "/*")) {
        end = strstr(p + 2, "*/");
        if (end) end++;
    } else {
        size_t n = strspn(p, word);
        return p + (n ? n : 1);
    }
    return end ? end + 1 : p + strlen(p);
}

/* Inside WITH a table expression may take the name of a public view, and the authorizer would take
 * what it reads for the view's own reading. A condition has no need of one. */
static bool has_with(const char *where)
{
    for (const char *p = where, *end; *p; p = end) {
        end = token_end(p);
        if (end - p == 4 && strncasecmp(p, "with", 4) == 0) return true;
    }
    return false;
}

typedef struct Nearest {
    const char *word;
    char name[64];
    int distance;
} Nearest;

static bool keep_nearer(void *ctx, const char *name)
{
    Nearest *nearest = ctx;
    int distance = mel_edit_distance(nearest->word, name);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        snprintf(nearest->name, sizeof nearest->name, "%s", name);
    }
    return true;
}

/* For SQLite's message about a column that is not there: the view's column that was meant, or "".
 */
static void find_meant_column(Db *db, const char *view, const char *message, char name[64])
{
    static const char start[] = "no such column: ";
    Err ignored = {0};
    name[0] = '\0';
    if (!mel_starts_with(message, start)) return;
    char *word = mel_strdup(message + strlen(start)); /* the next statement changes the message */
    Nearest nearest = {.word = word, .distance = 3};
    if (mel_query_columns(db, view, keep_nearer, &nearest, &ignored))
        snprintf(name, sizeof nearest.name, "%s", nearest.name);
    free(word);
}

static void refuse_condition(Db *db, const char *view, const char *where, const char *message,
                             Err *err)
{
    char meant[64];
    mel_err(err, ERR_USAGE, "the condition '%s' is not valid: %s", where, message);
    find_meant_column(db, view, message, meant);
    if (meant[0])
        mel_err_hint(err, "did you mean '%s'?", meant);
    else
        mel_err_hint(err,
                     "it is SQL over the columns that 'mel list --columns-help' names, for example "
                     "\"loudness_lufs < -30 AND genre = 'jazz'\"");
}

/* Prepares what a user's condition is part of, under guard; with none, the program's own query. */
static sqlite3_stmt *prepare(Db *db, const char *view, const char *sql, const char *where, Err *err)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;
    Guard guard = {0};
    if (where && has_with(where)) snprintf(guard.refused, sizeof guard.refused, "'WITH'");
    if (where) db->guard = &guard;
    int rc =
        guard.refused[0] ? SQLITE_AUTH : sqlite3_prepare_v2(db->handle, sql, -1, &statement, &tail);
    db->guard = NULL;
    if (rc == SQLITE_OK && statement && !*tail && sqlite3_stmt_readonly(statement))
        return statement;
    if (!where) {
        db_fail(db, err, "preparing a query");
    } else if (guard.refused[0]) {
        mel_err(err, ERR_DENIED, "the condition '%s' is refused: %s is not allowed in it", where,
                guard.refused);
    } else {
        bool several = rc == SQLITE_OK;
        refuse_condition(db, view, where,
                         several ? "it is more than one condition" : sqlite3_errmsg(db->handle),
                         err);
    }
    sqlite3_finalize(statement);
    return NULL;
}

static bool check_within(Db *db, const char *view, const char *before, const char *where,
                         const char *after, Err *err)
{
    char *sql = mel_asprintf("SELECT 1 FROM %s WHERE %s\n%s\n%s", view, before, where, after);
    sqlite3_stmt *statement = prepare(db, view, sql, where, err);
    bool ok = statement != NULL;
    if (ok && sqlite3_bind_parameter_count(statement) > 0)
        ok = mel_err(err, ERR_USAGE, "the condition '%s' has parameters; write the values", where);
    sqlite3_finalize(statement);
    free(sql);
    return ok;
}

/* A condition stands in brackets on lines of its own, and must also stand without them: "1) OR (1"
 * would balance the brackets, "1 LIMIT 1" and an open comment only work without. */
bool mel_query_check(Db *db, const char *view, const char *where, Err *err)
{
    MEL_ASSERT(is_public_view(view));
    return check_within(db, view, "", where, "", err) &&
           check_within(db, view, "(", where, ")", err);
}

static char *query_sql(const ViewQuery *query)
{
    Str sql = {0};
    mel_str_addf(&sql, "SELECT %s FROM %s WHERE 1", query->columns ? query->columns : "*",
                 query->view);
    if (query->also) mel_str_addf(&sql, " AND (%s)", query->also);
    if (query->where) mel_str_addf(&sql, " AND (\n%s\n)", query->where);
    if (query->order) mel_str_addf(&sql, " ORDER BY %s", query->order);
    if (query->limit) mel_str_addf(&sql, " LIMIT %lld", (long long)query->limit);
    return mel_str_take(&sql);
}

static Cell read_cell(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return (Cell){.type = CELL_I64, .i64 = sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
        return (Cell){.type = CELL_F64, .f64 = sqlite3_column_double(statement, column)};
    case SQLITE_NULL:
        return (Cell){.type = CELL_NULL};
    default:
        return (Cell){.type = CELL_TEXT,
                      .text = (const char *)sqlite3_column_text(statement, column)};
    }
}

/* One row, under the deadline; the row function's own reading is not. */
static int step_within(Db *db, sqlite3_stmt *statement, Guard *guard)
{
    sqlite3_progress_handler(db->handle, 10000, past_deadline, guard);
    int rc = sqlite3_step(statement);
    sqlite3_progress_handler(db->handle, 0, NULL, NULL);
    return rc;
}

static bool step_rows(Db *db, sqlite3_stmt *statement, const ViewQuery *query, ViewRowFn *fn,
                      void *ctx, Err *err)
{
    Guard guard = {.deadline_us = query->timeout_us ? mel_monotonic_us() + query->timeout_us : 0};
    int count = sqlite3_column_count(statement);
    const char **names = mel_alloc((size_t)count * sizeof *names);
    Cell *cells = mel_alloc((size_t)count * sizeof *cells);
    for (int i = 0; i < count; i++)
        names[i] = sqlite3_column_name(statement, i);
    int rc = SQLITE_DONE;
    bool ok = true;
    while (ok && (rc = step_within(db, statement, &guard)) == SQLITE_ROW) {
        for (int i = 0; i < count; i++)
            cells[i] = read_cell(statement, i);
        ok = fn(ctx, &(ViewRow){.count = count, .names = names, .cells = cells}, err);
    }
    if (ok && rc == SQLITE_INTERRUPT && mel_interrupted())
        mel_err(err, ERR_CANCELLED, "interrupted");
    else if (ok && rc == SQLITE_INTERRUPT)
        mel_err(err, ERR_LIMIT, "the condition '%s' took longer than %.3g s",
                query->where ? query->where : "", (double)query->timeout_us / 1e6);
    else if (ok && rc != SQLITE_DONE)
        db_fail(db, err, "reading a view");
    free(names);
    free(cells);
    return !mel_err_is_set(err);
}

bool mel_query(Db *db, const ViewQuery *query, ViewRowFn *fn, void *ctx, Err *err)
{
    MEL_ASSERT(is_public_view(query->view));
    if (query->where && !mel_query_check(db, query->view, query->where, err)) return false;
    bool ok = false;
    db_checkpoint_before_reading(db);
    char *sql = query_sql(query);
    sqlite3_stmt *statement = prepare(db, query->view, sql, query->where, err);
    if (!statement) goto out;
    for (int i = 0; i < query->arg_count; i++)
        sqlite3_bind_text(statement, i + 1, query->args[i], -1, SQLITE_STATIC);
    ok = step_rows(db, statement, query, fn, ctx, err);
out:
    sqlite3_finalize(statement);
    free(sql);
    return ok;
}

static bool take_i64(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    const Cell *cell = &row->cells[0];
    *(int64_t *)ctx = cell->type == CELL_F64 ? (int64_t)cell->f64 : cell->i64;
    return true;
}

bool mel_query_i64(Db *db, const ViewQuery *query, int64_t *out, Err *err)
{
    *out = 0;
    return mel_query(db, query, take_i64, out, err);
}

bool mel_query_columns(Db *db, const char *view, bool (*fn)(void *ctx, const char *name), void *ctx,
                       Err *err)
{
    MEL_ASSERT(is_public_view(view));
    char *sql = mel_asprintf("SELECT * FROM %s LIMIT 0", view);
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK ||
              db_fail(db, err, "reading a view");
    for (int i = 0; ok && i < sqlite3_column_count(statement); i++)
        if (!fn(ctx, sqlite3_column_name(statement, i))) break;
    sqlite3_finalize(statement);
    free(sql);
    return ok;
}

const Cell *mel_row_cell(const ViewRow *row, const char *name)
{
    for (int i = 0; i < row->count; i++)
        if (mel_equal(row->names[i], name)) return &row->cells[i];
    return NULL;
}

const char *mel_row_text(const ViewRow *row, const char *name, const char *fallback)
{
    const Cell *cell = mel_row_cell(row, name);
    return cell && cell->type == CELL_TEXT ? cell->text : fallback;
}

int64_t mel_row_i64(const ViewRow *row, const char *name, int64_t fallback)
{
    const Cell *cell = mel_row_cell(row, name);
    if (cell && cell->type == CELL_F64) return (int64_t)cell->f64;
    return cell && cell->type == CELL_I64 ? cell->i64 : fallback;
}

double mel_row_f64(const ViewRow *row, const char *name, double fallback)
{
    const Cell *cell = mel_row_cell(row, name);
    if (cell && cell->type == CELL_I64) return (double)cell->i64;
    return cell && cell->type == CELL_F64 ? cell->f64 : fallback;
}

json_t *mel_row_json(const ViewRow *row)
{
    json_t *object = json_object();
    for (int i = 0; i < row->count; i++) {
        const Cell *cell = &row->cells[i];
        switch (cell->type) {
        case CELL_NULL:
            json_object_set_new(object, row->names[i], json_null());
            break;
        case CELL_I64:
            mel_json_set_i64(object, row->names[i], cell->i64);
            break;
        case CELL_F64:
            mel_json_set_f64(object, row->names[i], cell->f64);
            break;
        case CELL_TEXT:
            mel_json_set_text(object, row->names[i], cell->text);
            break;
        }
    }
    return object;
}
