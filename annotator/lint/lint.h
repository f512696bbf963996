/* SPDX-License-Identifier: Apache-2.0
 *
 * Lint: what a careful colleague would say of an answer while it is being written. It looks at the
 * text, at the chosen fields and at both together, and it never changes anything.
 *
 *     LintLexicon *lexicon;
 *     if (!mel_lint_lexicon_load(db, &lexicon, err)) return false;
 *     LintFindings findings = {0};
 *     mel_lint(&(LintInput){.annotation = &answer, .title = title, .lexicon = lexicon}, &findings);
 *     for (size_t i = 0; i < findings.count; i++) show(&findings.items[i]);
 *     mel_lint_findings_clear(&findings);
 *
 * Every call is far below the time between two keys. Same input, same findings. */
#ifndef MEL_ANNOTATOR_LINT_H
#define MEL_ANNOTATOR_LINT_H

#include "annotator/lint/spelling.h"
#include "db/db.h"

typedef enum LintKind {
    LINT_SENTENCES,     /* more sentences than the protocol allows */
    LINT_SPELLING,      /* a word that no dictionary and no musician knows */
    LINT_HEDGE,         /* "possibly": the annotator is the one who decides */
    LINT_LEAK,          /* a name of the artist or the work: a model must not learn it */
    LINT_CONTRADICTION, /* the text says one thing, a field another */
    LINT_UNLISTED,      /* named in the text, not chosen in the field */
    LINT_CONTENT,       /* too little is said */
    LINT_REQUIRED,      /* a field that must be answered is not */
    LINT_KIND_COUNT,
} LintKind;

typedef enum LintSeverity {
    LINT_ADVICE, /* worth a look */
    LINT_MUST,   /* the protocol: not to be submitted so */
} LintSeverity;

enum {
    LINT_SENTENCES_MAX = 3,     /* the protocol's limit */
    LINT_CONTENT_WORDS_MIN = 6, /* unless LintInput says otherwise */
};

/* A term of the controlled vocabulary; see mel_vocabulary_each. */
typedef struct LintTerm {
    const char *field, *id, *label;
} LintTerm;

/* The words that lint knows (lint_words.def) and the dataset's vocabulary. Made once, only read
 * afterwards: threads may share it. */
typedef struct LintLexicon LintLexicon;

/* Copies the terms. Never NULL; yours to free. */
LintLexicon *mel_lint_lexicon_new(const LintTerm *terms, size_t count);
MEL_MUST_CHECK bool mel_lint_lexicon_load(Db *db, LintLexicon **out, Err *err);
void mel_lint_lexicon_free(LintLexicon *lexicon); /* NULL is fine */

typedef struct LintInput {
    const Annotation *annotation;
    const LintLexicon *lexicon;
    const char *title, *channel; /* of the source; NULL: not known */
    const char *const *names;    /* artists, where known */
    size_t name_count;
    Spelling *spelling;       /* NULL: spelling is not looked at */
    size_t content_words_min; /* 0: LINT_CONTENT_WORDS_MIN */
    bool submitting;          /* then a missing field is a LINT_MUST */
} LintInput;

typedef struct LintFinding {
    LintKind kind;
    LintSeverity severity;
    const char *field;   /* the annotation's: "text", "genre", "instrument", "frame", … */
    size_t start, end;   /* bytes of the text, whole characters; equal when it is no place there */
    const char *message; /* a sentence for the annotator, in the person's language */
    const char *suggestion; /* of LINT_UNLISTED: the id of the term to choose; else NULL */
} LintFinding;

/* Start with {0}. Musts first, then by place in the text. All texts live until it is cleared. */
typedef struct LintFindings {
    LintFinding *items;
    size_t count, capacity;
    Arena arena;
} LintFindings;

/* Replaces what the findings held. Any bytes may stand in the texts: what is no UTF-8 parts words.
 */
void mel_lint(const LintInput *input, LintFindings *findings);
void mel_lint_findings_clear(LintFindings *findings);

/* "sentences", "spelling", …: stable names, for logs and settings. */
const char *mel_lint_kind_name(LintKind kind);

/* How many sentences a text has: abbreviations, decimals, initials, ellipses and quotations end
 * none. Pure; the same counter that mel_lint uses. */
size_t mel_lint_sentence_count(const LintLexicon *lexicon, const char *text);

#endif
