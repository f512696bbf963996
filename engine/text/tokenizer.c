/* SPDX-License-Identifier: Apache-2.0
 *
 * What all tokenizers do alike: special tokens, cutting to a length, finding the files. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- special tokens ------------------------------------------------------------------------- */

void specials_add(Specials *specials, const char *text, int32_t id, bool takes_left)
{
    MEL_ASSERT(specials->count < SPECIALS_MAX);
    Special *special = &specials->items[specials->count++];
    special->length = strlen(text);
    MEL_ASSERT(special->length > 0 && special->length < sizeof special->text);
    memcpy(special->text, text, special->length);
    special->id = id;
    special->takes_left = takes_left;
    specials->begins[(unsigned char)text[0]] = true;
}

/* The longest special token at `at`, or NULL. */
static const Special *special_at(const Specials *specials, const char *text, size_t n, size_t at)
{
    const Special *best = NULL;
    for (int i = 0; i < specials->count; i++) {
        const Special *s = &specials->items[i];
        if (n - at >= s->length && memcmp(text + at, s->text, s->length) == 0 &&
            (!best || s->length > best->length))
            best = s;
    }
    return best;
}

/* Where the white space before `at` begins, not before `from`. */
static size_t space_begin(const char *text, size_t from, size_t at)
{
    size_t begin = from, next;
    for (size_t i = from; i < at; i = next)
        if (text_kind(text_char(text, at, i, &next)) != CHAR_SPACE) begin = next;
    return begin;
}

void specials_split(const Specials *specials, const Tokenizer *tokenizer, const char *text,
                    size_t n, EncodeFn *rest, Encoding *out)
{
    size_t from = 0;
    for (size_t at = 0; at < n;) {
        const Special *special =
            specials->begins[(unsigned char)text[at]] ? special_at(specials, text, n, at) : NULL;
        if (!special) {
            at++;
            continue;
        }
        size_t end = special->takes_left ? space_begin(text, from, at) : at;
        if (end > from) rest(tokenizer, text + from, end - from, out);
        encoding_add(out, special->id);
        from = at += special->length;
    }
    if (n > from) rest(tokenizer, text + from, n - from, out);
}

/* ---- a text --------------------------------------------------------------------------------- */

/* The text with what is not UTF-8 as U+FFFD; yours to free. */
static char *clean(const char *text, size_t n, size_t *clean_n)
{
    Str out = {0};
    size_t next;
    for (size_t at = 0; at < n; at = next)
        text_add_char(&out, text_char(text, n, at, &next));
    *clean_n = out.length;
    return mel_str_take(&out);
}

static void encoding_clear(Encoding *e)
{
    mel_str_clear(&e->normal);
    mel_str_clear(&e->words);
    free(e->ids);
    free(e->points);
    free(e->symbols);
    free(e->heap);
    free(e->ways);
}

int mel_tokenize(const Tokenizer *tokenizer, const char *text, int32_t *ids, int max_ids)
{
    Encoding e = {0};
    size_t n = strlen(text);
    if (max_ids <= 0) return 0;
    char *cleaned = mel_utf8_valid(text, n) ? NULL : clean(text, n, &n);
    if (tokenizer->begin >= 0) encoding_add(&e, tokenizer->begin);
    specials_split(&tokenizer->specials, tokenizer, cleaned ? cleaned : text, n, tokenizer->encode,
                   &e);
    if (e.count >= (size_t)max_ids) e.count = (size_t)max_ids - 1;
    encoding_add(&e, tokenizer->end);
    int count = (int)e.count;
    memcpy(ids, e.ids, e.count * sizeof *ids);
    free(cleaned);
    encoding_clear(&e);
    return count;
}

int32_t mel_tokenizer_size(const Tokenizer *tokenizer)
{
    return tokenizer->size;
}

int32_t mel_tokenizer_pad(const Tokenizer *tokenizer)
{
    return tokenizer->pad;
}

void mel_tokenizer_close(Tokenizer *tokenizer)
{
    if (tokenizer) tokenizer->free(tokenizer);
}

/* ---- a folder ------------------------------------------------------------------------------- */

/* CLIP pads with its end, but Stable Diffusion 2's with "!", which then is a special token. */
static bool read_pad(Tokenizer *tokenizer, const Vocabulary *vocabulary, const char *path, Err *err)
{
    enum { MAP_BYTES_MAX = 64 << 10 };
    if (!mel_path_exists(path)) return true;
    json_t *map = mel_json_load(path, MAP_BYTES_MAX, err);
    if (!map) return false;
    const json_t *entry = json_object_get(map, "pad_token");
    const char *text =
        json_string_value(json_is_object(entry) ? json_object_get(entry, "content") : entry);
    int32_t id = text ? vocabulary_find(vocabulary, text, strlen(text)) : tokenizer->pad;
    bool ok = id >= 0 && (!text || strlen(text) < sizeof tokenizer->specials.items[0].text);
    if (!ok)
        mel_err(err, ERR_FORMAT, "'%s': the pad_token '%.40s' is not in the vocabulary", path,
                text);
    if (ok && id != tokenizer->pad) {
        specials_add(&tokenizer->specials, text, id, false);
        tokenizer->pad = id;
    }
    json_decref(map);
    return ok;
}

/* CLIP or RoBERTa: the vocabulary's special tokens tell. */
static bool open_bpe(const char *vocab, const char *merges, const char *map, Tokenizer **out,
                     Err *err)
{
    Vocabulary *vocabulary = NULL;
    Tokenizer *tokenizer = NULL;
    bool ok = false;
    if (!vocabulary_read(vocab, &vocabulary, err)) return false;
    if (vocabulary_find(vocabulary, "<|startoftext|>", 15) >= 0)
        ok = clip_open(vocabulary, merges, &tokenizer, err) &&
             read_pad(tokenizer, vocabulary, map, err);
    else if (vocabulary_find(vocabulary, "<mask>", 6) >= 0)
        ok = roberta_open(vocabulary, merges, &tokenizer, err);
    else
        mel_err(err, ERR_FORMAT, "'%s' has neither CLIP's <|startoftext|> nor RoBERTa's <mask>",
                vocab);
    vocabulary_free(vocabulary);
    if (ok)
        *out = tokenizer;
    else
        mel_tokenizer_close(tokenizer);
    return ok;
}

/* False without an error when the folder has no vocabulary. */
static bool open_in(const char *folder, Tokenizer **out, Err *err)
{
    char *spiece = mel_path_join(folder, "spiece.model");
    char *vocab = mel_path_join(folder, "vocab.json");
    char *merges = mel_path_join(folder, "merges.txt");
    char *map = mel_path_join(folder, "special_tokens_map.json");
    bool ok = false;
    if (mel_path_exists(spiece))
        ok = mel_tokenizer_t5(spiece, out, err);
    else if (mel_path_exists(vocab))
        ok = open_bpe(vocab, merges, map, out, err);
    free(spiece);
    free(vocab);
    free(merges);
    free(map);
    return ok;
}

bool mel_tokenizer_open(const char *folder, Tokenizer **out, Err *err)
{
    char *below = mel_path_join(folder, "tokenizer");
    bool ok = open_in(folder, out, err);
    if (!ok && !mel_err_is_set(err)) ok = open_in(below, out, err);
    if (!ok && !mel_err_is_set(err)) {
        mel_err(err, ERR_NOT_FOUND, "'%s' holds no vocabulary", folder);
        mel_err_hint(err, "wanted there or in its folder tokenizer: spiece.model, or vocab.json "
                          "with merges.txt");
    }
    free(below);
    return ok;
}
