/* SPDX-License-Identifier: Apache-2.0
 *
 * Settling by a person what the answers leave open, field by field. */
#ifndef MEL_DB_ADJUDICATE_H
#define MEL_DB_ADJUDICATE_H

#include "db/annotation.h"

/* A clip's settlement as it stands, and what an adjudicator starts from. Texts in the arena. */
typedef struct Settlement {
    const char *state, *method;  /* of the settlement table; "open", "none" when there is none */
    const char *const *disputed; /* names of fields, as in db/review.h */
    size_t disputed_count;
    Annotation draft; /* the settled answer, or what the answers agree on (disputed fields that
                         nobody leads in are unanswered) */
} Settlement;

/* ERR_NOT_FOUND: nobody has submitted an answer to the clip. */
MEL_MUST_CHECK bool mel_settlement_load(Db *db, const char *clip_id, Arena *arena, Settlement *out,
                                        Err *err);

typedef struct AdjudicatedField {
    const char *field;
    const char *from_annotation_id; /* whose value was taken; NULL: set by the adjudicator */
} AdjudicatedField;

typedef struct Adjudication {
    const char *clip_id, *by;
    const Annotation *answer; /* the whole settled answer */
    const AdjudicatedField *fields;
    size_t field_count;
} Adjudication;

/* Settles the clip for good (method "adjudicated"): later answers do not change it, a later
 * adjudication does. ERR_USAGE: a disputed field is not among `fields`, or a value is no term;
 * ERR_DENIED: the adjudicator is asked about the clip and has not answered. */
MEL_MUST_CHECK bool mel_adjudicate(Db *db, const Adjudication *adjudication, Err *err);

/* Disputed clips, by id. */
typedef bool DisputedFn(void *ctx, const char *clip_id, Err *err);
MEL_MUST_CHECK bool mel_disputed_each(Db *db, DisputedFn *fn, void *ctx, Err *err);

#endif
