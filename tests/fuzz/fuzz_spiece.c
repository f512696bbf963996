/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a SentencePiece model, or as its normaliser's table: see tokenizer_inputs.h. */
#include "tests/fuzz/tokenizer_inputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_spiece_input(data, size);
    return 0;
}
