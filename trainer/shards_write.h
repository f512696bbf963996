/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing training shards, file by file; a killed writer goes on behind its last whole file. */
#ifndef MEL_TRAINER_SHARDS_WRITE_H
#define MEL_TRAINER_SHARDS_WRITE_H

#include "engine/engine.h"

typedef struct ShardsWriter ShardsWriter;

typedef struct ShardArray {
    const char *name;
    DType dtype;
    Shape shape; /* of one item */
} ShardArray;

/* What will be written. made_with (borrowed until the end): whatever decides the bytes, such as the
 * split and the models' hashes; it goes into the index, under its keys. */
typedef struct ShardsPlan {
    const ShardArray *arrays;
    int array_count;
    int64_t items_per_file;
    const CheckpointTensor *constants; /* what all items share */
    int constant_count;
    const json_t *made_with;
} ShardsPlan;

/* Starts, or goes on in a folder that an equal plan began; *done gets the number of items that are
 * there. ERR_USAGE when the folder holds shards of another plan. */
MEL_MUST_CHECK bool mel_shards_begin(const char *folder, const ShardsPlan *plan, ShardsWriter **out,
                                     int64_t *done, Err *err);

/* The key of the last item that is there, or NULL; until the next one is added. */
const char *mel_shards_last_key(const ShardsWriter *writer);

/* One more item: data[i] for plan->arrays[i]. The files are written as they fill. */
MEL_MUST_CHECK bool mel_shards_add(ShardsWriter *writer, const char *key, const char *text,
                                   const void *const *data, Err *err);

/* Writes what is left and the index. The writer is gone afterwards, whatever comes back. */
MEL_MUST_CHECK bool mel_shards_finish(ShardsWriter *writer, Err *err);
void mel_shards_abandon(ShardsWriter *writer); /* keeps whole files; NULL is fine */

#endif
