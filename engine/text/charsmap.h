/* SPDX-License-Identifier: Apache-2.0
 *
 * SentencePiece's precompiled normaliser: a double-array trie from strings to replacements, applied
 * as the fast tokenizers do it, which is not as SentencePiece does: clusters (extended grapheme
 * clusters of Unicode Standard Annex 29) of up to five bytes as a whole, by the shortest string
 * that they begin with, else each character by itself. */
#ifndef MEL_ENGINE_CHARSMAP_H
#define MEL_ENGINE_CHARSMAP_H

#include "base/base.h"

typedef struct Charsmap Charsmap;

/* bytes (copied): the size of the trie in bytes as u32, the trie's units as u32, the replacements,
 * each ended by NUL. ERR_FORMAT when a size or a unit leads out of them. */
MEL_MUST_CHECK bool charsmap_open(const void *bytes, size_t n, Charsmap **out, Err *err);
void charsmap_close(Charsmap *map); /* NULL is fine */

/* Adds the normalised text, which is UTF-8. */
void charsmap_normalise(const Charsmap *map, const char *text, size_t n, Str *out);

#endif
