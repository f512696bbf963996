/* SPDX-License-Identifier: Apache-2.0
 *
 * Fingerprints as the store keeps them, and the near-duplicate edges found among them. */
#ifndef MEL_DB_DUPLICATE_H
#define MEL_DB_DUPLICATE_H

#include "db/store.h"

/* Fingerprints of every ready clip, in order of clip id. */
typedef bool LandmarkRowFn(void *ctx, const char *clip_id, int version, const void *bytes,
                           size_t n_bytes, size_t count, Err *err);
MEL_MUST_CHECK bool mel_landmark_each(Db *db, LandmarkRowFn *fn, void *ctx, Err *err);

typedef bool PictureHashFn(void *ctx, const char *clip_id, int position, uint64_t hash, Err *err);
MEL_MUST_CHECK bool mel_picture_hash_each(Db *db, PictureHashFn *fn, void *ctx, Err *err);

typedef struct DuplicateRow {
    const char *clip_a, *clip_b; /* clip_a < clip_b */
    const char *kind;            /* "audio", "picture", "text" */
    double score;
    int64_t offset_us, evidence;
    const char *method;
} DuplicateRow;

/* Adds an edge, or refreshes its numbers (never twice). *added_out may be NULL. */
MEL_MUST_CHECK bool mel_duplicate_put(Db *db, const DuplicateRow *row, bool *added_out, Err *err);

/* A person says that these two are not the same: the edge no longer counts. */
MEL_MUST_CHECK bool mel_duplicate_break(Db *db, const char *clip_a, const char *clip_b,
                                        const char *kind, const char *note, Err *err);

/* Edges that count. */
typedef bool DuplicateRowFn(void *ctx, const DuplicateRow *row, Err *err);
MEL_MUST_CHECK bool mel_duplicate_each(Db *db, DuplicateRowFn *fn, void *ctx, Err *err);

#endif
