/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes over the loopback: they meet, add up to the same bits, and say who is gone. */
#include "tests/support/test.h"
#include "tests/trainer/rank_play.h"
#include "trainer/collective.h"
#include "trainer/ranks.h"
#include "trainer/tcp.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECOND = 1000000 };

/* ---- sums ----------------------------------------------------------------------------------- */

/* Of any size and sign, so that the order of adding up shows in the last bits. */
static float number(int rank, int64_t i)
{
    Rng rng = {.seed = 11, .stream = (uint64_t)rank, .next = (uint64_t)i * 2};
    return (float)(mel_rng_normal(&rng) * pow(10, (double)(i % 7) - 3));
}

static bool near_the_sum(const float *values, int64_t count, int size, Err *err)
{
    for (int64_t i = 0; i < count; i++) {
        double sum = 0, largest = 0;
        for (int rank = 0; rank < size; rank++) {
            sum += (double)number(rank, i);
            largest = fmax(largest, fabs((double)number(rank, i)));
        }
        if (fabs((double)values[i] - sum) > 1e-6 * largest)
            return mel_err(err, ERR_MATH, "at %lld: %.9g, wanted %.9g", (long long)i,
                           (double)values[i], sum);
    }
    return true;
}

static bool sum_and_compare(Collective *c, void *ctx, Err *err)
{
    int64_t count = *(const int64_t *)ctx;
    float *values = mel_alloc((size_t)count * sizeof *values + 1);
    char hex[SHA256_HEX_SIZE];
    for (int64_t i = 0; i < count; i++)
        values[i] = number(mel_collective_rank(c), i);
    bool ok = collective_sum(c, values, count, err) &&
              near_the_sum(values, count, mel_collective_size(c), err);
    mel_sha256_hex(values, (size_t)count * sizeof *values, hex);
    ok = ok && ranks_agree(c, hex, "other bits", err);
    free(values);
    return ok;
}

static void every_rank_gets_the_same_bits_of_the_sum(void **state)
{
    (void)state;
    static const int sizes[] = {2, 3, 5};
    int64_t counts[] = {0, 1, 4, 1003, 300007};
    for (size_t s = 0; s < MEL_COUNT(sizes); s++)
        for (size_t i = 0; i < MEL_COUNT(counts); i++)
            play_all(sizes[s], sum_and_compare, &counts[i]);
}

static bool sum_many_mib(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    int64_t count = (4 << 20) + 3;
    float *values = mel_alloc((size_t)count * sizeof *values);
    bool ok = true;
    for (int round = 0; round < 3 && ok; round++) {
        for (int64_t i = 0; i < count; i++)
            values[i] = (float)(i % 1000 + mel_collective_rank(c));
        ok = collective_sum(c, values, count, err);
        for (int64_t i = 0; i < count && ok; i++)
            if (values[i] != (float)(3 * (i % 1000) + 3)) /* exact: small whole numbers */
                ok = mel_err(err, ERR_MATH, "at %lld: %g", (long long)i, (double)values[i]);
    }
    free(values);
    return ok;
}

static void buffers_far_larger_than_the_systems_do_not_lock_up(void **state)
{
    (void)state;
    play_all(3, sum_many_mib, NULL);
}

/* A flat variable of several pieces, the last one short, and what a rank has in it. */
static const FlatMember summed[] = {
    {"large",  SHAPE(1100, 1000)},
    {"number", {0}       },
    {"small", SHAPE(7,         3)     }
};

static void fill_summed(float *values, int64_t count, int rank)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(i % 100 + rank);
}

static bool add_summed(Variables *variables, int rank, Err *err)
{
    float *values = mel_alloc(1100 * 1000 * sizeof *values);
    bool ok = mel_variables_add_flat(variables, "all", summed, MEL_COUNT(summed), err);
    for (size_t k = 0; k < MEL_COUNT(summed) && ok; k++) {
        fill_summed(values, mel_shape_count(&summed[k].shape), rank);
        ok = mel_variables_write(variables, mel_variables_find(variables, summed[k].name), values,
                                 err);
    }
    free(values);
    return ok;
}

/* Half of the sum of two ranks: exact, i % 100 + 1/2. */
static bool check_summed(const Variables *variables, Err *err)
{
    bool ok = true;
    for (size_t k = 0; k < MEL_COUNT(summed) && ok; k++) {
        int64_t count = mel_shape_count(&summed[k].shape);
        float *values = mel_alloc((size_t)count * sizeof *values);
        ok = mel_variables_read(variables, mel_variables_find(variables, summed[k].name), values,
                                err);
        for (int64_t i = 0; i < count && ok; i++) {
            float sum = (float)(i % 100) + 0.5F;
            if (values[i] != sum)
                ok = mel_err(err, ERR_MATH, "%s at %lld: %g", summed[k].name, (long long)i,
                             (double)values[i]);
        }
        free(values);
    }
    return ok;
}

static bool sum_flat_variable(Collective *c, void *backend, Err *err)
{
    Variables *variables = mel_variables_new(backend);
    RankSums *sums = rank_sums_new(c, variables);
    bool ok = add_summed(variables, mel_collective_rank(c), err);
    int all = mel_variables_find(variables, "all");
    ok = ok && rank_sums_run(sums, mel_variables_whole(variables, all), 0.5F, err) &&
         check_summed(variables, err);
    rank_sums_free(sums);
    mel_variables_free(variables);
    return ok;
}

/* Where they lie, and piece by piece as from a GPU. */
static void flat_variables_are_added_up_whole(void **state)
{
    (void)state;
    play_all(2, sum_flat_variable, mel_backend_cpu());
    play_all(2, sum_flat_variable, mel_backend_reference());
}

static bool take_the_first_text(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    char text[300000];
    memset(text, 'a' + mel_collective_rank(c), sizeof text);
    if (!collective_broadcast(c, text, sizeof text, err)) return false;
    for (size_t i = 0; i < sizeof text; i++)
        if (text[i] != 'a') return mel_err(err, ERR_FORMAT, "at %zu: %c", i, text[i]);
    return true;
}

static void rank_0_is_heard_by_all(void **state)
{
    (void)state;
    play_all(2, take_the_first_text, NULL);
    play_all(5, take_the_first_text, NULL);
}

static bool disagree(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    Err own = {0};
    const char *text = mel_collective_rank(c) == 2 ? "b" : "a";
    if (!ranks_agree(c, "a", "another letter", err)) return false;
    if (ranks_agree(c, text, "another letter", &own)) return mel_err(err, ERR_FORMAT, "they agree");
    return strstr(own.message, "rank 2 has another letter than rank 0") ||
           mel_err(err, ERR_FORMAT, "it says: %.200s", own.message);
}

static void the_rank_that_differs_is_named_by_all(void **state)
{
    (void)state;
    play_all(3, disagree, NULL);
}

static bool sum_different_counts(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    Err own = {0};
    float values[9] = {0};
    if (collective_sum(c, values, 8 + mel_collective_rank(c), &own))
        return mel_err(err, ERR_FORMAT, "they were added up");
    return own.code == ERR_NET || mel_err(err, ERR_FORMAT, "%.200s", own.message);
}

static void ranks_at_different_places_are_found(void **state)
{
    (void)state;
    play_all(2, sum_different_counts, NULL);
}

/* ---- losses --------------------------------------------------------------------------------- */

typedef struct Loss {
    const char *says; /* by those that are left */
    int rank;         /* the one that goes */
    void (*go)(void);
} Loss;

static void die(void)
{
    raise(SIGKILL);
}

static void freeze(void)
{
    raise(SIGSTOP);
}

static bool lose_one(Collective *c, void *ctx, Err *err)
{
    const Loss *loss = ctx;
    Err own = {0};
    float values[64] = {0};
    for (int round = 0; round < 1000000; round++) {
        if (round == 3 && mel_collective_rank(c) == loss->rank) {
            if (!loss->go) return mel_err(err, ERR_IO, "the disk is full");
            loss->go();
        }
        if (collective_sum(c, values, MEL_COUNT(values), &own)) continue;
        return (own.code == ERR_NET && strstr(own.message, loss->says)) ||
               mel_err(err, ERR_FORMAT, "it says: %.200s", own.message);
    }
    return mel_err(err, ERR_FORMAT, "nobody noticed");
}

static void play_loss(int size, Loss loss, int wanted)
{
    const CollectiveOptions options = {
        .watch = {.beat_us = SECOND / 10, .silence_us = SECOND * 3}
    };
    pid_t children[RANKS_MAX];
    int port = free_port();
    int64_t began = mel_monotonic_us();
    for (int rank = 0; rank < size; rank++)
        children[rank] = start(place_of(rank, size, port), &options, lose_one, &loss);
    for (int rank = 0; rank < size; rank++) {
        if (rank == loss.rank) continue;
        int code = end_of(children[rank]);
        if (code != 0) fail_msg("rank %d of %d ended with %d", rank, size, code);
    }
    assert_true(mel_monotonic_us() - began < 25 * SECOND);
    if (loss.go == freeze) kill(children[loss.rank], SIGKILL);
    assert_int_equal(end_of(children[loss.rank]), wanted);
}

static void a_killed_rank_is_named_by_all_others(void **state)
{
    (void)state;
    play_loss(2, (Loss){"rank 1 is gone", 1, die}, 128 + SIGKILL);
    play_loss(2, (Loss){"rank 0 is gone", 0, die}, 128 + SIGKILL);
    play_loss(5, (Loss){"rank 2 is gone", 2, die}, 128 + SIGKILL);
}

static void a_frozen_rank_is_given_up(void **state)
{
    (void)state;
    play_loss(3, (Loss){"rank 1 has not been heard of for 3 s", 1, freeze}, 128 + SIGKILL);
    play_loss(2, (Loss){"rank 0 has not been heard of for 3 s", 0, freeze}, 128 + SIGKILL);
}

static void a_rank_that_fails_tells_the_others_why(void **state)
{
    (void)state;
    play_loss(3, (Loss){"rank 2 stopped: the disk is full", 2, NULL}, 1);
    play_loss(3, (Loss){"rank 0 stopped: the disk is full", 0, NULL}, 1);
}

static void give_up(void *ctx, const Err *why)
{
    (void)ctx;
    _exit(strstr(why->message, "rank 1 is gone") ? 42 : 43);
}

static bool compute_for_long(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    (void)err;
    if (mel_collective_rank(c) == 1) die();
    for (int64_t end = mel_monotonic_us() + 20 * SECOND; mel_monotonic_us() < end;)
        mel_sleep_us(SECOND);
    return true;
}

static void whoever_computes_on_is_ended_by_the_watchdog(void **state)
{
    (void)state;
    const CollectiveOptions options = {
        .watch = {.beat_us = SECOND / 10, .patience_us = SECOND, .lost = give_up}
    };
    int port = free_port();
    pid_t first = start(place_of(0, 2, port), &options, compute_for_long, NULL);
    pid_t second = start(place_of(1, 2, port), &options, compute_for_long, NULL);
    assert_int_equal(end_of(first), 42);
    assert_int_equal(end_of(second), 128 + SIGKILL);
}

static bool think_then_sum(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    float value = 1;
    if (mel_collective_rank(c) == 1) mel_sleep_us(5 * SECOND);
    return collective_sum(c, &value, 1, err) &&
           (value == 2 || mel_err(err, ERR_MATH, "%g", (double)value));
}

/* Its main thread is silent for longer than a silence may last; its watchdog is not. */
static void a_rank_that_thinks_for_long_is_waited_for(void **state)
{
    (void)state;
    const CollectiveOptions options = {
        .watch = {.beat_us = SECOND / 10, .silence_us = 3 * SECOND}
    };
    int port = free_port();
    pid_t first = start(place_of(0, 2, port), &options, think_then_sum, NULL);
    pid_t second = start(place_of(1, 2, port), &options, think_then_sum, NULL);
    assert_int_equal(end_of(first), 0);
    assert_int_equal(end_of(second), 0);
}

/* ---- meeting -------------------------------------------------------------------------------- */

static bool do_nothing(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    (void)err;
    return mel_collective_size(c) > 0;
}

static void those_that_do_not_come_are_counted(void **state)
{
    (void)state;
    Err err = {0};
    Collective *collective;
    const CollectiveOptions options = {.meet_us = SECOND};
    int port = free_port();
    const LaunchPlace host = place_of(0, 4, port), guest = place_of(1, 2, port);
    pid_t one = start(place_of(1, 4, port), &options, do_nothing, NULL);
    assert_false(mel_collective_open(&host, &options, &collective, &err));
    assert_int_equal(err.code, ERR_NET);
    assert_string_equal(err.message, "2 of 4 processes did not come within 1 s");
    assert_int_equal(end_of(one), 1);
    mel_err_clear(&err);
    assert_false(mel_collective_open(&guest, &options, &collective, &err));
    assert_non_null(strstr(err.message, "rank 0 did not answer"));
}

static void those_of_another_run_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    Collective *collective;
    const CollectiveOptions options = {.meet_us = 20 * SECOND};
    int port = free_port();
    const LaunchPlace host = place_of(0, 3, port);
    pid_t other = start(place_of(1, 2, port), &options, do_nothing, NULL);
    assert_false(mel_collective_open(&host, &options, &collective, &err));
    assert_string_equal(err.message, "rank 1 is one of 2 processes, rank 0 one of 3");
    assert_int_equal(end_of(other), 1);
    mel_err_clear(&err);
    pid_t twins[2];
    for (int i = 0; i < 2; i++)
        twins[i] = start(place_of(1, 3, port), &options, do_nothing, NULL);
    assert_false(mel_collective_open(&host, &options, &collective, &err));
    assert_string_equal(err.message, "two processes say that they are rank 1");
    for (int i = 0; i < 2; i++)
        assert_int_equal(end_of(twins[i]), 1);
}

/* Says something else than a rank would, and stays. */
static pid_t start_stranger(int port)
{
    pid_t child = fork();
    if (child != 0) return child;
    Err err = {0};
    int fd;
    char request[200] = "GET / HTTP/1.1\r\n\r\n";
    int64_t deadline = mel_monotonic_us() + 10 * SECOND;
    if (!tcp_connect("127.0.0.1", port, deadline, &fd, &err) ||
        !tcp_send(fd, request, sizeof request, deadline, &err))
        _exit(1);
    mel_sleep_us(10 * SECOND);
    _exit(0);
}

static void a_stranger_at_the_port_is_sent_away(void **state)
{
    (void)state;
    int port = free_port();
    pid_t first = start(place_of(0, 2, port), NULL, do_nothing, NULL);
    pid_t stranger = start_stranger(port);
    mel_sleep_us(SECOND / 2);
    pid_t second = start(place_of(1, 2, port), NULL, do_nothing, NULL);
    assert_int_equal(end_of(first), 0);
    assert_int_equal(end_of(second), 0);
    kill(stranger, SIGKILL);
    end_of(stranger);
}

static void one_process_needs_nobody(void **state)
{
    (void)state;
    Err err = {0};
    Collective *collective;
    const LaunchPlace alone = {.size = 1};
    CHECK_OK(mel_collective_open(&alone, NULL, &collective, &err));
    assert_null(collective);
    assert_int_equal(mel_collective_size(NULL), 1);
    assert_int_equal(mel_collective_rank(NULL), 0);
    mel_collective_close(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_gets_the_same_bits_of_the_sum),
        cmocka_unit_test(buffers_far_larger_than_the_systems_do_not_lock_up),
        cmocka_unit_test(flat_variables_are_added_up_whole),
        cmocka_unit_test(rank_0_is_heard_by_all),
        cmocka_unit_test(the_rank_that_differs_is_named_by_all),
        cmocka_unit_test(ranks_at_different_places_are_found),
        cmocka_unit_test(a_killed_rank_is_named_by_all_others),
        cmocka_unit_test(a_frozen_rank_is_given_up),
        cmocka_unit_test(a_rank_that_fails_tells_the_others_why),
        cmocka_unit_test(whoever_computes_on_is_ended_by_the_watchdog),
        cmocka_unit_test(a_rank_that_thinks_for_long_is_waited_for),
        cmocka_unit_test(those_that_do_not_come_are_counted),
        cmocka_unit_test(those_of_another_run_are_refused),
        cmocka_unit_test(a_stranger_at_the_port_is_sent_away),
        cmocka_unit_test(one_process_needs_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
