/* SPDX-License-Identifier: Apache-2.0
 *
 * The dictionary below spelling.c. The build takes one of spelling_enchant.c and spelling_absent.c.
 */
#ifndef MEL_ANNOTATOR_SPELLING_DICTIONARY_H
#define MEL_ANNOTATOR_SPELLING_DICTIONARY_H

#include "base/base.h"

typedef struct Dictionary Dictionary;

Dictionary *dictionary_open(const char *language); /* NULL when there is none */
void dictionary_close(Dictionary *dictionary);     /* NULL is fine */

/* The word is valid UTF-8 without NUL, 1 to SPELLING_WORD_MAX bytes. */
bool dictionary_knows(Dictionary *dictionary, const char *word, size_t n);
const char *const *dictionary_suggest(Dictionary *dictionary, const char *word, size_t n,
                                      Arena *arena, size_t *count_out);

#endif
