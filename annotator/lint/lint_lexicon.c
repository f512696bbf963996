/* SPDX-License-Identifier: Apache-2.0
 *
 * The phrases of lint_words.def, sorted by their first word, and the vocabulary's labels. A term
 * that the table does not know yet is found by its label. */
#include "annotator/lint/lint_internal.h"

#include <stdlib.h>
#include <string.h>

struct LintLexicon {
    Arena arena;
    LintEntry *entries;
    size_t count, capacity;
    const char **words; /* every word of every phrase, sorted */
    size_t word_count, word_capacity;
    LintTerm *terms;
    size_t term_count;
};

static const struct {
    LintWordKind kind;
    const char *value, *phrases;
} table[] = {
#define LINT(kind, value, phrases) {KIND_##kind, value, phrases},
#include "annotator/lint/lint_words.def"
#undef LINT
};

/* A phrase is read by the same rules as a text. */
static void add_phrase(LintLexicon *lexicon, LintWordKind kind, const char *value,
                       const char *phrase)
{
    LintText text;
    lint_text_read(&text, phrase, &lexicon->arena);
    if (text.count > 0 && text.count <= LINT_PHRASE_WORDS_MAX) {
        LintEntry entry = {.kind = kind, .value = value, .word_count = text.count};
        for (size_t i = 0; i < text.count; i++) {
            entry.words[i] = text.words[i].folded;
            mel_grow(&lexicon->words, &lexicon->word_capacity, lexicon->word_count + 1,
                     sizeof *lexicon->words);
            lexicon->words[lexicon->word_count++] = entry.words[i];
        }
        mel_grow(&lexicon->entries, &lexicon->capacity, lexicon->count + 1,
                 sizeof *lexicon->entries);
        lexicon->entries[lexicon->count++] = entry;
    }
    lint_text_clear(&text);
}

static void add_table(LintLexicon *lexicon)
{
    for (size_t i = 0; i < MEL_COUNT(table); i++) {
        char *copy = mel_strdup(table[i].phrases), *rest = copy, *phrase;
        while ((phrase = strsep(&rest, "|")) != NULL)
            add_phrase(lexicon, table[i].kind, table[i].value, phrase);
        free(copy);
    }
}

static bool table_has_id(LintWordKind kind, const char *id)
{
    for (size_t i = 0; i < MEL_COUNT(table); i++)
        if (table[i].kind == kind && lint_list_has(table[i].value, id, strlen(id))) return true;
    return false;
}

static void add_terms(LintLexicon *lexicon, const LintTerm *terms, size_t count)
{
    static const struct {
        const char *field;
        LintWordKind kind;
    } kinds[] = {
        {"genre",      KIND_GENRE     },
        {"instrument", KIND_INSTRUMENT},
        {"mood",       KIND_MOOD      },
        {"voice",      KIND_VOICE     }
    };
    lexicon->terms = mel_arena_alloc(&lexicon->arena, (count + 1) * sizeof *lexicon->terms);
    lexicon->term_count = count;
    for (size_t i = 0; i < count; i++) {
        LintTerm *term = &lexicon->terms[i];
        term->field = mel_arena_strdup(&lexicon->arena, terms[i].field);
        term->id = mel_arena_strdup(&lexicon->arena, terms[i].id);
        term->label = mel_arena_strdup(&lexicon->arena, terms[i].label);
        add_phrase(lexicon, KIND_KNOWN, "", term->label);
        for (size_t k = 0; k < MEL_COUNT(kinds); k++)
            if (mel_equal(term->field, kinds[k].field) && !table_has_id(kinds[k].kind, term->id))
                add_phrase(lexicon, kinds[k].kind, term->id, term->label);
    }
}

static int by_words(const void *a, const void *b)
{
    const LintEntry *p = a, *q = b;
    int order = strcmp(p->words[0], q->words[0]);
    if (order == 0) order = (p->word_count < q->word_count) - (p->word_count > q->word_count);
    for (size_t i = 1; order == 0 && i < p->word_count; i++)
        order = strcmp(p->words[i], q->words[i]);
    if (order == 0) order = (p->kind > q->kind) - (p->kind < q->kind);
    return order ? order : strcmp(p->value, q->value);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

LintLexicon *mel_lint_lexicon_new(const LintTerm *terms, size_t count)
{
    LintLexicon *lexicon = mel_alloc(sizeof *lexicon);
    add_table(lexicon);
    add_terms(lexicon, terms, count);
    qsort(lexicon->entries, lexicon->count, sizeof *lexicon->entries, by_words);
    qsort(lexicon->words, lexicon->word_count, sizeof *lexicon->words, by_text);
    return lexicon;
}

void mel_lint_lexicon_free(LintLexicon *lexicon)
{
    if (!lexicon) return;
    free(lexicon->entries);
    free(lexicon->words);
    mel_arena_clear(&lexicon->arena);
    free(lexicon);
}

typedef struct TermList {
    Arena arena;
    const char *field;
    LintTerm *items;
    size_t count, capacity;
} TermList;

static void take_term(void *ctx, const char *id, const char *label)
{
    TermList *list = ctx;
    mel_grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (LintTerm){.field = list->field,
                                            .id = mel_arena_strdup(&list->arena, id),
                                            .label = mel_arena_strdup(&list->arena, label)};
}

bool mel_lint_lexicon_load(Db *db, LintLexicon **out, Err *err)
{
    static const char *const fields[] = {"genre",      "mood",  "tempo", "voice",    "instrument",
                                         "dissonance", "metre", "feel",  "relevance"};
    TermList list = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < MEL_COUNT(fields); i++) {
        list.field = fields[i];
        ok = mel_vocabulary_each(db, fields[i], take_term, &list, err);
    }
    if (ok) *out = mel_lint_lexicon_new(list.items, list.count);
    free(list.items);
    mel_arena_clear(&list.arena);
    return ok;
}

const char *lint_lexicon_label(const LintLexicon *lexicon, const char *field, const char *id)
{
    for (size_t i = 0; i < lexicon->term_count; i++)
        if (mel_equal(lexicon->terms[i].field, field) && mel_equal(lexicon->terms[i].id, id))
            return mel_text(lexicon->terms[i].label);
    return id;
}

/* The first entry whose first word is not before this one. */
static size_t first_entry(const LintLexicon *lexicon, const char *word)
{
    size_t low = 0, high = lexicon->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(lexicon->entries[middle].words[0], word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool starts_with_word(const LintLexicon *lexicon, size_t entry, const char *word)
{
    return entry < lexicon->count && strcmp(lexicon->entries[entry].words[0], word) == 0;
}

static unsigned roles_of(const LintLexicon *lexicon, const char *word)
{
    unsigned roles = 0;
    for (size_t e = first_entry(lexicon, word); starts_with_word(lexicon, e, word); e++) {
        const LintEntry *entry = &lexicon->entries[e];
        if (entry->word_count == 1 && entry->kind < KIND_ROLE_COUNT) roles |= 1u << entry->kind;
    }
    return roles;
}

static bool has_word(const LintLexicon *lexicon, const char *word)
{
    return bsearch(&word, lexicon->words, lexicon->word_count, sizeof word, by_text) != NULL;
}

size_t lint_lexicon_prefix(const LintLexicon *lexicon, const char *word, size_t least)
{
    char prefix[8];
    size_t length = strlen(word), longest = 0;
    for (size_t n = 2; n < sizeof prefix && n + least <= length; n++) {
        memcpy(prefix, word, n);
        prefix[n] = '\0';
        if (roles_of(lexicon, prefix) & 1u << KIND_PREFIX) longest = n;
    }
    return longest;
}

void lint_lexicon_mark(const LintLexicon *lexicon, LintText *text)
{
    for (size_t i = 0; i < text->count; i++) {
        LintWord *word = &text->words[i];
        word->roles = roles_of(lexicon, word->folded) | roles_of(lexicon, word->stem);
        word->known = has_word(lexicon, word->folded) || has_word(lexicon, word->stem);
    }
}

const char *lint_lexicon_abbreviation(const LintLexicon *lexicon, const LintWord *word)
{
    for (size_t e = first_entry(lexicon, word->folded); starts_with_word(lexicon, e, word->folded);
         e++)
        if (lexicon->entries[e].kind == KIND_ABBREVIATION) return lexicon->entries[e].value;
    return NULL;
}

static bool entry_is_at(const LintEntry *entry, const LintText *text, size_t at)
{
    if (entry->kind < KIND_ROLE_COUNT || entry->word_count > text->count - at) return false;
    for (size_t i = 1; i < entry->word_count; i++) {
        const LintWord *word = &text->words[at + i];
        bool last = i + 1 == entry->word_count; /* only the last word has a plural */
        if (word->parted || (strcmp(entry->words[i], word->folded) != 0 &&
                             !(last && strcmp(entry->words[i], word->stem) == 0)))
            return false;
    }
    return true;
}

/* The words of the longest phrase that starts so, 0 when none does; *first_out its first entry. */
static size_t longest_at(const LintLexicon *lexicon, const LintText *text, size_t at,
                         const char *word, size_t *first_out)
{
    for (size_t e = first_entry(lexicon, word); starts_with_word(lexicon, e, word); e++)
        if (entry_is_at(&lexicon->entries[e], text, at)) {
            *first_out = e;
            return lexicon->entries[e].word_count;
        }
    return 0;
}

/* A negation holds over the next words until something turns: "no drums or bass", but not "no
 * drums but bass". */
static bool is_negated(const LintText *text, size_t at)
{
    enum { REACH = 4 };
    for (size_t back = 0; back < REACH && at > back; back++) {
        const LintWord *before = &text->words[at - back - 1];
        if (before[1].parted || before[1].starts || lint_is(before, KIND_TURN)) return false;
        if (lint_is(before, KIND_NEGATION)) return true;
    }
    return false;
}

/* "A flute-like sound". */
static bool is_likened(const LintText *text, size_t behind)
{
    return behind < text->count && text->words[behind].glued && !text->words[behind].parted &&
           lint_is(&text->words[behind], KIND_LIKE);
}

void lint_lexicon_find(const LintLexicon *lexicon, const LintText *text, LintMention **mentions,
                       size_t *count, size_t *capacity)
{
    for (size_t at = 0; at < text->count;) {
        const LintWord *word = &text->words[at];
        size_t first = 0, stem_first = 0;
        size_t length = longest_at(lexicon, text, at, word->folded, &first);
        size_t stem_length = longest_at(lexicon, text, at, word->stem, &stem_first);
        if (stem_length > 1) stem_length = 0; /* a plural is the last word of its phrase */
        const char *start = word->folded;
        if (stem_length > length) {
            length = stem_length;
            first = stem_first;
            start = word->stem;
        }
        for (size_t e = first; length && starts_with_word(lexicon, e, start) &&
                               lexicon->entries[e].word_count == length;
             e++) {
            if (!entry_is_at(&lexicon->entries[e], text, at) || is_likened(text, at + length))
                continue;
            mel_grow(mentions, capacity, *count + 1, sizeof **mentions);
            (*mentions)[(*count)++] = (LintMention){.entry = &lexicon->entries[e],
                                                    .first = at,
                                                    .count = length,
                                                    .negated = is_negated(text, at)};
        }
        at += length ? length : 1;
    }
}
