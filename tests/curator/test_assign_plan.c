/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning who gets which clip, without a store. */
#include "curator/assign_plan.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 18, CLIPS = 500, GOLD = 7 };

static const char *people[PEOPLE], *clips[CLIPS], *gold[GOLD];
static Arena kept;

static int name_all(void **state)
{
    (void)state;
    for (int i = 0; i < PEOPLE; i++)
        people[i] = mel_arena_printf(&kept, "person-%02d", i);
    for (int i = 0; i < CLIPS; i++)
        clips[i] = mel_arena_printf(&kept, "file-%03d:0", i);
    for (int i = 0; i < GOLD; i++)
        gold[i] = mel_arena_printf(&kept, "gold-%d:0", i);
    return 0;
}

static int forget_all(void **state)
{
    (void)state;
    mel_arena_clear(&kept);
    return 0;
}

static AssignPlanInput everything(void)
{
    return (AssignPlanInput){.seed = "7",
                             .people = people,
                             .person_count = PEOPLE,
                             .clips = clips,
                             .clip_count = CLIPS,
                             .gold = gold,
                             .gold_count = GOLD,
                             .overlap_share = 0.15,
                             .raters = 3};
}

static AssignPlan planned(const AssignPlanInput *input)
{
    Err err = {0};
    AssignPlan plan;
    CHECK_OK(mel_assign_plan(input, &plan, &err));
    return plan;
}

static bool same_plans(const AssignPlan *a, const AssignPlan *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const AssignPlanItem *x = &a->items[i], *y = &b->items[i];
        if (!mel_equal(x->clip_id, y->clip_id) || x->person != y->person ||
            x->position != y->position || !mel_equal(x->purpose, y->purpose))
            return false;
    }
    return true;
}

static int raters_of(const AssignPlan *plan, const char *clip, const char *purpose)
{
    int count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += mel_equal(plan->items[i].clip_id, clip) &&
                 (!purpose || mel_equal(plan->items[i].purpose, purpose));
    return count;
}

static int load_of(const AssignPlan *plan, int person, const char *purpose)
{
    int count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->items[i].person == person && mel_equal(plan->items[i].purpose, purpose);
    return count;
}

static void every_clip_goes_to_one_person_and_the_shared_ones_to_several(void **state)
{
    (void)state;
    AssignPlanInput input = everything();
    AssignPlan plan = planned(&input);
    int shared = 0;
    for (int i = 0; i < CLIPS; i++) {
        int raters = raters_of(&plan, clips[i], NULL);
        assert_true(raters == 1 || raters == 3);
        assert_int_equal(raters_of(&plan, clips[i], raters == 3 ? "overlap" : "work"), raters);
        shared += raters == 3;
    }
    assert_int_equal(shared, 75);
    assert_int_equal(plan.overlap, 75);
    assert_int_equal(plan.work, 425);
    for (int i = 0; i < GOLD; i++)
        assert_int_equal(raters_of(&plan, gold[i], "gold"), PEOPLE);
    mel_assign_plan_clear(&plan);
}

static void nobody_gets_a_clip_twice(void **state)
{
    (void)state;
    AssignPlanInput input = everything();
    AssignPlan plan = planned(&input);
    for (size_t i = 0; i < plan.count; i++)
        for (size_t j = 0; j < i; j++)
            if (plan.items[i].person == plan.items[j].person)
                assert_false(mel_equal(plan.items[i].clip_id, plan.items[j].clip_id));
    mel_assign_plan_clear(&plan);
}

static void counts_differ_by_one_at_most(void **state)
{
    (void)state;
    for (int n = 1; n <= PEOPLE; n += 4)
        for (int raters = 1; raters <= n; raters += 3) {
            AssignPlanInput input = everything();
            input.person_count = n;
            input.raters = raters;
            input.overlap_share = 0.31;
            AssignPlan plan = planned(&input);
            int least = INT32_MAX, most = 0;
            for (int p = 0; p < n; p++) {
                int load = load_of(&plan, p, "work") + load_of(&plan, p, "overlap");
                least = load < least ? load : least;
                most = load > most ? load : most;
            }
            assert_in_range(most - least, 0, 1);
            mel_assign_plan_clear(&plan);
        }
}

static void the_seed_decides_and_the_order_of_the_clips_does_not(void **state)
{
    (void)state;
    const char *backwards[CLIPS];
    for (int i = 0; i < CLIPS; i++)
        backwards[i] = clips[CLIPS - 1 - i];
    AssignPlanInput input = everything();
    AssignPlan a = planned(&input);
    input.clips = backwards;
    AssignPlan b = planned(&input);
    assert_true(same_plans(&a, &b));
    input.seed = "8";
    AssignPlan c = planned(&input);
    assert_false(same_plans(&a, &c));
    mel_assign_plan_clear(&a);
    mel_assign_plan_clear(&b);
    mel_assign_plan_clear(&c);
}

static void positions_run_without_a_gap_and_gold_is_spread(void **state)
{
    (void)state;
    AssignPlanInput input = everything();
    AssignPlan plan = planned(&input);
    int person = -1, next = 0, last_gold = -1, golds = 0;
    for (size_t i = 0; i < plan.count; i++) {
        const AssignPlanItem *item = &plan.items[i];
        if (item->person != person) {
            person = item->person;
            next = 0;
            last_gold = -1;
        }
        assert_int_equal(item->position, next);
        if (mel_equal(item->purpose, "gold")) {
            if (last_gold >= 0) assert_in_range(next - last_gold, 4, 7);
            last_gold = next;
            golds++;
        }
        next++;
    }
    assert_int_equal(golds, GOLD * PEOPLE);
    mel_assign_plan_clear(&plan);
}

static void gold_clips_that_are_also_chosen_are_gold_only(void **state)
{
    (void)state;
    AssignPlanInput input = everything();
    input.gold = clips;
    input.gold_count = 2;
    AssignPlan plan = planned(&input);
    assert_int_equal(raters_of(&plan, clips[0], NULL), PEOPLE);
    assert_int_equal(raters_of(&plan, clips[1], "gold"), PEOPLE);
    assert_int_equal(plan.work + plan.overlap, CLIPS - 2);
    mel_assign_plan_clear(&plan);
}

static void retests_are_a_share_of_what_the_person_has_answered(void **state)
{
    (void)state;
    AssignAnswered answered[60];
    for (int i = 0; i < 60; i++)
        answered[i] =
            (AssignAnswered){.person = i < 40 ? 0 : 1, .clip_id = clips[i], .not_before = "2031"};
    AssignPlanInput input = everything();
    input.clip_count = 0;
    input.gold_count = 0;
    input.person_count = 3;
    input.answered = answered;
    input.answered_count = 60;
    input.retest_share = 0.1;
    AssignPlan plan = planned(&input);
    assert_int_equal(plan.count, 6);
    assert_int_equal(plan.retests, 6);
    assert_int_equal(load_of(&plan, 0, "retest"), 4);
    assert_int_equal(load_of(&plan, 1, "retest"), 2);
    for (size_t i = 0; i < plan.count; i++)
        assert_string_equal(plan.items[i].not_before, "2031");
    mel_assign_plan_clear(&plan);
}

static void clips_to_be_reviewed_are_shared_out_in_the_same_way(void **state)
{
    (void)state;
    AssignPlanInput input = everything();
    input.review = true;
    input.gold_count = 0;
    AssignPlan plan = planned(&input);
    for (size_t i = 0; i < plan.count; i++)
        assert_string_equal(plan.items[i].purpose, "review");
    assert_int_equal(plan.count, 425 + 3 * 75);
    mel_assign_plan_clear(&plan);
}

static void what_cannot_be_planned_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    AssignPlan plan;
    AssignPlanInput input = everything();
    input.raters = PEOPLE + 1;
    CHECK_FAILS(mel_assign_plan(&input, &plan, &err), ERR_USAGE);
    input = everything();
    input.overlap_share = 1.5;
    CHECK_FAILS(mel_assign_plan(&input, &plan, &err), ERR_USAGE);
    input.overlap_share = NAN;
    CHECK_FAILS(mel_assign_plan(&input, &plan, &err), ERR_USAGE);
    input = everything();
    input.retest_share = -1;
    CHECK_FAILS(mel_assign_plan(&input, &plan, &err), ERR_USAGE);
    input = everything();
    input.person_count = 0;
    CHECK_FAILS(mel_assign_plan(&input, &plan, &err), ERR_USAGE);
    const char *twice[] = {"anna", "anna"};
    input = everything();
    input.people = twice;
    input.person_count = 2;
    input.raters = 1;
    CHECK_FAILS(mel_assign_plan(&input, &plan, &err), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_clip_goes_to_one_person_and_the_shared_ones_to_several),
        cmocka_unit_test(nobody_gets_a_clip_twice),
        cmocka_unit_test(counts_differ_by_one_at_most),
        cmocka_unit_test(the_seed_decides_and_the_order_of_the_clips_does_not),
        cmocka_unit_test(positions_run_without_a_gap_and_gold_is_spread),
        cmocka_unit_test(gold_clips_that_are_also_chosen_are_gold_only),
        cmocka_unit_test(retests_are_a_share_of_what_the_person_has_answered),
        cmocka_unit_test(clips_to_be_reviewed_are_shared_out_in_the_same_way),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
    };
    return cmocka_run_group_tests(tests, name_all, forget_all);
}
