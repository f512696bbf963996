/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a safetensors file: an error has a sentence, a checkpoint holds together. */
#include "tests/fuzz/checkpoint_inputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_safetensors_input(data, size);
    return 0;
}
