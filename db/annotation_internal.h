/* SPDX-License-Identifier: Apache-2.0
 *
 * Between annotation.c and settle.c. */
#ifndef MEL_DB_ANNOTATION_INTERNAL_H
#define MEL_DB_ANNOTATION_INTERNAL_H

#include "db/db_internal.h"

#define SETTLED_BY "settled" /* the annotator that merged answers belong to */

/* Writes a revision and moves the head; checks nothing. Inside a transaction. */
MEL_MUST_CHECK bool db_annotation_append(Db *db, const Annotation *annotation, const char *id,
                                         int64_t rev, Err *err);
MEL_MUST_CHECK bool db_annotation_by_id(Db *db, const char *id, Arena *arena, Annotation *out,
                                        Err *err);
MEL_MUST_CHECK bool db_annotation_head_rev(Db *db, const char *clip_id, const char *annotator_id,
                                           int64_t *rev, Err *err);

#endif
