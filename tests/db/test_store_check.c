/* SPDX-License-Identifier: Apache-2.0
 *
 * Every corruption that the store check promises to find is planted, found, and, where it is one of
 * a head, repaired. */
#include "db/db_internal.h"
#include "tests/support/store_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill(Store *store)
{
    Err err = {0};
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    const char *other = store_ready_clip(store->db, "file-b", 0, -30);
    const char *failed = store_clip(store->db, "file-b", 20);
    store_clip(store->db, "file-b", 40);
    CHECK_OK(mel_clip_failed(store->db, failed, "http.404", "permanent", "gone", 1, 1, "{}", &err));
    store_say(store->db, clip, "ann", "jazz", "One.");
    store_say(store->db, clip, "ann", "rock", "Two.");
    store_say(store->db, clip, "bob", "rock", "Three.");
    store_say(store->db, other, "ann", "pop", "Four.");
    for (int i = 0; i < 3; i++) {
        const Score score = {.clip_id = clip, .name = "imsm", .value = i, .model = "m"};
        CHECK_OK(mel_score_put(store->db, &score, &err));
    }
}

static int filled_setup(void **state)
{
    store_setup(state);
    fill(*state);
    return 0;
}

static void a_store_that_is_well_has_no_findings(void **state)
{
    Store *store = *state;
    Err err = {0};
    assert_int_equal(store_findings(store->db, NULL), 0);
    char *before = store_dump(store->db, &err);
    CHECK_OK(mel_store_rebuild_heads(store->db, &err));
    char *after = store_dump(store->db, &err);
    assert_string_equal(before, after);
    assert_int_equal(store_findings(store->db, NULL), 0);
    free(before);
    free(after);
}

static const struct {
    const char *sql;
} broken_heads[] = {
    {"DELETE FROM annotation_head WHERE annotator_id = 'bob'"},
    {"DELETE FROM annotation_head"},
    {"UPDATE annotation_head SET rev = 1 WHERE annotator_id = 'ann'"},
    {"UPDATE annotation_head SET rev = 99 WHERE annotator_id = 'ann'"},
    {"UPDATE annotation_head SET state = 'draft' WHERE annotator_id = 'ann'"},
    {"UPDATE annotation_head SET annotation_id = (SELECT id FROM annotation WHERE text = 'One.'),"
     " rev = 1 WHERE annotator_id = 'ann' AND clip_id = 'file-a:0'"},
    {"UPDATE annotation_head SET annotation_id = (SELECT id FROM annotation WHERE text = 'Four.')"
     " WHERE annotator_id = 'bob'"},
    {"DELETE FROM settlement_head"},
    {"UPDATE settlement_head SET rev = 1 WHERE clip_id = 'file-a:0'"},
    {"UPDATE settlement_head SET state = 'open'"},
    {"UPDATE settlement_head SET annotation_id = NULL"},
    {"UPDATE settlement_head SET settlement_id = (SELECT id FROM settlement WHERE rev = 1"
     " AND clip_id = 'file-b:0') WHERE clip_id = 'file-a:0'"},
    {"DELETE FROM score_head"},
    {"UPDATE score_head SET value = 0.123"},
    {"UPDATE score_head SET name = 'clip'"},
    {"UPDATE score_head SET score_id = (SELECT id FROM score WHERE value = 0), value = 0"},
};

static void every_broken_head_is_found_and_rebuilt(void **state)
{
    Store *store = *state;
    Err err = {0};
    char *right = store_dump(store->db, &err);
    for (size_t i = 0; i < MEL_COUNT(broken_heads); i++) {
        store_raw(store, broken_heads[i].sql);
        if (store_findings(store->db, "store.head") == 0)
            fail_msg("not found: %s", broken_heads[i].sql);
        CHECK_OK(mel_store_rebuild_heads(store->db, &err));
        if (store_findings(store->db, NULL) != 0) fail_msg("not rebuilt: %s", broken_heads[i].sql);
        char *now = store_dump(store->db, &err);
        assert_string_equal(now, right);
        free(now);
    }
    free(right);
}

static const struct {
    const char *word, *sql, *undo;
} planted[] = {
    {"store.product",
     "UPDATE media SET role = 'preview', position = 9"
     " WHERE clip_id = 'file-a:0' AND role = 'audio'",                                               "UPDATE media SET role = 'audio', position = 0 WHERE position = 9"},
    {"store.product",   "CREATE TABLE kept AS SELECT * FROM cut; DELETE FROM cut",
     "INSERT INTO cut SELECT * FROM kept; DROP TABLE kept"                                                                                                             },
    {"store.product",   "CREATE TABLE kept AS SELECT * FROM quality; DELETE FROM quality",
     "INSERT INTO quality SELECT * FROM kept; DROP TABLE kept"                                                                                                         },
    {"store.product",   "UPDATE clip SET state = 'ready' WHERE id = 'file-b:40000'",
     "UPDATE clip SET state = 'new' WHERE id = 'file-b:40000'"                                                                                                         },
    {"store.product",   "UPDATE frame SET position = 7 WHERE clip_id = 'file-b:0' AND position = 1",
     "UPDATE frame SET position = 1 WHERE position = 7"                                                                                                                },
    {"store.product",   "UPDATE media SET position = 7 WHERE role = 'still' AND position = 2",
     "UPDATE media SET position = 2 WHERE position = 7"                                                                                                                },
    {"store.product",   "UPDATE clip SET reason = NULL WHERE state = 'failed'",
     "UPDATE clip SET reason = 'http.404' WHERE state = 'failed'"                                                                                                      },
    {"store.product",   "UPDATE clip SET failure_class = NULL WHERE state = 'failed'",
     "UPDATE clip SET failure_class = 'permanent' WHERE state = 'failed'"                                                                                              },
    {"store.product",   "UPDATE clip SET attempts = attempts + 1 WHERE id = 'file-a:0'",
     "UPDATE clip SET attempts = attempts - 1 WHERE id = 'file-a:0'"                                                                                                   },
    {"store.reference", "UPDATE clip SET source_id = 'file-none' WHERE id = 'file-b:40000'",
     "UPDATE clip SET source_id = 'file-b' WHERE id = 'file-b:40000'"                                                                                                  },
    {"store.reference",
     "UPDATE annotation_term SET annotation_id = 'none';"
     "INSERT INTO annotation_term VALUES ('none', 'mood', 'calm', '', 0)",                           "DELETE FROM annotation_term WHERE annotation_id = 'none'"        },
    {"store.reference", "INSERT INTO label VALUES ('no:clip', 'audioset', '/m/1')",
     "DELETE FROM label"                                                                                                                                               },
};

static void every_planted_damage_is_found_by_its_word(void **state)
{
    Store *store = *state;
    for (size_t i = 0; i < MEL_COUNT(planted); i++) {
        store_raw(store, planted[i].sql);
        if (store_findings(store->db, planted[i].word) == 0)
            fail_msg("not found: %s", planted[i].sql);
        store_raw(store, planted[i].undo);
        if (store_findings(store->db, NULL) != 0) fail_msg("still there: %s", planted[i].undo);
    }
}

static bool stop_at_first(void *ctx, const char *word, const char *subject, const char *message,
                          Err *err)
{
    (void)word, (void)message;
    snprintf(ctx, 64, "%s", subject);
    return mel_err(err, ERR_CANCELLED, "enough");
}

static void a_finding_names_its_subject_and_may_end_the_check(void **state)
{
    Store *store = *state;
    Err err = {0};
    char subject[64] = "";
    store_raw(store, "UPDATE clip SET attempts = 5 WHERE id = 'file-b:0'");
    CHECK_FAILS(mel_store_check(store->db, stop_at_first, subject, &err), ERR_CANCELLED);
    assert_string_equal(subject, "file-b:0");
}

static bool count_any(void *ctx, const char *word, const char *subject, const char *message,
                      Err *err)
{
    (void)word, (void)subject, (void)message, (void)err;
    ++*(int *)ctx;
    return true;
}

/* Rubbish over the start of every third page (of the first page: behind its header). */
static void damaged_pages_are_found_or_refused_and_never_crash(void **state)
{
    Store *store = *state;
    store_close(store);
    store_raw(store, "PRAGMA wal_checkpoint(TRUNCATE)");
    const char *path = test_path(store->folder, "mel.db");
    char *whole = NULL, junk[512];
    size_t n = 0;
    int noticed = 0, tried = 0;
    Err err = {0};
    CHECK_OK(mel_read_file(path, 64 << 20, &whole, &n, &err));
    memset(junk, 0xA5, sizeof junk);
    for (size_t page = 0; page < n / 4096; page += 3, tried++) {
        test_write(path, whole, n);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, junk, sizeof junk, (off_t)(page * 4096 + (page ? 0 : 100))),
                         sizeof junk);
        close(fd);
        Db *db = NULL;
        int before = noticed;
        if (!mel_db_open(store->folder, DB_READ, &db, &err)) {
            noticed++;
        } else {
            int found = 0;
            bool ok = mel_store_check(db, count_any, &found, &err);
            noticed += found > 0 || !ok;
        }
        if (noticed == before) print_message("page %zu was not noticed\n", page);
        mel_db_close(db);
        mel_err_clear(&err);
    }
    test_write(path, whole, n);
    free(whole);
    assert_int_equal(noticed, tried);
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, filled_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_store_that_is_well_has_no_findings),
        IN_A_STORE(every_broken_head_is_found_and_rebuilt),
        IN_A_STORE(every_planted_damage_is_found_by_its_word),
        IN_A_STORE(a_finding_names_its_subject_and_may_end_the_check),
        IN_A_STORE(damaged_pages_are_found_or_refused_and_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
