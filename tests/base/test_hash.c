/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 against the examples of FIPS 180-4, whole, in pieces and of files. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *text, *hex;
} vectors[] = {
    {"",                                                         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc",                                                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"                                                            },
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
     "qrs"
     "mnopqrstnopqrstu",                                    "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};
static const char million_a[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void the_published_examples_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEL_COUNT(vectors); i++) {
        char hex[SHA256_HEX_SIZE];
        mel_sha256_hex(vectors[i].text, strlen(vectors[i].text), hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void pieces_give_the_hash_of_the_whole(void **state)
{
    (void)state;
    char block[1000], hex[SHA256_HEX_SIZE];
    memset(block, 'a', sizeof block);
    Sha256 *hash = mel_sha256_new();
    size_t left = 1000000, step = 1;
    while (left) {
        size_t n = step < left ? step : left;
        mel_sha256_add(hash, block, n);
        left -= n;
        step = step % 997 + 1;
    }
    mel_sha256_finish(hash, hex);
    assert_string_equal(hex, million_a);
    mel_sha256_free(mel_sha256_new());
    mel_sha256_free(NULL);
}

static void files_are_hashed_with_their_size(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), *a = mel_alloc(1000000);
    char hex[SHA256_HEX_SIZE] = "untouched";
    int64_t size = -1;
    const char *path = test_path(folder, "file");
    memset(a, 'a', 1000000);
    test_write(path, a, 1000000);
    CHECK_OK(mel_sha256_file(path, hex, &size, &err));
    assert_string_equal(hex, million_a);
    assert_int_equal(size, 1000000);
    test_write(path, "", 0);
    CHECK_OK(mel_sha256_file(path, hex, NULL, &err));
    assert_string_equal(hex, vectors[0].hex);
    free(a);
    test_folder_remove(folder);
}

static void what_is_no_file_is_an_error(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder(), hex[SHA256_HEX_SIZE] = "untouched";
    int64_t size = -1;
    assert_int_equal(mkfifo(test_path(folder, "pipe"), 0600), 0);
    alarm(20);
    CHECK_FAILS(mel_sha256_file(test_path(folder, "none"), hex, &size, &err), ERR_IO);
    CHECK_FAILS(mel_sha256_file(test_path(folder, "pipe"), hex, &size, &err), ERR_IO);
    CHECK_FAILS(mel_sha256_file(folder, hex, &size, &err), ERR_IO);
    CHECK_FAILS(mel_sha256_file("/dev/zero", hex, &size, &err), ERR_IO);
    alarm(0);
    assert_string_equal(hex, "untouched");
    assert_int_equal(size, -1);
    test_folder_remove(folder);
}

static void a_keyed_hash_is_the_start_of_key_nul_text(void **state)
{
    (void)state;
    char hex[SHA256_HEX_SIZE], start[17];
    mel_sha256_hex("seed\0group", 10, hex);
    snprintf(start, sizeof start, "%016llx", (unsigned long long)mel_keyed_hash("seed", "group"));
    assert_memory_equal(start, hex, 16);
    assert_true(mel_keyed_hash("a", "bc") != mel_keyed_hash("ab", "c"));
    assert_true(mel_keyed_hash("", "") == mel_keyed_hash("", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_come_out),
        cmocka_unit_test(pieces_give_the_hash_of_the_whole),
        cmocka_unit_test(files_are_hashed_with_their_size),
        cmocka_unit_test(what_is_no_file_is_an_error),
        cmocka_unit_test(a_keyed_hash_is_the_start_of_key_nul_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
