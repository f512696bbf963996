/* SPDX-License-Identifier: Apache-2.0
 *
 * Filtering passes: a name, a condition, and the clips that it keeps out. Nothing is deleted; an
 * undone pass lets its clips in again. */
#ifndef MEL_DB_PASS_H
#define MEL_DB_PASS_H

#include "db/store.h"

typedef struct PassOutcome {
    int64_t examined;       /* ready clips */
    int64_t matched;        /* of them, by the condition */
    int64_t newly_excluded; /* matched and not kept out by this pass before */
    int64_t also_elsewhere; /* matched and kept out by another pass already */
    int64_t included_after; /* ready clips that no pass keeps out */
} PassOutcome;

/* Excludes the ready clips that meet `where`. A pass of that name with the same condition is run
 * again (new clips are examined, old decisions stay); with another condition: ERR_EXISTS. With
 * dry_run nothing is written. */
MEL_MUST_CHECK bool mel_pass_run(Db *db, const char *name, const char *where, const char *note,
                                 bool dry_run, PassOutcome *out, Err *err);

/* Lets the pass's clips in again. ERR_NOT_FOUND when no such pass is in force. */
MEL_MUST_CHECK bool mel_pass_undo(Db *db, const char *name, const char *note, int64_t *freed_out,
                                  Err *err);

typedef struct PassRow {
    const char *name, *condition, *note, *created_at, *undone_at; /* undone_at NULL = in force */
    int64_t excluded;
} PassRow;
typedef bool PassRowFn(void *ctx, const PassRow *row, Err *err);
MEL_MUST_CHECK bool mel_pass_each(Db *db, PassRowFn *fn, void *ctx, Err *err); /* oldest first */

#endif
