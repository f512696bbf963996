/* SPDX-License-Identifier: Apache-2.0
 *
 * The triplets that a condition chooses, in memory: what is scored or evaluated. */
#ifndef MEL_CLI_SELECTION_H
#define MEL_CLI_SELECTION_H

#include "db/db.h"

typedef struct Triplet {
    const char *id;
    const char *picture, *sound; /* full paths */
    const char *picture_sha256, *sound_sha256, *text_sha256;
    const char *text;
} Triplet;

typedef struct Selection {
    Arena arena;
    Triplet *items; /* by id */
    int64_t count;
    size_t capacity;
} Selection;

/* where: a condition over the view triplets, or NULL; split and side: only its members, or NULL. An
 * empty selection is ERR_NOT_FOUND. */
MEL_MUST_CHECK bool cli_select(Db *db, const char *where, const char *split, const char *side,
                               Selection *out, Err *err);
void cli_selection_clear(Selection *selection); /* {0} is fine */

#endif
