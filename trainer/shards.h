/* SPDX-License-Identifier: Apache-2.0
 *
 * Training shards: a split, encoded once. A folder of safetensors files, each with some items'
 * arrays one after the other ("wave" [n, 163840], …), and index.json, which names every item, array
 * and file with its SHA-256. They are mapped, not read. */
#ifndef MEL_TRAINER_SHARDS_H
#define MEL_TRAINER_SHARDS_H

#include "engine/engine.h"

typedef struct Shards Shards;

/* Checks everything: the index, each file's size, hash and arrays. ERR_FORMAT names what is torn,
 * missing or mixed up. */
MEL_MUST_CHECK bool mel_shards_open(const char *folder, Shards **out, Err *err);
void mel_shards_close(Shards *shards); /* NULL is fine */

int64_t mel_shards_count(const Shards *shards);
const char *mel_shards_key(const Shards *shards, int64_t item);  /* of its clip */
const char *mel_shards_text(const Shards *shards, int64_t item); /* its caption; never NULL */
const json_t *mel_shards_index(const Shards *shards);            /* all of index.json */

/* The number of an array, or -1 with an error that says how to make it. */
int mel_shards_array(const Shards *shards, const char *name, Err *err);
/* One item's type and shape, the same for all. */
const Tensor *mel_shards_form(const Shards *shards, int array);
/* One item's numbers, as floats, into out; or where they lie, in the array's type. */
void mel_shards_floats(const Shards *shards, int array, int64_t item, float *out);
const void *mel_shards_data(const Shards *shards, int array, int64_t item);

/* An array that all items share ("null_text", …), of constants.safetensors; NULL with an error when
 * there is none of that name. */
const CheckpointTensor *mel_shards_constant(const Shards *shards, const char *name, Err *err);

/* ERR_FORMAT when the arrays of the model's `part` were made with other weights than these. */
MEL_MUST_CHECK bool mel_shards_made_with(const Shards *shards, const char *part, const char *sha256,
                                         Err *err);

#endif
