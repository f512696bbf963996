/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/keys.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static char *folder;

static const char *file(void)
{
    return test_path(folder, "keys.json");
}

static Keymap *load(void)
{
    Err err = {0};
    Keymap *keymap;
    CHECK_OK(keymap_load(file(), &keymap, &err));
    return keymap;
}

static void write(const char *text)
{
    Err err = {0};
    CHECK_OK(mel_write_file(file(), text, strlen(text), &err));
}

static KeyCommand find(const Keymap *keymap, const char *name, unsigned code, bool shift, bool ctrl)
{
    KeyCommand command;
    const KeyPress press = {.name = name, .code = code, .shift = shift, .ctrl = ctrl};
    return keymap_find(keymap, &press, &command) ? command : COMMANDS;
}

static void the_usual_keys_do_what_they_say_and_none_is_wanted_twice(void **state)
{
    (void)state;
    Keymap *keymap = load();
    assert_int_equal(find(keymap, "space", 65, false, false), COMMAND_play);
    assert_int_equal(find(keymap, "F13", 191, false, false), COMMAND_play);
    assert_int_equal(find(keymap, "Left", 113, false, false), COMMAND_frame_back);
    assert_int_equal(find(keymap, "Left", 113, true, false), COMMAND_back);
    assert_int_equal(find(keymap, "z", 52, false, true), COMMAND_undo);
    assert_int_equal(find(keymap, "z", 52, false, false), COMMANDS);
    assert_int_equal(find(keymap, "z", 52, true, true), COMMAND_redo);
    keymap_free(keymap);
}

static void own_keys_are_kept_and_may_be_places(void **state)
{
    (void)state;
    Err err = {0};
    Keymap *keymap = load();
    CHECK_OK(keymap_change(keymap, COMMAND_play, "code:24 F20", &err));
    keymap_free(keymap);
    keymap = load();
    assert_int_equal(find(keymap, "a", 24, false, false), COMMAND_play);
    assert_int_equal(find(keymap, "space", 65, false, false), COMMANDS);
    assert_string_equal(keymap_keys(keymap, COMMAND_play), "code:24 F20");
    keymap_free(keymap);
}

static void a_key_that_two_commands_want_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    write("{}");
    Keymap *keymap = load(), *other;
    assert_false(keymap_change(keymap, COMMAND_loop, "g", &err));
    assert_non_null(strstr(err.message, "'loop' and for 'genre'"));
    assert_string_equal(keymap_keys(keymap, COMMAND_loop), "l");
    keymap_free(keymap);
    mel_err_clear(&err);
    write("{\"loop\": \"g\"}");
    assert_false(keymap_load(file(), &other, &err));
    assert_non_null(strstr(err.message, "'g' is wanted"));
    mel_err_clear(&err);
    write("{\"loop\": \"g\", \"genre\": \"l\"}"); /* changed places */
    keymap = load();
    assert_int_equal(find(keymap, "g", 42, false, false), COMMAND_loop);
    keymap_free(keymap);
    write("{\"lop\": \"g\"}");
    assert_false(keymap_load(file(), &other, &err));
    assert_non_null(strstr(err.message, "'lop' is no command"));
}

static int make_folder(void **state)
{
    (void)state;
    folder = test_folder();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_keys_do_what_they_say_and_none_is_wanted_twice),
        cmocka_unit_test(own_keys_are_kept_and_may_be_places),
        cmocka_unit_test(a_key_that_two_commands_want_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
