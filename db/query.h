/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading by the public views (schemas/views.sql), the way that the commands, the exports and
 * anybody's own SQLite client read. A condition is real SQL over the view's columns (without WITH);
 * an authorizer lets it read those views and call harmless functions, and nothing else. */
#ifndef MEL_DB_QUERY_H
#define MEL_DB_QUERY_H

#include "db/store.h"

typedef enum CellType { CELL_NULL, CELL_I64, CELL_F64, CELL_TEXT } CellType;

typedef struct Cell {
    CellType type;
    int64_t i64;
    double f64;
    const char *text; /* until the row function returns */
} Cell;

typedef struct ViewRow {
    int count;
    const char *const *names;
    const Cell *cells;
} ViewRow;

/* Fields by name; the fallback when absent or NULL. Numbers convert, texts do not. */
const Cell *mel_row_cell(const ViewRow *row, const char *name); /* NULL when absent */
const char *mel_row_text(const ViewRow *row, const char *name, const char *fallback);
int64_t mel_row_i64(const ViewRow *row, const char *name, int64_t fallback);
double mel_row_f64(const ViewRow *row, const char *name, double fallback);

/* The row as a JSON object, keys in column order; yours to json_decref(). */
json_t *mel_row_json(const ViewRow *row);

typedef struct ViewQuery {
    const char *view;    /* "clips", "annotations", "triplets", "scores", "splits" */
    const char *columns; /* "id, state"; NULL = "*". From the program, never from a user */
    const char *where;   /* a user's condition; NULL = all */
    const char *also;    /* the program's own condition, with the arguments below; may be NULL */
    const char *args[4]; /* bound as ?1 … to `also`, as texts */
    int arg_count;
    const char *order;  /* "id"; from the program */
    int64_t limit;      /* 0 = no limit */
    int64_t timeout_us; /* 0 = none: a condition that runs away is ended (ERR_LIMIT) */
} ViewQuery;

/* Calls fn for every row until it returns false. */
typedef bool ViewRowFn(void *ctx, const ViewRow *row, Err *err);
MEL_MUST_CHECK bool mel_query(Db *db, const ViewQuery *query, ViewRowFn *fn, void *ctx, Err *err);

/* One integer: the first column of the first row; 0 when there is none. */
MEL_MUST_CHECK bool mel_query_i64(Db *db, const ViewQuery *query, int64_t *out, Err *err);

/* ERR_USAGE when `where` is not one valid condition over the view. */
MEL_MUST_CHECK bool mel_query_check(Db *db, const char *view, const char *where, Err *err);

/* The view's column names, in order; borrowed by the callback's lifetime. */
MEL_MUST_CHECK bool mel_query_columns(Db *db, const char *view,
                                      bool (*fn)(void *ctx, const char *name), void *ctx, Err *err);

#endif
