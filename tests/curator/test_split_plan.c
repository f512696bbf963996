/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fingerprint.h"
#include "curator/split_plan.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const SplitOptions three = {
    .side_count = 3, .fractions = {0.8, 0.1, 0.1},
         .seed = "the seed"
};

/* Items with their groups, out of a random graph. Keys and strata are kept by item number, so that
 * a smaller world is the beginning of a larger one. */
typedef struct World {
    SplitItem *items;
    size_t count;
    Arena arena;
} World;

static const char *stratum_name(World *world, int number)
{
    return mel_arena_printf(&world->arena, "genre %d", number);
}

static World world_new(size_t count, int strata, uint64_t seed)
{
    World world = {.count = count};
    world.items = mel_alloc((count + 1) * sizeof *world.items);
    Rng rng = {.seed = seed};
    for (size_t i = 0; i < count; i++) {
        world.items[i].key = mel_arena_printf(&world.arena, "clip%07llu",
                                              (unsigned long long)(i * 2654435761u % 10000019u));
        world.items[i].stratum = stratum_name(&world, mel_rng_int(&rng, strata));
        world.items[i].group = i;
        world.items[i].side = SPLIT_NEW;
    }
    return world;
}

/* Joins each item, with the given chance, to an earlier one; edges of item i depend on i only. */
static void world_join(World *world, double chance, uint64_t seed)
{
    Groups groups;
    mel_groups_init(&groups, world->count);
    for (size_t i = 1; i < world->count; i++) {
        Rng rng = {.seed = seed, .stream = i};
        if (mel_rng_uniform(&rng) < chance)
            mel_groups_join(&groups, i, (size_t)mel_rng_int(&rng, (int)i));
    }
    for (size_t i = 0; i < world->count; i++)
        world->items[i].group = mel_groups_find(&groups, i);
    mel_groups_clear(&groups);
}

static void world_free(World *world)
{
    free(world->items);
    mel_arena_clear(&world->arena);
}

static SplitReport plan(World *world, const SplitOptions *options)
{
    Err err = {0};
    SplitReport report;
    CHECK_OK(mel_split_plan(world->items, world->count, options, &report, &err));
    return report;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const SplitItem *)a)->key, ((const SplitItem *)b)->key);
}

static void assert_no_leak(const World *world)
{
    Err err = {0};
    CHECK_OK(mel_split_prove(world->items, world->count, &err));
    int *side_of = mel_alloc(world->count * sizeof *side_of); /* and once more, in another way */
    for (size_t i = 0; i < world->count; i++)
        side_of[i] = SPLIT_NEW;
    for (size_t i = 0; i < world->count; i++) {
        const SplitItem *item = &world->items[i];
        if (item->side < 0) continue;
        if (side_of[item->group] == SPLIT_NEW) side_of[item->group] = item->side;
        assert_int_equal(side_of[item->group], item->side);
    }
    free(side_of);
}

static void a_split_without_groups_meets_the_fractions_to_one_item(void **state)
{
    (void)state;
    World world = world_new(1000, 1, 1);
    SplitReport report = plan(&world, &three);
    CHECK_NEAR(report.counts[0], 800, 1);
    CHECK_NEAR(report.counts[1], 100, 1);
    CHECK_NEAR(report.counts[2], 100, 1);
    assert_int_equal(report.groups, 1000);
    assert_int_equal(report.largest_group, 1);
    assert_int_equal(report.dropped, 0);
    assert_true(report.worst_stratum_error <= 0.001 + 1e-12);
    world_free(&world);
}

static void no_group_lies_on_two_sides(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        World world = world_new(500 + 37 * seed, 5, seed);
        world_join(&world, 0.1 + 0.04 * (double)seed, seed);
        plan(&world, &three);
        for (size_t i = 0; i < world.count; i++)
            assert_in_range(world.items[i].side, 0, 2);
        assert_no_leak(&world);
        world_free(&world);
    }
}

/* Shuffles the items and gives the groups other numbers. */
static void shuffle(World *world, Rng *rng)
{
    for (size_t i = world->count; i > 1; i--) {
        size_t j = (size_t)mel_rng_int(rng, (int)i);
        SplitItem swap = world->items[i - 1];
        world->items[i - 1] = world->items[j];
        world->items[j] = swap;
    }
    for (size_t i = 0; i < world->count; i++)
        world->items[i].group = (world->items[i].group * 7919 + 13) % 1000003;
}

static void neither_order_nor_group_numbers_change_the_answer(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        World a = world_new(700, 7, seed), b = world_new(700, 7, seed);
        world_join(&a, 0.4, seed);
        world_join(&b, 0.4, seed);
        Rng rng = {.seed = seed, .stream = 9};
        shuffle(&b, &rng);
        plan(&a, &three);
        plan(&b, &three);
        qsort(a.items, a.count, sizeof *a.items, by_key);
        qsort(b.items, b.count, sizeof *b.items, by_key);
        for (size_t i = 0; i < a.count; i++) {
            assert_string_equal(a.items[i].key, b.items[i].key);
            assert_int_equal(a.items[i].side, b.items[i].side);
        }
        world_free(&a);
        world_free(&b);
    }
}

static void another_seed_gives_another_split(void **state)
{
    (void)state;
    World a = world_new(500, 1, 1), b = world_new(500, 1, 1);
    SplitOptions other = three;
    other.seed = "another";
    plan(&a, &three);
    plan(&b, &other);
    size_t differ = 0;
    for (size_t i = 0; i < a.count; i++)
        differ += a.items[i].side != b.items[i].side;
    assert_true(differ > 100);
    world_free(&a);
    world_free(&b);
}

/* Most items stay where they are even when nobody remembers the sides: they hang on the hash. */
static void repair_moves_few_groups(void **state)
{
    (void)state;
    World small = world_new(2000, 3, 1), large = world_new(2400, 3, 1);
    plan(&small, &three);
    plan(&large, &three);
    size_t differ = 0;
    for (size_t i = 0; i < small.count; i++)
        differ += small.items[i].side != large.items[i].side;
    assert_true(differ < small.count / 15);
    world_free(&small);
    world_free(&large);
}

static void growth_never_moves_an_old_member(void **state)
{
    (void)state;
    enum { MOST = 1500 };
    World world = world_new(MOST, 6, 3);
    int old[MOST];
    size_t dropped = 0;
    world_join(&world, 0.25, 3);
    for (size_t count = 300; count <= MOST; count += 300) {
        world.count = count;
        world_join(&world, 0.25, 3); /* new items may join old groups to each other */
        for (size_t i = 0; i < count; i++)
            old[i] = world.items[i].side;
        SplitReport report = plan(&world, &three);
        for (size_t i = 0; i < count; i++) {
            int side = world.items[i].side;
            if (old[i] >= 0) assert_true(side == old[i] || side == SPLIT_DROPPED);
            if (old[i] == SPLIT_DROPPED) assert_int_equal(side, SPLIT_DROPPED);
            if (old[i] == SPLIT_NEW) assert_in_range(side, 0, 2);
        }
        assert_no_leak(&world);
        dropped = report.dropped;
    }
    assert_int_equal(dropped, 0); /* each item joins one earlier one: nothing old ever meets */
    world_free(&world);
}

static void planning_again_changes_nothing(void **state)
{
    (void)state;
    World world = world_new(900, 4, 5);
    world_join(&world, 0.5, 5);
    plan(&world, &three);
    int sides[900];
    for (size_t i = 0; i < world.count; i++)
        sides[i] = world.items[i].side;
    SplitOptions other = three; /* not even when the fractions change */
    other.fractions[0] = 0.5;
    other.fractions[1] = 0.5;
    other.fractions[2] = 0;
    plan(&world, &other);
    for (size_t i = 0; i < world.count; i++)
        assert_int_equal(world.items[i].side, sides[i]);
    world_free(&world);
}

static void a_new_edge_between_train_and_test_drops_the_train_side(void **state)
{
    (void)state;
    SplitItem items[] = {
        {"a", "x", 4, 0        },
        {"b", "x", 4, 2        },
        {"c", "x", 4, SPLIT_NEW},
        {"d", "x", 4, 0        },
        {"e", "x", 6, 0        },
        {"f", "x", 6, 0        },
        {"g", "x", 8, 1        },
        {"h", "x", 8, SPLIT_NEW},
    };
    Err err = {0};
    SplitReport report;
    CHECK_OK(mel_split_plan(items, 8, &three, &report, &err));
    static const int wanted[8] = {SPLIT_DROPPED, 2, 2, SPLIT_DROPPED, 0, 0, 1, 1};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(items[i].side, wanted[i]);
    assert_int_equal(report.dropped, 2);
    assert_int_equal(report.largest_group, 4);
    assert_int_equal(report.groups, 3);
    CHECK_OK(mel_split_plan(items, 8, &three, &report, &err)); /* what is dropped stays dropped */
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(items[i].side, wanted[i]);
}

static void an_edge_between_validation_and_test_keeps_test(void **state)
{
    (void)state;
    SplitItem items[] = {
        {"a", "x", 1, 1},
        {"b", "x", 1, 2},
        {"c", "x", 1, 0}
    };
    Err err = {0};
    SplitReport report;
    CHECK_OK(mel_split_plan(items, 3, &three, &report, &err));
    assert_int_equal(items[0].side, SPLIT_DROPPED);
    assert_int_equal(items[1].side, 2);
    assert_int_equal(items[2].side, SPLIT_DROPPED);
}

/* Counts by (stratum, side) of the world's groups' majority strata would be the planner's own view;
 * this one counts groups of one stratum only. */
static void every_stratum_meets_the_fractions_to_one_group(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        enum { STRATA = 6 };
        World world = world_new(1200, 1, seed);
        Rng rng = {.seed = seed, .stream = 5};
        double count[STRATA][3] = {{0}}, largest[STRATA] = {0};
        size_t next = 0;
        for (size_t group = 0; next < world.count; group++) { /* groups of 1 to 9 of one stratum */
            int size = 1 + mel_rng_int(&rng, seed % 2 ? 9 : 2), stratum = mel_rng_int(&rng, STRATA);
            for (int k = 0; k < size && next < world.count; k++, next++) {
                world.items[next].group = group;
                world.items[next].stratum = stratum_name(&world, stratum);
            }
            largest[stratum] = fmax(largest[stratum], size);
        }
        SplitReport report = plan(&world, &three);
        for (size_t i = 0; i < world.count; i++)
            count[world.items[i].stratum[6] - '0'][world.items[i].side]++;
        double worst = 0;
        for (int s = 0; s < STRATA; s++) {
            double total = count[s][0] + count[s][1] + count[s][2];
            for (int side = 0; side < 3; side++) {
                double error = fabs(count[s][side] - total * three.fractions[side]);
                assert_true(error <= largest[s] + 1e-9);
                worst = fmax(worst, error / total);
            }
        }
        CHECK_NEAR(report.worst_stratum_error, worst, 1e-12);
        for (int side = 0; side < 3; side++) /* and the whole at least as well */
            CHECK_NEAR(report.counts[side], 1200 * three.fractions[side], seed % 2 ? 9 : 2);
        world_free(&world);
    }
}

/* Rounding every stratum by itself would leave the small sides empty. */
static void many_tiny_strata_still_fill_the_small_sides(void **state)
{
    (void)state;
    World world = world_new(3000, 1, 8);
    for (size_t i = 0; i < world.count; i++)
        world.items[i].stratum = stratum_name(&world, (int)(i / 3));
    SplitReport report = plan(&world, &three);
    CHECK_NEAR(report.counts[0], 2400, 3);
    CHECK_NEAR(report.counts[1], 300, 3);
    CHECK_NEAR(report.counts[2], 300, 3);
    world_free(&world);
}

static void a_group_of_more_than_a_side_does_not_upset_the_rest(void **state)
{
    (void)state;
    World world = world_new(1000, 4, 11);
    for (size_t i = 0; i < 300; i++)
        world.items[i].group = 0;
    SplitReport report = plan(&world, &three);
    assert_int_equal(report.largest_group, 300);
    CHECK_NEAR(report.counts[0], 800, 2);
    CHECK_NEAR(report.counts[1], 100, 2);
    assert_no_leak(&world);
    world_free(&world);
}

static void a_side_with_fraction_zero_gets_nothing(void **state)
{
    (void)state;
    SplitOptions options = {
        .side_count = 3, .fractions = {0.5, 0, 0.5},
             .seed = ""
    };
    World world = world_new(333, 9, 2);
    world_join(&world, 0.6, 2);
    SplitReport report = plan(&world, &options);
    assert_int_equal(report.counts[1], 0);
    CHECK_NEAR(report.counts[0], 166.5, (double)report.largest_group);
    world_free(&world);
}

static void an_empty_split_is_fine(void **state)
{
    (void)state;
    Err err = {0};
    SplitReport report;
    CHECK_OK(mel_split_plan(NULL, 0, &three, &report, &err));
    assert_int_equal(report.groups, 0);
    CHECK_OK(mel_split_prove(NULL, 0, &err));
}

static void the_proof_names_a_planted_leak(void **state)
{
    (void)state;
    World world = world_new(400, 3, 6);
    world_join(&world, 0.5, 6);
    plan(&world, &three);
    size_t victim = 0;
    for (size_t i = 1; i < world.count; i++)
        if (world.items[i].group != i) victim = i;
    assert_true(victim > 0);
    world.items[victim].side = (world.items[victim].side + 1) % 3;
    Err err = {0};
    assert_false(mel_split_prove(world.items, world.count, &err));
    assert_int_equal(err.code, ERR_DENIED);
    assert_string_equal(err.reason, "split.leak");
    assert_non_null(strstr(err.message, world.items[victim].key));
    world.items[victim].side = SPLIT_DROPPED; /* what is dropped leaks nothing */
    mel_err_clear(&err);
    CHECK_OK(mel_split_prove(world.items, world.count, &err));
    world_free(&world);
}

static void nonsense_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    Err err = {0};
    SplitReport report;
    SplitItem items[] = {
        {"a", NULL, 0, SPLIT_NEW},
        {"b", NULL, 1, SPLIT_NEW}
    };
    SplitOptions bad = three;
    bad.fractions[0] = 0.7;
    CHECK_FAILS(mel_split_plan(items, 2, &bad, &report, &err), ERR_USAGE);
    bad.fractions[0] = NAN;
    CHECK_FAILS(mel_split_plan(items, 2, &bad, &report, &err), ERR_USAGE);
    bad = three;
    bad.side_count = SPLIT_SIDES_MAX + 1;
    CHECK_FAILS(mel_split_plan(items, 2, &bad, &report, &err), ERR_USAGE);
    bad = three;
    bad.seed = NULL;
    CHECK_FAILS(mel_split_plan(items, 2, &bad, &report, &err), ERR_USAGE);
    items[1].side = 3;
    CHECK_FAILS(mel_split_plan(items, 2, &three, &report, &err), ERR_USAGE);
    items[1].side = SPLIT_NEW;
    items[1].key = "a";
    CHECK_FAILS(mel_split_plan(items, 2, &three, &report, &err), ERR_USAGE);
    items[1].key = NULL;
    CHECK_FAILS(mel_split_plan(items, 2, &three, &report, &err), ERR_USAGE);
    assert_int_equal(items[0].side, SPLIT_NEW);
}

static void two_hundred_thousand_items_take_a_moment(void **state)
{
    (void)state;
    World world = world_new(200000, 15, 1);
    world_join(&world, 0.5, 1);
    clock_t start = clock();
    plan(&world, &three);
    assert_true(clock() - start < 8 * CLOCKS_PER_SEC);
    assert_no_leak(&world);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_without_groups_meets_the_fractions_to_one_item),
        cmocka_unit_test(no_group_lies_on_two_sides),
        cmocka_unit_test(neither_order_nor_group_numbers_change_the_answer),
        cmocka_unit_test(another_seed_gives_another_split),
        cmocka_unit_test(repair_moves_few_groups),
        cmocka_unit_test(growth_never_moves_an_old_member),
        cmocka_unit_test(planning_again_changes_nothing),
        cmocka_unit_test(a_new_edge_between_train_and_test_drops_the_train_side),
        cmocka_unit_test(an_edge_between_validation_and_test_keeps_test),
        cmocka_unit_test(every_stratum_meets_the_fractions_to_one_group),
        cmocka_unit_test(many_tiny_strata_still_fill_the_small_sides),
        cmocka_unit_test(a_group_of_more_than_a_side_does_not_upset_the_rest),
        cmocka_unit_test(a_side_with_fraction_zero_gets_nothing),
        cmocka_unit_test(an_empty_split_is_fine),
        cmocka_unit_test(the_proof_names_a_planted_leak),
        cmocka_unit_test(nonsense_is_refused_and_changes_nothing),
        cmocka_unit_test(two_hundred_thousand_items_take_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
