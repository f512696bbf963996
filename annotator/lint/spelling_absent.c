/* SPDX-License-Identifier: Apache-2.0
 *
 * Built where enchant is not there: no language has a dictionary. */
#include "annotator/lint/spelling_dictionary.h"

Dictionary *dictionary_open(const char *language)
{
    (void)language;
    return NULL;
}

void dictionary_close(Dictionary *dictionary)
{
    (void)dictionary;
}

bool dictionary_knows(Dictionary *dictionary, const char *word, size_t n)
{
    (void)dictionary, (void)word, (void)n;
    return true;
}

const char *const *dictionary_suggest(Dictionary *dictionary, const char *word, size_t n,
                                      Arena *arena, size_t *count_out)
{
    (void)dictionary, (void)word, (void)n, (void)arena;
    *count_out = 0;
    return NULL;
}
