/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of hostile checkpoints: refused, by this code, in these words. */
#ifndef MEL_TESTS_CHECKPOINT_REFUSED_H
#define MEL_TESTS_CHECKPOINT_REFUSED_H

#include "tests/engine/checkpoint_bytes.h"
#include "tests/engine/torch_writer.h"
#include "tests/support/test.h"

static inline void check_error(const char *label, const Err *err, ErrCode code, const char *wording)
{
    if (err->code != code || !strstr(err->message, wording))
        fail_msg("%s: %s: %s, wanted %s: %s", label, mel_err_code_name(err->code), err->message,
                 mel_err_code_name(code), wording);
}

static inline void check_refused(const char *label, const Str *bytes, ErrCode code,
                                 const char *wording)
{
    Checkpoint *checkpoint = NULL;
    Err err = {0};
    if (open_bytes(mel_str_text(bytes), bytes->length, &checkpoint, &err))
        fail_msg("%s: opened", label);
    assert_null(checkpoint);
    check_error(label, &err, code, wording);
}

/* Every beginning of a good file is refused, and the whole is not. */
static inline void check_truncations(const char *label, const Str *bytes)
{
    for (size_t n = 0; n <= bytes->length; n++) {
        Checkpoint *checkpoint = NULL;
        Err err = {0};
        bool ok = open_bytes(mel_str_text(bytes), n, &checkpoint, &err);
        if (ok != (n == bytes->length))
            fail_msg("%s, %zu of %zu bytes: %s", label, n, bytes->length, err.message);
        if (!ok && err.code != ERR_FORMAT) fail_msg("%s, %zu bytes: %s", label, n, err.message);
        mel_checkpoint_close(checkpoint);
    }
}

/* Whatever one byte of a good file becomes, the file is refused or still holds together. */
static inline void check_damage(const Str *bytes)
{
    static const unsigned char flips[] = {0x01, 0x80, 0xff, 0x20};
    for (size_t at = 0; at < bytes->length; at++)
        for (size_t i = 0; i < sizeof flips; i++) {
            bytes->text[at] = (char)(bytes->text[at] ^ flips[i]);
            check_bytes(bytes->text, bytes->length);
            bytes->text[at] = (char)(bytes->text[at] ^ flips[i]);
        }
}

#endif
