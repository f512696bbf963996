/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores that an older Melkit made. */
#include "tests/support/store_fixture.h"

#include <stdlib.h>

/* Views as the first schema had them, where they have changed since. */
static const char sql_first_schema[] =
    "DROP VIEW annotations;"
    "CREATE VIEW annotations AS"
    " SELECT h.clip_id AS clip, h.annotator_id AS annotator, h.state AS state"
    "   FROM annotation_head AS h;"
    "DROP VIEW clips;"
    "CREATE VIEW clips AS"
    " SELECT c.id AS id,"
    "        (SELECT count(*) FROM annotation_head AS h"
    "          WHERE h.clip_id = c.id AND h.state = 'submitted' AND h.annotator_id <> 'settled')"
    "            AS annotation_count"
    "   FROM clip AS c;"
    "PRAGMA user_version = 1;";

/* A clip that two people agreed on, and then no longer; one of them was asked again. */
static const char *fill(Store *store)
{
    const char *clip = store_ready_clip(store->db, "file-a", 0, -20);
    store_say(store->db, clip, "ann", "jazz", "A.");
    store_say(store->db, clip, "bob", "jazz", "B.");
    store_say(store->db, clip, "ann" RETEST_SUFFIX, "rock", "Again.");
    store_say(store->db, clip, "bob", "rock", "B.");
    return clip;
}

static void an_old_store_gets_todays_views_when_it_is_opened_for_writing(void **state)
{
    Store *store = *state;
    Err err = {0};
    fill(store);
    char *before = store_dump(store->db, &err);
    store_close(store);
    store_raw(store, sql_first_schema);
    assert_int_equal(store_raw_i64(store, "SELECT annotation_count FROM clips"), 3);
    assert_int_equal(store_raw_i64(store, "SELECT count(*) FROM annotations"), 4);
    store_reopen(store, DB_WRITE);
    char *after = store_dump(store->db, &err);
    assert_string_equal(after, before);
    assert_string_equal(store_field(store->db, "clips", NULL, "annotation_count"), "2");
    assert_int_equal(store_count(store->db, "annotations", "annotator = 'settled'"), 0);
    assert_string_equal(store_field(store->db, "annotations", "retest", "person"), "ann");
    assert_int_equal(store_findings(store->db, NULL), 0);
    assert_int_equal(store_raw_i64(store, "PRAGMA user_version"), mel_db_schema_version());
    free(before);
    free(after);
}

static void the_old_store_is_kept_beside(void **state)
{
    Store *store = *state;
    Err err = {0};
    fill(store);
    store_close(store);
    store_raw(store, sql_first_schema);
    store_reopen(store, DB_WRITE);
    store_close(store);
    Store kept = {.folder = test_folder()};
    char *bytes;
    size_t n;
    CHECK_OK(
        mel_read_file(test_path(store->folder, "mel.db.schema-1.bak"), 64 << 20, &bytes, &n, &err));
    test_write(test_path(kept.folder, "mel.db"), bytes, n);
    assert_int_equal(store_raw_i64(&kept, "PRAGMA user_version"), 1);
    assert_int_equal(store_raw_i64(&kept, "SELECT count(*) FROM annotation"),
                     store_raw_i64(store, "SELECT count(*) FROM annotation"));
    free(bytes);
    store_remove(&kept);
}

static void an_old_store_is_not_read_with_new_views_but_may_be_looked_at(void **state)
{
    Store *store = *state;
    Err err = {0};
    bool is_packet;
    PacketLabel label;
    store_close(store);
    store_raw(store, sql_first_schema);
    CHECK_FAILS(mel_db_open(store->folder, DB_READ, &store->db, &err), ERR_FORMAT);
    store_reopen(store, DB_LOOK);
    CHECK_OK(mel_packet_label(store->db, &label, &is_packet, &err));
    assert_false(is_packet);
    store_close(store);
    assert_int_equal(store_raw_i64(store, "PRAGMA user_version"), 1); /* left as it was */
}

int main(void)
{
#define IN_A_STORE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(an_old_store_gets_todays_views_when_it_is_opened_for_writing),
        IN_A_STORE(the_old_store_is_kept_beside),
        IN_A_STORE(an_old_store_is_not_read_with_new_views_but_may_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
