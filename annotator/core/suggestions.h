/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a field's suggestion is visible now, and what becomes of it. What can be measured (beats
 * a minute, and the tempo's class when it was measured too) is shown at once; what has to be judged
 * only after the person's own answer, and only if it says something else, so that nobody is led; a
 * share of the items, drawn by a keyed hash, shows nothing and serves as control, and so does a
 * blind second answer. Nothing here is an answer until the person accepts it. */
#ifndef MEL_ANNOTATOR_SUGGESTIONS_H
#define MEL_ANNOTATOR_SUGGESTIONS_H

#include "annotator/core/answers.h"

typedef struct Suggestions Suggestions;

/* For a person; the store is borrowed. */
Suggestions *suggestions_new(Db *db, const char *annotator);
void suggestions_free(Suggestions *suggestions); /* what is not kept is lost; NULL is fine */

typedef struct SuggestionPolicy {
    bool on;
    int control_percent; /* of a person's items, 0..100 */
} SuggestionPolicy;

/* Whether this person gets no suggestion for the clip: the same on every machine, and a larger
 * share holds a smaller one. */
bool suggestion_is_control(const char *clip_id, const char *annotator, int percent);

/* Keeps what was noted and takes up an item; on an error there are none. */
MEL_MUST_CHECK bool suggestions_go(Suggestions *suggestions, const char *clip_id, bool retest,
                                   const SuggestionPolicy *policy, Err *err);

typedef struct FieldSuggestion {
    AnswerField field;
    const char *value;  /* as in Answers */
    const char *origin; /* "measured/onset-autocorrelation 1" */
} FieldSuggestion;

/* What is visible beside the field, or NULL; holds until suggestions_go. in_hand: the person is in
 * the field; a set is not judged before it is left. A set differs when it names what the answer
 * does not, a number when it is more than 4 % off. */
const FieldSuggestion *suggestions_visible(const Suggestions *suggestions, const Answers *answers,
                                           AnswerField field, bool in_hand);

/* ---- what becomes of them: noted at once, kept by suggestions_keep ---- */

void suggestions_note_shown(Suggestions *suggestions, const FieldSuggestion *shown);

/* The answer with the suggestion in it: of a set, what was missing is added. Yours to free. */
char *suggestions_accept(Suggestions *suggestions, const FieldSuggestion *accepted,
                         const Answers *answers);

/* The item was submitted with these answers: what was shown and is not in them was ignored, or, had
 * it been accepted, edited. */
void suggestions_note_submitted(Suggestions *suggestions, const Answers *answers);

bool suggestions_unkept(const Suggestions *suggestions);
MEL_MUST_CHECK bool suggestions_keep(Suggestions *suggestions, Err *err); /* or try again later */

#endif
