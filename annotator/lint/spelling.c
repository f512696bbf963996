/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/lint/spelling.h"

#include "annotator/lint/spelling_dictionary.h"

#include <stdlib.h>
#include <string.h>

/* What the dictionary said of a word. */
typedef struct Verdict {
    char *word; /* NULL: a free slot */
    bool known;
} Verdict;

/* Open addressing, at most three quarters full. Emptied when it holds VERDICTS_MAX, so that no text
 * makes it grow for ever; accepted words have a table of their own, which is kept. */
typedef struct VerdictTable {
    Verdict *slots;
    size_t size, count; /* size: a power of two, or 0 */
} VerdictTable;

enum { VERDICTS_MAX = 50000, VERDICTS_FIRST = 256 };

struct Spelling {
    Dictionary *dictionary;
    VerdictTable seen, accepted;
};

static size_t hash_of(const char *word, size_t n)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)word[i]) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32);
}

/* The word's slot, or the free one where it would go. The table must have slots. */
static Verdict *slot_of(const VerdictTable *table, const char *word, size_t n)
{
    size_t i = hash_of(word, n) & (table->size - 1);
    for (;; i = (i + 1) & (table->size - 1)) {
        Verdict *slot = &table->slots[i];
        if (!slot->word || (strncmp(slot->word, word, n) == 0 && !slot->word[n])) return slot;
    }
}

static void table_clear(VerdictTable *table)
{
    for (size_t i = 0; i < table->size; i++)
        free(table->slots[i].word);
    free(table->slots);
    *table = (VerdictTable){0};
}

static void table_widen(VerdictTable *table)
{
    VerdictTable wider = {.size = table->size ? table->size * 2 : VERDICTS_FIRST,
                          .count = table->count};
    wider.slots = mel_alloc(wider.size * sizeof *wider.slots);
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].word)
            *slot_of(&wider, table->slots[i].word, strlen(table->slots[i].word)) = table->slots[i];
    free(table->slots);
    *table = wider;
}

static const Verdict *table_find(const VerdictTable *table, const char *word, size_t n)
{
    const Verdict *slot = table->size ? slot_of(table, word, n) : NULL;
    return slot && slot->word ? slot : NULL;
}

static void table_put(VerdictTable *table, const char *word, size_t n, bool known)
{
    if (table->count >= VERDICTS_MAX) table_clear(table);
    if ((table->count + 1) * 4 > table->size * 3) table_widen(table);
    Verdict *slot = slot_of(table, word, n);
    if (!slot->word) {
        slot->word = mel_strndup(word, n);
        table->count++;
    }
    slot->known = known;
}

Spelling *mel_spelling_new(const char *language)
{
    Spelling *spelling = mel_alloc(sizeof *spelling);
    spelling->dictionary = dictionary_open(language);
    return spelling;
}

void mel_spelling_free(Spelling *spelling)
{
    if (!spelling) return;
    dictionary_close(spelling->dictionary);
    table_clear(&spelling->seen);
    table_clear(&spelling->accepted);
    free(spelling);
}

bool mel_spelling_ready(const Spelling *spelling)
{
    return spelling->dictionary != NULL;
}

static bool can_ask(const Spelling *spelling, const char *word, size_t n)
{
    return spelling->dictionary && n > 0 && n <= SPELLING_WORD_MAX && mel_utf8_valid(word, n);
}

bool mel_spelling_check(Spelling *spelling, const char *word, size_t n)
{
    if (!can_ask(spelling, word, n) || table_find(&spelling->accepted, word, n)) return true;
    const Verdict *seen = table_find(&spelling->seen, word, n);
    if (seen) return seen->known;
    bool known = dictionary_knows(spelling->dictionary, word, n);
    table_put(&spelling->seen, word, n, known);
    return known;
}

void mel_spelling_accept(Spelling *spelling, const char *word, size_t n)
{
    if (can_ask(spelling, word, n)) table_put(&spelling->accepted, word, n, true);
}

const char *const *mel_spelling_suggest(Spelling *spelling, const char *word, size_t n,
                                        Arena *arena, size_t *count_out)
{
    *count_out = 0;
    if (!can_ask(spelling, word, n)) return NULL;
    return dictionary_suggest(spelling->dictionary, word, n, arena, count_out);
}
