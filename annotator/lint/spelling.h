/* SPDX-License-Identifier: Apache-2.0
 *
 * Spelling of single words, by enchant where it was there at build time and has a dictionary of the
 * language; otherwise every word passes. Answers are kept, so that a text is cheap to look at again
 * at every key (a first look takes microseconds a word; a suggestion tens of milliseconds). One
 * Spelling is for one thread. */
#ifndef MEL_ANNOTATOR_SPELLING_H
#define MEL_ANNOTATOR_SPELLING_H

#include "base/base.h"

typedef struct Spelling Spelling;

/* language: "en_US", "en_GB", …. Never NULL; yours to free. */
Spelling *mel_spelling_new(const char *language);
void mel_spelling_free(Spelling *spelling); /* NULL is fine */

/* False when there is no dictionary: then all words pass. */
bool mel_spelling_ready(const Spelling *spelling);

/* Whether the word (n bytes of UTF-8) is spelt right; malformed UTF-8 and words of over
 * SPELLING_WORD_MAX bytes pass. */
bool mel_spelling_check(Spelling *spelling, const char *word, size_t n);

/* From now on the word passes. It is not written to anyone's word list. */
void mel_spelling_accept(Spelling *spelling, const char *word, size_t n);

/* Words that may be meant, best first; *count_out may be 0. Slow (about 100 ms): ask when someone
 * opens the menu. Array and words live in the arena. */
const char *const *mel_spelling_suggest(Spelling *spelling, const char *word, size_t n,
                                        Arena *arena, size_t *count_out);

enum { SPELLING_WORD_MAX = 100 }; /* bytes */

#endif
