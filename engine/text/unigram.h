/* SPDX-License-Identifier: Apache-2.0
 *
 * The unigram model of SentencePiece (Kudo, "Subword Regularization", 2018): of all ways to cut a
 * word into pieces the one with the largest sum of scores. */
#ifndef MEL_ENGINE_UNIGRAM_H
#define MEL_ENGINE_UNIGRAM_H

#include "engine/text/tokenizer_internal.h"

typedef struct Unigram Unigram;

typedef struct UnigramPiece {
    const char *text; /* UTF-8, not empty */
    double score;
} UnigramPiece;

/* From pieces by id (used during the call only); unknown is the id for a character that is no
 * piece. ERR_FORMAT for a text that is there twice. */
MEL_MUST_CHECK bool unigram_open(const UnigramPiece *pieces, int32_t count, int32_t unknown,
                                 Unigram **out, Err *err);
void unigram_close(Unigram *unigram);                           /* NULL is fine */
int32_t unigram_find(const Unigram *unigram, const char *text); /* the id, or -1 */

/* The ids of a word, one for each stretch of characters that are no pieces. */
void unigram_word(const Unigram *unigram, const char *word, size_t n, Encoding *out);

#endif
