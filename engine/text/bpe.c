/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte-pair encoding (Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with
 * Subword Units", 2016): the neighbours that were merged earliest in training are merged first, the
 * leftmost of equals. A heap of neighbours keeps a word of n bytes at n log n. */
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

/* Two ids and what they become; the table is open-addressed. */
typedef struct Merge {
    int32_t left, right, result, rank;
} Merge;

struct Bpe {
    Merge *merges;
    size_t merge_slots; /* a power of two; rank -1 is free */
    int32_t bytes[256]; /* the piece of each byte */
    int32_t ends[256];  /* and at the end of a word */
};

/* ---- merges --------------------------------------------------------------------------------- */

/* GPT-2 spells bytes as characters that can be seen: those that can, as themselves, the others from
 * U+0100 on in order. */
static bool find_bytes(Bpe *bpe, const Vocabulary *vocabulary, const char *word_end, Err *err)
{
    Str text = {0};
    bool ok = true;
    int32_t next = 0x100;
    for (int byte = 0; byte < 256 && ok; byte++) {
        bool seen = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
        mel_str_reset(&text);
        text_add_char(&text, seen ? byte : next++);
        ok = vocabulary_need(vocabulary, text.text, &bpe->bytes[byte], err);
        mel_str_add(&text, word_end);
        ok = ok && vocabulary_need(vocabulary, text.text, &bpe->ends[byte], err);
    }
    mel_str_clear(&text);
    return ok;
}

/* The merge of two neighbours, or the free slot for it. */
static Merge *find_merge(const Bpe *bpe, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t slot = (size_t)(key * 0x9E3779B97F4A7C15U >> 32) & (bpe->merge_slots - 1);
    while (bpe->merges[slot].rank >= 0 &&
           (bpe->merges[slot].left != left || bpe->merges[slot].right != right))
        slot = (slot + 1) & (bpe->merge_slots - 1);
    return &bpe->merges[slot];
}

/* One line, "left right"; joined is room for both. */
static bool add_merge(Bpe *bpe, const Vocabulary *vocabulary, const char *line, int32_t rank,
                      Str *joined, Err *err)
{
    const char *space = strchr(line, ' ');
    if (!space || space == line || !space[1] || strchr(space + 1, ' '))
        return mel_err(err, ERR_FORMAT, "merge %d is not two pieces", rank + 1);
    size_t left_length = (size_t)(space - line), right_length = strlen(space + 1);
    mel_str_reset(joined);
    mel_str_add_bytes(joined, line, left_length);
    mel_str_add(joined, space + 1);
    Merge new = {.left = vocabulary_find(vocabulary, line, left_length),
                 .right = vocabulary_find(vocabulary, space + 1, right_length),
                 .result = vocabulary_find(vocabulary, joined->text, joined->length),
                 .rank = rank};
    if (new.left < 0 || new.right < 0 || new.result < 0)
        return mel_err(err, ERR_FORMAT, "merge %d, '%.80s', has a piece that vocab.json lacks",
                       rank + 1, line);
    Merge *merge = find_merge(bpe, new.left, new.right);
    if (merge->rank >= 0)
        return mel_err(err, ERR_FORMAT, "merge %d, '%.80s', is merge %d again", rank + 1, line,
                       merge->rank + 1);
    *merge = new;
    return true;
}

static void make_table(Bpe *bpe, const char *text, size_t n)
{
    size_t lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n' || text[i] == '\r';
    for (bpe->merge_slots = 64; bpe->merge_slots < 2 * lines;)
        bpe->merge_slots *= 2;
    bpe->merges = mel_alloc(bpe->merge_slots * sizeof *bpe->merges);
    for (size_t i = 0; i < bpe->merge_slots; i++)
        bpe->merges[i].rank = -1;
}

static bool read_merges(Bpe *bpe, const Vocabulary *vocabulary, char *text, size_t n, Err *err)
{
    Str joined = {0};
    char *save = NULL;
    int32_t rank = 0;
    bool ok = true;
    if (!mel_utf8_valid(text, n)) return mel_err(err, ERR_FORMAT, "it is not UTF-8 text");
    make_table(bpe, text, n);
    if (mel_starts_with(text, "#version")) text += strcspn(text, "\r\n");
    for (char *line = strtok_r(text, "\r\n", &save); ok && line;
         line = strtok_r(NULL, "\r\n", &save)) {
        if (rank == VOCABULARY_MAX)
            ok = mel_err(err, ERR_LIMIT, "it has more than %d merges", VOCABULARY_MAX);
        ok = ok && add_merge(bpe, vocabulary, line, rank++, &joined, err);
    }
    mel_str_clear(&joined);
    return ok;
}

bool bpe_open(const Vocabulary *vocabulary, const char *merges_path, const char *word_end,
              Bpe **out, Err *err)
{
    bool ok = false;
    char *text = NULL;
    size_t n;
    Bpe *bpe = mel_alloc(sizeof *bpe);
    if (!find_bytes(bpe, vocabulary, word_end, err)) goto out;
    if (!mel_read_file(merges_path, VOCABULARY_BYTES_MAX, &text, &n, err)) goto out;
    ok = read_merges(bpe, vocabulary, text, n, err);
    if (!ok) mel_err_wrap(err, "'%s'", merges_path);
out:
    free(text);
    if (ok)
        *out = bpe;
    else
        bpe_close(bpe);
    return ok;
}

void bpe_close(Bpe *bpe)
{
    if (!bpe) return;
    free(bpe->merges);
    free(bpe);
}

/* ---- a word --------------------------------------------------------------------------------- */

/* A piece of the word, in a list. */
typedef struct Symbol {
    int64_t left, right; /* -1 at the ends */
    int32_t id;          /* -1 once it is part of its left neighbour */
} Symbol;

/* Two neighbours that may merge. */
typedef struct Candidate {
    int64_t at; /* the left one */
    int32_t rank, result;
} Candidate;

static bool goes_first(const Candidate *a, const Candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(Encoding *e, Candidate item)
{
    if (e->heap_count == e->heap_capacity)
        mel_grow(&e->heap, &e->heap_capacity, e->heap_count + 1, sizeof *e->heap);
    size_t i = e->heap_count++;
    while (i > 0 && goes_first(&item, &e->heap[(i - 1) / 2])) {
        e->heap[i] = e->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    e->heap[i] = item;
}

static Candidate heap_pop(Encoding *e)
{
    Candidate first = e->heap[0], last = e->heap[--e->heap_count];
    size_t i = 0;
    while (2 * i + 1 < e->heap_count) {
        size_t child = 2 * i + 1;
        if (child + 1 < e->heap_count && goes_first(&e->heap[child + 1], &e->heap[child])) child++;
        if (!goes_first(&e->heap[child], &last)) break;
        e->heap[i] = e->heap[child];
        i = child;
    }
    e->heap[i] = last;
    return first;
}

static void consider(const Bpe *bpe, int64_t at, Encoding *e)
{
    const Symbol *left = &e->symbols[at];
    const Merge *merge = find_merge(bpe, left->id, e->symbols[left->right].id);
    if (merge->rank >= 0)
        heap_push(e, (Candidate){.at = at, .rank = merge->rank, .result = merge->result});
}

/* A candidate is taken when its neighbours, which may have grown since, still become the same: a
 * rank that is no longer theirs counts then, as in the fast tokenizers. */
static void merge_all(const Bpe *bpe, Encoding *e)
{
    while (e->heap_count) {
        Candidate c = heap_pop(e);
        Symbol *left = &e->symbols[c.at];
        if (left->id < 0 || left->right < 0) continue;
        Symbol *right = &e->symbols[left->right];
        const Merge *merge = find_merge(bpe, left->id, right->id);
        if (merge->rank < 0 || merge->result != c.result) continue;
        left->id = c.result;
        left->right = right->right;
        right->id = -1;
        if (left->right >= 0) e->symbols[left->right].left = c.at;
        if (left->left >= 0) consider(bpe, left->left, e);
        if (left->right >= 0) consider(bpe, c.at, e);
    }
}

void bpe_word(const Bpe *bpe, const char *bytes, size_t n, Encoding *out)
{
    MEL_ASSERT(n > 0);
    if (out->symbol_capacity < n)
        mel_grow(&out->symbols, &out->symbol_capacity, n, sizeof *out->symbols);
    for (size_t i = 0; i < n; i++)
        out->symbols[i] = (Symbol){.left = (int64_t)i - 1,
                                   .right = (int64_t)i + 1,
                                   .id = bpe->bytes[(unsigned char)bytes[i]]};
    out->symbols[n - 1].right = -1;
    out->symbols[n - 1].id = bpe->ends[(unsigned char)bytes[n - 1]];
    for (size_t i = 0; i + 1 < n; i++)
        consider(bpe, (int64_t)i, out);
    merge_all(bpe, out);
    for (int64_t i = 0; i >= 0; i = out->symbols[i].right)
        encoding_add(out, out->symbols[i].id);
}
