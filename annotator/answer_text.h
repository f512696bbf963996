/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers as people read them: fields by title, terms by label. */
#ifndef MEL_ANNOTATOR_ANSWER_TEXT_H
#define MEL_ANNOTATOR_ANSWER_TEXT_H

#include "annotator/core/answers.h"

#include <glib.h>

/* "Genre", translated. */
const char *answer_title(AnswerField field);

/* The field that annotations, reviews and settlements name so. */
bool answer_field_named(const char *name, AnswerField *out);

/* The usual reasons for a still, as they are stored: in English, for _(). */
const char *const *answer_reasons(size_t *count);

/* The labels of all vocabularies; g_hash_table_unref. ERR of the store. */
GHashTable *answer_labels_new(Db *db, Err *err);

/* "piano (lead), drums" of a field's value; "no answer" of NULL. Yours to g_free. */
char *answer_text(GHashTable *labels, AnswerField field, const char *value);

/* "cannot tell: Metre" of one of ANSWER_ASPECTS; other words as they are. Yours to g_free. */
char *answer_aspect_text(const char *aspect);

#endif
