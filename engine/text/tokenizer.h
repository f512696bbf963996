/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokenizers, from the vocabulary files that are published with the models; the ids are those of
 * the "fast" tokenizers of transformers. Text is UTF-8 without NUL; each byte that is not part of a
 * character is taken as U+FFFD. The models' special tokens, such as "</s>", are found in a text. */
#ifndef MEL_ENGINE_TOKENIZER_H
#define MEL_ENGINE_TOKENIZER_H

#include "base/base.h"

/* Does not change once it is open: threads may share it. */
typedef struct Tokenizer Tokenizer;

/* All that open one: NULL stays in *out on an error, else it is yours to close. ERR_FORMAT for
 * files that are not what they should be, ERR_LIMIT for ones that are far too big, ERR_IO for ones
 * that cannot be read; the message names the file.
 *
 * CLIP: lower-cased BPE with "</w>", from vocab.json and merges.txt. begin 49406, end 49407 (in the
 * published vocabulary). */
MEL_MUST_CHECK bool mel_tokenizer_clip(const char *vocab_path, const char *merges_path,
                                       Tokenizer **out, Err *err);

/* T5: SentencePiece unigram with its precompiled normaliser, from spiece.model. Ends in "</s>".
 * Further pieces "<extra_id_99>" … "<extra_id_0>" follow those of the file. */
MEL_MUST_CHECK bool mel_tokenizer_t5(const char *model_path, Tokenizer **out, Err *err);

/* RoBERTa: byte-level BPE, from vocab.json and merges.txt. "<s>" … "</s>". */
MEL_MUST_CHECK bool mel_tokenizer_roberta(const char *vocab_path, const char *merges_path,
                                          Tokenizer **out, Err *err);

/* Finds the vocabulary files of one of the three in a folder of the hub's layout or in its
 * "tokenizer"; of a CLIP it also reads which token pads (special_tokens_map.json). ERR_NOT_FOUND
 * when neither holds a vocabulary. */
MEL_MUST_CHECK bool mel_tokenizer_open(const char *folder, Tokenizer **out, Err *err);
void mel_tokenizer_close(Tokenizer *tokenizer); /* NULL is fine */

int32_t mel_tokenizer_size(const Tokenizer *tokenizer); /* ids are 0 … size-1 */
int32_t mel_tokenizer_pad(const Tokenizer *tokenizer);

/* The ids of `text` with what the model wants around them, at most max_ids (the end is kept when
 * the text is cut). ids: room for max_ids. Returns how many there are, from 1 if max_ids is; none
 * is added for padding. */
int mel_tokenize(const Tokenizer *tokenizer, const char *text, int32_t *ids, int max_ids);

#endif
