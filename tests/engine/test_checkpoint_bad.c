/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile and damaged files: safetensors, indices, and what is no checkpoint at all. Torch's are in
 * test_checkpoint_bad_pickle.c and test_checkpoint_bad_zip.c. */
#include "tests/engine/checkpoint_refused.h"

#include <sys/stat.h>

/* `header` has ' for each quote. Four bytes of data follow a header unless it says otherwise. */
static void refuse_n(const char *header, size_t data_bytes, ErrCode code, const char *wording)
{
    Str bytes = {0};
    char *quoted = mel_strdup(header);
    for (char *c = quoted; *c; c++)
        if (*c == '\'') *c = '"';
    safetensors_bytes(&bytes, quoted, data_bytes);
    check_refused(header, &bytes, code, wording);
    free(quoted);
    mel_str_clear(&bytes);
}

static void refuse(const char *header, const char *wording)
{
    refuse_n(header, 4, ERR_FORMAT, wording);
}

#define BYTES(offsets) "{'dtype':'U8','shape':[4],'data_offsets':" offsets "}"

static void a_header_that_is_not_strict_json_is_refused(void **state)
{
    (void)state;
    refuse("{'a':", "the header is not JSON (line 1, column 5");
    refuse("{}{}", "the header is not JSON");
    refuse("{'\xff':1}", "the header is not JSON");
    refuse("{'a\\u0000':1}", "the header is not JSON");
    refuse("{'a':" BYTES("[0,4]") ",'\\u0061':" BYTES("[0,4]") "}", "duplicate object key");
    refuse("{'a':{'dtype':'U8','dtype':'I8','shape':[4],'data_offsets':[0,4]}}",
           "duplicate object key");
    refuse("{'a':{'dtype':'U8','shape':[18446744073709551616],'data_offsets':[0,4]}}", "too big");
    refuse("{'a':{'dtype':'U8','shape':[1e400],'data_offsets':[0,4]}}", "the header is not JSON");
}

static void a_bad_entry_is_refused_with_its_tensor_named(void **state)
{
    (void)state;
    refuse("{'':" BYTES("[0,4]") "}", "the name '' is empty");
    refuse("{'a\\u001b[2J':" BYTES("[0,4]") "}",
           "the name 'a?[2J' is empty, over 512 bytes or has control characters");
    refuse("{'__metadata__':[]}", "__metadata__ is not an object");
    refuse("{'__metadata__':{'a':1}}", "__metadata__ 'a' is not a text");
    refuse("{'a':[]}", "tensor 'a': its entry is not an object");
    refuse("{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4],'x':1}}",
           "tensor 'a': its entry has a field besides dtype, shape, data_offsets");
    refuse("{'a':{'shape':[4],'data_offsets':[0,4]}}", "tensor 'a': there is no dtype");
    refuse("{'a':{'dtype':'F8_E4M3','shape':[4],'data_offsets':[0,4]}}",
           "tensor 'a': the dtype 'F8_E4M3' is not supported");
    refuse("{'a':{'dtype':'U8','data_offsets':[0,4]}}", "tensor 'a': there is no shape");
    refuse("{'a':{'dtype':'U8','shape':[2,-2],'data_offsets':[0,4]}}",
           "tensor 'a': dimension 1 is not a whole number from 0");
    refuse("{'a':{'dtype':'U8','shape':[4.0],'data_offsets':[0,4]}}",
           "tensor 'a': dimension 0 is not a whole number from 0");
    refuse_n("{'a':{'dtype':'U8','shape':[1,1,1,1,1,1,4],'data_offsets':[0,4]}}", 4, ERR_LIMIT,
             "tensor 'a': it has 7 dimensions, the limit is 6");
    refuse("{'a':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,4]}}",
           "tensor 'a': its shape has more bytes than can be counted");
    refuse("{'a':{'dtype':'F64','shape':[4611686018427387904],'data_offsets':[0,0]}}",
           "tensor 'a': its shape has more bytes than can be counted");
    refuse_n("{'a':{'dtype':'BOOL','shape':[3],'data_offsets':[0,3]}}", 3, ERR_FORMAT,
             "tensor 'a': element 2 is 2, which is no truth value");
}

static void offsets_that_do_not_fill_the_file_are_refused(void **state)
{
    (void)state;
    refuse("{'a':" BYTES("[0,4,8]") "}", "tensor 'a': data_offsets is not a pair");
    refuse("{'a':" BYTES("{}") "}", "tensor 'a': data_offsets is not a pair");
    refuse("{'a':" BYTES("['0','4']") "}", "tensor 'a': data_offsets is not a pair");
    refuse("{'a':" BYTES("[-4,0]") "}",
           "tensor 'a': data_offsets [-4, 0] are not within the 4 bytes");
    refuse("{'a':" BYTES("[4,0]") "}",
           "tensor 'a': data_offsets [4, 0] are not within the 4 bytes");
    refuse("{'a':" BYTES("[1,5]") "}",
           "tensor 'a': data_offsets [1, 5] are not within the 4 bytes");
    refuse("{'a':" BYTES("[9223372036854775803,9223372036854775807]") "}",
           "are not within the 4 bytes");
    refuse("{'a':" BYTES("[0,3]") "}", "tensor 'a': its shape takes 4 bytes, its data_offsets 3");
    refuse_n("{'a':" BYTES("[0,4]") ",'b':" BYTES("[2,6]") "}", 6, ERR_FORMAT,
             "tensor 'b': its data begins at 2, within an array that ends at 4");
    refuse("{'a':" BYTES("[0,4]") ",'b':" BYTES("[0,4]") "}",
           "its data begins at 0, within an array that ends at 4");
    refuse_n("{'a':" BYTES("[0,4]") ",'b':" BYTES("[5,9]") "}", 9, ERR_FORMAT,
             "tensor 'b': its data begins at 5, behind a hole that begins at 4");
    refuse_n("{'a':" BYTES("[1,5]") "}", 5, ERR_FORMAT,
             "tensor 'a': its data begins at 1, behind a hole that begins at 0");
    refuse_n("{'a':" BYTES("[0,4]") "}", 5, ERR_FORMAT, "the tensors end at 4 of 5 data bytes");
    refuse("{}", "the tensors end at 0 of 4 data bytes");
}

static void refuse_length(uint64_t length, const char *wording)
{
    Str bytes = {0};
    safetensors_bytes(&bytes, "{}", 0);
    patch_number(&bytes, 0, length, 8);
    check_refused("length", &bytes, ERR_FORMAT, wording);
    mel_str_clear(&bytes);
}

static void a_header_length_is_not_believed(void **state)
{
    (void)state;
    refuse_length(0, "the header claims 0 bytes");
    refuse_length(1, "the header claims 1 bytes");
    refuse_length(3, "the header claims 3 bytes, the file has 2 behind its length");
    refuse_length(0xffffffffff, "the header claims 1099511627775 bytes");
    refuse_length(0x10000000000, "neither safetensors nor a torch file");
    refuse_length(0xfffffffffffffff8u, "neither safetensors nor a torch file");
}

static void names_counts_and_headers_have_limits(void **state)
{
    (void)state;
    Str header = {0}, bytes = {0};
    mel_str_add(&header, "{\"");
    for (int i = 0; i < 513; i++)
        mel_str_add_char(&header, 'n');
    mel_str_add(&header, "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}");
    safetensors_bytes(&bytes, header.text, 4);
    check_refused("a long name", &bytes, ERR_FORMAT, "nnn...' is empty, over 512 bytes");
    mel_str_reset(&header);
    mel_str_reset(&bytes);
    for (int i = 0; i <= 65536; i++)
        mel_str_addf(&header, "%c\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                     i ? ',' : '{', i);
    mel_str_add(&header, "}");
    safetensors_bytes(&bytes, header.text, 0);
    check_refused("many tensors", &bytes, ERR_LIMIT, "there are more than 65536 tensors");
    mel_str_reset(&header);
    mel_str_reset(&bytes);
    mel_str_add(&header, "{}");
    while (header.length <= 16 << 20)
        mel_str_add_char(&header, ' ');
    safetensors_bytes(&bytes, header.text, 0);
    check_refused("a large header", &bytes, ERR_LIMIT, "the header has 16777217 bytes, the limit");
    mel_str_reset(&header);
    mel_str_reset(&bytes);
    mel_str_add(&header, "{\"a\":");
    for (int i = 0; i < 100000; i++)
        mel_str_add_char(&header, '[');
    safetensors_bytes(&bytes, header.text, 0);
    check_refused("depth", &bytes, ERR_FORMAT, "the header is not JSON");
    mel_str_clear(&header);
    mel_str_clear(&bytes);
}

static void a_header_has_no_more_parts_than_tensors_need(void **state)
{
    (void)state;
    static const char *const parts[] = {"[],", "{},", "0,"};
    for (size_t i = 0; i < MEL_COUNT(parts); i++) {
        Str header = {0}, bytes = {0};
        mel_str_add(&header, "{\"a\":[");
        for (int n = 0; n <= 1 << 20; n++)
            mel_str_add(&header, parts[i]);
        mel_str_add(&header, "0]}");
        safetensors_bytes(&bytes, header.text, 0);
        check_refused(parts[i], &bytes, ERR_LIMIT,
                      "the header has more parts than 65536 tensors need");
        mel_str_clear(&header);
        mel_str_clear(&bytes);
    }
}

static void a_cut_or_damaged_safetensors_file_is_refused_or_holds_together(void **state)
{
    (void)state;
    Str bytes = {0};
    safetensors_bytes(&bytes,
                      "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                      "\"b\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[4,6]}}",
                      4);
    mel_str_add_bytes(&bytes, "\0\1", 2);
    check_truncations("safetensors", &bytes);
    check_damage(&bytes);
    mel_str_clear(&bytes);
}

static void refuse_other(const char *bytes, const char *wording, const char *hint)
{
    Checkpoint *checkpoint = NULL;
    Err err = {0};
    assert_false(open_bytes(bytes, strlen(bytes), &checkpoint, &err));
    check_error("other", &err, ERR_FORMAT, wording);
    if (!strstr(err.hint, hint)) fail_msg("%s: %s", err.message, err.hint);
}

static void other_files_are_told_apart(void **state)
{
    (void)state;
    refuse_other("", "the file is empty", "");
    refuse_other("hello", "neither safetensors nor a torch file, it starts with 'hello'",
                 "give a .safetensors, .bin, .pth or .ckpt file");
    refuse_other("\x1f\x8b", "it starts with '?\?'", "give a .safetensors");
    refuse_other("version https://git-lfs.github.com/spec/v1\n", "starts with 'version https://'",
                 "run git lfs pull");
    refuse_other("{\"weight_map\":{}}", "it starts with '{\"weight_map\":{}'", "*.index.json");
    refuse_other("\x80\x01}.", "neither safetensors nor a torch file", "");
    refuse_other("\x80\x02}.", "a pickle, but not one of torch's (no magic number)", "");
}

static void what_is_no_regular_file_is_not_opened(void **state)
{
    (void)state;
    char *folder = test_folder();
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    CHECK_FAILS(mel_checkpoint_open(test_path(folder, "none.bin"), &checkpoint, &err),
                ERR_NOT_FOUND);
    CHECK_FAILS(mel_checkpoint_open(test_path(folder, "x.index.json"), &checkpoint, &err),
                ERR_NOT_FOUND);
    const char *fifo = test_path(folder, "fifo.bin");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    CHECK_FAILS(mel_checkpoint_open(fifo, &checkpoint, &err), ERR_FORMAT);
    CHECK_FAILS(mel_checkpoint_open("/dev/zero", &checkpoint, &err), ERR_FORMAT);
    assert_null(checkpoint);
    test_folder_remove(folder);
}

/* In `folder`: 1.safetensors with tensor a, 2.safetensors with b; outside of it, too, lies a good
 * a.safetensors. */
static void refuse_index(const char *folder, const char *index, ErrCode code, const char *wording)
{
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    const char *path = test_path(folder, "x.index.json");
    char *quoted = mel_strdup(index);
    for (char *c = quoted; *c; c++)
        if (*c == '\'') *c = '"';
    test_write(path, quoted, strlen(quoted));
    free(quoted);
    if (mel_checkpoint_open(path, &checkpoint, &err)) fail_msg("%s: opened", index);
    check_error(index, &err, code, wording);
    check_error(index, &err, code, "x.index.json");
}

static void make_set(const char *folder)
{
    static const uint8_t byte = 1;
    const CheckpointTensor a = {"a", DTYPE_U8, SHAPE(1), &byte, 1};
    const CheckpointTensor b = {"b", DTYPE_U8, SHAPE(1), &byte, 1};
    Err err = {0};
    CHECK_OK(mel_make_dirs(test_path(folder, "set/sub"), &err));
    CHECK_OK(mel_safetensors_write(test_path(folder, "a.safetensors"), &a, 1, NULL, &err));
    CHECK_OK(mel_safetensors_write(test_path(folder, "set/1.safetensors"), &a, 1, NULL, &err));
    CHECK_OK(mel_safetensors_write(test_path(folder, "set/2.safetensors"), &b, 1, NULL, &err));
}

static void an_index_that_names_no_shards_is_refused(void **state)
{
    (void)state;
    char *folder = test_folder();
    make_set(folder);
    const char *set = test_path(folder, "set");
    refuse_index(set, "{", ERR_FORMAT, "is not JSON");
    refuse_index(set, "[]", ERR_FORMAT, "there is no weight_map that names shards");
    refuse_index(set, "{'metadata':{}}", ERR_FORMAT, "there is no weight_map that names shards");
    refuse_index(set, "{'weight_map':{}}", ERR_FORMAT, "there is no weight_map");
    refuse_index(set, "{'weight_map':['1.safetensors']}", ERR_FORMAT, "there is no weight_map");
    refuse_index(set, "{'weight_map':{'a':'1.safetensors','a':'2.safetensors'}}", ERR_FORMAT,
                 "duplicate object key");
    refuse_index(set, "{'weight_map':{'a':1}}", ERR_FORMAT,
                 "the shard of tensor 'a' is not a text");
    test_folder_remove(folder);
}

static void an_index_that_leads_outside_is_refused(void **state)
{
    (void)state;
    static const char *const shards[] = {
        "../a.safetensors", "sub/../1.safetensors", "/etc/passwd", "..", "", ".hidden", "sub/"};
    char *folder = test_folder();
    make_set(folder);
    const char *set = test_path(folder, "set");
    for (size_t i = 0; i < MEL_COUNT(shards); i++) {
        char *index = mel_asprintf("{'weight_map':{'a':'%s'}}", shards[i]);
        char *wording =
            mel_asprintf("the shard of tensor 'a' is '%s', not a file beside the index", shards[i]);
        refuse_index(set, index, ERR_DENIED, wording);
        free(index);
        free(wording);
    }
    test_folder_remove(folder);
}

static void an_index_and_shards_that_disagree_are_refused(void **state)
{
    (void)state;
    char *folder = test_folder();
    make_set(folder);
    const char *set = test_path(folder, "set");
    refuse_index(set, "{'weight_map':{'a':'1.safetensors','b':'3.safetensors'}}", ERR_NOT_FOUND,
                 "3.safetensors'");
    refuse_index(set, "{'weight_map':{'a':'1.safetensors','c':'1.safetensors'}}", ERR_FORMAT,
                 "tensor 'c' is not in '1.safetensors', where the index says");
    refuse_index(set, "{'weight_map':{'a':'2.safetensors','b':'1.safetensors'}}", ERR_FORMAT,
                 "tensor 'a' lies in '1.safetensors', the index says '2.safetensors'");
    refuse_index(set, "{'weight_map':{'b':'1.safetensors'}}", ERR_FORMAT,
                 "tensor 'a' of '1.safetensors' is not in the index");
    refuse_index(set, "{'weight_map':{'a':'x.index.json'}}", ERR_FORMAT,
                 "neither safetensors nor a torch file");
    refuse_index(set, "{'weight_map':{'a':'sub'}}", ERR_FORMAT, "is not a regular file");
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_is_not_strict_json_is_refused),
        cmocka_unit_test(a_bad_entry_is_refused_with_its_tensor_named),
        cmocka_unit_test(offsets_that_do_not_fill_the_file_are_refused),
        cmocka_unit_test(a_header_length_is_not_believed),
        cmocka_unit_test(names_counts_and_headers_have_limits),
        cmocka_unit_test(a_header_has_no_more_parts_than_tensors_need),
        cmocka_unit_test(a_cut_or_damaged_safetensors_file_is_refused_or_holds_together),
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(what_is_no_regular_file_is_not_opened),
        cmocka_unit_test(an_index_that_names_no_shards_is_refused),
        cmocka_unit_test(an_index_that_leads_outside_is_refused),
        cmocka_unit_test(an_index_and_shards_that_disagree_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
