/* SPDX-License-Identifier: Apache-2.0
 *
 * What pictures, sounds and texts are to a model: from the dataset's cache, or computed and kept
 * there, so that a run that was stopped goes on where it was. The next inputs are decoded while the
 * network runs. */
#ifndef MEL_CLI_EMBED_H
#define MEL_CLI_EMBED_H

#include "db/db.h"
#include "engine/engine.h"

typedef struct EmbedItem {
    const char *name;    /* the clip, for messages */
    const char *sha256;  /* of the content */
    const char *content; /* a picture's or a sound's path, or the text itself */
} EmbedItem;

typedef struct EmbedJob {
    Towers *towers;
    TowerSide side;
    EmbeddingCache *cache; /* NULL: none */
    const Progress *progress;
    int64_t computed, failed, cut; /* out: not from the cache; unreadable; texts over the limit */
} EmbedJob;

/* rows: [count, width]; failed[i] is set for what cannot be read (a warning says why), its row is
 * zeros. ERR_CANCELLED when interrupted: what was computed is kept. */
MEL_MUST_CHECK bool cli_embed(EmbedJob *job, const EmbedItem *items, int64_t count, float *rows,
                              bool *failed, Err *err);

#endif
