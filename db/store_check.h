/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEL_DB_STORE_CHECK_H
#define MEL_DB_STORE_CHECK_H

#include "db/store.h"

/* Checks the store itself: pages, foreign keys, that every head points at the newest of its
 * history, that ready clips have their products. Calls `finding` for each thing that is wrong, with
 * a stable word ("store.page", "store.reference", "store.head", "store.product") and a sentence. */
typedef bool FindingFn(void *ctx, const char *word, const char *subject, const char *message,
                       Err *err);
MEL_MUST_CHECK bool mel_store_check(Db *db, FindingFn *finding, void *ctx, Err *err);

/* Rebuilds every head from the history. */
MEL_MUST_CHECK bool mel_store_rebuild_heads(Db *db, Err *err);

#endif
