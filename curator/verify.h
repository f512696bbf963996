/* SPDX-License-Identifier: Apache-2.0
 *
 * fsck for a dataset: every file, hash, reference and invariant. */
#ifndef MEL_CURATOR_VERIFY_H
#define MEL_CURATOR_VERIFY_H

#include "curator/jail.h"
#include "db/db.h"

typedef struct VerifyFinding {
    bool is_error;       /* else a note: harmless, cleaned up by itself or by --repair */
    const char *word;    /* "media.missing", "media.size", "media.hash", "media.decode",
                            "media.stray", "staging", "store.…" */
    const char *subject; /* a path, a clip, a table */
    const char *message;
} VerifyFinding;

typedef struct VerifyOptions {
    bool decode; /* decode every product back, in the jail */
    bool repair; /* rebuild heads, remove strays, send damaged clips back to be fetched again */
    Jail *jail;  /* needed for decode */
} VerifyOptions;

typedef struct VerifyReport {
    int64_t files, bytes, errors, notes, repaired;
} VerifyReport;

typedef void VerifyFindingFn(void *ctx, const VerifyFinding *finding);

/* True when the check itself could be made, whatever it found. */
MEL_MUST_CHECK bool mel_verify(Db *db, const VerifyOptions *options, VerifyFindingFn *fn, void *ctx,
                               const Progress *progress, VerifyReport *report, Err *err);

#endif
