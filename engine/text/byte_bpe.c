/* SPDX-License-Identifier: Apache-2.0
 *
 * RoBERTa's tokenizer, GPT-2's: words with the blank before them, stretches of white space but for
 * their last when a word follows. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>

typedef struct RobertaTokenizer {
    Tokenizer base; /* first */
    Bpe *bpe;
} RobertaTokenizer;

/* Of white space all but the last character, when something follows. */
static size_t space_end(const char *text, size_t n, size_t at)
{
    size_t end = text_kind_end(text, n, at), last = at, next = at;
    if (end == n) return end;
    while (next < end) {
        last = next;
        text_char(text, n, next, &next);
    }
    return last > at ? last : end;
}

static size_t word_end(const char *text, size_t n, size_t at)
{
    size_t next, after, contraction = text_contraction(text, n, at);
    if (contraction) return at + contraction;
    if (text_kind(text_char(text, n, at, &next)) != CHAR_SPACE) return text_kind_end(text, n, at);
    if (text[at] == ' ' && next < n && text_kind(text_char(text, n, next, &after)) != CHAR_SPACE)
        return text_kind_end(text, n, next);
    return space_end(text, n, at);
}

static void encode(const Tokenizer *tokenizer, const char *text, size_t n, Encoding *out)
{
    const RobertaTokenizer *roberta = (const RobertaTokenizer *)tokenizer;
    for (size_t at = 0, end; at < n; at = end) {
        end = word_end(text, n, at);
        bpe_word(roberta->bpe, text + at, end - at, out);
    }
}

static void free_roberta(Tokenizer *tokenizer)
{
    RobertaTokenizer *roberta = (RobertaTokenizer *)tokenizer;
    bpe_close(roberta->bpe);
    free(roberta);
}

bool roberta_open(const Vocabulary *vocabulary, const char *merges_path, Tokenizer **out, Err *err)
{
    static const char *const names[] = {"<s>", "</s>", "<pad>", "<unk>", "<mask>"};
    enum { BEGIN, END, PAD, UNKNOWN, MASK, COUNT };
    int32_t ids[COUNT];
    Bpe *bpe;
    for (int i = 0; i < COUNT; i++)
        if (!vocabulary_need(vocabulary, names[i], &ids[i], err)) return false;
    if (!bpe_open(vocabulary, merges_path, "", &bpe, err)) return false;
    RobertaTokenizer *roberta = mel_alloc(sizeof *roberta);
    roberta->base = (Tokenizer){.encode = encode,
                                .free = free_roberta,
                                .size = vocabulary_size(vocabulary),
                                .pad = ids[PAD],
                                .begin = ids[BEGIN],
                                .end = ids[END]};
    roberta->bpe = bpe;
    for (int i = 0; i < COUNT; i++)
        specials_add(&roberta->base.specials, names[i], ids[i], i == MASK);
    *out = &roberta->base;
    return true;
}

bool mel_tokenizer_roberta(const char *vocab_path, const char *merges_path, Tokenizer **out,
                           Err *err)
{
    Vocabulary *vocabulary = NULL;
    bool ok = vocabulary_read(vocab_path, &vocabulary, err) &&
              roberta_open(vocabulary, merges_path, out, err);
    vocabulary_free(vocabulary);
    return ok;
}
