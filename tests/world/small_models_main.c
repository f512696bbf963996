/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-small-models FOLDER TOKENIZERS: see support/small_models.h. */
#include "tests/support/small_models.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    Err err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: mel-small-models FOLDER TOKENIZERS\n");
        return 2;
    }
    if (small_models_write(argv[1], argv[2], &err)) return 0;
    mel_log_error(&err);
    return 1;
}
