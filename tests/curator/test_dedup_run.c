/* SPDX-License-Identifier: Apache-2.0 */
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

typedef struct Edge {
    char a[CLIP_ID_SIZE], b[CLIP_ID_SIZE], kind[16];
    double score;
} Edge;

typedef struct Edges {
    Edge items[64];
    int count;
} Edges;

static bool take_edge(void *ctx, const DuplicateRow *row, Err *err)
{
    (void)err;
    Edges *edges = ctx;
    assert_true(edges->count < 64);
    Edge *edge = &edges->items[edges->count++];
    snprintf(edge->a, sizeof edge->a, "%s", row->clip_a);
    snprintf(edge->b, sizeof edge->b, "%s", row->clip_b);
    snprintf(edge->kind, sizeof edge->kind, "%s", row->kind);
    edge->score = row->score;
    return true;
}

static Edges edges_of(Db *db)
{
    Err err = {0};
    Edges edges = {0};
    CHECK_OK(mel_duplicate_each(db, take_edge, &edges, &err));
    return edges;
}

static DedupReport run(Fixture *f, DedupOptions options)
{
    Err err = {0};
    DedupReport report;
    CHECK_OK(mel_dedup_run(f->db, &options, NULL, &report, &err));
    return report;
}

static void landmarks_survive_packing_and_unpacking(void **state)
{
    (void)state;
    Err err = {0};
    Landmark in[3] =
        {
            {0xFFFFFFFF, 0         },
            {1,          0x80000000},
            {0x01020304, 7         }
    },
             out[LANDMARKS_MAX];
    uint8_t bytes[3 * LANDMARK_BYTES];
    mel_landmarks_pack(in, 3, bytes);
    static const uint8_t third[8] = {4, 3, 2, 1, 7, 0, 0, 0};
    assert_memory_equal(bytes + 16, third, 8);
    CHECK_OK(mel_landmarks_unpack(LANDMARK_VERSION, bytes, sizeof bytes, 3, out, &err));
    assert_memory_equal(in, out, sizeof in);
}

static void landmarks_that_are_none_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    Landmark out[LANDMARKS_MAX];
    uint8_t bytes[(LANDMARKS_MAX + 1) * LANDMARK_BYTES] = {0};
    CHECK_FAILS(mel_landmarks_unpack(2, bytes, 8, 1, out, &err), ERR_FORMAT);
    CHECK_FAILS(mel_landmarks_unpack(1, bytes, 9, 1, out, &err), ERR_FORMAT);
    CHECK_FAILS(mel_landmarks_unpack(1, bytes, sizeof bytes, LANDMARKS_MAX + 1, out, &err),
                ERR_FORMAT);
}

static void texts_are_equal_without_case_blanks_and_punctuation(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"  A  Slow,\tSONG! ",                                   "a slow song" },
        {"\xC3\x89toile \xE2\x80\x94 \xCE\x91\xCE\xA9 \xD0\x91",
         "\xC3\xA9toile \xCE\xB1\xCF\x89 \xD0\xB1"                             },
        {"...",                                                  ""            },
        {"\xE3\x81\x82\xE3\x80\x82",                             "\xE3\x81\x82"},
        {"",                                                     ""            },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        char *normal = mel_text_normal(cases[i][0]);
        assert_string_equal(normal, cases[i][1]);
        free(normal);
    }
}

static void the_same_sound_under_two_sources_becomes_an_edge(void **state)
{
    (void)state;
    Fixture f = begin();
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.sound = 5});
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.sound = 5});
    add(&f, "yt-ccccccccccc", (SmallClip){.sound = 6});
    DedupReport report = run(&f, (DedupOptions){0});
    Edges edges = edges_of(f.db);
    assert_int_equal(report.clips, 3);
    assert_int_equal(report.audio.compared, 3);
    assert_int_equal(report.audio.edges, 1);
    assert_int_equal(report.audio.added, 1);
    assert_int_equal(report.largest_group, 2);
    assert_int_equal(edges.count, 1);
    assert_string_equal(edges.items[0].a, "yt-aaaaaaaaaaa:30000");
    assert_string_equal(edges.items[0].b, "yt-bbbbbbbbbbb:30000");
    assert_string_equal(edges.items[0].kind, "audio");
    CHECK_NEAR(edges.items[0].score, 1, 1e-9);
    end(&f);
}

static void clips_of_one_source_are_not_compared(void **state)
{
    (void)state;
    Fixture f = begin();
    add(&f, "yt-aaaaaaaaaaa",
        (SmallClip){.sound = 5, .picture_hash = 0xF0F0F0F012345678, .text = "Same"});
    add(&f, "yt-aaaaaaaaaaa",
        (SmallClip){
            .sound = 5, .picture_hash = 0xF0F0F0F012345678, .text = "Same", .start_us = 50000000});
    DedupReport report = run(&f, (DedupOptions){0});
    assert_int_equal(report.audio.edges + report.pictures.edges + report.texts.edges, 0);
    assert_int_equal(edges_of(f.db).count, 0);
    end(&f);
}

static void pictures_match_within_the_distance_that_was_asked(void **state)
{
    (void)state;
    Fixture f = begin();
    uint64_t hash = 0x123456789ABCDEF0;
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.picture_hash = hash});
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.picture_hash = hash ^ 0x1011}); /* 3 bits */
    DedupReport none = run(&f, (DedupOptions){.picture_distance_max = 2});
    DedupReport one = run(&f, (DedupOptions){.picture_distance_max = 3});
    assert_int_equal(none.pictures.edges, 0);
    assert_int_equal(one.pictures.edges, 1);
    Edges edges = edges_of(f.db);
    assert_int_equal(edges.count, 1);
    assert_string_equal(edges.items[0].kind, "picture");
    CHECK_NEAR(edges.items[0].score, 1 - 3 / 64.0, 1e-9);
    Err err = {0};
    DedupReport report;
    CHECK_FAILS(
        mel_dedup_run(f.db, &(DedupOptions){.picture_distance_max = 11}, NULL, &report, &err),
        ERR_USAGE);
    end(&f);
}

static void n_equal_texts_make_n_minus_1_edges(void **state)
{
    (void)state;
    Fixture f = begin();
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.text = "A slow song."});
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.text = "a SLOW song", .start_us = 50000000});
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.text = "A slow  song!"});
    add(&f, "yt-ccccccccccc", (SmallClip){.text = "a slow song"});
    add(&f, "yt-ddddddddddd", (SmallClip){.text = "another song"});
    DedupReport report = run(&f, (DedupOptions){0});
    assert_int_equal(report.texts.compared, 5);
    assert_int_equal(report.texts.edges, 3);
    assert_int_equal(report.largest_group, 1); /* texts join nothing */
    end(&f);
}

static void a_second_run_finds_nothing_new(void **state)
{
    (void)state;
    Fixture f = begin();
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.sound = 5, .text = "Same"});
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.sound = 5, .text = "Same"});
    assert_int_equal(run(&f, (DedupOptions){0}).audio.added, 1);
    DedupReport again = run(&f, (DedupOptions){0});
    assert_int_equal(again.audio.edges, 1);
    assert_int_equal(again.audio.added, 0);
    assert_int_equal(again.texts.added, 0);
    assert_int_equal(edges_of(f.db).count, 2);
    end(&f);
}

static void an_edge_that_a_person_broke_stays_broken(void **state)
{
    (void)state;
    Fixture f = begin();
    Err err = {0};
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.sound = 5});
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.sound = 5});
    run(&f, (DedupOptions){0});
    CHECK_OK(mel_duplicate_break(f.db, "yt-aaaaaaaaaaa:30000", "yt-bbbbbbbbbbb:30000", "audio",
                                 "a cover", &err));
    run(&f, (DedupOptions){0});
    assert_int_equal(edges_of(f.db).count, 0);
    end(&f);
}

static void a_dry_run_counts_and_keeps_nothing(void **state)
{
    (void)state;
    Fixture f = begin();
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.sound = 5});
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.sound = 5});
    assert_int_equal(run(&f, (DedupOptions){.dry_run = true}).audio.added, 1);
    assert_int_equal(edges_of(f.db).count, 0);
    assert_int_equal(run(&f, (DedupOptions){0}).audio.added, 1);
    end(&f);
}

static void kinds_can_be_left_out(void **state)
{
    (void)state;
    Fixture f = begin();
    uint64_t hash = 0x123456789ABCDEF0;
    add(&f, "yt-aaaaaaaaaaa", (SmallClip){.sound = 5, .picture_hash = hash, .text = "Same"});
    add(&f, "yt-bbbbbbbbbbb", (SmallClip){.sound = 5, .picture_hash = hash, .text = "Same"});
    run(&f, (DedupOptions){.skip_audio = true, .skip_texts = true});
    Edges edges = edges_of(f.db);
    assert_int_equal(edges.count, 1);
    assert_string_equal(edges.items[0].kind, "picture");
    end(&f);
}

static void an_empty_store_has_no_duplicates(void **state)
{
    (void)state;
    Fixture f = begin();
    DedupReport report = run(&f, (DedupOptions){0});
    assert_int_equal(report.clips, 0);
    assert_int_equal(report.largest_group, 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landmarks_survive_packing_and_unpacking),
        cmocka_unit_test(landmarks_that_are_none_are_refused),
        cmocka_unit_test(texts_are_equal_without_case_blanks_and_punctuation),
        cmocka_unit_test(the_same_sound_under_two_sources_becomes_an_edge),
        cmocka_unit_test(clips_of_one_source_are_not_compared),
        cmocka_unit_test(pictures_match_within_the_distance_that_was_asked),
        cmocka_unit_test(n_equal_texts_make_n_minus_1_edges),
        cmocka_unit_test(a_second_run_finds_nothing_new),
        cmocka_unit_test(an_edge_that_a_person_broke_stays_broken),
        cmocka_unit_test(a_dry_run_counts_and_keeps_nothing),
        cmocka_unit_test(kinds_can_be_left_out),
        cmocka_unit_test(an_empty_store_has_no_duplicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
