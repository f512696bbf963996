/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers as people read them: fields by title, terms by label. */
#ifndef MEL_ANNOTATOR_ANSWER_TEXT_H
#define MEL_ANNOTATOR_ANSWER_TEXT_H

#include "annotator/core/answers.h"

#include <glib.h>

/* "Genre", translated. */
const char *answer_title(AnswerField field);

/* The labels of all vocabularies; g_hash_table_unref. ERR of the store. */
GHashTable *answer_labels_new(Db *db, Err *err);

/* "piano (lead), drums" of a field's value; "no answer" of NULL. Yours to g_free. */
char *answer_text(GHashTable *labels, AnswerField field, const char *value);

#endif
