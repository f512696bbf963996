/* SPDX-License-Identifier: Apache-2.0
 *
 * The disputed fields of a clip: a row a field, a column a person, each answer a button that takes
 * it. */
#ifndef MEL_ANNOTATOR_REVIEW_TABLE_H
#define MEL_ANNOTATOR_REVIEW_TABLE_H

#include "annotator/core/decision.h"

#include <gtk/gtk.h>

#define MEL_TYPE_REVIEW_TABLE (mel_review_table_get_type())
G_DECLARE_FINAL_TYPE(MelReviewTable, mel_review_table, MEL, REVIEW_TABLE, GtkWidget)

/* Emits "decided" (int field) after it has changed the decision. */
GtkWidget *mel_review_table_new(void);

/* Shows a decision, borrowed until the next one is shown; NULL: none. Labels: of answer_text. */
void mel_review_table_show(MelReviewTable *table, Decision *decision, GHashTable *labels);

/* Takes the answer of the n-th person, from 0, for the row that has the focus, else for the first
 * open one, and goes on to the next open row. FALSE when there is no such person or row. */
gboolean mel_review_table_press(MelReviewTable *table, guint n);

/* Moves the focus by rows and columns; FALSE when it is not in the table. */
gboolean mel_review_table_move(MelReviewTable *table, int rows, int columns);

#endif
