/* SPDX-License-Identifier: Apache-2.0
 *
 * The controlled vocabularies: terms with stable ids, by version (schemas/vocabulary.json). */
#ifndef MEL_DB_VOCABULARY_H
#define MEL_DB_VOCABULARY_H

#include "db/store.h"

int mel_vocabulary_version(void); /* of this program */

/* Brings the store's terms to this program's version; terms that went are retired, never removed.
 */
MEL_MUST_CHECK bool mel_vocabulary_install(Db *db, Err *err);

/* The id of a term given by id or label, case-blind ("R&B" and "r-and-b"); ERR_USAGE names the
 * nearest one. Written to `id` (at most 64 bytes with the NUL). */
MEL_MUST_CHECK bool mel_vocabulary_id(Db *db, const char *field, const char *given, char id[64],
                                      Err *err);

/* Calls fn for the field's current terms, in order. */
MEL_MUST_CHECK bool mel_vocabulary_each(Db *db, const char *field,
                                        void (*fn)(void *ctx, const char *id, const char *label),
                                        void *ctx, Err *err);

#endif
