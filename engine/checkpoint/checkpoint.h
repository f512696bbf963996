/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints as they are published: safetensors, torch zip (.bin, .pth, .ckpt), torch legacy
 * pickle; one file, or a set of shards with its index. Nothing in a file is executed: pickles are
 * read by an interpreter that knows a closed set of opcodes and names and calls nothing. Every
 * length, offset and shape is checked before it is used. Files are mapped, not read. */
#ifndef MEL_ENGINE_CHECKPOINT_H
#define MEL_ENGINE_CHECKPOINT_H

#include "engine/tensor.h"

typedef struct Checkpoint Checkpoint;

/* One named array. data lies in the mapped file, at any alignment, or in memory of the checkpoint's
 * own where the file stores it with strides; both live until the checkpoint closes. Of tensors
 * that share a storage (tied weights) data is the same. Truth values are 0 or 1. */
typedef struct CheckpointTensor {
    const char *name; /* as published, for example "up_blocks.1.attentions.0.norm.weight" */
    DType dtype;
    Shape shape;
    const void *data; /* never NULL in a checkpoint that was opened */
    int64_t bytes;
} CheckpointTensor;

/* Opens a file by its content (not its name), a "*.index.json" with its shards beside it, or a
 * folder, in which the first of these is taken: model.safetensors,
 * diffusion_pytorch_model.safetensors, pytorch_model.bin, diffusion_pytorch_model.bin, each whole
 * or by its index. Of nested dictionaries (a Lightning "state_dict", PANNs' "model") the tensors
 * are those of the one that holds most, without its prefix; of two that hold as many, of
 * "state_dict", then "model". Objects besides tensors are passed over. Errors: ERR_NOT_FOUND,
 * ERR_IO, ERR_FORMAT (what is wrong, at which byte or on which tensor), ERR_LIMIT (65,536 tensors,
 * names of 512 bytes, RANK_MAX axes, headers of 16 MiB, pickles of 64 MiB), ERR_DENIED (an index
 * that leads out of its folder). Files must not be cut while the checkpoint is open. */
MEL_MUST_CHECK bool mel_checkpoint_open(const char *path, Checkpoint **out, Err *err);
void mel_checkpoint_close(Checkpoint *checkpoint); /* NULL is fine */

int64_t mel_checkpoint_count(const Checkpoint *checkpoint);
const CheckpointTensor *mel_checkpoint_at(const Checkpoint *checkpoint, int64_t i); /* by name */
const CheckpointTensor *mel_checkpoint_find(const Checkpoint *checkpoint, const char *name);

/* "safetensors", "torch zip", "torch legacy"; of the first shard. */
const char *mel_checkpoint_format(const Checkpoint *checkpoint);

/* Tells the system that the tensor's pages will not be read again soon. They may be: they come from
 * the file again. */
void mel_checkpoint_done_with(const Checkpoint *checkpoint, const CheckpointTensor *tensor);

/* SHA-256 over the files' bytes, shards in name order, without the index. Reads everything. Errors:
 * ERR_IO, also when a file has another size than when it was opened. */
MEL_MUST_CHECK bool mel_checkpoint_sha256(const Checkpoint *checkpoint, char hex[SHA256_HEX_SIZE],
                                          Err *err);

/* Writes a safetensors file beside `path` and renames it: tensors of larger elements first, then by
 * name, in whatever order they are given; the data begins at a multiple of 64 bytes (blanks pad the
 * header), so that each array is aligned to its elements. `metadata` (pairs of key and value, NULL
 * at the end; NULL for none) goes under "__metadata__" in its order. The same input gives the same
 * bytes. tensor.bytes must be the shape's. Errors: ERR_USAGE (a name or a key that is there twice,
 * empty, too long, not UTF-8, with control characters), ERR_LIMIT (more than can be opened again),
 * ERR_IO. */
MEL_MUST_CHECK bool mel_safetensors_write(const char *path, const CheckpointTensor *tensors,
                                          int64_t count, const char *const *metadata, Err *err);

#endif
