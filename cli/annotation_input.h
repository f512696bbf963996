/* SPDX-License-Identifier: Apache-2.0
 *
 * Annotations as scripts give them: field=value words, and JSON objects. */
#ifndef MEL_CLI_ANNOTATION_INPUT_H
#define MEL_CLI_ANNOTATION_INPUT_H

#include "db/db.h"

/* An annotation being put together; its texts live in the arena. Start with
 * annotation_input_begin. */
typedef struct AnnotationInput {
    Arena arena;
    Annotation annotation;
    Annotation before; /* the newest answer, when there is one (rev > 0) */
    AnnotationTerm *terms;
    size_t term_count, term_capacity;
} AnnotationInput;

/* Starts from the person's newest answer to the clip, or from nothing. */
MEL_MUST_CHECK bool annotation_input_begin(AnnotationInput *input, Db *db, const char *clip_id,
                                           const char *annotator_id, Err *err);
void annotation_input_clear(AnnotationInput *input);

/* One "field=value". Sets are comma-separated ("mood=calm,happy"), instruments may carry a role
 * ("instrument=piano/lead,drums/background"); an empty value takes the answer back. Terms may be
 * given by id or label. */
MEL_MUST_CHECK bool annotation_input_set(AnnotationInput *input, Db *db, const char *word,
                                         Err *err);

/* All known keys of an object; unknown keys are errors. */
MEL_MUST_CHECK bool annotation_input_json(AnnotationInput *input, Db *db, const json_t *object,
                                          Err *err);

/* Starts from an answer whose texts outlive the input. */
void annotation_input_from(AnnotationInput *input, const Annotation *answer);

/* Takes a field over from somebody's answer, whose texts outlive the input. */
MEL_MUST_CHECK bool annotation_input_take(AnnotationInput *input, const Annotation *from,
                                          const char *field, Err *err);

/* The answer as it stands, borrowed until the input changes. */
const Annotation *annotation_input_answer(AnnotationInput *input);

/* Saying again what was said is no new revision. */
MEL_MUST_CHECK bool annotation_input_save(AnnotationInput *input, Db *db, bool submit,
                                          int64_t *rev_out, Err *err);

#endif
