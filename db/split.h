/* SPDX-License-Identifier: Apache-2.0
 *
 * Splits, exports and runs as the store keeps them. How sides are chosen is the curator's. */
#ifndef MEL_DB_SPLIT_H
#define MEL_DB_SPLIT_H

#include "db/store.h"

typedef struct SplitRow {
    const char *id; /* ULID; NULL when making: made here */
    const char *name, *seed, *sides_json /* {"train":0.8,…} */, *stratify, *condition;
} SplitRow;

/* The split of this name; made from `row` when absent. `stored` (texts in the arena) is what the
 * store holds: the caller compares it with what was asked. */
MEL_MUST_CHECK bool mel_split_make(Db *db, const SplitRow *row, Arena *arena, SplitRow *stored,
                                   bool *made_out, Err *err);

/* ERR_NOT_FOUND names the splits there are. */
MEL_MUST_CHECK bool mel_split_find(Db *db, const char *name, Arena *arena, SplitRow *stored,
                                   Err *err);

typedef struct SplitMember {
    const char *clip_id, *side, *group_key;
} SplitMember;
typedef bool SplitMemberFn(void *ctx, const SplitMember *member, Err *err);

/* Members that count (dropped ones do not), by clip id. */
MEL_MUST_CHECK bool mel_split_each(Db *db, const char *split_id, SplitMemberFn *fn, void *ctx,
                                   Err *err);

/* Adds a member; an old one stays where it is. */
MEL_MUST_CHECK bool mel_split_assign(Db *db, const char *split_id, const SplitMember *member,
                                     Err *err);
MEL_MUST_CHECK bool mel_split_drop(Db *db, const char *split_id, const char *clip_id,
                                   const char *why, Err *err);

typedef struct ExportRow {
    const char *split_id, *format, *path, *manifest_sha256; /* split_id NULL: no split */
    int64_t item_count, file_count, size_bytes;
} ExportRow;
MEL_MUST_CHECK bool mel_export_record(Db *db, const ExportRow *row, Err *err);

#endif
