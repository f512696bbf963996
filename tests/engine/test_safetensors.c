/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/checkpoint_refused.h"

static void a_header_and_its_data_become_tensors(void **state)
{
    (void)state;
    static const char header[] =
        "{\"b.weight\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[1,13]},"
        "\"__metadata__\":{\"format\":\"pt\"},"
        "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[13,13]},"
        "\"a\":{\"shape\":[],\"data_offsets\":[0,1],\"dtype\":\"BOOL\"}}   ";
    Str bytes = {0};
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    safetensors_bytes(&bytes, header, 13);
    CHECK_OK(open_bytes(bytes.text, bytes.length, &checkpoint, &err));
    assert_string_equal(mel_checkpoint_format(checkpoint), "safetensors");
    assert_int_equal(mel_checkpoint_count(checkpoint), 3);
    assert_string_equal(mel_checkpoint_at(checkpoint, 0)->name, "a");
    const CheckpointTensor *b = mel_checkpoint_find(checkpoint, "b.weight");
    assert_int_equal(b->dtype, DTYPE_F16);
    assert_true(mel_shape_equal(&b->shape, &SHAPE(2, 3)));
    assert_int_equal(b->bytes, 12);
    assert_memory_equal(b->data, "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    assert_null(mel_checkpoint_find(checkpoint, "b"));
    check_checkpoint(checkpoint);
    mel_checkpoint_close(checkpoint);
    mel_str_clear(&bytes);
}

/* A length whose first byte is a pickle's first byte, too. */
static void a_header_whose_length_looks_like_a_pickle_is_none(void **state)
{
    (void)state;
    Str header = {0}, bytes = {0};
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    mel_str_add(&header, "{}");
    while (header.length < 0x280)
        mel_str_add_char(&header, ' ');
    safetensors_bytes(&bytes, header.text, 0);
    CHECK_OK(open_bytes(bytes.text, bytes.length, &checkpoint, &err));
    assert_int_equal(mel_checkpoint_count(checkpoint), 0);
    assert_null(mel_checkpoint_find(checkpoint, "a"));
    mel_checkpoint_close(checkpoint);
    mel_str_clear(&header);
    mel_str_clear(&bytes);
}

static void what_is_written_is_the_same_in_any_order_and_aligned(void **state)
{
    (void)state;
    static const double doubles[2] = {1, 2};
    static const uint8_t truths[3] = {1, 0, 1};
    static const float floats[1] = {0.5F};
    const CheckpointTensor quoted = {"\"quoted\" \xc3\xa9", DTYPE_BOOL, SHAPE(3), truths, 3};
    const CheckpointTensor z = {"z", DTYPE_F64, SHAPE(2, 1), doubles, 16};
    const CheckpointTensor f = {"f", DTYPE_F32, {.rank = 0}, floats, 4};
    const CheckpointTensor nothing = {"nothing", DTYPE_F32, SHAPE(0), NULL, 0};
    const CheckpointTensor tensors[] = {quoted, z, f, nothing};
    const CheckpointTensor turned[] = {nothing, f, quoted, z};
    const char *const metadata[] = {"step", "12", "note", "line\nend", NULL};
    char *folder = test_folder(), *first, *second;
    const char *paths[] = {test_path(folder, "a"), test_path(folder, "b")};
    size_t first_n, second_n;
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    CHECK_OK(mel_safetensors_write(paths[0], tensors, 4, metadata, &err));
    CHECK_OK(mel_safetensors_write(paths[1], turned, 4, metadata, &err));
    CHECK_OK(mel_read_file(paths[0], 4096, &first, &first_n, &err));
    CHECK_OK(mel_read_file(paths[1], 4096, &second, &second_n, &err));
    assert_int_equal(first_n, second_n);
    assert_memory_equal(first, second, first_n);
    assert_int_equal((first_n - 16 - 4 - 3) % 64, 0);
    CHECK_OK(mel_checkpoint_open(paths[0], &checkpoint, &err));
    for (size_t i = 0; i < 4; i++) {
        const CheckpointTensor *read = mel_checkpoint_find(checkpoint, tensors[i].name);
        assert_non_null(read);
        assert_true(mel_shape_equal(&read->shape, &tensors[i].shape));
        assert_int_equal(read->bytes, tensors[i].bytes);
        if (read->bytes) assert_memory_equal(read->data, tensors[i].data, (size_t)read->bytes);
    }
    free(first);
    free(second);
    mel_checkpoint_close(checkpoint);
    test_folder_remove(folder);
}

static void a_checkpoint_of_no_tensors_can_be_written(void **state)
{
    (void)state;
    char *folder = test_folder();
    const char *path = test_path(folder, "none.safetensors");
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    CHECK_OK(mel_safetensors_write(path, NULL, 0, NULL, &err));
    CHECK_OK(mel_checkpoint_open(path, &checkpoint, &err));
    assert_int_equal(mel_checkpoint_count(checkpoint), 0);
    mel_checkpoint_close(checkpoint);
    test_folder_remove(folder);
}

static void the_writer_refuses_what_the_reader_would(void **state)
{
    (void)state;
    static const char *const names[] = {"", "__metadata__", "line\nend", "\xff", "\xc2\x85"};
    static const uint8_t byte = 1;
    char *folder = test_folder(), long_name[600];
    const char *path = test_path(folder, "x");
    Err err = {0};
    CheckpointTensor tensors[2] = {
        {"a", DTYPE_U8, SHAPE(1), &byte, 1},
        {"a", DTYPE_U8, SHAPE(1), &byte, 1}
    };
    CHECK_FAILS(mel_safetensors_write(path, tensors, 2, NULL, &err), ERR_USAGE);
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        tensors[0].name = names[i];
        CHECK_FAILS(mel_safetensors_write(path, tensors, 1, NULL, &err), ERR_USAGE);
    }
    memset(long_name, 'x', sizeof long_name);
    long_name[513] = '\0';
    tensors[0].name = long_name;
    CHECK_FAILS(mel_safetensors_write(path, tensors, 1, NULL, &err), ERR_USAGE);
    long_name[512] = '\0';
    CHECK_OK(mel_safetensors_write(path, tensors, 1, NULL, &err));
    const char *const twice[] = {"k", "1", "k", "2", NULL};
    CHECK_FAILS(mel_safetensors_write(path, tensors, 1, twice, &err), ERR_USAGE);
    path = test_path(folder, "missing/x");
    CHECK_FAILS(mel_safetensors_write(path, tensors, 1, NULL, &err), ERR_IO);
    test_folder_remove(folder);
}

static void the_hash_is_that_of_the_files_in_name_order(void **state)
{
    (void)state;
    static const char index[] =
        "{\"weight_map\":{\"a\":\"2.safetensors\",\"b\":\"1.safetensors\"}}";
    static const uint8_t byte = 1;
    const CheckpointTensor tensors[] = {
        {"a", DTYPE_U8, SHAPE(1), &byte, 1},
        {"b", DTYPE_U8, SHAPE(1), &byte, 1}
    };
    char *folder = test_folder(), *bytes, is[SHA256_HEX_SIZE], wanted[SHA256_HEX_SIZE];
    Str both = {0};
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    for (int i = 1; i <= 2; i++) {
        size_t n;
        const char *path = test_path(folder, "%d.safetensors", i);
        CHECK_OK(mel_safetensors_write(path, &tensors[2 - i], 1, NULL, &err));
        CHECK_OK(mel_read_file(path, 4096, &bytes, &n, &err));
        mel_str_add_bytes(&both, bytes, n);
        free(bytes);
    }
    test_write(test_path(folder, "model.safetensors.index.json"), index, strlen(index));
    CHECK_OK(mel_checkpoint_open(folder, &checkpoint, &err));
    CHECK_OK(mel_checkpoint_sha256(checkpoint, is, &err));
    mel_sha256_hex(both.text, both.length, wanted);
    assert_string_equal(is, wanted);
    assert_int_equal(truncate(test_path(folder, "2.safetensors"), 20), 0);
    CHECK_FAILS(mel_checkpoint_sha256(checkpoint, is, &err), ERR_IO);
    mel_checkpoint_close(checkpoint);
    mel_str_clear(&both);
    test_folder_remove(folder);
}

/* Large enough for whole pages to be given back; they come again from the file. */
static void pages_that_are_given_back_can_be_read_again(void **state)
{
    (void)state;
    enum { COUNT = 1 << 16 };
    float *numbers = mel_alloc(COUNT * sizeof *numbers);
    for (int i = 0; i < COUNT; i++)
        numbers[i] = (float)i;
    const CheckpointTensor tensor = {"n", DTYPE_F32, SHAPE(COUNT), numbers, COUNT * 4};
    char *folder = test_folder();
    const char *path = test_path(folder, "n.safetensors");
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    CHECK_OK(mel_safetensors_write(path, &tensor, 1, NULL, &err));
    CHECK_OK(mel_checkpoint_open(path, &checkpoint, &err));
    const CheckpointTensor *read = mel_checkpoint_at(checkpoint, 0);
    assert_memory_equal(read->data, numbers, COUNT * 4);
    mel_checkpoint_done_with(checkpoint, read);
    assert_memory_equal(read->data, numbers, COUNT * 4);
    mel_checkpoint_close(checkpoint);
    free(numbers);
    test_folder_remove(folder);
}

static int64_t tensors_of(const char *folder)
{
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    CHECK_OK(mel_checkpoint_open(folder, &checkpoint, &err));
    int64_t count = mel_checkpoint_count(checkpoint);
    mel_checkpoint_close(checkpoint);
    return count;
}

/* From the last choice to the first, each with one tensor more than the one before. */
static void of_several_checkpoints_a_folder_gives_the_best(void **state)
{
    (void)state;
    static const char *const names[] = {"diffusion_pytorch_model.bin", "pytorch_model.bin",
                                        "diffusion_pytorch_model.safetensors", "model.safetensors"};
    char *folder = test_folder();
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    float number = 1;
    CheckpointTensor tensors[4];
    for (int64_t i = 0; i < 4; i++)
        tensors[i] = (CheckpointTensor){.name = names[i], .data = &number, .bytes = 4};
    test_write(test_path(folder, "config.json"), "{}", 2);
    CHECK_FAILS(mel_checkpoint_open(folder, &checkpoint, &err), ERR_NOT_FOUND);
    for (int64_t i = 0; i < 4; i++) {
        const char *path = test_path(folder, "%s", names[i]);
        CHECK_OK(mel_safetensors_write(path, tensors, i + 1, NULL, &err));
        assert_int_equal(tensors_of(folder), i + 1);
    }
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_and_its_data_become_tensors),
        cmocka_unit_test(a_header_whose_length_looks_like_a_pickle_is_none),
        cmocka_unit_test(what_is_written_is_the_same_in_any_order_and_aligned),
        cmocka_unit_test(a_checkpoint_of_no_tensors_can_be_written),
        cmocka_unit_test(the_writer_refuses_what_the_reader_would),
        cmocka_unit_test(the_hash_is_that_of_the_files_in_name_order),
        cmocka_unit_test(pages_that_are_given_back_can_be_read_again),
        cmocka_unit_test(of_several_checkpoints_a_folder_gives_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
