/* SPDX-License-Identifier: Apache-2.0
 *
 * Identifiers: ULIDs are unique and sort by time, names are safe in a path. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 20000 };

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ulids_are_unique_and_well_formed(void **state)
{
    (void)state;
    char(*ids)[ULID_SIZE] = mel_alloc(MANY * sizeof *ids);
    for (int i = 0; i < MANY; i++) {
        mel_ulid(ids[i]);
        assert_int_equal(strlen(ids[i]), 26);
        assert_int_equal(strspn(ids[i], "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
        assert_true(ids[i][0] <= '7'); /* 128 bits in 26 digits of 5 */
        assert_true(mel_name_valid(ids[i]));
    }
    qsort(ids, MANY, sizeof *ids, compare);
    for (int i = 1; i < MANY; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    free(ids);
}

static int64_t time_of(const char *ulid)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int64_t ms = 0;
    for (int i = 0; i < 10; i++)
        ms = ms * 32 + (strchr(digits, ulid[i]) - digits);
    return ms;
}

static void ulids_carry_and_sort_by_their_time(void **state)
{
    (void)state;
    char before[ULID_SIZE], after[ULID_SIZE];
    int64_t start_ms = mel_wall_us() / 1000;
    mel_ulid(before);
    mel_sleep_us(3000);
    mel_ulid(after);
    int64_t end_ms = mel_wall_us() / 1000;
    assert_true(strcmp(before, after) < 0);
    assert_true(time_of(before) >= start_ms && time_of(after) <= end_ms);
}

static void names_are_letters_digits_dash_and_underscore(void **state)
{
    (void)state;
    char longest[NAME_MAX_BYTES + 2];
    memset(longest, 'a', sizeof longest);
    longest[NAME_MAX_BYTES] = '\0';
    assert_true(mel_name_valid(longest));
    longest[NAME_MAX_BYTES] = 'a';
    longest[NAME_MAX_BYTES + 1] = '\0';
    assert_false(mel_name_valid(longest));
    static const char *const bad[] = {"",    ".",        "..",   "a.b", "a/b", "a b",
                                      "a\n", "\xC3\xA9", "a\\b", "~",   "a:b", "*"};
    for (size_t i = 0; i < MEL_COUNT(bad); i++)
        assert_false(mel_name_valid(bad[i]));
    for (int c = 1; c < 256; c++) {
        char text[2] = {(char)c, '\0'};
        bool wanted = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      c == '-' || c == '_';
        assert_int_equal(mel_name_valid(text), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ulids_are_unique_and_well_formed),
        cmocka_unit_test(ulids_carry_and_sort_by_their_time),
        cmocka_unit_test(names_are_letters_digits_dash_and_underscore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
