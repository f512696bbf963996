/* SPDX-License-Identifier: Apache-2.0
 *
 * What fuzz_torch and fuzz_safetensors make of their input, so that tests can replay a corpus. The
 * first byte chooses how deep the input is put: alone it would hardly ever get past the outer
 * format. */
#ifndef MEL_TESTS_CHECKPOINT_INPUTS_H
#define MEL_TESTS_CHECKPOINT_INPUTS_H

#include "tests/engine/checkpoint_bytes.h"
#include "tests/engine/torch_writer.h"

/* 0: a file. 1: the objects of a zip with storages "0", 16 floats, and "1", 8 truth values.
 * 2: the objects of a legacy file and what follows them. */
static inline void fuzz_torch_input(const uint8_t *data, size_t size)
{
    static const uint8_t storage[64] = {1, 0, 1, 1, 0, 0, 0, 1};
    if (size < 1) return;
    if (data[0] % 3 == 0) {
        check_bytes(data + 1, size - 1);
    } else if (data[0] % 3 == 1) {
        ZipWriter zip = {0};
        zip_add(&zip, "x/data.pkl", data + 1, size - 1);
        zip_add(&zip, "x/data/0", storage, sizeof storage);
        zip_add(&zip, "x/data/1", storage, 8);
        zip_finish(&zip, true);
        check_bytes(zip.bytes.text, zip.bytes.length);
        zip_clear(&zip);
    } else {
        Str bytes = {0};
        legacy_preface(&bytes);
        mel_str_add_bytes(&bytes, data + 1, size - 1);
        check_bytes(bytes.text, bytes.length);
        mel_str_clear(&bytes);
    }
}

/* Even: a file. Odd: a header, with as many bytes of data as the next byte says. */
static inline void fuzz_safetensors_input(const uint8_t *data, size_t size)
{
    if (size < 2) return;
    if (data[0] % 2 == 0) {
        check_bytes(data + 1, size - 1);
        return;
    }
    Str bytes = {0};
    put_number(&bytes, size - 2, 8);
    mel_str_add_bytes(&bytes, data + 2, size - 2);
    for (int i = 0; i < data[1]; i++)
        mel_str_add_char(&bytes, (char)(i % 3 == 0));
    check_bytes(bytes.text, bytes.length);
    mel_str_clear(&bytes);
}

#endif
