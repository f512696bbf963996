/* SPDX-License-Identifier: Apache-2.0
 *
 * Vocabulary files that are broken, hostile or of something else: one error each, which names the
 * file and says what is wrong. */
#include "engine/text/tokenizer.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#define DATA MEL_TEST_DATA "/tokenizers"

static char *folder;

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

static void check_open(const char *file, ErrCode code, const char *wording)
{
    Err err = {0};
    Tokenizer *t = NULL;
    if (mel_tokenizer_open(folder, &t, &err)) fail_msg("opened, wanted: %s", wording);
    assert_null(t);
    if (err.code != code || !strstr(err.message, wording) || !strstr(err.message, file))
        fail_msg("%s: %s, wanted %s: %s in %s", mel_err_code_name(err.code), err.message,
                 mel_err_code_name(code), wording, file);
}

static void write_text(const char *name, const char *text)
{
    test_write(test_path(folder, "%s", name), text, strlen(text));
}

/* ---- vocab.json and merges.txt -------------------------------------------------------------- */

static void refuse_vocabulary(const char *json, ErrCode code, const char *wording)
{
    write_text("vocab.json", json);
    write_text("merges.txt", "#version: 0.2\n");
    check_open("vocab.json", code, wording);
}

static void a_vocabulary_that_is_none_is_refused(void **state)
{
    (void)state;
    refuse_vocabulary("", ERR_FORMAT, "it");
    refuse_vocabulary("{", ERR_FORMAT, "it");
    refuse_vocabulary("[]", ERR_FORMAT, "no JSON object with pieces");
    refuse_vocabulary("{}", ERR_FORMAT, "no JSON object with pieces");
    refuse_vocabulary("{\"a\":[[[[[[]]]]]]}", ERR_FORMAT, "more than one flat JSON object");
    refuse_vocabulary("{\"a\":0}{\"b\":1}", ERR_FORMAT, "more than one flat JSON object");
    refuse_vocabulary("{\"a\":\"0\"}", ERR_FORMAT, "the id of 'a' is no whole number");
    refuse_vocabulary("{\"a\":0.5}", ERR_FORMAT, "the id of 'a' is no whole number");
    refuse_vocabulary("{\"a\":-1}", ERR_FORMAT, "the id of 'a' is -1");
    refuse_vocabulary("{\"a\":1}", ERR_FORMAT, "1 pieces have ids 0 to 0");
    refuse_vocabulary("{\"a\":4294967296}", ERR_FORMAT, "the id of 'a' is 4294967296");
    refuse_vocabulary("{\"a\":0,\"b\":0}", ERR_FORMAT, "is another piece's");
    refuse_vocabulary("{\"a\":0,\"a\":1}", ERR_FORMAT, "duplicate");
    refuse_vocabulary("{\"\\u0000\":0}", ERR_FORMAT, "it");
    refuse_vocabulary("{\"\xFF\":0}", ERR_FORMAT, "it");
    refuse_vocabulary("{\"a\":0}", ERR_FORMAT, "neither CLIP's <|startoftext|> nor RoBERTa's");
    refuse_vocabulary("{\"<mask>\":0}", ERR_FORMAT, "there is no piece '<s>'");
    refuse_vocabulary("{\"<|startoftext|>\":0}", ERR_FORMAT, "no piece '<|endoftext|>'");
    refuse_vocabulary("{\"<|startoftext|>\":0,\"<|endoftext|>\":1}", ERR_FORMAT, "no piece '");
}

static void a_vocabulary_that_is_far_too_big_is_refused(void **state)
{
    (void)state;
    Str json = {0};
    mel_str_add(&json, "{\"a\":0");
    for (int i = 0; i < 1 << 20; i++)
        mel_str_add(&json, ",\"\":0");
    mel_str_add(&json, "}");
    refuse_vocabulary(json.text, ERR_LIMIT, "more than 1048576 pieces");
    while (json.length <= 8 << 20)
        mel_str_add(&json, "                                                                ");
    refuse_vocabulary(json.text, ERR_LIMIT, "");
    mel_str_clear(&json);
}

static void refuse_merges(const char *merges, const char *wording)
{
    write_text("merges.txt", merges);
    check_open("merges.txt", ERR_FORMAT, wording);
}

static void merges_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_int_equal(test_shell("cp %s/clip/vocab.json %s", DATA, folder), 0);
    refuse_merges("#version: 0.2\ni\n", "merge 1 is not two pieces");
    refuse_merges("#version: 0.2\ni n g\n", "merge 1 is not two pieces");
    refuse_merges("#version: 0.2\n i\n", "merge 1 is not two pieces");
    refuse_merges("#version: 0.2\ni n\nt \n", "merge 2 is not two pieces");
    refuse_merges("i n\nno such\n", "merge 2, 'no such', has a piece that vocab.json lacks");
    refuse_merges("i n\nt h\ni n\n", "merge 3, 'i n', is merge 1 again");
    refuse_merges("i \xFF\n", "not UTF-8");
}

static void files_that_are_not_there_are_named(void **state)
{
    (void)state;
    assert_int_equal(test_shell("cp %s/clip/vocab.json %s", DATA, folder), 0);
    check_open("merges.txt", ERR_IO, "cannot open");
    Err err = {0};
    Tokenizer *t;
    CHECK_FAILS(mel_tokenizer_t5(test_path(folder, "spiece.model"), &t, &err), ERR_IO);
}

static void a_pad_that_is_no_piece_is_refused(void **state)
{
    (void)state;
    assert_int_equal(test_shell("cp %s/clip/vocab.json %s/clip/merges.txt %s", DATA, DATA, folder),
                     0);
    write_text("special_tokens_map.json", "{\"pad_token\":\"<nowhere>\"}");
    check_open("special_tokens_map.json", ERR_FORMAT, "the pad_token '<nowhere>'");
    write_text("special_tokens_map.json", "{\"pad_token\":");
    check_open("special_tokens_map.json", ERR_FORMAT, "");
}

/* ---- spiece.model --------------------------------------------------------------------------- */

typedef struct Proto {
    char bytes[256];
    size_t n;
} Proto;

static Proto field(Proto p, int number, const void *bytes, size_t n)
{
    assert_true(p.n + n + 2 <= sizeof p.bytes && n < 128);
    p.bytes[p.n++] = (char)(number << 3 | 2);
    p.bytes[p.n++] = (char)n;
    memcpy(p.bytes + p.n, bytes, n);
    p.n += n;
    return p;
}

/* Text, a score, a type; type 0 for no type. */
static Proto piece(Proto p, const char *text, float score, int type)
{
    Proto one = field((Proto){0}, 1, text, strlen(text));
    one.bytes[one.n++] = 2 << 3 | 5;
    memcpy(one.bytes + one.n, &score, 4);
    one.n += 4;
    if (type) {
        one.bytes[one.n++] = 3 << 3;
        one.bytes[one.n++] = (char)type;
    }
    return field(p, 1, one.bytes, one.n);
}

static void refuse_spiece(Proto p, const char *wording)
{
    test_write(test_path(folder, "spiece.model"), p.bytes, p.n);
    check_open("spiece.model", ERR_FORMAT, wording);
}

/* Three pieces that T5 needs; the unknown one is the first. */
static Proto small(void)
{
    Proto p = piece((Proto){0}, "<unk>", 0, 2);
    return piece(piece(p, "</s>", 0, 3), "<pad>", 0, 3);
}

static void a_small_model_is_read(void **state)
{
    (void)state;
    Err err = {0};
    Tokenizer *t;
    int32_t ids[8];
    Proto p = piece(piece(small(), "\xE2\x96\x81", -2, 0),
                    "\xE2\x96\x81"
                    "a",
                    -1, 0);
    test_write(test_path(folder, "spiece.model"), p.bytes, p.n);
    CHECK_OK(mel_tokenizer_open(folder, &t, &err));
    assert_int_equal(mel_tokenizer_size(t), 105);
    assert_int_equal(mel_tokenize(t, "a  a", ids, 8), 3);
    assert_int_equal(ids[0], 4);
    assert_int_equal(ids[1], 4);
    assert_int_equal(ids[2], 1);
    mel_tokenizer_close(t);
}

static void a_model_that_is_none_is_refused(void **state)
{
    (void)state;
    const Proto none = {0};
    refuse_spiece(none, "there are no pieces");
    refuse_spiece((Proto){"\x0A", 1}, "a number is cut off");
    refuse_spiece((Proto){"\x0A\x05"
                          "ab",
                          4},
                  "a field is cut off");
    refuse_spiece((Proto){"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 11}, "no end");
    refuse_spiece((Proto){"\x0B", 1}, "a field of an unknown kind");
    refuse_spiece(piece(none, "", 0, 2), "a piece that is no text");
    refuse_spiece(piece(none, "\xFF", 0, 2), "a piece that is no text");
    refuse_spiece(piece(none, "a", 0, 9), "a piece of an unknown type");
    refuse_spiece(piece(none, "a", NAN, 2), "a score that is no number");
    refuse_spiece(piece(none, "a", INFINITY, 2), "a score that is no number");
    refuse_spiece(piece(none, "a", 0, 1), "piece 0, for what has none, is not of that type");
    refuse_spiece(field(none, 1, "", 0), "a piece without text");
    refuse_spiece(piece(none, "<unk>", 0, 2), "there is no piece '</s>'");
    refuse_spiece(piece(small(), "</s>", 0, 3), "piece '</s>' is there twice");
    refuse_spiece(piece(small(), "<extra_id_5>", 0, 3), "piece '<extra_id_5>' is there twice");
}

static void a_model_of_another_kind_is_refused(void **state)
{
    (void)state;
    refuse_spiece(field(small(), 2, "\x18\x02", 2), "a model of another kind than unigram");
    refuse_spiece(field(small(), 2, "\xC0\x02\x07", 3), "piece 7, for what has none");
}

static void a_normaliser_that_leads_out_of_itself_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *wording, *bytes;
        size_t n;
    } tables[] = {
        {"trie has 0 bytes of 1",               "\x01",                               1 },
        {"trie has 2147483647 bytes of 4",      "\xFF\xFF\xFF\x7F",                   4 },
        {"trie has 3 bytes of 7",               "\x03\0\0\0\0\0\0",                   7 },
        {"unit 0 leads to unit 1, there are 1", "\x04\0\0\0\x00\x04\0\0",             8 },
        {"unit 0 has no value",                 "\x08\0\0\0\x00\x05\0\0\0\0\0\0",     12},
        {"unit 0 has no replacement at byte 9", "\x08\0\0\0\x00\x05\0\0\x09\0\0\x80", 12},
        {"replacement at byte 0 is not UTF-8",  "\x04\0\0\0\0\0\0\x80\xFF",           9 },
    };
    for (size_t i = 0; i < MEL_COUNT(tables); i++) {
        Proto normaliser = field((Proto){0}, 2, tables[i].bytes, tables[i].n);
        refuse_spiece(field(small(), 3, normaliser.bytes, normaliser.n), tables[i].wording);
    }
}

static void every_beginning_of_a_model_is_a_model_or_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t n;
    Err err = {0};
    int opened = 0, refused = 0;
    const char *path = test_path(folder, "spiece.model");
    CHECK_OK(mel_read_file(DATA "/t5/spiece.model", 1 << 20, &bytes, &n, &err));
    for (size_t cut = 0; cut < n; cut += 997) {
        Tokenizer *t = NULL;
        test_write(path, bytes, cut);
        if (mel_tokenizer_t5(path, &t, &err)) {
            opened++;
        } else {
            assert_int_equal(err.code, ERR_FORMAT);
            assert_non_null(strstr(err.message, path));
            mel_err_clear(&err);
            refused++;
        }
        mel_tokenizer_close(t);
    }
    assert_in_range(refused, 100, 1000);
    assert_in_range(opened, 0, 10); /* cut between two pieces */
    free(bytes);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_vocabulary_that_is_none_is_refused),
        IN_FOLDER(a_vocabulary_that_is_far_too_big_is_refused),
        IN_FOLDER(merges_that_are_none_are_refused),
        IN_FOLDER(files_that_are_not_there_are_named),
        IN_FOLDER(a_pad_that_is_no_piece_is_refused),
        IN_FOLDER(a_small_model_is_read),
        IN_FOLDER(a_model_that_is_none_is_refused),
        IN_FOLDER(a_model_of_another_kind_is_refused),
        IN_FOLDER(a_normaliser_that_leads_out_of_itself_is_refused),
        IN_FOLDER(every_beginning_of_a_model_is_a_model_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
