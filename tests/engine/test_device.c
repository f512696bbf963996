/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/device.h"

#include "engine/backend.h"
#include "tests/support/test.h"

static Backend pretended = {.name = "cuda", .text = "a GPU of the test's"};
static int gpus, opened;

static Backend *pretend(int index, Err *err)
{
    opened = index;
    if (index < gpus) return &pretended;
    mel_err_reason(err, ERR_DEVICE, gpus ? "" : DEVICE_NONE, "there is no GPU %d", index);
    return NULL;
}

static void without_a_gpu_it_is_the_cpu_and_asking_for_one_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    mel_device_offer(NULL);
    CHECK_OK(mel_device_use("auto", &err));
    assert_string_equal(mel_device_name(), "cpu");
    CHECK_FAILS(mel_device_use("cuda", &err), ERR_DEVICE);
    gpus = 0;
    mel_device_offer(pretend);
    CHECK_OK(mel_device_use("auto:3", &err));
    assert_string_equal(mel_device_name(), "cpu");
    CHECK_FAILS(mel_device_use("cuda:0", &err), ERR_DEVICE);
}

static void a_gpu_is_taken_by_its_number_and_never_exchanged_for_the_cpu(void **state)
{
    (void)state;
    Err err = {0};
    gpus = 2;
    mel_device_offer(pretend);
    CHECK_OK(mel_device_use("auto", &err));
    assert_string_equal(mel_device_name(), "cuda");
    assert_string_equal(mel_device_text(), "a GPU of the test's");
    CHECK_OK(mel_device_use("cuda:1", &err));
    assert_int_equal(opened, 1);
    CHECK_FAILS(mel_device_use("auto:2", &err), ERR_DEVICE);
    CHECK_OK(mel_device_use("cpu", &err));
    assert_string_equal(mel_device_name(), "cpu");
}

static void other_names_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    static const char *const names[] = {"", "gpu", "cuda:", "cuda:x", "cuda:1x", "CUDA", "auto:"};
    for (size_t i = 0; i < MEL_COUNT(names); i++)
        CHECK_FAILS(mel_device_use(names[i], &err), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_gpu_it_is_the_cpu_and_asking_for_one_is_refused),
        cmocka_unit_test(a_gpu_is_taken_by_its_number_and_never_exchanged_for_the_cpu),
        cmocka_unit_test(other_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
