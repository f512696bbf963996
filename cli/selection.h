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

#define CLI_TEMPLATE_HELP "of a text, with a triplet's fields: \"{text} Mood: {moods}.\" ({text})"

/* Which triplets, and what their texts are made of. */
typedef struct Choice {
    const char *where;        /* a condition over the view triplets, or NULL */
    const char *split, *side; /* only its members, or NULL */
    const char *text;         /* a template: "{text} Mood: {moods}."; NULL: the text as it is */
} Choice;

/* An empty selection is ERR_NOT_FOUND, a template with a field that triplets lack ERR_USAGE. */
MEL_MUST_CHECK bool cli_select(Db *db, const Choice *choice, Selection *out, Err *err);
void cli_selection_clear(Selection *selection); /* {0} is fine */

#endif
