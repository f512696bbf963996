/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files about answers: annotation.c, settle.c, review.c, packet_merge.c. */
#ifndef MEL_DB_ANNOTATION_INTERNAL_H
#define MEL_DB_ANNOTATION_INTERNAL_H

#include "db/db_internal.h"

#define SETTLED_BY "settled" /* the annotator that merged answers belong to */

/* Writes a revision and moves the head; checks nothing. Inside a transaction. */
MEL_MUST_CHECK bool db_annotation_append(Db *db, const Annotation *annotation, const char *id,
                                         int64_t rev, Err *err);

/* Every term is one of the vocabulary, retired ones too; else ERR_USAGE. */
MEL_MUST_CHECK bool db_annotation_check(Db *db, const Annotation *annotation, Err *err);

MEL_MUST_CHECK bool db_annotation_by_id(Db *db, const char *id, Arena *arena, Annotation *out,
                                        Err *err);
MEL_MUST_CHECK bool db_annotation_head_rev(Db *db, const char *clip_id, const char *annotator_id,
                                           int64_t *rev, Err *err);

/* ---- settle.c -------------------------------------------------------------------------------- */

typedef struct SettlementRow {
    const char *clip_id, *state, *method, *annotation_id, *disputed /* JSON */, *by_id;
    int64_t rev;
} SettlementRow;

/* Appends a settlement and moves the head. Inside a transaction. */
MEL_MUST_CHECK bool db_settlement_append(Db *db, const SettlementRow *row, char id[ULID_SIZE],
                                         Err *err);
MEL_MUST_CHECK bool db_settlement_field(Db *db, const char *settlement_id, const char *field,
                                        const char *how, const char *from_annotation_id, Err *err);

/* Writes a merged answer as SETTLED_BY's newest, unless that says the same; gives its id. */
MEL_MUST_CHECK bool db_settled_answer(Db *db, const char *clip_id, const Annotation *answer,
                                      char id[ULID_SIZE], Err *err);

/* What the submitted answers agree on; *any false when there are none. Writes nothing. */
MEL_MUST_CHECK bool db_settle_draft(Db *db, const char *clip_id, Arena *arena, Annotation *out,
                                    bool *any, Err *err);

/* ---- review.c -------------------------------------------------------------------------------- */

/* Adds the fields that reviewers of current answers dispute to the array, each once. */
MEL_MUST_CHECK bool db_review_disputes(Db *db, const char *clip_id, json_t *fields, Err *err);

/* Assigns a returned answer's clip to its author, unless it is. */
MEL_MUST_CHECK bool db_review_give_back(Db *db, const char *annotation_id, Err *err);

#endif
