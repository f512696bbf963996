/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/split.h"

#include "tests/curator/small_store.h"

typedef struct Fixture {
    char *folder;
    Db *db;
} Fixture;

static Fixture begin(void)
{
    Fixture f = {.folder = test_folder()};
    f.db = small_store(f.folder);
    return f;
}

static void end(Fixture *f)
{
    mel_db_close(f->db);
    test_folder_remove(f->folder);
}

static void add(Fixture *f, const char *source, SmallClip clip)
{
    static int number;
    clip.source = source;
    clip.start_us = clip.start_us ? clip.start_us : 30000000;
    clip.number = ++number;
    clip.without_files = true;
    small_clip(f->db, clip, NULL);
}

/* Several changes with one commit: commits wait for the disk. */
static void batch(Fixture *f)
{
    Err err = {0};
    CHECK_OK(mel_db_begin(f->db, &err));
}

static void batch_end(Fixture *f)
{
    Err err = {0};
    CHECK_OK(mel_db_end(f->db, true, &err));
}

/* "yt-a00000007" and "yt-a00000007:30000" */
static const char *source_name(const char *prefix, int i)
{
    static char names[8][32];
    static int next;
    char *name = names[next++ % 8];
    snprintf(name, 32, "yt-%s%08d", prefix, i);
    return name;
}

static const char *clip_name(const char *prefix, int i)
{
    static char names[8][48];
    static int next;
    char *name = names[next++ % 8];
    snprintf(name, 48, "%s:30000", source_name(prefix, i));
    return name;
}

/* One clip each of the sources first … end-1. */
static void add_many(Fixture *f, const char *prefix, int first, int end_number, SmallClip like)
{
    batch(f);
    for (int i = first; i < end_number; i++)
        add(f, source_name(prefix, i), like);
    batch_end(f);
}

typedef struct Sides {
    struct {
        char id[CLIP_ID_SIZE], side[16];
    } items[1000];
    int count;
} Sides;

static bool take_member(void *ctx, const SplitMember *member, Err *err)
{
    (void)err;
    Sides *sides = ctx;
    assert_true(sides->count < 1000);
    snprintf(sides->items[sides->count].id, CLIP_ID_SIZE, "%s", member->clip_id);
    snprintf(sides->items[sides->count++].side, 16, "%s", member->side);
    return true;
}

static Sides *sides_of(Fixture *f, const char *name)
{
    Err err = {0};
    Arena arena = {0};
    SplitRow row;
    Sides *sides = mel_alloc(sizeof *sides);
    CHECK_OK(mel_split_find(f->db, name, &arena, &row, &err));
    CHECK_OK(mel_split_each(f->db, row.id, take_member, sides, &err));
    mel_arena_clear(&arena);
    return sides;
}

static const char *side_of(const Sides *sides, const char *id)
{
    for (int i = 0; i < sides->count; i++)
        if (mel_equal(sides->items[i].id, id)) return sides->items[i].side;
    return NULL;
}

/* Runs, checks that it succeeded, and gives the report's numbers (its texts are gone). */
static SplitRunReport run(Fixture *f, SplitRunOptions options)
{
    Err err = {0};
    SplitRunReport report = {0};
    CHECK_OK(mel_split_run(f->db, &options, &report, &err));
    SplitRunReport numbers = report;
    mel_split_report_clear(&report);
    return numbers;
}

static void refuses(Fixture *f, SplitRunOptions options, ErrCode wanted)
{
    Err err = {0};
    SplitRunReport report;
    bool made = mel_split_run(f->db, &options, &report, &err);
    assert_true(wanted != ERR_EXISTS || strstr(err.hint, "another name"));
    CHECK_FAILS(made, wanted);
}

static void join(Fixture *f, const char *a, const char *b, const char *kind)
{
    Err err = {0};
    DuplicateRow row = {.clip_a = a, .clip_b = b, .kind = kind, .score = 0.9, .method = "test"};
    CHECK_OK(mel_duplicate_put(f->db, &row, NULL, &err));
}

static void every_triplet_gets_a_side_near_the_fractions(void **state)
{
    (void)state;
    Fixture f = begin();
    add_many(&f, "a", 0, 200, (SmallClip){0});
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main"});
    assert_true(report.made);
    assert_int_equal(report.sides.count, 3);
    assert_int_equal(report.candidates, 200);
    assert_int_equal(report.members, 200);
    assert_int_equal(report.added, 200);
    assert_int_equal(report.groups, 200);
    assert_int_equal(report.stratum_count, 5);
    CHECK_NEAR((double)report.counts[0], 160, 5);
    CHECK_NEAR((double)report.counts[1], 20, 5);
    CHECK_NEAR((double)report.counts[2], 20, 5);
    end(&f);
}

static void clips_of_one_source_or_channel_stay_together(void **state)
{
    (void)state;
    Fixture f = begin();
    batch(&f);
    for (int i = 0; i < 60; i++) {
        char channel[32];
        snprintf(channel, sizeof channel, "channel %d", i / 3);
        add(&f, source_name("a", i), (SmallClip){.channel = channel});
        add(&f, source_name("a", i), (SmallClip){.channel = channel, .start_us = 50000000});
    }
    batch_end(&f);
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main"});
    Sides *sides = sides_of(&f, "main");
    assert_int_equal(report.groups, 20);
    assert_int_equal(sides->count, 120);
    assert_true(report.counts[0] && report.counts[1] && report.counts[2]);
    for (int i = 0; i < 60; i++) {
        char later[48];
        snprintf(later, sizeof later, "%s:50000", source_name("a", i));
        const char *of_channel = side_of(sides, clip_name("a", i / 3 * 3));
        assert_string_equal(side_of(sides, clip_name("a", i)), of_channel);
        assert_string_equal(side_of(sides, later), of_channel);
    }
    free(sides);
    end(&f);
}

static void duplicates_stay_together_and_equal_texts_need_not(void **state)
{
    (void)state;
    Fixture f = begin();
    add_many(&f, "a", 0, 100, (SmallClip){0});
    batch(&f);
    for (int i = 0; i < 98; i += 2)
        join(&f, clip_name("a", i), clip_name("a", i + 1), i % 4 ? "audio" : "picture");
    for (int i = 0; i < 99; i++)
        join(&f, clip_name("a", i), clip_name("a", i + 1), "text");
    batch_end(&f);
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main"});
    Sides *sides = sides_of(&f, "main");
    assert_int_equal(report.groups, 51);
    assert_true(report.texts_across > 0);
    for (int i = 0; i < 98; i += 2)
        assert_string_equal(side_of(sides, clip_name("a", i)),
                            side_of(sides, clip_name("a", i + 1)));
    free(sides);
    end(&f);
}

static void growth_moves_no_member_and_ignores_the_order_of_clips(void **state)
{
    (void)state;
    Fixture f = begin();
    add_many(&f, "m", 0, 80, (SmallClip){0});
    run(&f, (SplitRunOptions){.name = "main", .seed = "7"});
    Sides *before = sides_of(&f, "main");
    add_many(&f, "a", 0, 60, (SmallClip){0}); /* sort before the old ones */
    add_many(&f, "z", 0, 60, (SmallClip){0});
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main"});
    Sides *after = sides_of(&f, "main");
    assert_false(report.made);
    assert_int_equal(report.added, 120);
    assert_int_equal(report.members, 200);
    assert_int_equal(after->count, 200);
    assert_int_equal(report.dropped_count, 0);
    for (int i = 0; i < before->count; i++)
        assert_string_equal(side_of(after, before->items[i].id), before->items[i].side);
    CHECK_NEAR((double)report.counts[0], 160, 6);
    free(before);
    free(after);
    end(&f);
}

static void running_twice_changes_nothing(void **state)
{
    (void)state;
    Fixture f = begin();
    add_many(&f, "a", 0, 50, (SmallClip){0});
    SplitRunReport first = run(&f, (SplitRunOptions){.name = "main"});
    SplitRunReport second = run(&f, (SplitRunOptions){.name = "main"});
    assert_int_equal(second.added, 0);
    assert_memory_equal(first.counts, second.counts, sizeof first.counts);
    end(&f);
}

static void an_edge_between_sides_drops_the_train_member_for_good(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    const char *train = NULL, *test = NULL;
    add_many(&f, "a", 0, 60, (SmallClip){0});
    run(&f, (SplitRunOptions){.name = "main"});
    Sides *sides = sides_of(&f, "main");
    for (int i = 0; i < sides->count; i++) {
        if (mel_equal(sides->items[i].side, "train")) train = sides->items[i].id;
        if (mel_equal(sides->items[i].side, "test")) test = sides->items[i].id;
    }
    assert_true(train && test);
    bool train_first = strcmp(train, test) < 0;
    join(&f, train_first ? train : test, train_first ? test : train, "audio");
    SplitRunReport report = {0};
    CHECK_OK(mel_split_run(f.db, &(SplitRunOptions){.name = "main"}, &report, &err));
    assert_int_equal(report.dropped_count, 1);
    assert_string_equal(report.dropped[0].clip_id, train);
    assert_non_null(strstr(report.dropped[0].why, test));
    assert_int_equal(report.members, 59);
    mel_split_report_clear(&report);
    Sides *after = sides_of(&f, "main");
    assert_null(side_of(after, train));
    assert_string_equal(side_of(after, test), "test");
    SplitRunReport again = run(&f, (SplitRunOptions){.name = "main"});
    assert_int_equal(again.dropped_count, 0);
    assert_int_equal(again.dropped_before, 1);
    assert_int_equal(again.members, 59);
    assert_int_equal(again.added, 0);
    free(after);
    free(sides);
    end(&f);
}

static void another_seed_or_rule_under_the_same_name_is_refused(void **state)
{
    (void)state;
    Fixture f = begin();
    const SplitSides halves = {
        .count = 2, .names = {"train", "test"},
             .fractions = {0.5,     0.5   }
    };
    add_many(&f, "a", 0, 20, (SmallClip){0});
    const SplitRunOptions made = {.name = "main",
                                  .seed = "1",
                                  .sides = halves,
                                  .stratify = "genre",
                                  .where = "bpm > 1",
                                  .per_source_max = 3};
    run(&f, made);
    run(&f, made);
    const SplitSides others = {
        .count = 2, .names = {"train", "val"},
             .fractions = {0.5,     0.5  }
    };
    refuses(&f, (SplitRunOptions){.name = "main", .seed = "2"}, ERR_EXISTS);
    refuses(&f, (SplitRunOptions){.name = "main", .stratify = "tempo"}, ERR_EXISTS);
    refuses(&f, (SplitRunOptions){.name = "main", .where = "bpm > 2"}, ERR_EXISTS);
    refuses(&f, (SplitRunOptions){.name = "main", .holdout_eval = true}, ERR_EXISTS);
    refuses(&f, (SplitRunOptions){.name = "main", .per_source_max = 4}, ERR_EXISTS);
    refuses(&f, (SplitRunOptions){.name = "main", .per_channel_max = 4}, ERR_EXISTS);
    refuses(&f, (SplitRunOptions){.name = "main", .sides = others}, ERR_EXISTS);
    end(&f);
}

static void what_makes_no_sense_is_refused_and_leaves_no_split(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    Arena arena = {0};
    SplitRow row;
    add_many(&f, "a", 0, 5, (SmallClip){0});
    const SplitSides twice = {
        .count = 2, .names = {"a", "a"},
             .fractions = {0.5, 0.5}
    };
    const SplitSides over = {
        .count = 2, .names = {"a", "b"},
             .fractions = {0.5, 0.6}
    };
    const SplitSides path = {
        .count = 2, .names = {"a", "../b"},
             .fractions = {0.5, 0.5   }
    };
    const SplitSides alone = {.count = 1, .names = {"all"}, .fractions = {1}};
    refuses(&f, (SplitRunOptions){.name = "no spaces"}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .stratify = "genre, (SELECT 1)"}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .stratify = "nothing"}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .where = "nothing = 1"}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .sides = twice}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .sides = over}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .sides = path}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .sides = alone, .holdout_eval = true}, ERR_USAGE);
    refuses(&f, (SplitRunOptions){.name = "main", .where = "bpm < 0"}, ERR_NOT_FOUND);
    CHECK_FAILS(mel_split_find(f.db, "main", &arena, &row, &err), ERR_NOT_FOUND);
    mel_arena_clear(&arena);
    end(&f);
}

static void published_evaluation_clips_are_never_trained_on(void **state)
{
    (void)state;
    Fixture f = begin();
    add_many(&f, "a", 0, 60, (SmallClip){0});
    add_many(&f, "e", 0, 30, (SmallClip){.published = "eval"});
    add_many(&f, "t", 0, 10, (SmallClip){.published = "test"});
    add(&f, source_name("e", 0), (SmallClip){.start_us = 50000000}); /* tied to an eval clip */
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main", .holdout_eval = true});
    Sides *sides = sides_of(&f, "main");
    assert_int_equal(report.held_out, 40);
    for (int i = 0; i < 30; i++)
        assert_string_equal(side_of(sides, clip_name("e", i)), "test");
    for (int i = 0; i < 10; i++)
        assert_string_equal(side_of(sides, clip_name("t", i)), "test");
    assert_string_equal(side_of(sides, "yt-e00000000:50000"), "test");
    assert_true(report.counts[0] >= 50);
    free(sides);
    end(&f);
}

static void a_held_out_clip_that_comes_later_drops_its_trained_twin(void **state)
{
    (void)state;
    Fixture f = begin();
    const SplitSides one = {
        .count = 2, .names = {"train", "test"},
             .fractions = {1,       0     }
    };
    add_many(&f, "a", 0, 10, (SmallClip){0});
    run(&f, (SplitRunOptions){.name = "main", .sides = one, .holdout_eval = true});
    add(&f, source_name("a", 3), (SmallClip){.start_us = 50000000, .published = "eval"});
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main"});
    Sides *sides = sides_of(&f, "main");
    assert_int_equal(report.dropped_count, 1);
    assert_null(side_of(sides, clip_name("a", 3)));
    assert_string_equal(side_of(sides, "yt-a00000003:50000"), "test");
    free(sides);
    end(&f);
}

static void limits_per_source_and_channel_hold_and_keep_members(void **state)
{
    (void)state;
    Fixture f = begin();
    batch(&f);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 5; k++)
            add(&f, source_name("a", i),
                (SmallClip){.start_us = (k + 1) * 20000000, .channel = i < 4 ? "one" : NULL});
    batch_end(&f);
    const SplitRunOptions options = {.name = "main", .per_source_max = 2, .per_channel_max = 3};
    SplitRunReport report = run(&f, options);
    assert_int_equal(report.candidates, 40);
    assert_int_equal(report.members, 4 * 2 + 3);
    assert_int_equal(report.capped, 40 - 11);
    Sides *before = sides_of(&f, "main");
    batch(&f);
    for (int k = 0; k < 40; k++)
        add(&f, source_name("a", 6), (SmallClip){.start_us = (k + 10) * 20000000});
    add(&f, source_name("b", 0), (SmallClip){0});
    batch_end(&f);
    report = run(&f, options);
    Sides *after = sides_of(&f, "main");
    assert_int_equal(report.members, 12);
    for (int i = 0; i < before->count; i++)
        assert_string_equal(side_of(after, before->items[i].id), before->items[i].side);
    free(before);
    free(after);
    end(&f);
}

static void clips_kept_out_by_a_pass_are_no_candidates_but_stay_members(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    PassOutcome outcome;
    add_many(&f, "a", 0, 20, (SmallClip){0});
    add_many(&f, "b", 0, 20, (SmallClip){.genre = "metal"});
    CHECK_OK(mel_pass_run(f.db, "no-metal", "genre = 'metal'", NULL, false, &outcome, &err));
    SplitRunReport report = run(&f, (SplitRunOptions){.name = "main"});
    assert_int_equal(report.candidates, 20);
    CHECK_OK(mel_pass_run(f.db, "no-jazz", "genre = 'jazz'", NULL, false, &outcome, &err));
    assert_true(outcome.newly_excluded > 0);
    report = run(&f, (SplitRunOptions){.name = "main"});
    assert_int_equal(report.candidates, 20 - outcome.newly_excluded);
    assert_int_equal(report.members, 20);
    assert_int_equal(report.added, 0);
    end(&f);
}

static void a_dry_run_tells_and_keeps_nothing(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    Arena arena = {0};
    SplitRow row;
    add_many(&f, "a", 0, 30, (SmallClip){0});
    SplitRunReport dry = run(&f, (SplitRunOptions){.name = "main", .dry_run = true});
    CHECK_FAILS(mel_split_find(f.db, "main", &arena, &row, &err), ERR_NOT_FOUND);
    SplitRunReport real = run(&f, (SplitRunOptions){.name = "main"});
    assert_memory_equal(dry.counts, real.counts, sizeof dry.counts);
    mel_arena_clear(&arena);
    end(&f);
}

static void the_largest_component_is_explained(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    add_many(&f, "a", 0, 20, (SmallClip){0});
    for (int i = 0; i < 8; i++)
        join(&f, clip_name("a", i), clip_name("a", i + 1), "picture");
    add(&f, source_name("a", 0), (SmallClip){.start_us = 50000000});
    add_many(&f, "c", 0, 3, (SmallClip){.channel = "one"});
    SplitRunReport report = {0};
    CHECK_OK(mel_split_run(f.db, &(SplitRunOptions){.name = "main"}, &report, &err));
    assert_int_equal(report.component_count, 2);
    assert_int_equal(report.components[0].clips, 10);
    assert_int_equal(report.components[0].sources, 9);
    assert_int_equal(report.components[0].picture_edges, 8);
    assert_int_equal(report.components[0].audio_edges, 0);
    assert_int_equal(report.components[0].channels, 0);
    assert_string_equal(report.components[0].examples[0], "yt-a00000000:30000");
    assert_int_equal(report.components[1].clips, 3);
    assert_int_equal(report.components[1].channels, 1);
    mel_split_report_clear(&report);
    end(&f);
}

static void strata_may_be_several_columns(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    add_many(&f, "a", 0, 40, (SmallClip){.genre = "jazz"});
    SplitRunReport report = {0};
    CHECK_OK(mel_split_run(f.db, &(SplitRunOptions){.name = "main", .stratify = "genre, bpm"},
                           &report, &err));
    assert_int_equal(report.stratum_count, 1);
    assert_string_equal(report.strata[0].name, "jazz / 72.5");
    assert_int_equal(
        report.strata[0].counts[0] + report.strata[0].counts[1] + report.strata[0].counts[2], 40);
    mel_split_report_clear(&report);
    end(&f);
}

/* Random stores grow in random steps, with random edges between: after each step nothing old has
 * moved, what was dropped was on train, and no edge, source or channel crosses sides. */
static void random_growth_never_leaks_and_never_moves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        Fixture f = begin();
        Rng rng = {.seed = seed};
        Sides *before = NULL;
        int count = 0;
        for (int step = 0; step < 4; step++) {
            int more = 10 + mel_rng_int(&rng, 30);
            char channel[16];
            batch(&f);
            for (int i = 0; i < more; i++) {
                snprintf(channel, sizeof channel, "c%d", mel_rng_int(&rng, 60));
                add(&f, source_name("a", count++),
                    (SmallClip){.channel = mel_rng_int(&rng, 2) ? channel : NULL,
                                .published = mel_rng_int(&rng, 10) ? NULL : "eval"});
            }
            for (int i = 0; i < more / 3; i++) {
                int a = mel_rng_int(&rng, count), b = mel_rng_int(&rng, count);
                if (a == b) continue;
                join(&f, clip_name("a", a < b ? a : b), clip_name("a", a < b ? b : a),
                     mel_rng_int(&rng, 2) ? "audio" : "picture");
            }
            batch_end(&f);
            /* mel_split_run proves the split before it commits */
            SplitRunReport report =
                run(&f, (SplitRunOptions){.name = "main", .holdout_eval = true});
            Sides *after = sides_of(&f, "main");
            assert_int_equal(report.members, after->count);
            for (int i = 0; before && i < before->count; i++) {
                const char *now = side_of(after, before->items[i].id);
                if (now)
                    assert_string_equal(now, before->items[i].side);
                else
                    assert_string_not_equal(before->items[i].side, "test");
            }
            free(before);
            before = after;
        }
        free(before);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_triplet_gets_a_side_near_the_fractions),
        cmocka_unit_test(clips_of_one_source_or_channel_stay_together),
        cmocka_unit_test(duplicates_stay_together_and_equal_texts_need_not),
        cmocka_unit_test(growth_moves_no_member_and_ignores_the_order_of_clips),
        cmocka_unit_test(running_twice_changes_nothing),
        cmocka_unit_test(an_edge_between_sides_drops_the_train_member_for_good),
        cmocka_unit_test(another_seed_or_rule_under_the_same_name_is_refused),
        cmocka_unit_test(what_makes_no_sense_is_refused_and_leaves_no_split),
        cmocka_unit_test(published_evaluation_clips_are_never_trained_on),
        cmocka_unit_test(a_held_out_clip_that_comes_later_drops_its_trained_twin),
        cmocka_unit_test(limits_per_source_and_channel_hold_and_keep_members),
        cmocka_unit_test(clips_kept_out_by_a_pass_are_no_candidates_but_stay_members),
        cmocka_unit_test(a_dry_run_tells_and_keeps_nothing),
        cmocka_unit_test(the_largest_component_is_explained),
        cmocka_unit_test(strata_may_be_several_columns),
        cmocka_unit_test(random_growth_never_leaks_and_never_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
