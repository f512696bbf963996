/* SPDX-License-Identifier: Apache-2.0
 *
 * Values that somebody's metadata or a model proposes for a clip's fields, and what people did with
 * them. A suggestion is never an answer: no view, no agreement, no settlement and no count of work
 * reads these tables. */
#ifndef MEL_DB_SUGGESTION_H
#define MEL_DB_SUGGESTION_H

#include "db/store.h"

typedef struct Suggestion {
    const char *id; /* loaded only */
    const char *clip_id;
    const char *field;      /* a field of fixed terms, or "bpm", as mel_suggestion_fields says */
    const char *value_json; /* "jazz" of one term, ["piano/lead", "drums"] of several (roles for
                               instruments only), a number of BPM */
    const char *origin;     /* who says so: "measured/…", "labels/<list>", a model's name */
    const char *outcome;    /* loaded only: the newest of what the person did, or NULL */
    bool was_shown;         /* loaded only: to the person */
} Suggestion;

/* "genre, mood, …": what can be suggested, for messages. */
const char *mel_suggestion_fields(void);

/* Puts a suggestion beside those of other origins, and in the place of an older one of its origin
 * (which stays in the history; null takes it away). Terms are ids or labels, kept as ids.
 * *added_out (may be NULL) is false when the origin says so already. ERR_USAGE: no such field or
 * term, or a value of the wrong form; ERR_NOT_FOUND: no such clip; ERR_DENIED: it was taken down.
 * Those leave an open transaction as it was. */
MEL_MUST_CHECK bool mel_suggestion_put(Db *db, const Suggestion *suggestion, bool *added_out,
                                       Err *err);

/* What stands suggested for a clip, the newest first, with what this person did with it. Texts hold
 * until fn returns. */
typedef bool SuggestionFn(void *ctx, const Suggestion *suggestion, Err *err);
MEL_MUST_CHECK bool mel_suggestions_each(Db *db, const char *clip_id, const char *annotator_id,
                                         SuggestionFn *fn, void *ctx, Err *err);

/* action: "shown" (counts once a person), "accepted", "edited" (accepted and then changed),
 * "ignored"; of the last three the newest is what counts. The annotator is known already. */
MEL_MUST_CHECK bool mel_suggestion_use(Db *db, const char *suggestion_id, const char *annotator_id,
                                       const char *action, Err *err);

/* Counts of one field and origin; the last four in pairs of a suggestion and a person. */
typedef struct SuggestionCount {
    const char *field, *origin;
    int64_t suggestions; /* that stand */
    int64_t shown, accepted, edited, ignored;
} SuggestionCount;

typedef bool SuggestionCountFn(void *ctx, const SuggestionCount *count, Err *err);
MEL_MUST_CHECK bool mel_suggestion_counts(Db *db, SuggestionCountFn *fn, void *ctx, Err *err);

#endif
