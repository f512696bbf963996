/* SPDX-License-Identifier: Apache-2.0
 *
 * T5's tokenizer, as transformers' fast one for FLAN-T5: the precompiled normaliser, stretches of
 * blanks to one, "▁" for a blank and before everything, the unigram model for each word. */
#include "engine/text/charsmap.h"
#include "engine/text/spiece.h"
#include "engine/text/unigram.h"

#include <stdlib.h>
#include <string.h>

enum { EXTRA_IDS = 100 };

static const char blank[] = "\xE2\x96\x81"; /* ▁, U+2581 */

typedef struct T5Tokenizer {
    Tokenizer base;     /* first */
    Charsmap *charsmap; /* NULL for none */
    Unigram *unigram;
} T5Tokenizer;

static bool blank_at(const char *text, size_t n, size_t at)
{
    return n - at >= 3 && memcmp(text + at, blank, 3) == 0;
}

/* Blanks to "▁", stretches of them to one, one before everything. */
static void mark_blanks(const Str *text, Str *out)
{
    mel_str_reset(out);
    if (text->text[0] != ' ' && !blank_at(text->text, text->length, 0)) mel_str_add(out, blank);
    for (size_t i = 0; i < text->length; i++) {
        if (text->text[i] != ' ')
            mel_str_add_char(out, text->text[i]);
        else if (i == 0 || text->text[i - 1] != ' ')
            mel_str_add(out, blank);
    }
}

static void encode(const Tokenizer *tokenizer, const char *text, size_t n, Encoding *out)
{
    const T5Tokenizer *t = (const T5Tokenizer *)tokenizer;
    mel_str_reset(&out->normal);
    if (t->charsmap)
        charsmap_normalise(t->charsmap, text, n, &out->normal);
    else
        mel_str_add_bytes(&out->normal, text, n);
    if (out->normal.length == 0) return;
    mark_blanks(&out->normal, &out->words);
    const Str *words = &out->words;
    for (size_t at = 0, end; at < words->length; at = end) {
        for (end = at + 1; end < words->length && !blank_at(words->text, words->length, end);)
            end++;
        unigram_word(t->unigram, words->text + at, end - at, out);
    }
}

static void free_t5(Tokenizer *tokenizer)
{
    T5Tokenizer *t = (T5Tokenizer *)tokenizer;
    charsmap_close(t->charsmap);
    unigram_close(t->unigram);
    free(t);
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool open_unigram(const SpieceModel *model, Unigram **out, Err *err)
{
    Arena arena = {0};
    size_t count = model->count + EXTRA_IDS;
    UnigramPiece *pieces = mel_alloc(count * sizeof *pieces);
    for (size_t i = 0; i < model->count; i++)
        pieces[i] = (UnigramPiece){.text = model->pieces[i].text, .score = model->pieces[i].score};
    for (int i = 0; i < EXTRA_IDS; i++)
        pieces[count - 1 - (size_t)i].text = mel_arena_printf(&arena, "<extra_id_%d>", i);
    bool ok = unigram_open(pieces, (int32_t)count, (int32_t)model->unknown, out, err);
    mel_arena_clear(&arena);
    free(pieces);
    return ok;
}

static bool find_specials(T5Tokenizer *t, Err *err)
{
    static const char *const names[] = {"</s>", "<pad>", "<unk>"};
    int32_t ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = unigram_find(t->unigram, names[i]);
        if (ids[i] < 0) return mel_err(err, ERR_FORMAT, "there is no piece '%s'", names[i]);
        specials_add(&t->base.specials, names[i], ids[i], false);
    }
    t->base.begin = -1;
    t->base.end = ids[0];
    t->base.pad = ids[1];
    for (int i = 0; i < EXTRA_IDS; i++) {
        char text[32];
        snprintf(text, sizeof text, "<extra_id_%d>", i);
        specials_add(&t->base.specials, text, t->base.size - 1 - i, false);
    }
    return true;
}

static bool open_parts(T5Tokenizer *t, const char *bytes, size_t n, Err *err)
{
    SpieceModel model = {0};
    if (!spiece_read(bytes, n, &model, err)) return false;
    t->base.size = (int32_t)model.count + EXTRA_IDS;
    bool ok = open_unigram(&model, &t->unigram, err) && find_specials(t, err);
    if (ok && model.charsmap)
        ok = charsmap_open(model.charsmap, model.charsmap_size, &t->charsmap, err);
    spiece_clear(&model);
    return ok;
}

bool mel_tokenizer_t5(const char *model_path, Tokenizer **out, Err *err)
{
    char *bytes;
    size_t n;
    if (!mel_read_file(model_path, VOCABULARY_BYTES_MAX, &bytes, &n, err)) return false;
    T5Tokenizer *t = mel_alloc(sizeof *t);
    t->base.encode = encode;
    t->base.free = free_t5;
    bool ok = open_parts(t, bytes, n, err);
    free(bytes);
    if (ok) {
        *out = &t->base;
    } else {
        mel_err_wrap(err, "'%s'", model_path);
        free_t5(&t->base);
    }
    return ok;
}
