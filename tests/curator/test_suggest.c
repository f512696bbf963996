/* SPDX-License-Identifier: Apache-2.0
 *
 * Makers of suggestions: labels by the crosswalk, lines of a file. (mel suggest tempo, over real
 * sound, is in tests/cli.) */
#include "curator/suggest.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static void assert_terms(const char *scheme, const char *value, const char *want)
{
    json_t *terms = mel_label_terms(scheme, value);
    char *text = mel_json_canonical(terms);
    if (strcmp(text, want) != 0) fail_msg("%s '%s': %s, wanted %s", scheme, value, text, want);
    free(text);
    json_decref(terms);
}

static void labels_of_published_lists_stand_for_our_terms(void **state)
{
    (void)state;
    assert_terms("audioset", "/m/03lty", "{\"genre\":[\"metal\"]}");
    assert_terms("audioset", "/m/04rlf", "{}"); /* Music */
    assert_terms("vggsound", "playing bass guitar", "{\"instrument\":[\"bass-guitar\"]}");
    assert_terms("vggsound", "playing violin, fiddle", "{\"instrument\":[\"violin\"]}");
    assert_terms("vggsound", "striking metal", "{}");
    assert_terms("aspect", "soft female vocal", "{\"voice\":[\"lead-female\"]}");
    assert_terms("aspect", "sad violin melody", "{\"instrument\":[\"violin\"],\"mood\":[\"sad\"]}");
    assert_terms("aspect", "R&B", "{\"genre\":[\"r-and-b\"]}");
    assert_terms("aspect", "medium to uptempo", "{\"tempo\":[\"fast\"]}");
}

static void the_longest_phrase_wins_and_words_count_once(void **state)
{
    (void)state;
    assert_terms("aspect", "classical guitar", "{\"instrument\":[\"classical-guitar\"]}");
    assert_terms("aspect", "electric piano and piano",
                 "{\"instrument\":[\"electric-piano\",\"piano\"]}");
    assert_terms("aspect", "rocking chair", "{}"); /* whole words */
    assert_terms("aspect", "very slow tempo", "{\"tempo\":[\"very-slow\"]}");
}

static void a_word_that_denies_is_not_about_what_it_denies(void **state)
{
    (void)state;
    assert_terms("aspect", "no drum kit", "{}");
    assert_terms("aspect", "without piano", "{}");
    assert_terms("aspect", "no singer", "{\"voice\":[\"none\"]}");
}

/* ---- a whole dataset ------------------------------------------------------------------------- */

static bool add_line(void *ctx, const Suggestion *s, Err *err)
{
    (void)err;
    char *line = mel_asprintf("%s=%s by %s\n", s->field, s->value_json, s->origin),
         *old = *(char **)ctx;
    *(char **)ctx = mel_asprintf("%s%s", line, old); /* the oldest first */
    free(line);
    free(old);
    return true;
}

static void assert_standing(Db *db, const char *clip, const char *want)
{
    Err err = {0};
    char *lines = mel_strdup("");
    CHECK_OK(mel_suggestions_each(db, clip, "anna", add_line, &lines, &err));
    assert_string_equal(lines, want);
    free(lines);
}

static void label(Db *db, const char *clip, const char *scheme, const char *value)
{
    Err err = {0};
    CHECK_OK(mel_clip_label(db, clip, scheme, value, &err));
}

static void labels_are_suggested_once_and_two_genres_are_none(void **state)
{
    Store *store = *state;
    Err err = {0};
    Db *db = store->db;
    SuggestReport report;
    const SuggestOptions options = {0}, one = {.where = "id = 'file-a:0'"};
    const char *a = store_ready_clip(db, "file-a", 0, -14),
               *b = store_ready_clip(db, "file-b", 0, -14);
    store_clip(db, "file-c", 0); /* not ready */
    label(db, a, "audioset", "/m/03lty");
    label(db, a, "audioset", "/m/02sgy");
    label(db, a, "genre", "Heavy metal");
    label(db, b, "audioset", "/m/03lty");
    label(db, b, "audioset", "/m/03_d0"); /* metal, and jazz */
    label(db, b, "voice", "rapping");
    label(db, b, "title_of_video", "nothing of ours");
    CHECK_OK(mel_suggest_labels(db, &one, &report, &err));
    assert_int_equal(report.items, 1);
    assert_int_equal(report.added, 3);
    CHECK_OK(mel_suggest_labels(db, &options, &report, &err));
    assert_int_equal(report.items, 2);
    assert_int_equal(report.added, 1);
    assert_int_equal(report.known, 3);
    assert_standing(db, a,
                    "genre=\"metal\" by labels/audioset\n"
                    "instrument=[\"electric-guitar\"] by labels/audioset\n"
                    "genre=\"metal\" by labels/genre\n");
    assert_standing(db, b, "voice=[\"rap\"] by labels/voice\n");
    store_raw(store, "DELETE FROM label WHERE value = '/m/03_d0'");
    CHECK_OK(mel_suggest_labels(db, &options, &report, &err)); /* metal alone */
    assert_int_equal(report.added, 1);
    store_raw(store, "INSERT INTO label VALUES ('file-b:0', 'audioset', '/m/03_d0')");
    CHECK_OK(mel_suggest_labels(db, &options, &report, &err));
    assert_int_equal(report.withdrawn, 1);
    assert_standing(db, b, "voice=[\"rap\"] by labels/voice\n");
}

static void note_line(void *ctx, const SuggestFailure *failure)
{
    mel_str_addf(ctx, "%d ", (int)failure->line);
}

static void bad_lines_are_named_and_the_others_kept(void **state)
{
    Store *store = *state;
    Err err = {0};
    SuggestReport report;
    Str bad = {0};
    const SuggestOptions options = {.on_failure = note_line, .ctx = &bad};
    const char *clip = store_ready_clip(store->db, "file-a", 0, -14);
    const char *path = test_path(store->folder, "model.jsonl");
    static const char lines[] =
        "{\"clip\":\"file-a:0\",\"field\":\"genre\",\"value\":\"jazz\",\"origin\":\"m 1\"}\n"
        "not json\n"
        "\n"
        "{\"clip\":\"file-z:0\",\"field\":\"genre\",\"value\":\"jazz\",\"origin\":\"m 1\"}\n"
        "{\"clip\":\"file-a:0\",\"field\":\"genre\",\"value\":\"jazzz\",\"origin\":\"m 1\"}\n"
        "{\"clip\":\"file-a:0\",\"field\":\"genre\",\"origin\":\"m 1\"}\n"
        "{\"clip\":\"file-a:0\",\"field\":\"mood\",\"value\":[\"calm\"],\"origin\":\"m "
        "1\",\"p\":1}\n"
        "{\"clip\":\"file-a:0\",\"field\":\"bpm\",\"value\":96,\"origin\":7}\n"
        "[]\n"
        "{\"clip\":\"file-a:0\",\"field\":\"bpm\",\"value\":96,\"origin\":\"m 1\"}";
    test_write(path, lines, sizeof lines - 1);
    CHECK_OK(mel_suggest_import(store->db, path, &options, &report, &err));
    assert_string_equal(mel_str_text(&bad), "2 4 5 6 7 8 9 ");
    assert_int_equal(report.items, 9);
    assert_int_equal(report.failed, 7);
    assert_int_equal(report.added, 2);
    assert_standing(store->db, clip, "genre=\"jazz\" by m 1\nbpm=96.0 by m 1\n");
    mel_str_reset(&bad);
    CHECK_OK(mel_suggest_import(store->db, path, &options, &report, &err));
    assert_int_equal(report.added, 0);
    assert_int_equal(report.known, 2);
    CHECK_FAILS(mel_suggest_import(store->db, "/not/there", &options, &report, &err),
                ERR_NOT_FOUND);
    mel_str_clear(&bad);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void every_term_of_the_crosswalk_is_in_the_vocabulary(void **state)
{
    Store *store = *state;
    Err err = {0};
    size_t checked = 0;
    const char *key, *tables[] = {"audioset", "words"};
    json_t *terms,
        *all = mel_json_load(MEL_TEST_DATA "/../../schemas/crosswalk.json", 1 << 20, &err);
    if (!all) fail_msg("%s", err.message);
    for (size_t t = 0; t < 2; t++)
        json_object_foreach(json_object_get(all, tables[t]), key, terms)
        {
            for (size_t i = 0; i < json_array_size(terms); i++) {
                char field[32] = "", id[64];
                const char *term = json_string_value(json_array_get(terms, i));
                snprintf(field, sizeof field, "%.*s", (int)strcspn(term, "/"), term);
                const char *name = term + strlen(field) + 1;
                CHECK_OK(mel_vocabulary_id(store->db, field, name, id, &err));
                assert_string_equal(id, name);
                checked++;
            }
        }
    assert_true(checked > 250);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_published_lists_stand_for_our_terms),
        cmocka_unit_test(the_longest_phrase_wins_and_words_count_once),
        cmocka_unit_test(a_word_that_denies_is_not_about_what_it_denies),
        cmocka_unit_test_setup_teardown(labels_are_suggested_once_and_two_genres_are_none,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(bad_lines_are_named_and_the_others_kept, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(every_term_of_the_crosswalk_is_in_the_vocabulary,
                                        store_setup, store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
