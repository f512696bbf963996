/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokenizers beside the ids that tests/parity/make_tokenizers.py wrote with the reference's. */
#include "engine/text/tokenizer.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA MEL_TEST_DATA "/tokenizers"

enum { IDS_MAX = 1 << 15, TEXTS_MIN = 2000 };

static int32_t got_ids[IDS_MAX], wanted_ids[IDS_MAX];

static int read_ids(char *line, int32_t *ids)
{
    int count = 0;
    for (char *at = line, *end; count < IDS_MAX; at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) break;
        ids[count++] = (int32_t)id;
    }
    return count;
}

static void check_line(const Tokenizer *t, const char *json, char *ids, int number)
{
    json_t *text = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_true(json_is_string(text));
    int wanted = read_ids(ids, wanted_ids);
    int got = mel_tokenize(t, json_string_value(text), got_ids, IDS_MAX);
    for (int i = 0; i < wanted && i < got; i++)
        if (got_ids[i] != wanted_ids[i])
            fail_msg("text %d, %.200s: id %d is %d, wanted %d", number, json, i, got_ids[i],
                     wanted_ids[i]);
    if (got != wanted) fail_msg("text %d, %.200s: %d ids, wanted %d", number, json, got, wanted);
    json_decref(text);
}

/* Every line of the list of ids beside the text of the same line. Returns how many there were. */
static int check_texts(const Tokenizer *t, const char *ids_path)
{
    FILE *texts = fopen(DATA "/texts.jsonl", "re"), *ids = fopen(ids_path, "re");
    char *text = NULL, *line = NULL;
    size_t text_capacity = 0, line_capacity = 0;
    int count = 0;
    assert_non_null(texts);
    assert_non_null(ids);
    while (getline(&line, &line_capacity, ids) > 0 && getline(&text, &text_capacity, texts) > 0)
        check_line(t, text, line, ++count);
    free(text);
    free(line);
    fclose(texts);
    fclose(ids);
    return count;
}

static Tokenizer *open_folder(const char *folder)
{
    Err err = {0};
    Tokenizer *t;
    CHECK_OK(mel_tokenizer_open(folder, &t, &err));
    return t;
}

static void clip_is_the_fast_tokenizer(void **state)
{
    (void)state;
    Tokenizer *t = open_folder(DATA "/clip");
    assert_in_range(check_texts(t, DATA "/clip/ids.txt"), TEXTS_MIN, 1 << 20);
    mel_tokenizer_close(t);
}

static void roberta_is_the_fast_tokenizer(void **state)
{
    (void)state;
    Tokenizer *t = open_folder(DATA "/roberta");
    assert_in_range(check_texts(t, DATA "/roberta/ids.txt"), TEXTS_MIN, 1 << 20);
    assert_int_equal(mel_tokenizer_pad(t), 1);
    mel_tokenizer_close(t);
}

static void t5_is_the_fast_tokenizer(void **state)
{
    (void)state;
    Tokenizer *t = open_folder(DATA "/t5");
    assert_in_range(check_texts(t, DATA "/t5/ids.txt"), TEXTS_MIN, 1 << 20);
    assert_int_equal(mel_tokenizer_pad(t), 0);
    mel_tokenizer_close(t);
}

/* SD 2.1's text tower is padded with "!", which its special_tokens_map.json says. */
static void copy_clip(const char *folder, const char *special_tokens_map)
{
    assert_int_equal(test_shell("cp %s/clip/vocab.json %s/clip/merges.txt %s", DATA, DATA, folder),
                     0);
    if (special_tokens_map)
        test_write(test_path(folder, "special_tokens_map.json"), special_tokens_map,
                   strlen(special_tokens_map));
}

static void clip_pads_as_its_files_say(void **state)
{
    (void)state;
    char *folder = test_folder();
    copy_clip(folder, NULL);
    Tokenizer *t = open_folder(folder);
    int32_t end = mel_tokenizer_pad(t);
    assert_int_equal(end, mel_tokenizer_size(t) - 1);
    mel_tokenizer_close(t);
    static const char *const maps[] = {"{\"pad_token\": \"!\"}",
                                       "{\"pad_token\": {\"content\": \"!\", \"lstrip\": false}, "
                                       "\"unk_token\": \"<|endoftext|>\"}"};
    for (size_t i = 0; i < MEL_COUNT(maps); i++) {
        copy_clip(folder, maps[i]);
        t = open_folder(folder);
        assert_int_equal(mel_tokenizer_pad(t), 0);
        assert_in_range(check_texts(t, DATA "/clip/ids_pad.txt"), 100, 1 << 20);
        mel_tokenizer_close(t);
    }
    test_folder_remove(folder);
}

static void a_cut_text_keeps_its_end(void **state)
{
    (void)state;
    static const char *const folders[] = {DATA "/clip", DATA "/roberta", DATA "/t5"};
    const char *text = "a slow walk along the river with a single cello and the rain";
    for (size_t i = 0; i < MEL_COUNT(folders); i++) {
        Tokenizer *t = open_folder(folders[i]);
        int whole = mel_tokenize(t, text, wanted_ids, IDS_MAX);
        assert_in_range(whole, 12, 80);
        for (int max = 2; max < whole; max++) {
            assert_int_equal(mel_tokenize(t, text, got_ids, max), max);
            assert_memory_equal(got_ids, wanted_ids, (size_t)(max - 1) * sizeof *got_ids);
            assert_int_equal(got_ids[max - 1], wanted_ids[whole - 1]);
        }
        mel_tokenizer_close(t);
    }
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    static const char *const folders[] = {DATA "/clip", DATA "/roberta", DATA "/t5"};
    for (size_t i = 0; i < MEL_COUNT(folders); i++) {
        Tokenizer *t = open_folder(folders[i]);
        int wanted = mel_tokenize(t, "a\xEF\xBF\xBD\xEF\xBF\xBD z", wanted_ids, IDS_MAX);
        int got = mel_tokenize(t, "a\xC3\xFF z", got_ids, IDS_MAX);
        assert_int_equal(got, wanted);
        assert_memory_equal(got_ids, wanted_ids, (size_t)got * sizeof *got_ids);
        mel_tokenizer_close(t);
    }
}

static void a_hub_folder_may_hold_it_one_deeper(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    Tokenizer *t;
    CHECK_FAILS(mel_tokenizer_open(folder, &t, &err), ERR_NOT_FOUND);
    assert_int_equal(test_shell("mkdir %s/tokenizer", folder), 0);
    copy_clip(test_path(folder, "tokenizer"), NULL);
    t = open_folder(folder);
    mel_tokenizer_close(t);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clip_is_the_fast_tokenizer),
        cmocka_unit_test(roberta_is_the_fast_tokenizer),
        cmocka_unit_test(t5_is_the_fast_tokenizer),
        cmocka_unit_test(clip_pads_as_its_files_say),
        cmocka_unit_test(a_cut_text_keeps_its_end),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(a_hub_folder_may_hold_it_one_deeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
