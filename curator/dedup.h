/* SPDX-License-Identifier: Apache-2.0
 *
 * Near-duplicates over the whole store: the fingerprints of ready clips are compared and the edges
 * recorded. Clips of one source are never compared with each other: the source ties them already.
 */
#ifndef MEL_CURATOR_DEDUP_H
#define MEL_CURATOR_DEDUP_H

#include "db/db.h"

#include "curator/fingerprint.h"

/* ---- landmarks as the store keeps them ------------------------------------------------------- */

/* Version 1: for each landmark its hash and its position, both 32-bit little-endian. */
enum { LANDMARK_VERSION = 1, LANDMARK_BYTES = 8 };

/* Writes count * LANDMARK_BYTES bytes. */
void mel_landmarks_pack(const Landmark *landmarks, size_t count, uint8_t *bytes);

/* ERR_FORMAT when the bytes are not `count` landmarks of a known version (count at most
 * LANDMARKS_MAX). */
MEL_MUST_CHECK bool mel_landmarks_unpack(int version, const void *bytes, size_t n_bytes,
                                         size_t count, Landmark out[LANDMARKS_MAX], Err *err);

/* ---- the run --------------------------------------------------------------------------------- */

typedef struct DedupOptions {
    bool skip_audio, skip_pictures, skip_texts;
    AudioMatchOptions audio;
    int picture_distance_max; /* bits of 64, at most 10; 0 = DEDUP_PICTURE_DISTANCE, -1 = equal */
    bool dry_run;             /* nothing is kept; the counts are what a run would do */
} DedupOptions;

enum { DEDUP_PICTURE_DISTANCE = 6 };

typedef struct DedupCount {
    int64_t compared; /* clips that could be */
    int64_t edges;    /* found now */
    int64_t added;    /* of them, not known before */
} DedupCount;

typedef struct DedupReport {
    DedupCount audio, pictures, texts;
    int64_t clips;            /* ready ones */
    int64_t other_version;    /* landmarks of a version that is not understood: not compared */
    int64_t flat_pictures;    /* stills without anything to recognise: not compared */
    int64_t largest_group;    /* clips joined by sound and picture, the most in one group */
    char largest_example[96]; /* the first clip of it */
} DedupReport;

/* Finds the near-duplicates and records the edges in one transaction (also for a dry run, which is
 * then undone: the store must be open for writing). Sound by landmarks, pictures by the nearest
 * pair among all stills, texts by equality of the settled text without case and punctuation (a
 * class of n equal texts gets n - 1 edges, from its first clip). */
MEL_MUST_CHECK bool mel_dedup_run(Db *db, const DedupOptions *options, const Progress *progress,
                                  DedupReport *report, Err *err);

/* The text as it is compared: lower case (Latin-1, Greek and Cyrillic letters too), runs of blanks
 * and punctuation one space, none at the ends. Yours to free. */
char *mel_text_normal(const char *text);

#endif
