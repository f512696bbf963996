/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside engine/text: the parts that tokenizers are made of. */
#ifndef MEL_ENGINE_TOKENIZER_INTERNAL_H
#define MEL_ENGINE_TOKENIZER_INTERNAL_H

#include "engine/text/tokenizer.h"

enum {
    VOCABULARY_MAX = 1 << 20,       /* pieces, merges */
    VOCABULARY_BYTES_MAX = 8 << 20, /* of a file */
};

/* What one call of mel_tokenize grows: the ids, and memory that its steps use again. All of it is
 * freed with free(). */
typedef struct Encoding {
    int32_t *ids;
    size_t count, capacity;
    Str normal; /* the normalised text */
    Str words;  /* and how the words are cut from it */
    int32_t *points;
    size_t point_capacity;
    struct Symbol *symbols; /* bpe.c */
    size_t symbol_capacity;
    struct Candidate *heap;
    size_t heap_count, heap_capacity;
    struct Way *ways; /* unigram.c */
    size_t way_capacity;
} Encoding;

static inline void encoding_add(Encoding *e, int32_t id)
{
    if (e->count == e->capacity) mel_grow(&e->ids, &e->capacity, e->count + 1, sizeof *e->ids);
    e->ids[e->count++] = id;
}

/* ---- tokenizer.c ---------------------------------------------------------------------------- */

/* A token that is found in a text before the text is cut into pieces. */
typedef struct Special {
    char text[32];
    size_t length;
    int32_t id;
    bool takes_left; /* white space before it belongs to it */
} Special;

enum { SPECIALS_MAX = 104 };

typedef struct Specials {
    Special items[SPECIALS_MAX];
    int count;
    bool begins[256]; /* the first bytes */
} Specials;

void specials_add(Specials *specials, const char *text, int32_t id, bool takes_left);

/* Adds the ids of a stretch of text. */
typedef void EncodeFn(const Tokenizer *tokenizer, const char *text, size_t n, Encoding *out);

/* The leftmost, of them the longest, special tokens get their ids, what is between them goes to
 * `rest`; never empty. */
void specials_split(const Specials *specials, const Tokenizer *tokenizer, const char *text,
                    size_t n, EncodeFn *rest, Encoding *out);

struct Tokenizer {
    EncodeFn *encode; /* of text without the specials */
    void (*free)(Tokenizer *tokenizer);
    int32_t size, pad, begin, end; /* begin: -1 for none */
    Specials specials;
};

/* ---- vocabulary.c --------------------------------------------------------------------------- */

/* vocab.json: pieces with the ids 0 … size-1. */
typedef struct Vocabulary Vocabulary;

MEL_MUST_CHECK bool vocabulary_read(const char *path, Vocabulary **out, Err *err);
void vocabulary_free(Vocabulary *vocabulary); /* NULL is fine */
int32_t vocabulary_size(const Vocabulary *vocabulary);
int32_t vocabulary_find(const Vocabulary *vocabulary, const char *text, size_t n); /* or -1 */

/* The id of a token that must be there; false and an error that names the file. */
MEL_MUST_CHECK bool vocabulary_need(const Vocabulary *vocabulary, const char *text, int32_t *id,
                                    Err *err);

/* ---- bpe.c ---------------------------------------------------------------------------------- */

/* Byte-pair encoding of words as bytes. */
typedef struct Bpe Bpe;

/* Pieces and merges spell bytes as GPT-2 does. word_end is what a word's last piece ends in, or "".
 * The vocabulary is borrowed for the call. */
MEL_MUST_CHECK bool bpe_open(const Vocabulary *vocabulary, const char *merges_path,
                             const char *word_end, Bpe **out, Err *err);
void bpe_close(Bpe *bpe); /* NULL is fine */
void bpe_word(const Bpe *bpe, const char *bytes, size_t n, Encoding *out);

/* ---- clip_bpe.c, byte_bpe.c ----------------------------------------------------------------- */

/* From a vocabulary that is borrowed for the call. */
MEL_MUST_CHECK bool clip_open(const Vocabulary *vocabulary, const char *merges_path,
                              Tokenizer **out, Err *err);
MEL_MUST_CHECK bool roberta_open(const Vocabulary *vocabulary, const char *merges_path,
                                 Tokenizer **out, Err *err);

/* ---- unicode.c ------------------------------------------------------------------------------ */

typedef enum CharKind { CHAR_SPACE, CHAR_LETTER, CHAR_NUMBER, CHAR_OTHER } CharKind;

/* The character at `at` (U+FFFD for a byte that begins none), and where the next begins. */
int32_t text_char(const char *text, size_t n, size_t at, size_t *next);
void text_add_char(Str *out, int32_t codepoint);
CharKind text_kind(int32_t codepoint);
bool text_is_ascii(const char *text, size_t n);

/* The lower case of a character by itself: one or two code points. Returns how many. */
int text_lower(int32_t codepoint, int32_t lower[2]);

/* NFC (Unicode Standard Annex 15); the code points go to out->points. Returns how many. */
size_t text_compose(const char *text, size_t n, Encoding *out);

/* The length of an English contraction ('s 't 're 've 'm 'll 'd) at `at`, or 0. */
size_t text_contraction(const char *text, size_t n, size_t at);

/* The end of the stretch of one kind that begins at `at`. */
size_t text_kind_end(const char *text, size_t n, size_t at);

#endif
