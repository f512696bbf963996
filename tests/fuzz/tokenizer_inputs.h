/* SPDX-License-Identifier: Apache-2.0
 *
 * What fuzz_spiece and fuzz_bpe make of their input, so that tests can replay a corpus: refused
 * with a sentence, or it tokenizes. The first byte chooses what the input is put into. */
#ifndef MEL_TESTS_TOKENIZER_INPUTS_H
#define MEL_TESTS_TOKENIZER_INPUTS_H

#include "engine/text/charsmap.h"
#include "engine/text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char fuzz_text[] = "a \xEF\xBD\x86\xCC\x81 \xE2\x91\xA0</s> b<extra_id_3> It's 12";

/* A file in memory with these bytes; its path. which: 0 or 1, two may be there at once. */
static inline const char *fuzz_file(int which, const void *data, size_t size)
{
    static int fds[2] = {-1, -1};
    static char paths[2][40];
    if (fds[which] < 0) {
        fds[which] = memfd_create("fuzz", MFD_CLOEXEC);
        MEL_ASSERT(fds[which] >= 0);
        snprintf(paths[which], sizeof paths[which], "/proc/self/fd/%d", fds[which]);
    }
    MEL_ASSERT(ftruncate(fds[which], 0) == 0);
    MEL_ASSERT(pwrite(fds[which], data, size, 0) == (ssize_t)size);
    return paths[which];
}

static inline void fuzz_tokenize(bool opened, Tokenizer *t, const Err *err)
{
    enum { IDS = 64 };
    int32_t ids[IDS];
    if (!opened) {
        MEL_ASSERT(err->code && err->message[0]);
        return;
    }
    int count = mel_tokenize(t, fuzz_text, ids, IDS);
    for (int i = 0; i < count; i++)
        MEL_ASSERT(ids[i] >= 0 && ids[i] < mel_tokenizer_size(t));
    mel_tokenizer_close(t);
}

/* Odd: a normaliser's table. Even: a model. */
static inline void fuzz_spiece_input(const uint8_t *data, size_t size)
{
    Err err = {0};
    Tokenizer *t = NULL;
    Charsmap *map;
    Str out = {0};
    if (size < 1) return;
    if (data[0] % 2 == 0) {
        bool ok = mel_tokenizer_t5(fuzz_file(0, data + 1, size - 1), &t, &err);
        fuzz_tokenize(ok, t, &err);
    } else if (charsmap_open(data + 1, size - 1, &map, &err)) {
        charsmap_normalise(map, fuzz_text, strlen(fuzz_text), &out);
        MEL_ASSERT(mel_utf8_valid(mel_str_text(&out), out.length));
        charsmap_close(map);
    }
    mel_str_clear(&out);
}

/* A vocabulary that every merge may be made of: the bytes as GPT-2 spells them, with and without
 * "</w>", the tokens that the models want, and a few longer pieces. */
static inline char *fuzz_vocabulary(void)
{
    static const char *const names[] = {"<|startoftext|>",
                                        "<|endoftext|>",
                                        "<s>",
                                        "</s>",
                                        "<pad>",
                                        "<unk>",
                                        "<mask>",
                                        "ab",
                                        "bc",
                                        "abc",
                                        "abc</w>",
                                        "it</w>",
                                        "its",
                                        "12",
                                        "aa",
                                        "aaaa"};
    json_t *object = json_object();
    int id = 0, other = 0x100;
    for (int byte = 0; byte < 256; byte++) {
        bool seen = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
        int point = seen ? byte : other++;
        char piece[16];
        int n = point < 0x80 ? snprintf(piece, sizeof piece, "%c", point)
                             : snprintf(piece, sizeof piece, "%c%c", 0xC0 | point >> 6,
                                        0x80 | (point & 0x3F));
        json_object_set_new(object, piece, json_integer(id++));
        snprintf(piece + n, sizeof piece - (size_t)n, "</w>");
        json_object_set_new(object, piece, json_integer(id++));
    }
    for (size_t i = 0; i < MEL_COUNT(names); i++)
        json_object_set_new(object, names[i], json_integer(id++));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

/* 0: a vocabulary with no merges. 1, 2: the merges of a CLIP, of a RoBERTa. */
static inline void fuzz_bpe_input(const uint8_t *data, size_t size)
{
    static char *vocabulary;
    Err err = {0};
    Tokenizer *t = NULL;
    if (size < 1) return;
    if (!vocabulary) vocabulary = fuzz_vocabulary();
    bool own = data[0] % 3 == 0;
    const char *vocab =
        own ? fuzz_file(0, data + 1, size - 1) : fuzz_file(0, vocabulary, strlen(vocabulary));
    const char *merges =
        own ? fuzz_file(1, "#version: 0.2\n", 14) : fuzz_file(1, data + 1, size - 1);
    bool ok = data[0] % 3 == 2 ? mel_tokenizer_roberta(vocab, merges, &t, &err)
                               : mel_tokenizer_clip(vocab, merges, &t, &err);
    fuzz_tokenize(ok, t, &err);
}

#endif
