/* SPDX-License-Identifier: Apache-2.0
 *
 * mel_json_parse on any bytes: an error has a sentence, a value survives being written and read. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err = {0};
    json_t *value = mel_json_parse((const char *)data, size, "the input", &err);
    if (!value) {
        MEL_ASSERT(err.code == ERR_FORMAT && err.message[0]);
        return 0;
    }
    MEL_ASSERT(!mel_err_is_set(&err));
    MEL_ASSERT(mel_utf8_valid((const char *)data, size));
    char *first = mel_json_canonical(value);
    MEL_ASSERT(first);
    json_t *again = mel_json_parse(first, strlen(first), "the copy", &err);
    MEL_ASSERT(again);
    char *second = mel_json_canonical(again);
    MEL_ASSERT(mel_equal(first, second));
    mel_json_text(value, "a", "");
    mel_json_i64(value, "a", 0);
    mel_json_f64(value, "a", 0);
    free(second);
    free(first);
    json_decref(again);
    json_decref(value);
    return 0;
}
