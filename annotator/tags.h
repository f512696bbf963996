/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of terms out of many: the common ones as a MelChoice, all of them by typing a few letters,
 * and a word for what the list has not. */
#ifndef MEL_ANNOTATOR_TAGS_H
#define MEL_ANNOTATOR_TAGS_H

#include "annotator/choice.h"

#define MEL_TYPE_TAGS (mel_tags_get_type())
G_DECLARE_FINAL_TYPE(MelTags, mel_tags, MEL, TAGS, GtkWidget)

/* Emits "edited"; and "unlisted" (const char *word) for a word that is no term. */
GtkWidget *mel_tags_new(const char *label, MelChoiceKind kind);
/* How a word is shown that is none of the terms; namer gives a text to g_free. At first as it is.
 */
void mel_tags_set_namer(MelTags *tags, char *(*namer)(const char *word));

void mel_tags_add(MelTags *tags, const char *id, const char *label, gboolean common);
const char *mel_tags_get_value(MelTags *tags);
void mel_tags_set_value(MelTags *tags, const char *value);
MelChoice *mel_tags_choice(MelTags *tags); /* the common terms */
GtkWidget *mel_tags_entry(MelTags *tags);  /* to be put beside the name; the caller places it */

#endif
