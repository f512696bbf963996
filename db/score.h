/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEL_DB_SCORE_H
#define MEL_DB_SCORE_H

#include "db/store.h"

/* A named number on a clip, with what made it. Appended; the newest of a name is current. */
typedef struct Score {
    const char *id; /* ULID made by the caller; NULL: made here */
    const char *clip_id, *name;
    double value;                                                 /* finite */
    const char *model, *model_sha256, *parameters_json, *bank_id; /* the last may be NULL */
} Score;

MEL_MUST_CHECK bool mel_score_put(Db *db, const Score *score, Err *err);

/* The texts that a purity score was computed against. */
MEL_MUST_CHECK bool mel_score_bank_put(Db *db, const char *id, int64_t text_count,
                                       const char *texts_sha256, const char *condition, Err *err);

#endif
