/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that PyTorch wrote (tests/parity/make_checkpoints.py), number by number; and the forms of
 * older programs that it does not write any more. With MEL_REWRITE_TO set to a folder, the files
 * are written there as safetensors, for tests/parity/check_checkpoints.py. */
#include "tests/engine/checkpoint_bytes.h"
#include "tests/engine/torch_writer.h"
#include "tests/support/test.h"

#define DATA MEL_TEST_DATA "/checkpoints/"

static Checkpoint *open_file(const char *name)
{
    Checkpoint *checkpoint = NULL;
    Err err = {0};
    const char *path = test_path(DATA, "%s", name);
    CHECK_OK(mel_checkpoint_open(path, &checkpoint, &err));
    return checkpoint;
}

/* The tensor has this type, shape and these numbers. */
static void check_tensor(const Checkpoint *checkpoint, const char *name, DType dtype, Shape shape,
                         double (*number)(int64_t i))
{
    char is[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
    const CheckpointTensor *tensor = mel_checkpoint_find(checkpoint, name);
    if (!tensor) fail_msg("no tensor '%s'", name);
    assert_string_equal(mel_dtype_name(tensor->dtype), mel_dtype_name(dtype));
    assert_string_equal(mel_shape_text(&tensor->shape, is), mel_shape_text(&shape, wanted));
    for (int64_t i = 0; i < mel_shape_count(&shape); i++) {
        unsigned char bytes[8];
        double value;
        size_t size = mel_dtype_size(dtype);
        memcpy(bytes, (const char *)tensor->data + (size_t)i * size, size); /* is not aligned */
        mel_convert(bytes, dtype, &value, DTYPE_F64, 1);
        if (value != number(i))
            fail_msg("%s[%lld] = %.17g, wanted %.17g", name, (long long)i, value, number(i));
    }
}

static double eighths(int64_t i)
{
    return (double)i / 8;
}

static double transposed(int64_t i)
{
    return (double)(i % 4 * 6 + i / 4) / 8;
}

static double row(int64_t i)
{
    return (double)(12 + i) / 8;
}

static double column(int64_t i)
{
    return (double)(6 * i + 1) / 8;
}

static double window(int64_t i)
{
    return (double)(6 * (1 + i / 3) + 2 + i % 3) / 8;
}

static double seven_eighths(int64_t i)
{
    (void)i;
    return 0.875;
}

static double quarter(int64_t i)
{
    (void)i;
    return 0.25;
}

static double itself(int64_t i)
{
    return (double)i;
}

static double counted(int64_t i)
{
    return (double)(i - 3);
}

static double counted_quarters(int64_t i)
{
    return counted(i) / 4;
}

static double counted_thirds(int64_t i)
{
    return counted(i) / 3;
}

static double counted_2_40(int64_t i)
{
    return counted(i) * 0x1p40;
}

static double counted_2_20(int64_t i)
{
    return counted(i) * 0x1p20;
}

static double counted_2_10(int64_t i)
{
    return counted(i) * 0x1p10;
}

static double from_250(int64_t i)
{
    return (double)(250 + i);
}

static double is_positive(int64_t i)
{
    return counted(i) > 0;
}

static double half_transposed(int64_t i)
{
    return (double)(i % 2 * 3 + i / 2) / 4;
}

static double seven(int64_t i)
{
    (void)i;
    return 7;
}

static void check_weights(const Checkpoint *checkpoint)
{
    Shape scalar = {.rank = 0};
    assert_int_equal(mel_checkpoint_count(checkpoint), 21);
    check_tensor(checkpoint, "base.weight", DTYPE_F32, SHAPE(4, 6), eighths);
    check_tensor(checkpoint, "tied.weight", DTYPE_F32, SHAPE(4, 6), eighths);
    check_tensor(checkpoint, "transposed", DTYPE_F32, SHAPE(6, 4), transposed);
    check_tensor(checkpoint, "row", DTYPE_F32, SHAPE(6), row);
    check_tensor(checkpoint, "column", DTYPE_F32, SHAPE(4), column);
    check_tensor(checkpoint, "window", DTYPE_F32, SHAPE(2, 3), window);
    check_tensor(checkpoint, "expanded", DTYPE_F32, SHAPE(3), seven_eighths);
    check_tensor(checkpoint, "channels_last", DTYPE_F32, SHAPE(2, 3, 2, 4), itself);
    check_tensor(checkpoint, "parameter", DTYPE_F32, SHAPE(2), quarter);
    check_tensor(checkpoint, "half", DTYPE_F16, SHAPE(8), counted_quarters);
    check_tensor(checkpoint, "bfloat16", DTYPE_BF16, SHAPE(8), counted_quarters);
    check_tensor(checkpoint, "double", DTYPE_F64, SHAPE(8), counted_thirds);
    check_tensor(checkpoint, "long", DTYPE_I64, SHAPE(8), counted_2_40);
    check_tensor(checkpoint, "int", DTYPE_I32, SHAPE(8), counted_2_20);
    check_tensor(checkpoint, "short", DTYPE_I16, SHAPE(8), counted_2_10);
    check_tensor(checkpoint, "char", DTYPE_I8, SHAPE(8), counted);
    check_tensor(checkpoint, "byte", DTYPE_U8, SHAPE(6), from_250);
    check_tensor(checkpoint, "bool", DTYPE_BOOL, SHAPE(8), is_positive);
    check_tensor(checkpoint, "half.transposed", DTYPE_F16, SHAPE(3, 2), half_transposed);
    check_tensor(checkpoint, "num_batches_tracked", DTYPE_I64, scalar, seven);
    check_tensor(checkpoint, "empty", DTYPE_F32, SHAPE(0, 3), itself);
    check_checkpoint(checkpoint);
}

static void a_zip_of_torch_is_read_with_its_views(void **state)
{
    (void)state;
    Checkpoint *checkpoint = open_file("zip.pth");
    assert_string_equal(mel_checkpoint_format(checkpoint), "torch zip");
    check_weights(checkpoint);
    mel_checkpoint_close(checkpoint);
}

static void views_of_one_storage_lie_in_the_file_once(void **state)
{
    (void)state;
    Checkpoint *checkpoint = open_file("zip.pth");
    const char *base = mel_checkpoint_find(checkpoint, "base.weight")->data;
    assert_ptr_equal(mel_checkpoint_find(checkpoint, "tied.weight")->data, base);
    assert_ptr_equal(mel_checkpoint_find(checkpoint, "row")->data, base + 12 * sizeof(float));
    mel_checkpoint_close(checkpoint);
}

static void a_pickle_of_protocol_5_is_read(void **state)
{
    (void)state;
    Checkpoint *checkpoint = open_file("protocol5.pth");
    check_weights(checkpoint);
    mel_checkpoint_close(checkpoint);
}

static void a_legacy_file_gives_the_tensors_of_its_model(void **state)
{
    (void)state;
    Checkpoint *checkpoint = open_file("legacy.pth");
    assert_string_equal(mel_checkpoint_format(checkpoint), "torch legacy");
    check_weights(checkpoint);
    mel_checkpoint_close(checkpoint);
}

static void a_set_of_shards_is_one_checkpoint(void **state)
{
    (void)state;
    static const char *const names[] = {"sharded", "sharded/model.safetensors.index.json"};
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        Checkpoint *checkpoint = open_file(names[i]);
        assert_string_equal(mel_checkpoint_format(checkpoint), "safetensors");
        check_weights(checkpoint);
        mel_checkpoint_close(checkpoint);
    }
}

static void foreign_objects_of_lightning_are_passed_over(void **state)
{
    (void)state;
    static const char *const names[] = {"lightning.ckpt", "lightning_protocol5.ckpt"};
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        Checkpoint *checkpoint = open_file(names[i]);
        Shape scalar = {.rank = 0};
        assert_int_equal(mel_checkpoint_count(checkpoint), 7);
        check_tensor(checkpoint, "0.weight", DTYPE_F32, SHAPE(2, 3), itself);
        check_tensor(checkpoint, "1.running_mean", DTYPE_F32, SHAPE(2), itself);
        check_tensor(checkpoint, "1.num_batches_tracked", DTYPE_I64, scalar, itself);
        assert_null(mel_checkpoint_find(checkpoint, "best_model_score"));
        check_checkpoint(checkpoint);
        mel_checkpoint_close(checkpoint);
    }
}

static void a_file_without_checksums_is_read(void **state)
{
    (void)state;
    Checkpoint *checkpoint = open_file("without_crc.pth");
    check_tensor(checkpoint, "a", DTYPE_I64, SHAPE(3), itself);
    mel_checkpoint_close(checkpoint);
}

static void check_refused(const char *name, const char *wording)
{
    Checkpoint *checkpoint = NULL;
    Err err = {0};
    const char *path = test_path(DATA, "%s", name);
    if (mel_checkpoint_open(path, &checkpoint, &err)) fail_msg("%s opened", name);
    assert_int_equal(err.code, ERR_FORMAT);
    if (!strstr(err.message, wording)) fail_msg("%s: %s, wanted %s", name, err.message, wording);
    assert_null(checkpoint);
}

static void weights_that_cannot_be_read_do_not_go_unnoticed(void **state)
{
    (void)state;
    check_refused("module.pth", "there is no dictionary that holds tensors");
    check_refused("complex.pth", "tensor 'c': its type, ComplexFloatStorage, is not supported");
    check_refused("sparse.pth",
                  "tensor 's': its kind, torch._utils._rebuild_sparse_tensor, is not supported");
    check_refused("uint16.pth",
                  "tensor 'f': its kind, torch._utils._rebuild_tensor_v3, is not supported");
}

static void put_floats(Str *out, int count)
{
    for (int i = 0; i < count; i++) {
        float value = (float)i;
        mel_str_add_bytes(out, &value, sizeof value);
    }
}

/* What torch under Python 2 wrote: byte strings, and an OrderedDict that is given a list of pairs;
 * and views of a storage in the persistent id. */
static void a_legacy_file_of_python_2_with_storage_views_is_read(void **state)
{
    (void)state;
    Str bytes = {0};
    Err err = {0};
    Checkpoint *checkpoint = NULL;
    legacy_preface(&bytes);
    mel_str_add(&bytes, "\x80\x02");
    pickle_global(&bytes, "collections", "OrderedDict");
    mel_str_add(&bytes, "]](U\x04part");
    pickle_global(&bytes, "torch._utils", "_rebuild_tensor");
    mel_str_add(&bytes, "((U\x07storage");
    pickle_global(&bytes, "torch", "FloatStorage");
    mel_str_add(&bytes, "U\x02"
                        "11U\x03"
                        "cpuK\x08(U\x02"
                        "12K\x02K\x05ttQK\x01K\x03\x85K\x01\x85tRea\x85R.");
    mel_str_add(&bytes, "\x80\x02]U\x02"
                        "11a.");
    put_number(&bytes, 8, 8);
    put_floats(&bytes, 8);
    CHECK_OK(open_bytes(bytes.text, bytes.length, &checkpoint, &err));
    const CheckpointTensor *part = mel_checkpoint_find(checkpoint, "part");
    assert_non_null(part);
    float value;
    memcpy(&value, part->data, sizeof value);
    CHECK_NEAR(value, 3, 0);
    assert_int_equal(part->bytes, 12);
    mel_checkpoint_close(checkpoint);
    mel_str_clear(&bytes);
}

static void of_two_dictionaries_the_one_with_more_tensors_counts(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        int second_tensors; /* the first has two */
        const char *chosen; /* NULL: refused */
    } cases[] = {
        {"ema",        "generator",  3, "second"},
        {"state_dict", "ema",        2, "first" },
        {"ema",        "model",      2, "second"},
        {"model",      "state_dict", 2, "second"},
        {"ema",        "other",      2, NULL    },
        {"ema",        "other",      1, "first" },
    };
    static const float data[4] = {0};
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        ZipWriter zip = {0};
        Str pickle = {0};
        Err err = {0};
        Checkpoint *checkpoint = NULL;
        mel_str_add(&pickle, "\x80\x02}(");
        for (int side = 0; side < 2; side++) {
            pickle_text(&pickle, side ? cases[i].second : cases[i].first);
            mel_str_add(&pickle, "}(");
            for (int n = 0; n < (side ? cases[i].second_tensors : 2); n++) {
                static const char *const tensor_names[] = {"a", "b", "c"};
                PickledTensor tensor = {NULL, "FloatStorage", "0", 4, 0, 1, {4}, {1}};
                pickle_text(&pickle, tensor_names[n]);
                pickle_tensor(&pickle, &tensor, false);
            }
            pickle_text(&pickle, side ? "second" : "first");
            pickle_tensor(&pickle, &(PickledTensor){NULL, "FloatStorage", "0", 4, 0, 0, {0}, {0}},
                          false);
            mel_str_add(&pickle, "u");
        }
        mel_str_add(&pickle, "u.");
        zip_add(&zip, "x/data.pkl", pickle.text, pickle.length);
        zip_add(&zip, "x/data/0", data, sizeof data);
        zip_finish(&zip, i % 2);
        if (cases[i].chosen) {
            CHECK_OK(open_bytes(zip.bytes.text, zip.bytes.length, &checkpoint, &err));
            assert_non_null(mel_checkpoint_find(checkpoint, cases[i].chosen));
        } else {
            assert_false(open_bytes(zip.bytes.text, zip.bytes.length, &checkpoint, &err));
            assert_non_null(strstr(err.message, "'ema' and 'other' hold 3 tensors each"));
        }
        mel_checkpoint_close(checkpoint);
        mel_str_clear(&pickle);
        zip_clear(&zip);
    }
}

static void every_file_can_be_written_as_safetensors_and_read_again(void **state)
{
    (void)state;
    static const char *const names[] = {
        "zip.pth", "protocol5.pth", "legacy.pth", "lightning.ckpt", "lightning_protocol5.ckpt",
        "sharded"};
    const char *kept = getenv("MEL_REWRITE_TO");
    char *folder = test_folder();
    Err err = {0};
    for (size_t i = 0; i < MEL_COUNT(names); i++) {
        Checkpoint *from = open_file(names[i]), *to = NULL;
        const char *path = test_path(kept ? kept : folder, "%s.safetensors", names[i]);
        const char *const metadata[] = {"made from", names[i], "format", "pt", NULL};
        int64_t count = mel_checkpoint_count(from);
        CheckpointTensor tensors[32];
        for (int64_t at = 0; at < count; at++)
            tensors[count - 1 - at] = *mel_checkpoint_at(from, at);
        CHECK_OK(mel_safetensors_write(path, tensors, count, metadata, &err));
        CHECK_OK(mel_checkpoint_open(path, &to, &err));
        assert_int_equal(mel_checkpoint_count(to), count);
        for (int64_t at = 0; at < count; at++) {
            const CheckpointTensor *a = mel_checkpoint_at(from, at), *b = mel_checkpoint_at(to, at);
            assert_string_equal(a->name, b->name);
            assert_int_equal(a->dtype, b->dtype);
            assert_true(mel_shape_equal(&a->shape, &b->shape));
            assert_memory_equal(a->data, b->data, (size_t)a->bytes);
            assert_int_equal((uintptr_t)b->data % mel_dtype_size(b->dtype), 0);
        }
        mel_checkpoint_close(from);
        mel_checkpoint_close(to);
    }
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zip_of_torch_is_read_with_its_views),
        cmocka_unit_test(views_of_one_storage_lie_in_the_file_once),
        cmocka_unit_test(a_pickle_of_protocol_5_is_read),
        cmocka_unit_test(a_legacy_file_gives_the_tensors_of_its_model),
        cmocka_unit_test(a_set_of_shards_is_one_checkpoint),
        cmocka_unit_test(foreign_objects_of_lightning_are_passed_over),
        cmocka_unit_test(a_file_without_checksums_is_read),
        cmocka_unit_test(weights_that_cannot_be_read_do_not_go_unnoticed),
        cmocka_unit_test(a_legacy_file_of_python_2_with_storage_views_is_read),
        cmocka_unit_test(of_two_dictionaries_the_one_with_more_tensors_counts),
        cmocka_unit_test(every_file_can_be_written_as_safetensors_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
