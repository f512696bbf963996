/* SPDX-License-Identifier: Apache-2.0
 *
 * Makers of suggestions: a tempo that is measured, terms for the labels that came with a list, and
 * lines from any model. What they say stands beside the answers (db/suggestion.h). */
#ifndef MEL_CURATOR_SUGGEST_H
#define MEL_CURATOR_SUGGEST_H

#include "db/db.h"

/* A pulse that is less like itself one beat on is not suggested: hits at random times reach 0.2,
 * clicks that are up to 30 ms late 0.4. */
#define SUGGEST_CLARITY_MIN 0.3

#define SUGGEST_TEMPO_ORIGIN "measured/onset-autocorrelation 1"

/* What could not be used: a line of a file, or (line 0) a clip. */
typedef struct SuggestFailure {
    const char *what; /* the clip's id, or the file's path */
    int64_t line;
    const Err *err;
} SuggestFailure;

typedef struct SuggestOptions {
    const char *where; /* a condition over clips; NULL = all that are ready */
    void (*on_failure)(void *ctx, const SuggestFailure *failure); /* may be NULL */
    void *ctx;
    const Progress *progress; /* may be NULL */
} SuggestOptions;

typedef struct SuggestReport {
    int64_t items;     /* clips, or lines that are not blank */
    int64_t added;     /* suggestions that are new or changed */
    int64_t known;     /* that stood already */
    int64_t withdrawn; /* that no longer hold */
    int64_t failed;    /* items */
} SuggestReport;

/* The tempo of each clip's sound, with its class ("tempo") for the vocabulary's bounds; nothing
 * where there is no clear pulse. Each clip is kept when it is done. ERR_CANCELLED when interrupted.
 */
MEL_MUST_CHECK bool mel_suggest_tempo(Db *db, const SuggestOptions *options, SuggestReport *report,
                                      Err *err);

/* Terms of genre, mood, tempo, voice and instrument for each clip's labels, by the crosswalk in
 * schemas/crosswalk.json; the origin is "labels/<scheme>". Labels that point to two genres, or two
 * tempi, suggest neither. */
MEL_MUST_CHECK bool mel_suggest_labels(Db *db, const SuggestOptions *options, SuggestReport *report,
                                       Err *err);

/* A file of lines {"clip": …, "field": …, "value": …, "origin": …}, the value as
 * mel_suggestion_put wants it. Bad lines are told and the others kept. ERR_NOT_FOUND, ERR_IO. */
MEL_MUST_CHECK bool mel_suggest_import(Db *db, const char *path, const SuggestOptions *options,
                                       SuggestReport *report, Err *err);

/* The terms that one label stands for, as {"genre": ["rock"], …}; empty for none. Yours to
 * json_decref. */
json_t *mel_label_terms(const char *scheme, const char *value);

#endif
