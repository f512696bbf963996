/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of lint share: the text as words, what the lexicon says of them, and how a finding
 * is added. One file looks for one kind of thing. */
#ifndef MEL_ANNOTATOR_LINT_INTERNAL_H
#define MEL_ANNOTATOR_LINT_INTERNAL_H

#include "annotator/lint/lint.h"

/* A message's words; quotations of the text and labels of terms go into them. */
#define _(english) mel_text(english)

/* What a word or phrase of lint_words.def is. The first group marks words; the phrases of the
 * second are found as mentions, the longest at each place. */
typedef enum LintWordKind {
    KIND_STOP,         /* carries no content */
    KIND_KNOWN,        /* spelt right, and no name */
    KIND_ABBREVIATION, /* its full stop ends no sentence; the value says when */
    KIND_GENRE_NOUN,   /* "song": before it, "rock" is a genre */
    KIND_TEMPO_NOUN,   /* "beat": before it, "slow" is a tempo */
    KIND_NEGATION,     /* "no", "without" */
    KIND_TURN,         /* "but": ends a negation */
    KIND_COLOR,        /* "hip-hop beat": a colour, the whole may be another genre */
    KIND_PREFIX,       /* "overblown" is spelt right, as "blown" is */
    KIND_LIKE,         /* "flute-like": no flute */
    KIND_DETERMINER,   /* before "kind of", it is no hedge */
    KIND_USE,          /* "could be used in": no hedge */
    KIND_SECTION,      /* "instrumental break": the rest may be sung */
    KIND_ROLE_COUNT,
    KIND_HEDGE = KIND_ROLE_COUNT,
    KIND_GENRE,        /* value: the ids it is at home in */
    KIND_GENRE_WORD,   /* the same, only before a KIND_GENRE_NOUN */
    KIND_INSTRUMENT,   /* value: the ids it may mean */
    KIND_VOICE,        /* value: the ids it may mean, or "any" */
    KIND_INSTRUMENTAL, /* says that nobody sings */
    KIND_MOOD,         /* value: the ids it is near to */
    KIND_TEMPO,        /* value: the classes it allows */
    KIND_TEMPO_WORD,   /* the same, only beside a KIND_TEMPO_NOUN */
    KIND_NAMING,       /* what stands behind it is a name: "feat." */
    KIND_OTHER,        /* none of these though its words look so: "tape recorder" */
} LintWordKind;

enum { LINT_PHRASE_WORDS_MAX = 5 };

typedef struct LintEntry {
    LintWordKind kind;
    const char *value; /* ids parted by blanks, or a rule's name */
    const char *words[LINT_PHRASE_WORDS_MAX];
    size_t word_count;
} LintEntry;

/* A word: letters and digits with the apostrophes, points and commas inside them. "&" is the word
 * "and". Hyphens part words and keep phrases together: "up-tempo" is "up tempo". */
typedef struct LintWord {
    const char *folded; /* lower case, Latin letters without their marks */
    const char *stem;   /* without a plural's s; folded itself where there is none */
    size_t start, end;
    size_t letters;    /* characters */
    bool capital;      /* starts with an upper-case letter */
    bool all_capitals; /* of two letters at least */
    bool has_digit;
    bool latin;     /* letters of the Latin script only */
    bool parted;    /* more than blanks or a hyphen between it and the word before */
    bool glued;     /* a hyphen or an ampersand, no blank, before or behind it */
    bool starts;    /* first of its sentence */
    bool known;     /* a word of some phrase of the lexicon */
    unsigned roles; /* 1 << KIND_… of the first group */
} LintWord;

typedef struct LintText {
    const char *bytes;
    size_t length;
    LintWord *words;
    size_t count, capacity;
    size_t sentences;
    size_t surplus_start; /* where the first sentence too many starts; 0 when none is */
    bool has_lower;       /* some letter is lower case: capitals mean something */
} LintText;

typedef struct LintMention {
    const LintEntry *entry;
    size_t first, count; /* words of the text */
    bool negated;
} LintMention;

typedef struct Lint {
    const LintInput *input;
    LintFindings *findings;
    Arena scratch;
    LintText text;
    LintMention *mentions;
    size_t mention_count, mention_capacity;
} Lint;

/* Splits any bytes into words; fills all but sentences, starts, known and roles. */
void lint_text_read(LintText *text, const char *bytes, Arena *arena);
void lint_text_clear(LintText *text);

/* A character of UTF-8, or one byte that is none (then *valid_out is false). */
uint32_t lint_character(const char *bytes, size_t left, size_t *length_out, bool *valid_out);

/* Marks the words with what the lexicon knows of them. */
void lint_lexicon_mark(const LintLexicon *lexicon, LintText *text);

/* Finds all mentions; array from mel_grow. */
void lint_lexicon_find(const LintLexicon *lexicon, const LintText *text, LintMention **mentions,
                       size_t *count, size_t *capacity);

/* What a one-word abbreviation's rule is, or NULL. */
const char *lint_lexicon_abbreviation(const LintLexicon *lexicon, const LintWord *word);
/* The bytes of the longest prefix of a folded word that leaves `least` of it, 0 when there is none.
 */
size_t lint_lexicon_prefix(const LintLexicon *lexicon, const char *word, size_t least);

/* In the person's language. */
const char *lint_lexicon_label(const LintLexicon *lexicon, const char *field, const char *id);

/* Fills sentences, surplus_start and the words' starts. Wants the words marked. */
void lint_sentences_split(const LintLexicon *lexicon, LintText *text);

bool lint_is(const LintWord *word, LintWordKind role);

/* Whether a list of ids, parted by blanks, has this one; whether two lists share one. */
bool lint_list_has(const char *list, const char *id, size_t n);
bool lint_lists_meet(const char *a, const char *b);

/* The chosen terms of a set, or the one chosen genre with the secondary ones, parted by blanks;
 * "" when nothing is chosen. In scratch. */
const char *lint_chosen(Lint *lint, const char *field);

/* Whether the text names something of this kind that shares an id with the list (NULL: any), said
 * as negated or not. */
const LintMention *lint_mention_of(const Lint *lint, LintWordKind kind, const char *ids,
                                   bool negated);

/* The mention's own bytes, for a message; in scratch, cut when very long. */
const char *lint_quote(Lint *lint, const LintMention *mention);

/* Whether this mention stands beside a noun of the role: up to `ahead` words before it. */
bool lint_before_noun(const Lint *lint, const LintMention *mention, LintWordKind role,
                      size_t ahead);

LintFinding *lint_add(Lint *lint, LintKind kind, const char *field, size_t start, size_t end,
                      const char *format, ...) MEL_PRINTF(6, 7);
LintFinding *lint_add_mention(Lint *lint, LintKind kind, const char *field,
                              const LintMention *mention, const char *format, ...) MEL_PRINTF(5, 6);

/* One for each kind of thing, in the order they are asked. */
void lint_check_sentences(Lint *lint);
void lint_check_spelling(Lint *lint);
void lint_check_hedges(Lint *lint);
void lint_check_leaks(Lint *lint);
void lint_check_genre(Lint *lint);
void lint_check_mood(Lint *lint);
void lint_check_tempo(Lint *lint);
void lint_check_voices(Lint *lint);
void lint_check_instruments(Lint *lint);
void lint_check_content(Lint *lint);
void lint_check_required(Lint *lint);

#endif
