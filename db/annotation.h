/* SPDX-License-Identifier: Apache-2.0
 *
 * What people say of clips. Revisions are appended, never rewritten; the newest one of each person
 * counts. From the submitted ones follows the clip's settlement. */
#ifndef MEL_DB_ANNOTATION_H
#define MEL_DB_ANNOTATION_H

#include "db/store.h"

/* A member of a set-valued field: "mood", "voice", "instrument" (with a role "lead",
 * "accompanying", "background" or ""), "genre" (secondary ones), "aspect" (free words). */
typedef struct AnnotationTerm {
    const char *field, *term, *role;
} AnnotationTerm;

/* A person's blind second answer to a clip, asked for to see how steady the person is, stands under
 * the annotator "<id>~retest". It is compared with that of "<id>" and settles nothing. */
#define RETEST_SUFFIX "~retest"

typedef struct Annotation {
    const char *id; /* ULID made by the caller, so that saving twice saves once; NULL: made here */
    const char *clip_id, *annotator_id;
    const char *state;  /* "draft", "submitted", "withdrawn" */
    const char *origin; /* "app", "script", "import", "packet", "settled" */
    int64_t rev;        /* loaded: its revision. saving: the revision it was made from
                           (0 = none yet, -1 = whatever is current) */
    /* NULL / NAN / -1 = not answered. Terms are vocabulary ids. */
    const char *genre, *tempo, *dissonance, *metre, *feel, *relevance;
    double bpm;
    const char *text, *comment, *frame_why;
    int64_t frame_position, active_us;
    const AnnotationTerm *terms;
    size_t term_count;
    const char *created_at; /* loaded only */
} Annotation;

void mel_annotation_init(Annotation *annotation); /* nothing answered */

/* True when both say the same of the clip, whoever says it. */
bool mel_annotation_same(const Annotation *a, const Annotation *b);

/* id: a name (mel_name_valid), with RETEST_SUFFIX or without. kind: "person", "import", "script",
 * "system". Repeating is harmless. */
MEL_MUST_CHECK bool mel_annotator_put(Db *db, const char *id, const char *kind,
                                      const char *display_name, Err *err);

/* Appends a revision and settles the clip anew, in one transaction. Every term is checked against
 * the vocabulary (retired terms pass). ERR_EXISTS with reason "annotation.conflict": another
 * window saved in between. The same id again changes nothing and succeeds. Outputs may be NULL. */
MEL_MUST_CHECK bool mel_annotation_save(Db *db, const Annotation *annotation,
                                        char id_out[ULID_SIZE], int64_t *rev_out, Err *err);

/* The newest revision of this person's answer; *found_out false when there is none. Texts live in
 * the arena. */
MEL_MUST_CHECK bool mel_annotation_load(Db *db, const char *clip_id, const char *annotator_id,
                                        Arena *arena, Annotation *out, bool *found_out, Err *err);

/* Whether any revision of this person's answer was submitted. */
MEL_MUST_CHECK bool mel_annotation_was_submitted(Db *db, const char *clip_id,
                                                 const char *annotator_id, bool *out, Err *err);

/* Settles a clip anew from its submitted annotations: one is taken as it is; of several, nominal
 * fields by majority, sets term by term, BPM by median, text and frame from the earliest that
 * agrees on the genre; a nominal field without majority makes the clip disputed. People's answers
 * go before imported ones, retests do not count. An adjudicated settlement stays. Appends only what
 * changed. */
MEL_MUST_CHECK bool mel_settle(Db *db, const char *clip_id, Err *err);

#endif
