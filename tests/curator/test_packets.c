/* SPDX-License-Identifier: Apache-2.0
 *
 * A season of annotation offline: 18 people, 500 clips, packets out and back in any order; and the
 * packets that must not come in. The fixture's clips have no media files. */
#include "curator/curator.h"
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PEOPLE = 18, CLIPS = 500, ORDERS = 4 };

static Arena kept;
static const char *people[PEOPLE];

/* ---- the season ------------------------------------------------------------------------------ */

typedef struct Season {
    Store base;
    char *outside;               /* where the packets lie */
    const char *packets[PEOPLE]; /* folders */
    int64_t answers;             /* revisions given in them */
} Season;

static Season season;

static const char *genre_of(const char *person, const char *clip, int round)
{
    static const char *const genres[] = {"jazz", "rock", "pop"};
    char *key = mel_asprintf("%s %d", person, round);
    uint64_t taste = mel_keyed_hash(key, clip), truth = mel_keyed_hash("truth", clip);
    free(key);
    return genres[taste % 10 < 7 ? truth % 3 : taste / 10 % 3];
}

static void say(Db *db, const char *clip, const char *person, int round, const char *state)
{
    Err err = {0};
    Annotation a;
    const AnnotationTerm mood = {"mood", round % 2 ? "calm" : "dark", ""};
    CHECK_OK(mel_annotator_put(db, person, "person", NULL, &err));
    mel_annotation_init(&a);
    a.clip_id = clip;
    a.annotator_id = person;
    a.state = state;
    a.genre = genre_of(person, clip, round);
    a.text = mel_arena_printf(&kept, "%s heard %s, %d.", person, a.genre, round);
    a.bpm = 60 + (double)(mel_keyed_hash(person, clip) % 100);
    a.terms = &mood;
    a.term_count = 1;
    CHECK_OK(mel_annotation_save(db, &a, NULL, NULL, &err));
}

static bool answer_item(void *ctx, const QueueItem *item, Err *err)
{
    (void)err;
    const char ***next = ctx;
    *(*next)++ = mel_arena_strdup(&kept, item->assignment.clip_id);
    return true;
}

/* Nearly all of the queue: some of it twice, some left as a draft. */
static int64_t work_through(Db *packet, const char *person)
{
    Err err = {0};
    const char *clips[CLIPS], **next = clips;
    int64_t given = 0;
    const QueueQuery query = {.annotator_id = person};
    CHECK_OK(mel_queue_each(packet, &query, answer_item, &next, &err));
    CHECK_OK(mel_db_begin(packet, &err));
    for (const char **clip = clips; clip < next; clip++) {
        uint64_t mood = mel_keyed_hash(person, *clip) / 1000 % 20;
        if (mood == 0) continue;
        say(packet, *clip, person, 1, mood == 1 ? "draft" : "submitted");
        given++;
        if (mood > 4) continue;
        say(packet, *clip, person, 2, mood == 2 ? "draft" : "submitted");
        given++;
    }
    CHECK_OK(mel_db_end(packet, true, &err));
    return given;
}

static void fill_base(Store *base)
{
    Err err = {0};
    const char *gold[] = {"file-000:0", "file-001:0", "file-002:0"};
    AssignReport report;
    CHECK_OK(mel_db_begin(base->db, &err));
    for (int i = 0; i < CLIPS; i++)
        store_ready_clip(base->db, mel_arena_printf(&kept, "file-%03d", i), 0, -20);
    CHECK_OK(mel_db_end(base->db, true, &err));
    for (int p = 0; p < PEOPLE; p++)
        people[p] = mel_arena_printf(&kept, "person-%02d", p);
    const AssignOptions options = {.batch = "main",
                                   .where = "id <> ''",
                                   .people = people,
                                   .person_count = PEOPLE,
                                   .overlap_share = 0.15,
                                   .raters = 3,
                                   .gold = gold,
                                   .gold_count = 3,
                                   .seed = 1};
    CHECK_OK(mel_assign(base->db, &options, &report, &err));
    assert_int_equal(report.clips, CLIPS - 3);
    mel_assign_report_clear(&report);
}

static Db *open_packet(const char *folder, DbMode mode)
{
    Err err = {0};
    Db *db = NULL;
    CHECK_OK(mel_db_open(folder, mode, &db, &err));
    return db;
}

static void pack(Db *db, const char *person, const char *batch, const char *path)
{
    Err err = {0};
    PackReport report;
    const PackOptions options = {
        .annotator = person, .batch = batch, .path = path, .without_media = true};
    CHECK_OK(mel_pack(db, &options, NULL, &report, &err));
    assert_true(report.contents.clips > 0);
}

static int begin_season(void **state)
{
    (void)state;
    season.base = store_new();
    season.outside = test_folder();
    fill_base(&season.base);
    /* Some have answered online before their packets were made, and some do so meanwhile. */
    say(season.base.db, "file-000:0", people[0], 0, "submitted");
    for (int p = 0; p < PEOPLE; p++) {
        season.packets[p] = test_path(season.outside, "%s", people[p]);
        pack(season.base.db, people[p], NULL, season.packets[p]);
        Db *packet = open_packet(season.packets[p], DB_WRITE);
        season.answers += work_through(packet, people[p]);
        mel_db_close(packet);
    }
    say(season.base.db, "file-001:0", people[1], 3, "submitted");
    return 0;
}

static int end_season(void **state)
{
    (void)state;
    store_remove(&season.base);
    test_folder_remove(season.outside);
    mel_arena_clear(&kept);
    return 0;
}

static Store copy_of_base(void)
{
    Err err = {0};
    Store copy = {.folder = test_folder()};
    CHECK_OK(mel_db_backup(season.base.db, test_path(copy.folder, "mel.db"), &err));
    CHECK_OK(mel_db_open(copy.folder, DB_WRITE, &copy.db, &err));
    return copy;
}

static PacketMerge merged(Db *db, const char *path)
{
    Err err = {0};
    PacketMerge report;
    CHECK_OK(mel_merge(db, path, NULL, NULL, &report, &err));
    return report;
}

static const char sql_settled[] =
    "SELECT h.clip_id || ' ' || t.state || ' ' || t.method || ' ' || coalesce(t.disputed_json, '')"
    "       || ' ' || coalesce(a.annotator_id || ' ' || coalesce(a.genre, '') || ' '"
    "       || coalesce(a.text, '') || ' ' || coalesce(a.bpm, ''), '')"
    "  FROM settlement_head AS h JOIN settlement AS t ON t.id = h.settlement_id"
    "  LEFT JOIN annotation AS a ON a.id = h.annotation_id"
    " ORDER BY h.clip_id";

static const char sql_revisions[] =
    "SELECT clip_id || ' ' || annotator_id || ' ' || rev || ' ' || state || ' ' || text || ' '"
    "       || created_at || ' ' || id"
    "  FROM annotation WHERE annotator_id <> 'settled' ORDER BY clip_id, annotator_id, rev";

static void add_rows(Db *db, const char *sql, Str *out)
{
    Err err = {0};
    DbRows rows;
    CHECK_OK(db_rows(db, &rows, sql, NULL, 0, &err));
    while (db_next(&rows, &err))
        mel_str_addf(out, "%s\n", db_col_text(&rows, 0));
    db_rows_end(&rows);
    assert_false(mel_err_is_set(&err));
}

/* Everything that is seen of a dataset: the public views, every revision, every settlement. Merged
 * answers are seen through the settlements: how often one changed on the way is its own history. */
static char *look(Db *db)
{
    Err err = {0};
    Str out = {0};
    char *views = store_dump(db, &err), *rest = views, *line;
    assert_non_null(views);
    while ((line = strsep(&rest, "\n")) != NULL)
        if (!strstr(line, "\"annotator\":\"settled\"") || !mel_starts_with(line, "annotations"))
            mel_str_addf(&out, "%s\n", line);
    add_rows(db, sql_revisions, &out);
    add_rows(db, sql_settled, &out);
    free(views);
    return mel_str_take(&out);
}

static void shuffle(int order[PEOPLE], int seed)
{
    Rng rng = {.seed = (uint64_t)seed};
    for (int i = 0; i < PEOPLE; i++)
        order[i] = i;
    for (int i = PEOPLE - 1; i > 0; i--) {
        int j = mel_rng_int(&rng, i + 1), other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static void the_order_of_merging_and_merging_twice_make_no_difference(void **state)
{
    (void)state;
    char *first = NULL;
    for (int seed = 0; seed < ORDERS; seed++) {
        Store copy = copy_of_base();
        int order[PEOPLE];
        int64_t added = 0;
        shuffle(order, seed);
        for (int i = 0; i < PEOPLE; i++) {
            added += merged(copy.db, season.packets[order[i]]).added;
            if (i % 3 == seed % 3)
                assert_int_equal(merged(copy.db, season.packets[order[i / 2]]).added, 0);
        }
        assert_int_equal(added, season.answers);
        assert_int_equal(store_findings(copy.db, NULL), 0);
        char *seen = look(copy.db);
        if (!first)
            first = seen;
        else
            assert_string_equal(seen, first);
        if (seen != first) free(seen);
        store_remove(&copy);
    }
    assert_true(strstr(first, " agreed ") && strstr(first, " disputed ") &&
                strstr(first, " single "));
    free(first);
}

static void revisions_are_numbered_by_their_time_over_packet_and_dataset(void **state)
{
    (void)state;
    Store copy = copy_of_base();
    merged(copy.db, season.packets[0]);
    merged(copy.db, season.packets[1]);
    assert_int_equal(store_raw_i64(&copy, "SELECT rev FROM annotation WHERE clip_id = 'file-000:0'"
                                          " AND annotator_id = 'person-00' AND text LIKE '%0.'"),
                     1);
    assert_int_equal(
        store_raw_i64(&copy, "SELECT a.rev = (SELECT max(rev) FROM annotation AS b WHERE b.clip_id"
                             " = a.clip_id AND b.annotator_id = a.annotator_id)"
                             "  FROM annotation AS a WHERE clip_id = 'file-001:0'"
                             " AND annotator_id = 'person-01' AND text LIKE '%3.'"),
        1);
    store_remove(&copy);
}

static void a_packet_holds_nobody_elses_answers(void **state)
{
    (void)state;
    Store copy = copy_of_base();
    for (int p = 0; p < PEOPLE; p++)
        merged(copy.db, season.packets[p]);
    const char *path = test_path(season.outside, "blind");
    pack(copy.db, people[3], NULL, path);
    Store packet = {.folder = mel_strdup(path), .db = open_packet(path, DB_READ)};
    assert_int_equal(
        store_raw_i64(&packet, "SELECT count(*) FROM annotation WHERE annotator_id <> 'person-03'"),
        0);
    assert_true(store_raw_i64(&packet, "SELECT count(*) FROM annotation") > 20);
    assert_int_equal(store_raw_i64(&packet, "SELECT count(*) FROM annotator"), 1);
    assert_int_equal(store_raw_i64(&packet, "SELECT count(*) FROM settlement"), 0);
    assert_int_equal(
        store_raw_i64(&packet, "SELECT count(*) FROM assignment WHERE annotator_id <> 'person-03'"),
        0);
    assert_int_equal(store_findings(packet.db, NULL), 0);
    store_close(&packet);
    free(packet.folder);
    store_remove(&copy);
}

static void a_packets_clips_are_whole(void **state)
{
    (void)state;
    Db *packet = open_packet(season.packets[5], DB_READ);
    const char *clip = store_field(packet, "clips", "id = (SELECT min(id) FROM clips)", "id");
    const char *where = mel_arena_printf(&kept, "id = '%s'", clip);
    for (const char *const *column = (const char *const[]){"title", "loudness_lufs", "width",
                                                           "container", "state", "locator", NULL};
         *column; column++)
        assert_string_equal(store_field(packet, "clips", where, *column),
                            store_field(season.base.db, "clips", where, *column));
    mel_db_close(packet);
}

/* ---- reviews and uses ------------------------------------------------------------------------ */

static void reviews_come_back_and_return_an_answer_to_its_author(void **state)
{
    (void)state;
    Err err = {0};
    Store copy = copy_of_base();
    int64_t counts[QUEUE_STATES];
    merged(copy.db, season.packets[2]);
    const char *clip = store_field(
        copy.db, "annotations",
        "annotator = 'person-02' AND state = 'submitted' AND clip = (SELECT min(clip) FROM"
        " annotations WHERE annotator = 'person-02' AND state = 'submitted')",
        "clip");
    const Assignment item = {
        .batch = "reviews", .clip_id = clip, .annotator_id = "rita", .purpose = "review"};
    CHECK_OK(mel_assignments_put(copy.db, &item, 1, NULL, &err));
    const char *path = test_path(season.outside, "rita");
    pack(copy.db, "rita", NULL, path);
    Db *packet = open_packet(path, DB_WRITE);
    const Review review = {.clip_id = clip,
                           .author_id = "person-02",
                           .reviewer_id = "rita",
                           .verdict = "return",
                           .comment = "listen again"};
    CHECK_OK(mel_review_save(packet, &review, NULL, &err));
    mel_db_close(packet);
    assert_int_equal(merged(copy.db, path).reviews, 1);
    assert_int_equal(merged(copy.db, path).reviews, 0);
    const QueueQuery query = {.annotator_id = "person-02"};
    CHECK_OK(mel_queue_count(copy.db, &query, counts, &err));
    assert_int_equal(counts[QUEUE_RETURNED], 1);
    store_remove(&copy);
}

static void uses_of_suggestions_come_back_once(void **state)
{
    (void)state;
    Store copy = copy_of_base();
    store_raw(&copy, "INSERT INTO suggestion VALUES ('s1', 'file-000:0', 'genre', '\"jazz\"',"
                     " 'model', '2026-01-01T00:00:00.000000Z')");
    const char *path = test_path(season.outside, "suggested");
    pack(copy.db, people[4], NULL, path);
    Store packet = {.folder = mel_strdup(path)};
    store_raw(&packet, "INSERT INTO suggestion_use VALUES ('u1', 's1', 'person-04', 'accepted',"
                       " '2026-01-02T00:00:00.000000Z')");
    free(packet.folder);
    assert_int_equal(merged(copy.db, path).uses, 1);
    assert_int_equal(merged(copy.db, path).uses, 0);
    assert_int_equal(store_raw_i64(&copy, "SELECT count(*) FROM suggestion_use"), 1);
    store_remove(&copy);
}

/* ---- asked again ----------------------------------------------------------------------------- */

static void ask_again(Db *db, const char *person, const char *clip)
{
    Err err = {0};
    const Assignment item = {
        .batch = "again", .clip_id = clip, .annotator_id = person, .purpose = "retest"};
    CHECK_OK(mel_assignments_put(db, &item, 1, NULL, &err));
}

static int64_t answers_of(Db *db, const char *who, const char *clip)
{
    return store_count(db, "annotations",
                       mel_arena_printf(&kept, "annotator = '%s' AND clip = '%s'", who, clip));
}

/* Of the clip that person 0 answered before any packet was made. */
static Db *pack_again(Db *db, const char *batch, const char *name)
{
    const char *path = test_path(season.outside, "%s", name);
    pack(db, people[0], batch, path);
    return open_packet(path, DB_WRITE);
}

static void the_first_answer_stays_out_of_the_packet_that_asks_again(void **state)
{
    (void)state;
    Err err = {0};
    static const char clip[] = "file-000:0";
    Store copy = copy_of_base();
    const char *again = mel_arena_printf(&kept, "%s" RETEST_SUFFIX, people[0]);
    ask_again(copy.db, people[0], clip);
    for (int whole = 0; whole < 2; whole++) {
        Db *packet = pack_again(copy.db, whole ? NULL : "again", whole ? "whole" : "again");
        int64_t counts[QUEUE_STATES];
        const QueueQuery query = {.annotator_id = people[0], .batch = whole ? "main" : "again"};
        assert_int_equal(answers_of(packet, people[0], clip), 0);
        assert_int_equal(store_count(packet, "clips", "id = 'file-000:0'"), 1);
        CHECK_OK(mel_queue_count(packet, &query, counts, &err));
        if (!whole) assert_int_equal(counts[QUEUE_OPEN], 1);
        if (whole) assert_int_equal(counts[QUEUE_SUBMITTED], 0); /* it is not asked a third time */
        mel_db_close(packet);
    }
    say(copy.db, clip, again, 1, "submitted");
    Db *packet = pack_again(copy.db, "again", "answered");
    assert_int_equal(answers_of(packet, people[0], clip), 1);
    mel_db_close(packet);
    store_remove(&copy);
}

/* What was sent back is to be done again with the answer in sight. */
static void an_answer_that_was_sent_back_goes_into_the_packet(void **state)
{
    (void)state;
    Err err = {0};
    static const char clip[] = "file-000:0";
    Store copy = copy_of_base();
    ask_again(copy.db, people[0], clip);
    const Review review = {.clip_id = clip,
                           .author_id = people[0],
                           .reviewer_id = "rita",
                           .verdict = "return",
                           .comment = "listen again"};
    CHECK_OK(mel_review_save(copy.db, &review, NULL, &err));
    Db *packet = pack_again(copy.db, NULL, "sent-back");
    assert_int_equal(answers_of(packet, people[0], clip), 1);
    mel_db_close(packet);
    store_remove(&copy);
}

static void retests_merge_in_any_order_and_twice_and_leave_the_first_answers_alone(void **state)
{
    (void)state;
    static const char clip[] = "file-000:0";
    const char *again = mel_arena_printf(&kept, "%s" RETEST_SUFFIX, people[0]);
    const char *paths[] = {season.packets[0], season.packets[1],
                           test_path(season.outside, "asked")};
    Store asked = copy_of_base();
    ask_again(asked.db, people[0], clip);
    Db *packet = pack_again(asked.db, "again", "asked");
    say(packet, clip, again, 1, "draft");
    say(packet, clip, again, 2, "submitted");
    mel_db_close(packet);
    char *first = NULL;
    for (int order = 0; order < 3; order++) {
        Err err = {0};
        Store copy = {.folder = test_folder()};
        CHECK_OK(mel_db_backup(asked.db, test_path(copy.folder, "mel.db"), &err));
        CHECK_OK(mel_db_open(copy.folder, DB_WRITE, &copy.db, &err));
        for (int i = 0; i < 6; i++) /* each twice */
            merged(copy.db, paths[(i + order) % 3]);
        char *seen = look(copy.db);
        if (first) assert_string_equal(seen, first);
        assert_int_equal(answers_of(copy.db, people[0], clip), 1);
        assert_string_equal(
            store_field(copy.db, "annotations", "retest AND clip = 'file-000:0'", "rev"), "2");
        assert_int_equal(store_findings(copy.db, NULL), 0);
        free(order ? seen : NULL);
        if (!order) first = seen;
        store_remove(&copy);
    }
    free(first);
    store_remove(&asked);
}

/* ---- one file -------------------------------------------------------------------------------- */

static void answers_travel_in_one_file_too(void **state)
{
    (void)state;
    Err err = {0};
    Store copy = copy_of_base();
    PackReport report;
    const char *tar = test_path(season.outside, "answers.tar");
    Db *packet = open_packet(season.packets[6], DB_WRITE);
    CHECK_OK(mel_pack_answers(packet, tar, &report, &err));
    mel_db_close(packet);
    assert_true(report.contents.answers > 20);
    assert_int_equal(merged(copy.db, tar).added, report.contents.answers);
    assert_int_equal(merged(copy.db, season.packets[6]).added, 0);
    assert_int_equal(test_shell("ls -A '%s' | grep -q merge", copy.folder), 1);
    store_remove(&copy);
}

static void a_packet_is_unpacked_once_and_found_again_with_its_work(void **state)
{
    (void)state;
    Err err = {0};
    Store copy = copy_of_base();
    PackReport report;
    const char *tar = test_path(season.outside, "out.tar");
    const char *parent = test_path(season.outside, "unpacked");
    const PackOptions options = {.annotator = "person-03", .path = tar, .without_media = true};
    char *folder, *again;
    CHECK_OK(mel_pack(copy.db, &options, NULL, &report, &err));
    CHECK_OK(mel_packet_unpack(tar, parent, &folder, &err));
    Db *packet = open_packet(folder, DB_WRITE);
    say(packet, store_field(packet, "clips", "id IN (SELECT min(id) FROM clips)", "id"),
        "person-03", 7, "submitted");
    mel_db_close(packet);
    CHECK_OK(mel_packet_unpack(tar, parent, &again, &err));
    assert_string_equal(again, folder);
    assert_int_equal(merged(copy.db, again).added, 1);
    assert_int_equal(test_shell("ls -A '%s' | grep -q unpack-", parent), 1);
    free(folder);
    free(again);
    store_remove(&copy);
}

static void a_file_that_would_lead_out_of_its_folder_is_not_written(void **state)
{
    (void)state;
    Err err = {0};
    char *folder;
    const char *outside = season.outside;
    const char *bad = test_path(outside, "evil.tar"), *parent = test_path(outside, "deep/er");
    assert_int_equal(test_shell("cd '%s' && mkdir -p evil/media && echo x > evil/media/x && "
                                "tar -P --transform 's,media/x,media/../../../../escaped,' "
                                "-cf evil.tar evil",
                                outside),
                     0);
    assert_false(mel_packet_unpack(bad, parent, &folder, &err));
    assert_int_equal(test_shell("find '%s' -name escaped | grep -q .", outside), 1);
}

static void a_damaged_file_is_refused_wherever_it_is_cut_or_changed(void **state)
{
    (void)state;
    Err err = {0};
    Store copy = copy_of_base();
    PackReport report;
    PacketMerge merge;
    const char *tar = test_path(season.outside, "whole.tar");
    const char *bad = test_path(season.outside, "bad.tar");
    char *bytes, *before = look(copy.db);
    size_t n;
    Db *packet = open_packet(season.packets[7], DB_WRITE);
    CHECK_OK(mel_pack_answers(packet, tar, &report, &err));
    mel_db_close(packet);
    CHECK_OK(mel_read_file(tar, 64 << 20, &bytes, &n, &err));
    for (size_t cut = 0; cut < n - 10240; cut += n / 23) {
        test_write(bad, bytes, cut);
        if (mel_merge(copy.db, bad, NULL, NULL, &merge, &err)) fail_msg("cut at %zu", cut);
        mel_err_clear(&err);
    }
    for (size_t at = 2048; at < n / 2; at += n / 37) {
        bytes[at] = (char)~bytes[at];
        test_write(bad, bytes, n);
        CHECK_FAILS(mel_merge(copy.db, bad, NULL, NULL, &merge, &err), ERR_FORMAT);
        bytes[at] = (char)~bytes[at];
    }
    char *after = look(copy.db);
    assert_string_equal(after, before);
    free(bytes);
    free(before);
    free(after);
    store_remove(&copy);
}

/* ---- packets that must not come in -------------------------------------------------------------
 */

/* A packet of person 8 that the caller spoils. */
static Store spoilt(Db *db, const char *name)
{
    const char *path = test_path(season.outside, "%s", name);
    pack(db, people[8], NULL, path);
    Db *packet = open_packet(path, DB_WRITE);
    work_through(packet, people[8]);
    mel_db_close(packet);
    return (Store){.folder = mel_strdup(path)};
}

static void refused(Store *copy, const char *packet, ErrCode code, const char *words)
{
    Err err = {0};
    PacketMerge merge;
    int64_t before = store_raw_i64(copy, "SELECT count(*) FROM annotation");
    if (mel_merge(copy->db, packet, NULL, NULL, &merge, &err)) fail_msg("%s went in", packet);
    if (!strstr(err.message, words)) fail_msg("'%s' has no '%s'", err.message, words);
    assert_string_equal(mel_err_code_name(err.code), mel_err_code_name(code));
    assert_int_equal(store_raw_i64(copy, "SELECT count(*) FROM annotation"), before);
    assert_int_equal(store_raw_i64(copy, "SELECT count(*) FROM packet_merge"), 0);
}

static void a_foreign_packet_is_refused(void **state)
{
    (void)state;
    Store other = store_new();
    refused(&other, season.packets[0], ERR_NOT_FOUND, "another dataset");
    refused(&other, season.base.folder, ERR_FORMAT, "no packet.json");
    refused(&other, test_path(season.outside, "nowhere"), ERR_NOT_FOUND, "there is no packet");
    store_remove(&other);
}

static void a_packet_that_was_tampered_with_is_refused_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sql, *words;
        ErrCode code;
    } cases[] = {
        {"older",   "PRAGMA user_version = 0",                                                         "schema",         ERR_FORMAT   },
        {"newer",   "PRAGMA user_version = 999",                                                       "schema 999",     ERR_FORMAT   },
        {"person",  "UPDATE setting SET value = 'person-09' WHERE key = 'packet_annotator'",
         "manifest",                                                                                                     ERR_FORMAT   },
        {"id",      "UPDATE setting SET value = '01AAAAAAAAAAAAAAAAAAAAAAAA' WHERE key = 'packet_id'",
         "not made here",                                                                                                ERR_NOT_FOUND},
        {"plain",   "DELETE FROM setting WHERE key LIKE 'packet%'",                                    "no packet",      ERR_FORMAT   },
        {"term",
         "UPDATE annotation SET genre = 'polka' WHERE id = (SELECT max(id) FROM annotation)",          "polka",          ERR_USAGE    },
        {"time",
         "UPDATE annotation SET created_at = 'soon' WHERE id = (SELECT max(id) FROM annotation)",      "bad id or time", ERR_FORMAT   },
        {"trigger", "CREATE TRIGGER t AFTER INSERT ON review BEGIN SELECT 1; END",                     "tables",
         ERR_FORMAT                                                                                                                   },
        {"table",   "DROP TABLE rating",                                                               "tables",         ERR_FORMAT   },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        Store copy = copy_of_base();
        Store packet = spoilt(copy.db, cases[i].name);
        store_raw(&packet, cases[i].sql);
        refused(&copy, packet.folder, cases[i].code, cases[i].words);
        free(packet.folder);
        store_remove(&copy);
    }
}

/* It has the tables of today and older views; it was sent out before this Melkit was there. */
static void a_packet_of_the_first_schema_comes_back(void **state)
{
    (void)state;
    Store copy = copy_of_base();
    Store packet = spoilt(copy.db, "first-schema");
    store_raw(&packet, "DROP VIEW annotations; CREATE VIEW annotations AS SELECT 1 AS id;"
                       "PRAGMA user_version = 1;");
    assert_true(merged(copy.db, packet.folder).added > 0);
    assert_int_equal(store_raw_i64(&packet, "PRAGMA user_version"), 1);
    free(packet.folder);
    store_remove(&copy);
}

/* Without a hash a flipped byte may lie where it harms nothing, or change a letter; whatever SQLite
 * then finds, the dataset stays in order. */
static void a_folder_with_damaged_pages_does_no_harm(void **state)
{
    (void)state;
    Err err = {0};
    Store copy = copy_of_base();
    Store packet = spoilt(copy.db, "pages");
    char *path = mel_path_join(packet.folder, "mel.db"), *bytes;
    PacketMerge merge;
    size_t n;
    int refusals = 0;
    CHECK_OK(mel_read_file(path, 64 << 20, &bytes, &n, &err));
    for (size_t at = 16; at < n; at += n / 29) {
        for (size_t k = 0; k < 64 && at + k < n; k++)
            bytes[at + k] = (char)~bytes[at + k];
        assert_int_equal(test_shell("rm -f '%s'-wal '%s'-shm", path, path), 0);
        test_write(path, bytes, n);
        refusals += !mel_merge(copy.db, packet.folder, NULL, NULL, &merge, &err);
        mel_err_clear(&err);
        for (size_t k = 0; k < 64 && at + k < n; k++)
            bytes[at + k] = (char)~bytes[at + k];
    }
    assert_true(refusals > 5);
    assert_int_equal(store_findings(copy.db, NULL), 0);
    free(bytes);
    free(path);
    free(packet.folder);
    store_remove(&copy);
}

static void a_changed_manifest_is_refused(void **state)
{
    (void)state;
    Store copy = copy_of_base();
    Store packet = spoilt(copy.db, "manifest");
    assert_int_equal(test_shell("printf ' ' >> '%s/packet.json'", packet.folder), 0);
    refused(&copy, packet.folder, ERR_FORMAT, "manifest was changed");
    free(packet.folder);
    store_remove(&copy);
}

typedef struct Told {
    const char *clip;
    int count;
} Told;

static void count_refused(void *ctx, const char *subject, const char *why)
{
    Told *told = ctx;
    assert_string_equal(subject, told->clip);
    assert_string_equal(why, "its source was taken down");
    told->count++;
}

static void an_answer_to_a_clip_that_went_is_told_and_the_rest_goes_in(void **state)
{
    (void)state;
    Err err = {0};
    Store copy = copy_of_base();
    Store packet = spoilt(copy.db, "takedown");
    PacketMerge merge;
    packet.db = open_packet(packet.folder, DB_READ);
    Told told = {.clip = store_field(packet.db, "annotations",
                                     "clip = (SELECT min(clip) FROM annotations)", "clip")};
    store_close(&packet);
    int64_t given = store_raw_i64(&packet, "SELECT count(*) FROM annotation");
    CHECK_OK(mel_source_takedown(copy.db,
                                 mel_arena_strndup(&kept, told.clip, strcspn(told.clip, ":")),
                                 "asked for", NULL, &err));
    CHECK_OK(mel_merge(copy.db, packet.folder, count_refused, &told, &merge, &err));
    assert_true(told.count > 0);
    assert_int_equal(merge.refused, told.count);
    assert_int_equal(merge.added, given - told.count);
    assert_int_equal(merged(copy.db, packet.folder).added, 0);
    free(packet.folder);
    store_remove(&copy);
}

static void packing_leaves_nothing_behind_when_it_fails(void **state)
{
    (void)state;
    Err err = {0};
    PackReport report;
    const char *path = test_path(season.outside, "failed");
    PackOptions options = {.annotator = "person-00", .path = path}; /* there are no media files */
    CHECK_FAILS(mel_pack(season.base.db, &options, NULL, &report, &err), ERR_IO);
    options.annotator = "nobody";
    CHECK_FAILS(mel_pack(season.base.db, &options, NULL, &report, &err), ERR_NOT_FOUND);
    options.path = season.packets[0];
    CHECK_FAILS(mel_pack(season.base.db, &options, NULL, &report, &err), ERR_EXISTS);
    assert_int_equal(test_shell("ls -A '%s' | grep -q failed", season.outside), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_merging_and_merging_twice_make_no_difference),
        cmocka_unit_test(revisions_are_numbered_by_their_time_over_packet_and_dataset),
        cmocka_unit_test(a_packet_holds_nobody_elses_answers),
        cmocka_unit_test(a_packets_clips_are_whole),
        cmocka_unit_test(reviews_come_back_and_return_an_answer_to_its_author),
        cmocka_unit_test(uses_of_suggestions_come_back_once),
        cmocka_unit_test(the_first_answer_stays_out_of_the_packet_that_asks_again),
        cmocka_unit_test(an_answer_that_was_sent_back_goes_into_the_packet),
        cmocka_unit_test(retests_merge_in_any_order_and_twice_and_leave_the_first_answers_alone),
        cmocka_unit_test(answers_travel_in_one_file_too),
        cmocka_unit_test(a_damaged_file_is_refused_wherever_it_is_cut_or_changed),
        cmocka_unit_test(a_foreign_packet_is_refused),
        cmocka_unit_test(a_packet_that_was_tampered_with_is_refused_as_a_whole),
        cmocka_unit_test(a_packet_of_the_first_schema_comes_back),
        cmocka_unit_test(a_packet_is_unpacked_once_and_found_again_with_its_work),
        cmocka_unit_test(a_file_that_would_lead_out_of_its_folder_is_not_written),
        cmocka_unit_test(a_folder_with_damaged_pages_does_no_harm),
        cmocka_unit_test(a_changed_manifest_is_refused),
        cmocka_unit_test(an_answer_to_a_clip_that_went_is_told_and_the_rest_goes_in),
        cmocka_unit_test(packing_leaves_nothing_behind_when_it_fails),
    };
    return cmocka_run_group_tests(tests, begin_season, end_season);
}
