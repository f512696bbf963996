/* SPDX-License-Identifier: Apache-2.0
 *
 * Fingerprints of sound and picture, and the indexes that find near-duplicates by them.
 *
 * Sound: landmarks, pairs of spectral peaks (A. Wang, "An Industrial-Strength Audio Search
 * Algorithm", ISMIR 2003): the same music is found at another offset, another level, after another
 * codec. Picture: a 64-bit DCT hash (pHash): the same picture scaled or compressed again. */
#ifndef MEL_CURATOR_FINGERPRINT_H
#define MEL_CURATOR_FINGERPRINT_H

#include "base/base.h"

enum { LANDMARKS_MAX = 512 }; /* of one clip */

typedef struct Landmark {
    uint32_t hash;     /* (frequency 1, frequency 2, distance) */
    uint32_t position; /* of the first peak, in analysis hops */
} Landmark;

/* Seconds in one hop: positions times this are times. */
double mel_landmark_hop_s(void);

/* Landmarks of mono samples at any rate from 8 kHz (resampled inside to a fixed rate). Returns how
 * many were written, at most LANDMARKS_MAX; 0 for silence. Deterministic. */
size_t mel_audio_landmarks(const float *mono, size_t n, int sample_rate_hz,
                           Landmark out[LANDMARKS_MAX]);

/* 64-bit perceptual hash of an 8-bit luma plane of any size. Flat pictures hash to 0. */
uint64_t mel_picture_hash(const uint8_t *luma, int width, int height, ptrdiff_t stride);
int mel_picture_distance(uint64_t a, uint64_t b); /* differing bits, 0..64 */

/* ---- matching ----------------------------------------------------------------------------------
 */

typedef struct AudioItem {
    const Landmark *landmarks; /* borrowed for the call */
    size_t count;
} AudioItem;

typedef struct DuplicateEdge {
    int64_t a, b;      /* item indices, a < b */
    double score;      /* sound: share of the smaller item's landmarks that agree on one offset;
                          picture: 1 - distance/64 */
    int64_t offset_us; /* sound: time of b's clock at a's zero; picture: 0 */
    int32_t evidence;  /* sound: landmarks that agree; picture: differing bits */
} DuplicateEdge;

typedef struct AudioMatchOptions {
    double score_min;     /* 0 = default */
    int32_t evidence_min; /* 0 = default */
} AudioMatchOptions;

/* All near-duplicate pairs among `count` items: an inverted index over hashes, an offset histogram
 * per pair. Hashes so common that they say nothing are passed over. Edges sorted by (a, b), yours
 * to free. Memory and time grow with the landmarks, never with count squared. */
MEL_MUST_CHECK bool mel_match_audio(const AudioItem *items, size_t count,
                                    const AudioMatchOptions *options, DuplicateEdge **edges_out,
                                    size_t *edge_count_out, Err *err);

/* All pairs of picture hashes within max_distance bits (at most 10), by multi-index hashing;
 * hashes of 0 (flat pictures) match nothing. */
MEL_MUST_CHECK bool mel_match_pictures(const uint64_t *hashes, size_t count, int max_distance,
                                       DuplicateEdge **edges_out, size_t *edge_count_out, Err *err);

/* ---- groups ------------------------------------------------------------------------------------
 */

/* Union-find with path halving over n items. */
typedef struct Groups {
    size_t *parent;
    size_t count;
} Groups;

void mel_groups_init(Groups *groups, size_t count);
void mel_groups_clear(Groups *groups);
size_t mel_groups_find(Groups *groups, size_t item);      /* the representative */
void mel_groups_join(Groups *groups, size_t a, size_t b); /* the smaller index represents */

#endif
