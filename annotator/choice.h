/* SPDX-License-Identifier: Apache-2.0
 *
 * One of several terms, or a set of them, each a button that a key of the two upper rows presses:
 * the first with "1", the eleventh with "q". */
#ifndef MEL_ANNOTATOR_CHOICE_H
#define MEL_ANNOTATOR_CHOICE_H

#include <gtk/gtk.h>

#define MEL_TYPE_CHOICE (mel_choice_get_type())
G_DECLARE_FINAL_TYPE(MelChoice, mel_choice, MEL, CHOICE, GtkWidget)

typedef enum MelChoiceKind {
    MEL_CHOICE_ONE,   /* a second press takes the answer back */
    MEL_CHOICE_SET,   /* in or out */
    MEL_CHOICE_ROLES, /* in, lead, accompanying, background, out */
} MelChoiceKind;

/* Emits "edited" when a person changes it, and not when mel_choice_set_value does. */
GtkWidget *mel_choice_new(const char *label, MelChoiceKind kind);
void mel_choice_add(MelChoice *choice, const char *id, const char *label);

/* As an Answers' field: an id, or lines of ids with roles. Terms that it has not are kept. */
const char *mel_choice_get_value(MelChoice *choice);
void mel_choice_set_value(MelChoice *choice, const char *value);

gboolean mel_choice_has(MelChoice *choice, const char *id);

/* Presses the n-th button, from 0; FALSE when there is none. */
gboolean mel_choice_press(MelChoice *choice, guint n);

/* The number of the button that a hardware key presses (the rows of 1 and q), or -1. */
int mel_choice_key(guint keycode);

#endif
