/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as what diffusion models see of them: the states of a text encoder, one for each token.
 * FLAN-T5 (TANGO's), or CLIP's text tower (Stable Diffusion's). */
#ifndef MEL_ENGINE_TEXT_STATES_H
#define MEL_ENGINE_TEXT_STATES_H

#include "engine/tensor.h"

typedef struct TextStates TextStates;

/* Opens folder/part (config.json, weights, and the tokenizer's files there, in its "tokenizer" or
 * in folder/tokenizer_part). Texts are cut to `tokens`, or what the encoder knows if that is less.
 * Strict as towers are. */
MEL_MUST_CHECK bool mel_text_states_open(const char *folder, const char *part,
                                         const char *tokenizer_part, int64_t tokens,
                                         DType float_type, TextStates **out, Err *err);
void mel_text_states_close(TextStates *states); /* NULL is fine */

int64_t mel_text_states_width(const TextStates *states);
int64_t mel_text_states_tokens(const TextStates *states); /* at most */
const char *mel_text_states_sha256(const TextStates *states);

/* out [tokens, width]: behind the text's own tokens, *length of them, are those of padding. */
MEL_MUST_CHECK bool mel_text_states(TextStates *states, const char *text, float *out,
                                    int32_t *length, Err *err);

#endif
