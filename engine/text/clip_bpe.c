/* SPDX-License-Identifier: Apache-2.0
 *
 * CLIP's tokenizer, as transformers' fast one: NFC, white space to single blanks, lower case, then
 * words, single numbers and stretches of the rest. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>

#define CLIP_BEGIN "<|startoftext|>"
#define CLIP_END "<|endoftext|>"

typedef struct ClipTokenizer {
    Tokenizer base; /* first */
    Bpe *bpe;
    Specials normal; /* those that are found in normalised text: the published files say so */
} ClipTokenizer;

static void add_lower(Str *out, int32_t c, bool *blank)
{
    int32_t lower[2];
    if (text_kind(c) == CHAR_SPACE) {
        if (!*blank) mel_str_add_char(out, ' ');
        *blank = true;
        return;
    }
    *blank = false;
    int count = text_lower(c, lower);
    for (int i = 0; i < count; i++)
        text_add_char(out, lower[i]);
}

static void normalise(const char *text, size_t n, Encoding *out)
{
    bool blank = false;
    mel_str_reset(&out->normal);
    if (text_is_ascii(text, n)) {
        for (size_t i = 0; i < n; i++)
            add_lower(&out->normal, text[i], &blank);
        return;
    }
    size_t count = text_compose(text, n, out);
    for (size_t i = 0; i < count; i++)
        add_lower(&out->normal, out->points[i], &blank);
}

/* The end of the word that begins at `at`, which is no white space. */
static size_t word_end(const char *text, size_t n, size_t at)
{
    size_t next, contraction = text_contraction(text, n, at);
    if (contraction) return at + contraction;
    if (text_kind(text_char(text, n, at, &next)) == CHAR_NUMBER) return next;
    return text_kind_end(text, n, at);
}

static void encode_words(const Tokenizer *tokenizer, const char *text, size_t n, Encoding *out)
{
    const ClipTokenizer *clip = (const ClipTokenizer *)tokenizer;
    for (size_t at = 0, end; at < n; at = end) {
        end = at + 1;
        if (text[at] == ' ') continue;
        end = word_end(text, n, at);
        bpe_word(clip->bpe, text + at, end - at, out);
    }
}

static void encode(const Tokenizer *tokenizer, const char *text, size_t n, Encoding *out)
{
    const ClipTokenizer *clip = (const ClipTokenizer *)tokenizer;
    normalise(text, n, out);
    specials_split(&clip->normal, tokenizer, out->normal.text, out->normal.length, encode_words,
                   out);
}

static void free_clip(Tokenizer *tokenizer)
{
    ClipTokenizer *clip = (ClipTokenizer *)tokenizer;
    bpe_close(clip->bpe);
    free(clip);
}

bool clip_open(const Vocabulary *vocabulary, const char *merges_path, Tokenizer **out, Err *err)
{
    int32_t begin, end;
    Bpe *bpe;
    if (!vocabulary_need(vocabulary, CLIP_BEGIN, &begin, err) ||
        !vocabulary_need(vocabulary, CLIP_END, &end, err) ||
        !bpe_open(vocabulary, merges_path, "</w>", &bpe, err))
        return false;
    ClipTokenizer *clip = mel_alloc(sizeof *clip);
    clip->base = (Tokenizer){.encode = encode,
                             .free = free_clip,
                             .size = vocabulary_size(vocabulary),
                             .pad = end,
                             .begin = begin,
                             .end = end};
    clip->bpe = bpe;
    specials_add(&clip->normal, CLIP_BEGIN, begin, false);
    specials_add(&clip->base.specials, CLIP_END, end, false);
    *out = &clip->base;
    return true;
}

bool mel_tokenizer_clip(const char *vocab_path, const char *merges_path, Tokenizer **out, Err *err)
{
    Vocabulary *vocabulary = NULL;
    bool ok = vocabulary_read(vocab_path, &vocabulary, err) &&
              clip_open(vocabulary, merges_path, out, err);
    vocabulary_free(vocabulary);
    return ok;
}
