/* SPDX-License-Identifier: Apache-2.0
 *
 * From the objects of a pickle to the tensors of a checkpoint; for both torch formats. */
#ifndef MEL_ENGINE_TORCH_TENSORS_H
#define MEL_ENGINE_TORCH_TENSORS_H

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/pickle.h"

/* Where a storage's bytes are: storage->count elements of storage->type->size bytes, checked. */
typedef bool TorchLocateFn(void *ctx, const PickleStorage *storage, const uint8_t **bytes,
                           Err *err);

/* Adds the tensors of the dictionary that holds most of them, of those that dictionaries lead to
 * from the root; of two that hold as many, "state_dict", then "model", or else an error. Values
 * that are no tensors are passed over. */
MEL_MUST_CHECK bool mel_torch_add_tensors(Checkpoint *checkpoint, PickleValue *root,
                                          TorchLocateFn *locate, void *ctx, Err *err);

#endif
