/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays the inputs that fuzzing found worth keeping: tests/fuzz/corpus. */
#include "tests/fuzz/checkpoint_inputs.h"
#include "tests/fuzz/tokenizer_inputs.h"
#include "tests/support/test.h"

typedef struct Replay {
    const char *folder;
    void (*input)(const uint8_t *data, size_t size);
    int files;
} Replay;

static bool replay_file(void *ctx, const char *relative, Err *err)
{
    Replay *replay = ctx;
    char *bytes;
    size_t n;
    if (!mel_read_file(test_path(replay->folder, "%s", relative), 1 << 20, &bytes, &n, err))
        return false;
    replay->input((const uint8_t *)bytes, n);
    replay->files++;
    free(bytes);
    return true;
}

static void every_input_of_the_corpora_is_refused_or_holds_together(void **state)
{
    (void)state;
    Replay replays[] = {
        {MEL_TEST_DATA "/../fuzz/corpus/torch",       fuzz_torch_input,       0},
        {MEL_TEST_DATA "/../fuzz/corpus/safetensors", fuzz_safetensors_input, 0},
        {MEL_TEST_DATA "/../fuzz/corpus/spiece",      fuzz_spiece_input,      0},
        {MEL_TEST_DATA "/../fuzz/corpus/bpe",         fuzz_bpe_input,         0}
    };
    Err err = {0};
    for (size_t i = 0; i < MEL_COUNT(replays); i++) {
        CHECK_OK(mel_walk(replays[i].folder, replay_file, &replays[i], &err));
        assert_true(replays[i].files >= 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_input_of_the_corpora_is_refused_or_holds_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
