/* SPDX-License-Identifier: Apache-2.0
 *
 * SentencePiece's model file: a protobuf message of pieces and the normaliser's table. */
#ifndef MEL_ENGINE_SPIECE_H
#define MEL_ENGINE_SPIECE_H

#include "base/base.h"

typedef enum PieceType {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN,
    PIECE_CONTROL,
    PIECE_USER,
    PIECE_UNUSED,
    PIECE_BYTE,
} PieceType;

typedef struct SpiecePiece {
    const char *text; /* in the model's own memory */
    float score;
    PieceType type;
} SpiecePiece;

/* Start with {0}. */
typedef struct SpieceModel {
    Arena arena;
    SpiecePiece *pieces; /* by id; texts are UTF-8, not empty, and may be there twice */
    size_t count;
    int64_t unknown;      /* the id of the piece for what has none; within count */
    const char *charsmap; /* NULL for none; see charsmap.h */
    size_t charsmap_size;
} SpieceModel;

/* Reads a model of the unigram kind. ERR_FORMAT with the byte where the message is broken. */
MEL_MUST_CHECK bool spiece_read(const char *bytes, size_t n, SpieceModel *out, Err *err);
void spiece_clear(SpieceModel *model); /* {0} is fine */

#endif
