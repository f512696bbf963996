/* SPDX-License-Identifier: Apache-2.0
 *
 * What the makers of suggestions share: a walk over clips, transactions of many puts, counting. */
#ifndef MEL_CURATOR_SUGGEST_INTERNAL_H
#define MEL_CURATOR_SUGGEST_INTERNAL_H

#include "curator/suggest.h"

typedef struct SuggestRun {
    Db *db;
    const SuggestOptions *options;
    const char *what; /* of progress */
    SuggestReport report;
    int64_t in_transaction, total;
    bool open;
} SuggestRun;

/* Opens a transaction where none is, and closes a long one first. ERR_CANCELLED when interrupted.
 */
MEL_MUST_CHECK bool mel_suggest_step(SuggestRun *run, Err *err);

/* Commits what is open when ok, else rolls it back; returns whether all went well. */
MEL_MUST_CHECK bool mel_suggest_close(SuggestRun *run, bool ok, Err *err);

/* Puts and counts; the value is taken over. null takes away what the origin said before. */
MEL_MUST_CHECK bool mel_suggest_put(SuggestRun *run, const char *clip_id, const char *field,
                                    json_t *take_value, const char *origin, Err *err);

/* Whether the error is about the item alone; then it is told, counted and cleared. */
bool mel_suggest_skip(SuggestRun *run, const char *what, int64_t line, Err *err);

/* Ready clips that meet the condition, in order of their ids. */
typedef bool SuggestClipFn(SuggestRun *run, const char *clip_id, void *ctx, Err *err);
MEL_MUST_CHECK bool mel_suggest_walk(SuggestRun *run, SuggestClipFn *fn, void *ctx, Err *err);

#endif
