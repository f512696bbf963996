/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/ratelimit.h"

#include "tests/support/test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const RateBucket quick = {.name = "http", .capacity = 5, .refill_per_hour = 3.6e6 / 50};
static const RateBucket slow = {.name = "ytdlp", .capacity = 3, .refill_per_hour = 1};

typedef struct Bench {
    char *folder;
    const char *path;
} Bench;

static int set_up(void **state)
{
    Bench *bench = mel_alloc(sizeof *bench);
    bench->folder = test_folder();
    bench->path = test_path(bench->folder, "rates");
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    Bench *bench = *state;
    test_folder_remove(bench->folder);
    free(bench);
    return 0;
}

static RateLimiter *open_limiter(const Bench *bench)
{
    Err err = {0};
    RateLimiter *limiter = NULL;
    RateBucket buckets[] = {quick, slow};
    CHECK_OK(mel_ratelimit_open(bench->path, buckets, 2, &limiter, &err));
    return limiter;
}

static double tokens_of(RateLimiter *limiter, const char *bucket)
{
    Err err = {0};
    RateState state;
    CHECK_OK(mel_ratelimit_state(limiter, bucket, &state, &err));
    return state.tokens;
}

static void write_state(const Bench *bench, double tokens, int64_t at_us, int64_t paused_until_us)
{
    char *text = mel_asprintf("{\"ytdlp\":{\"tokens\":%.3f,\"at_us\":%lld,"
                              "\"paused_until_us\":%lld,\"why\":\"asked\"}}",
                              tokens, (long long)at_us, (long long)paused_until_us);
    test_write(bench->path, text, strlen(text));
    free(text);
}

static void a_full_bucket_gives_its_tokens_at_once_and_then_waits(void **state)
{
    Err err = {0};
    RateLimiter *limiter = open_limiter(*state);
    int64_t begin_us = mel_monotonic_us();
    for (int i = 0; i < 5; i++)
        CHECK_OK(mel_ratelimit_take(limiter, "http", 0, NULL, NULL, &err));
    int64_t burst_us = mel_monotonic_us() - begin_us;
    for (int i = 0; i < 4; i++)
        CHECK_OK(mel_ratelimit_take(limiter, "http", 0, NULL, NULL, &err));
    int64_t all_us = mel_monotonic_us() - begin_us;
    assert_true(burst_us < 150000);
    assert_true(all_us >= 4 * 50000 - burst_us - 5000);
    mel_ratelimit_close(limiter);
}

static void tokens_outlive_the_process_that_took_them(void **state)
{
    Err err = {0};
    RateLimiter *limiter = open_limiter(*state);
    CHECK_OK(mel_ratelimit_take(limiter, "ytdlp", 0, NULL, NULL, &err));
    CHECK_OK(mel_ratelimit_take(limiter, "ytdlp", 0, NULL, NULL, &err));
    mel_ratelimit_close(limiter);
    limiter = open_limiter(*state);
    CHECK_NEAR(tokens_of(limiter, "ytdlp"), 1, 0.01);
    mel_ratelimit_close(limiter);
}

static void take_many(Bench *bench)
{
    Err err = {0};
    RateLimiter *limiter = open_limiter(bench);
    for (int i = 0; i < 6; i++)
        if (!mel_ratelimit_take(limiter, "http", 0, NULL, NULL, &err)) _exit(1);
    _exit(0);
}

static void processes_share_one_bucket(void **state)
{
    Bench *bench = *state;
    mel_ratelimit_close(open_limiter(bench));
    int64_t begin_us = mel_monotonic_us();
    for (int i = 0; i < 3; i++)
        if (fork() == 0) take_many(bench);
    for (int i = 0; i < 3; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    /* 18 tokens, 5 of them in stock, 50 ms each */
    assert_true(mel_monotonic_us() - begin_us >= 13 * 50000 - 5000);
}

static void take_on_thread(void *ctx, int64_t item, int thread)
{
    (void)item, (void)thread;
    Err err = {0};
    CHECK_OK(mel_ratelimit_take(ctx, "http", 0, NULL, NULL, &err));
}

static void threads_share_one_limiter(void **state)
{
    RateLimiter *limiter = open_limiter(*state);
    int64_t begin_us = mel_monotonic_us();
    mel_parallel_for(4, 12, take_on_thread, limiter);
    assert_true(mel_monotonic_us() - begin_us >= 7 * 50000 - 5000);
    mel_ratelimit_close(limiter);
}

static void a_clock_set_back_neither_fills_nor_owes(void **state)
{
    Bench *bench = *state;
    write_state(bench, 1.5, mel_wall_us() + 3600 * (int64_t)1000000, 0);
    RateLimiter *limiter = open_limiter(bench);
    CHECK_NEAR(tokens_of(limiter, "ytdlp"), 1.5, 0.001);
    Err err = {0};
    CHECK_OK(mel_ratelimit_take(limiter, "ytdlp", 0, NULL, NULL, &err));
    CHECK_NEAR(tokens_of(limiter, "ytdlp"), 0.5, 0.001);
    mel_ratelimit_close(limiter);
}

static void a_clock_that_jumped_ahead_fills_the_bucket_once(void **state)
{
    Bench *bench = *state;
    write_state(bench, 0, 1000000, 0);
    RateLimiter *limiter = open_limiter(bench);
    CHECK_NEAR(tokens_of(limiter, "ytdlp"), 3, 0.001);
    mel_ratelimit_close(limiter);
}

static void a_pause_from_a_wrong_clock_ends_within_a_week(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    RateState seen;
    write_state(bench, 3, mel_wall_us(), INT64_MAX);
    RateLimiter *limiter = open_limiter(bench);
    CHECK_OK(mel_ratelimit_state(limiter, "ytdlp", &seen, &err));
    int64_t left_us = seen.paused_until_wall_us - mel_wall_us();
    assert_true(left_us > 0 && left_us <= 7 * 24 * 3600 * (int64_t)1000000);
    mel_ratelimit_close(limiter);
}

static void an_unreadable_file_counts_as_spent(void **state)
{
    Bench *bench = *state;
    static const char *const torn[] = {"{\"ytdlp\":{\"tok", "garbage", "[]",
                                       "{\"ytdlp\":{\"tokens\":\"many\"}}"};
    for (size_t i = 0; i < MEL_COUNT(torn); i++) {
        test_write(bench->path, torn[i], strlen(torn[i]));
        RateLimiter *limiter = open_limiter(bench);
        CHECK_NEAR(tokens_of(limiter, "ytdlp"), 0, 0.01);
        mel_ratelimit_close(limiter);
    }
    unlink(bench->path);
    RateLimiter *limiter = open_limiter(bench);
    CHECK_NEAR(tokens_of(limiter, "ytdlp"), 3, 0.01);
    mel_ratelimit_close(limiter);
}

static void count_waits(void *ctx, const char *bucket, int64_t left_us)
{
    assert_string_equal(bucket, "http");
    assert_true(left_us > 0);
    ++*(int *)ctx;
}

static void a_pause_holds_everybody_until_it_ends(void **state)
{
    Err err = {0};
    int waits = 0;
    RateLimiter *limiter = open_limiter(*state);
    RateLimiter *other = open_limiter(*state);
    CHECK_OK(mel_ratelimit_pause(limiter, "http", 150000, "HTTP 429", &err));
    int64_t begin_us = mel_monotonic_us();
    CHECK_OK(mel_ratelimit_take(other, "http", 1000000, count_waits, &waits, &err));
    assert_true(mel_monotonic_us() - begin_us >= 140000);
    assert_true(waits >= 1);
    mel_ratelimit_close(limiter);
    mel_ratelimit_close(other);
}

static void a_pause_longer_than_patience_is_said(void **state)
{
    Err err = {0};
    RateState seen;
    RateLimiter *limiter = open_limiter(*state);
    CHECK_OK(mel_ratelimit_pause(limiter, "ytdlp", 3600 * (int64_t)1000000, "not a bot?", &err));
    CHECK_OK(mel_ratelimit_pause(limiter, "ytdlp", 1000, "shorter: no matter", &err));
    int64_t begin_us = mel_monotonic_us();
    assert_false(mel_ratelimit_take(limiter, "ytdlp", 1000000, NULL, NULL, &err));
    assert_true(mel_monotonic_us() - begin_us < 500000);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.reason, "pause.waiting");
    assert_non_null(strstr(err.message, "not a bot?"));
    mel_err_clear(&err);
    CHECK_OK(mel_ratelimit_state(limiter, "ytdlp", &seen, &err));
    assert_string_equal(seen.why, "not a bot?");
    CHECK_OK(mel_ratelimit_take(limiter, "http", 0, NULL, NULL, &err)); /* another bucket */
    mel_ratelimit_close(limiter);
}

static void nonsense_is_refused(void **state)
{
    Bench *bench = *state;
    Err err = {0};
    RateLimiter *limiter = NULL;
    RateBucket bad[] = {
        {"x",   0.5, 1},
        {"x",   1,   0},
        {"x",   NAN, 1},
        {"a/b", 1,   1}
    };
    for (size_t i = 0; i < MEL_COUNT(bad); i++)
        CHECK_FAILS(mel_ratelimit_open(bench->path, &bad[i], 1, &limiter, &err), ERR_USAGE);
    CHECK_FAILS(mel_ratelimit_open(bench->folder, &quick, 1, &limiter, &err), ERR_IO);
    limiter = open_limiter(bench);
    CHECK_FAILS(mel_ratelimit_take(limiter, "nosuch", 0, NULL, NULL, &err), ERR_USAGE);
    mel_ratelimit_close(limiter);
}

static void reasons_are_cut_at_a_character(void **state)
{
    Err err = {0};
    RateState seen;
    RateLimiter *limiter = open_limiter(*state);
    Str why = {0};
    for (int i = 0; i < 100; i++)
        mel_str_add(&why, "\xe2\x80\x99");
    CHECK_OK(mel_ratelimit_pause(limiter, "http", 1000000, why.text, &err));
    CHECK_OK(mel_ratelimit_state(limiter, "http", &seen, &err));
    assert_int_equal(strlen(seen.why), 159);
    assert_true(mel_utf8_valid(seen.why, strlen(seen.why)));
    CHECK_OK(mel_ratelimit_pause(limiter, "http", 2000000, "\xff\xfe", &err));
    CHECK_OK(mel_ratelimit_state(limiter, "http", &seen, &err));
    assert_string_equal(seen.why, "??");
    mel_str_clear(&why);
    mel_ratelimit_close(limiter);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_full_bucket_gives_its_tokens_at_once_and_then_waits),
        WITH_FOLDER(tokens_outlive_the_process_that_took_them),
        WITH_FOLDER(processes_share_one_bucket),
        WITH_FOLDER(threads_share_one_limiter),
        WITH_FOLDER(a_clock_set_back_neither_fills_nor_owes),
        WITH_FOLDER(a_clock_that_jumped_ahead_fills_the_bucket_once),
        WITH_FOLDER(a_pause_from_a_wrong_clock_ends_within_a_week),
        WITH_FOLDER(an_unreadable_file_counts_as_spent),
        WITH_FOLDER(a_pause_holds_everybody_until_it_ends),
        WITH_FOLDER(a_pause_longer_than_patience_is_said),
        WITH_FOLDER(nonsense_is_refused),
        WITH_FOLDER(reasons_are_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
