/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of training allocates nothing: every call of our own for memory is counted. */
#include "tests/support/test.h"
#include "trainer/step.h"
#include "trainer/trainer.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static long calls;

void *__wrap_malloc(size_t size)
{
    calls++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    calls++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    calls++;
    return __real_realloc(block, size);
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    calls++;
    return __real_posix_memalign(block, alignment, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    calls++;
    return __real_aligned_alloc(alignment, size);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    static const char *const precisions[] = {"f32", "bf16"};
    for (size_t i = 0; i < MEL_COUNT(precisions); i++) {
        Err err = {0};
        TrainConfig config;
        Target *target;
        Shards *shards;
        TrainStep *step;
        StepReport report;
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "target", "music", "data",
                      MEL_TEST_DATA "/training/shards", "model", MEL_TEST_DATA "/training/model",
                      "steps", 9, "batch", 2, "accumulate", 2, "precision", precisions[i]);
        CHECK_OK(mel_target_new(object, &config, &target, &err));
        CHECK_OK(mel_shards_open(config.data, &shards, &err));
        CHECK_OK(mel_target_open(target, shards, &err));
        CHECK_OK(train_step_new(target, mel_backend_cpu(), NULL, &step, &err));
        CHECK_OK(train_step_run(step, 0, &report, &err));
        assert_true(calls > 0);
        calls = 0;
        for (int k = 1; k < 9; k++)
            CHECK_OK(train_step_run(step, k, &report, &err));
        assert_int_equal(calls, 0);
        train_step_free(step);
        mel_target_free(target);
        mel_shards_close(shards);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
