/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/lint/spelling_dictionary.h"

#include <enchant.h>
#include <stdlib.h>

struct Dictionary {
    EnchantBroker *broker;
    EnchantDict *dict;
};

Dictionary *dictionary_open(const char *language)
{
    EnchantBroker *broker = enchant_broker_init();
    EnchantDict *dict = broker ? enchant_broker_request_dict(broker, language) : NULL;
    if (!dict) {
        if (broker) enchant_broker_free(broker);
        return NULL;
    }
    Dictionary *dictionary = mel_alloc(sizeof *dictionary);
    *dictionary = (Dictionary){.broker = broker, .dict = dict};
    return dictionary;
}

void dictionary_close(Dictionary *dictionary)
{
    if (!dictionary) return;
    enchant_broker_free_dict(dictionary->broker, dictionary->dict);
    enchant_broker_free(dictionary->broker);
    free(dictionary);
}

/* Negative is a fault of the dictionary, not of the word. */
bool dictionary_knows(Dictionary *dictionary, const char *word, size_t n)
{
    return enchant_dict_check(dictionary->dict, word, (ssize_t)n) <= 0;
}

const char *const *dictionary_suggest(Dictionary *dictionary, const char *word, size_t n,
                                      Arena *arena, size_t *count_out)
{
    size_t count = 0;
    char **found = enchant_dict_suggest(dictionary->dict, word, (ssize_t)n, &count);
    const char **list = mel_arena_alloc(arena, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = mel_arena_strdup(arena, found[i]);
    if (found) enchant_dict_free_string_list(dictionary->dict, found);
    *count_out = count;
    return list;
}
