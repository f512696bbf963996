/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON: what is refused, what is written, and members of the wrong type. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text, Err *err)
{
    return mel_json_parse(text, strlen(text), "the text", err);
}

static void any_value_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",    "[]",   "7",    "-1.5e3",
                                        "\"a\"", "true", "null", " [1] "};
    for (size_t i = 0; i < MEL_COUNT(texts); i++) {
        Err err = {0};
        json_t *value = parse(texts[i], &err);
        assert_non_null(value);
        json_decref(value);
    }
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "{a:1}",
        "'a'",
        "1 2",
        "nul",
        "NaN",
        "Infinity",
        "1e999",
        "01",
        "99999999999999999999",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\xFF\"",
        "\"\xED\xA0\x80\"",
        "\"\x01\"",
        "\"\\u0000\"",
        "\"\\x41\"",
        "[1}",
        "// a\n1",
    };
    for (size_t i = 0; i < MEL_COUNT(texts); i++) {
        Err err = {0};
        json_t *value = parse(texts[i], &err);
        if (value) fail_msg("'%s' was read", texts[i]);
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.message, "the text is not JSON (line 1, column"));
    }
}

static void a_nul_byte_does_not_end_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"1\0", "\0001", "{}\0}", "[1\0]", "\"\0\"", "{\"\0\":1}"};
    static const size_t sizes[] = {2, 2, 4, 4, 3, 7};
    for (size_t i = 0; i < MEL_COUNT(sizes); i++) {
        Err err = {0};
        if (mel_json_parse(texts[i], sizes[i], "x", &err)) fail_msg("case %zu was read", i);
        assert_int_equal(err.code, ERR_FORMAT);
    }
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    for (int depth = 1000; depth <= 1000000; depth *= 1000) {
        Err err = {0};
        char *text = mel_alloc((size_t)depth * 2 + 1);
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        json_t *value = parse(text, &err);
        assert_true((value != NULL) == (depth == 1000));
        json_decref(value);
        free(text);
    }
}

static void files_are_loaded_up_to_a_limit(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "a.json");
    test_write(path, "{\"a\": 1}", 8);
    json_t *value = mel_json_load(path, 8, &err);
    assert_int_equal(mel_json_i64(value, "a", -1), 1);
    json_decref(value);
    assert_null(mel_json_load(path, 7, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    mel_err_clear(&err);
    assert_null(mel_json_load(test_path(folder, "none"), 8, &err));
    assert_int_equal(err.code, ERR_IO);
    test_folder_remove(folder);
}

static void lines_keep_the_order_and_canonical_text_sorts(void **state)
{
    (void)state;
    Err err = {0};
    json_t *value =
        parse("{\"b\": [1, 2.5, \"\\u00e9\\n\"], \"a\": {\"d\": null, \"c\": true}}", &err);
    char *line = mel_json_line(value), *canonical = mel_json_canonical(value);
    assert_string_equal(line, "{\"b\":[1,2.5,\"\xC3\xA9\\n\"],\"a\":{\"d\":null,\"c\":true}}");
    assert_string_equal(canonical, "{\"a\":{\"c\":true,\"d\":null},\"b\":[1,2.5,\"\xC3\xA9\\n\"]}");
    free(line);
    free(canonical);
    json_decref(value);
}

static void members_of_another_type_give_the_fallback(void **state)
{
    (void)state;
    Err err = {0};
    json_t *value = parse("{\"t\":\"x\",\"i\":-3,\"f\":2.5,\"n\":null,\"l\":[]}", &err);
    assert_string_equal(mel_json_text(value, "t", "no"), "x");
    assert_string_equal(mel_json_text(value, "i", "no"), "no");
    assert_null(mel_json_text(value, "none", NULL));
    assert_int_equal(mel_json_i64(value, "i", 7), -3);
    assert_int_equal(mel_json_i64(value, "f", 7), 7);
    assert_int_equal(mel_json_i64(value, "n", 7), 7);
    assert_true(mel_json_f64(value, "f", 7) == 2.5);
    assert_true(mel_json_f64(value, "i", 7) == -3);
    assert_true(mel_json_f64(value, "l", 7) == 7);
    assert_string_equal(mel_json_text(NULL, "t", "no"), "no");
    json_decref(value);
}

static void members_are_set_also_to_what_json_lacks(void **state)
{
    (void)state;
    json_t *value = json_object();
    mel_json_set_text(value, "a", "x");
    mel_json_set_text(value, "b", NULL);
    mel_json_set_text(value, "c", "\xFF");
    mel_json_set_f64(value, "d", 0.5);
    mel_json_set_f64(value, "e", NAN);
    mel_json_set_f64(value, "f", -INFINITY);
    mel_json_set_i64(value, "g", INT64_MIN);
    char *line = mel_json_line(value);
    assert_string_equal(line, "{\"a\":\"x\",\"b\":null,\"c\":\"(not UTF-8)\",\"d\":0.5,\"e\":null,"
                              "\"f\":null,\"g\":-9223372036854775808}");
    free(line);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_value_is_read),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(a_nul_byte_does_not_end_the_text),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(files_are_loaded_up_to_a_limit),
        cmocka_unit_test(lines_keep_the_order_and_canonical_text_sorts),
        cmocka_unit_test(members_of_another_type_give_the_fallback),
        cmocka_unit_test(members_are_set_also_to_what_json_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
