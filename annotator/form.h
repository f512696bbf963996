/* SPDX-License-Identifier: Apache-2.0
 *
 * All fields of an answer under each other. It knows no store: it shows answers, and says which one
 * a person has edited. */
#ifndef MEL_ANNOTATOR_FORM_H
#define MEL_ANNOTATOR_FORM_H

#include "annotator/core/answers.h"
#include "annotator/core/keys.h"
#include "annotator/core/tap.h"

#include <gtk/gtk.h>

#define MEL_TYPE_FORM (mel_form_get_type())
G_DECLARE_FINAL_TYPE(MelForm, mel_form, MEL, FORM, GtkWidget)

/* Emits "edited" (int field, const char *value), and "accepted" (int field) for what is suggested
 * beside a field. The vocabularies come from the store. */
GtkWidget *mel_form_new(Db *db);

void mel_form_show(MelForm *form, const Answers *answers);
void mel_form_show_field(MelForm *form, AnswerField field, const char *value);

/* Gives a field another value as if the person had: "edited" is emitted. */
void mel_form_answer(MelForm *form, AnswerField field, const char *value);

/* A line beside a field that has a name above it; text NULL: none. keys: that accept it. */
void mel_form_suggest(MelForm *form, AnswerField field, const char *text, const char *keys);

/* Relevance, text and comment, which want width: the caller places it. Borrowed. */
GtkWidget *mel_form_words(MelForm *form);

GtkTextBuffer *mel_form_text(MelForm *form); /* borrowed */
void mel_form_show_lint(MelForm *form, const char *lines);

/* Puts the focus into the field that a command is for; FALSE for other commands. */
gboolean mel_form_focus(MelForm *form, KeyCommand command);

/* The field that the focus is in, -1 for none. */
int mel_form_field_of(MelForm *form, GtkWidget *focus);

/* From a field to the next one or the one before; FALSE where the focus is in none. */
gboolean mel_form_step(MelForm *form, GtkWidget *focus, int by);

/* One beat of the tapped tempo. */
void mel_form_tap(MelForm *form);

/* Twice or half of the tempo that the field has, where that is one. */
void mel_form_fold(MelForm *form, TapFold fold);

#endif
