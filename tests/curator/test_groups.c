/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fingerprint.h"
#include "tests/support/test.h"

#include <time.h>

static void items_start_alone(void **state)
{
    (void)state;
    Groups groups;
    mel_groups_init(&groups, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(mel_groups_find(&groups, i), i);
    mel_groups_clear(&groups);
    assert_null(groups.parent);
    mel_groups_clear(&groups);
}

static void the_smallest_item_represents_whatever_the_order_of_the_joins(void **state)
{
    (void)state;
    static const size_t orders[2][4][2] = {
        {{7, 3}, {3, 5}, {9, 7}, {1, 8}},
        {{9, 7}, {8, 1}, {5, 3}, {7, 3}},
    };
    for (size_t o = 0; o < 2; o++) {
        Groups groups;
        mel_groups_init(&groups, 10);
        for (size_t i = 0; i < 4; i++)
            mel_groups_join(&groups, orders[o][i][0], orders[o][i][1]);
        static const size_t wanted[10] = {0, 1, 2, 3, 4, 3, 6, 3, 1, 3};
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(mel_groups_find(&groups, i), wanted[i]);
        mel_groups_clear(&groups);
    }
}

/* Against labels that are spread by brute force. */
static void random_joins_give_the_connected_components(void **state)
{
    (void)state;
    enum { N = 300, JOINS = 200 };
    size_t label[N];
    Rng rng = {.seed = 4};
    Groups groups;
    mel_groups_init(&groups, N);
    for (size_t i = 0; i < N; i++)
        label[i] = i;
    for (int k = 0; k < JOINS; k++) {
        size_t a = (size_t)mel_rng_int(&rng, N), b = (size_t)mel_rng_int(&rng, N);
        mel_groups_join(&groups, a, b);
        size_t keep = label[a] < label[b] ? label[a] : label[b];
        size_t drop = label[a] < label[b] ? label[b] : label[a];
        for (size_t i = 0; i < N; i++)
            if (label[i] == drop) label[i] = keep;
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(mel_groups_find(&groups, i), label[i]);
    mel_groups_clear(&groups);
}

static void a_chain_of_a_million_joins_is_quick(void **state)
{
    (void)state;
    enum { N = 1000000 };
    Groups groups;
    mel_groups_init(&groups, N);
    clock_t start = clock();
    for (size_t i = N - 1; i > 0; i--)
        mel_groups_join(&groups, i, i - 1);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(mel_groups_find(&groups, i), 0);
    assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
    mel_groups_clear(&groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_start_alone),
        cmocka_unit_test(the_smallest_item_represents_whatever_the_order_of_the_joins),
        cmocka_unit_test(random_joins_give_the_connected_components),
        cmocka_unit_test(a_chain_of_a_million_joins_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
