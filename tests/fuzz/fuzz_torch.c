/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a torch checkpoint: an error has a sentence, a checkpoint holds together. */
#include "tests/fuzz/checkpoint_inputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_torch_input(data, size);
    return 0;
}
