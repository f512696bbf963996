/* SPDX-License-Identifier: Apache-2.0
 *
 * Embeddings that networks have computed, kept by what went in: the model (its SHA-256, and how
 * it computes) and the content's SHA-256. A file of its own beside the store, cache/embeddings.db:
 * everything in it can be computed again, and it may be deleted. */
#ifndef MEL_DB_EMBEDDING_H
#define MEL_DB_EMBEDDING_H

#include "base/base.h"

typedef struct EmbeddingCache EmbeddingCache; /* for one thread */

/* `dataset` is the folder. Several processes may have it open. */
MEL_MUST_CHECK bool mel_embeddings_open(const char *dataset, EmbeddingCache **out, Err *err);
void mel_embeddings_close(EmbeddingCache *cache); /* NULL is fine; what was put is kept */

/* The row of `width` floats; *found is false, and `row` untouched, when there is none of that width
 * or it is damaged. side: "picture", "sound", "text". */
MEL_MUST_CHECK bool mel_embedding_get(EmbeddingCache *cache, const char *model, const char *side,
                                      const char *content_sha256, float *row, int64_t width,
                                      bool *found, Err *err);
MEL_MUST_CHECK bool mel_embedding_put(EmbeddingCache *cache, const char *model, const char *side,
                                      const char *content_sha256, const float *row, int64_t width,
                                      Err *err);

#endif
