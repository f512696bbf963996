/* SPDX-License-Identifier: Apache-2.0
 *
 * When a suggestion is visible, and what is kept of its use. No display. */
#include "annotator/core/suggestions.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

static const SuggestionPolicy all = {.on = true, .control_percent = 0};

typedef struct Desk {
    Store *store;
    Suggestions *suggestions;
    Answers answers;
    const char *clip;
} Desk;

static void put(Desk *desk, const char *field, const char *value, const char *origin)
{
    Err err = {0};
    const Suggestion s = {
        .clip_id = desk->clip, .field = field, .value_json = value, .origin = origin};
    CHECK_OK(mel_suggestion_put(desk->store->db, &s, NULL, &err));
}

static void go(Desk *desk, bool retest, const SuggestionPolicy *policy)
{
    Err err = {0};
    CHECK_OK(suggestions_go(desk->suggestions, desk->clip, retest, policy, &err));
}

static const char *seen(Desk *desk, AnswerField field)
{
    const FieldSuggestion *s = suggestions_visible(desk->suggestions, &desk->answers, field, false);
    return s ? s->value : "";
}

/* Shows what is visible, as a window does. */
static const FieldSuggestion *show(Desk *desk, AnswerField field)
{
    const FieldSuggestion *s = suggestions_visible(desk->suggestions, &desk->answers, field, false);
    assert_non_null(s);
    suggestions_note_shown(desk->suggestions, s);
    return s;
}

static void accept(Desk *desk, AnswerField field)
{
    char *value = suggestions_accept(desk->suggestions, show(desk, field), &desk->answers);
    answers_set(&desk->answers, field, value);
    free(value);
}

static void submit(Desk *desk)
{
    Err err = {0};
    suggestions_note_submitted(desk->suggestions, &desk->answers);
    CHECK_OK(suggestions_keep(desk->suggestions, &err));
    assert_false(suggestions_unkept(desk->suggestions));
}

static bool add_count(void *ctx, const SuggestionCount *c, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s %d %d %d %d\n", c->field, (int)c->shown, (int)c->accepted, (int)c->edited,
                 (int)c->ignored);
    return true;
}

static void assert_uses(Desk *desk, const char *want)
{
    Err err = {0};
    Str lines = {0};
    CHECK_OK(mel_suggestion_counts(desk->store->db, add_count, &lines, &err));
    assert_string_equal(mel_str_text(&lines), want);
    mel_str_clear(&lines);
}

static Desk desk_new(void **state)
{
    Desk desk = {.store = *state};
    desk.clip = store_ready_clip(desk.store->db, "file-a", 0, -14);
    store_person(desk.store->db, "anna");
    desk.suggestions = suggestions_new(desk.store->db, "anna");
    return desk;
}

static void desk_clear(Desk *desk)
{
    suggestions_free(desk->suggestions);
    answers_clear(&desk->answers);
}

/* ---- visible --------------------------------------------------------------------------------- */

static void what_is_measured_is_there_at_once(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "bpm", "96.4", "measured/onset-autocorrelation 1");
    put(&desk, "tempo", "\"moderate\"", "measured/onset-autocorrelation 1");
    go(&desk, false, &all);
    assert_string_equal(seen(&desk, ANSWER_BPM), "96.4");
    assert_string_equal(seen(&desk, ANSWER_TEMPO), "moderate");
    answers_set(&desk.answers, ANSWER_BPM, "97"); /* says the same */
    assert_string_equal(seen(&desk, ANSWER_BPM), "");
    answers_set(&desk.answers, ANSWER_BPM, "193");
    assert_string_equal(seen(&desk, ANSWER_BPM), "96.4");
    desk_clear(&desk);
}

static void what_is_judged_waits_for_an_answer_of_ones_own(void **state)
{
    Desk desk = desk_new(state);
    static const struct {
        const char *name, *value;
        AnswerField field;
        const char *own, *seen;
    } judged[] = {
        {"genre",      "\"jazz\"",          ANSWER_GENRE,       "blues",     "jazz"         },
        {"mood",       "[\"calm\"]",        ANSWER_MOODS,       "sad",       "calm"         },
        {"tempo",      "\"slow\"",          ANSWER_TEMPO,       "fast",      "slow"         },
        {"voice",      "[\"choir\"]",       ANSWER_VOICES,      "none",      "choir"        },
        {"instrument", "[\"piano\"]",       ANSWER_INSTRUMENTS, "organ",     "piano"        },
        {"dissonance", "\"mild\"",          ANSWER_DISSONANCE,  "none",      "mild"         },
        {"metre",      "\"3-4\"",           ANSWER_METRE,       "4-4",       "3-4"          },
        {"feel",       "\"swing\"",         ANSWER_FEEL,        "rubato",    "swing"        },
        {"relevance",  "\"complementary\"", ANSWER_RELEVANCE,   "unrelated", "complementary"},
    };
    for (size_t i = 0; i < MEL_COUNT(judged); i++)
        put(&desk, judged[i].name, judged[i].value, "model 1");
    go(&desk, false, &all);
    for (size_t i = 0; i < MEL_COUNT(judged); i++) {
        assert_string_equal(seen(&desk, judged[i].field), "");
        answers_set(&desk.answers, judged[i].field, judged[i].own);
        assert_string_equal(seen(&desk, judged[i].field), judged[i].seen);
        answers_set(&desk.answers, judged[i].field, judged[i].seen);
        assert_string_equal(seen(&desk, judged[i].field), ""); /* nothing new in it */
    }
    assert_string_equal(seen(&desk, ANSWER_GENRES), ""); /* other fields have none */
    assert_string_equal(seen(&desk, ANSWER_TEXT), "");
    desk_clear(&desk);
}

static void a_set_is_judged_when_it_is_left(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "mood", "[\"calm\",\"sad\"]", "model 1");
    put(&desk, "genre", "\"jazz\"", "model 1");
    go(&desk, false, &all);
    answers_set(&desk.answers, ANSWER_MOODS, "sad\ndark");
    answers_set(&desk.answers, ANSWER_GENRE, "blues");
    assert_null(suggestions_visible(desk.suggestions, &desk.answers, ANSWER_MOODS, true));
    assert_non_null(suggestions_visible(desk.suggestions, &desk.answers, ANSWER_MOODS, false));
    assert_non_null(suggestions_visible(desk.suggestions, &desk.answers, ANSWER_GENRE, true));
    answers_set(&desk.answers, ANSWER_MOODS, "sad\ndark\ncalm"); /* all of it, and more */
    assert_string_equal(seen(&desk, ANSWER_MOODS), "");
    desk_clear(&desk);
}

static void of_several_the_newest_that_differs_is_seen(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "genre", "\"jazz\"", "labels/audioset");
    put(&desk, "genre", "\"blues\"", "model 1");
    go(&desk, false, &all);
    answers_set(&desk.answers, ANSWER_GENRE, "pop");
    assert_string_equal(seen(&desk, ANSWER_GENRE), "blues");
    answers_set(&desk.answers, ANSWER_GENRE, "blues");
    assert_string_equal(seen(&desk, ANSWER_GENRE), "jazz");
    desk_clear(&desk);
}

static void switched_off_a_control_and_a_retest_show_nothing(void **state)
{
    Desk desk = desk_new(state);
    const SuggestionPolicy off = {.on = false}, control = {.on = true, .control_percent = 100};
    put(&desk, "bpm", "96", "measured/onset-autocorrelation 1");
    go(&desk, false, &off);
    assert_string_equal(seen(&desk, ANSWER_BPM), "");
    go(&desk, false, &control);
    assert_string_equal(seen(&desk, ANSWER_BPM), "");
    go(&desk, true, &all);
    assert_string_equal(seen(&desk, ANSWER_BPM), "");
    submit(&desk);
    assert_uses(&desk, "bpm 0 0 0 0\n");
    go(&desk, false, &all);
    assert_string_equal(seen(&desk, ANSWER_BPM), "96");
    desk_clear(&desk);
}

static void the_control_slice_is_a_tenth_and_never_changes(void **state)
{
    (void)state;
    int drawn = 0, both = 0;
    for (int i = 0; i < 10000; i++) {
        char clip[32];
        snprintf(clip, sizeof clip, "yt-%05d:1000", i);
        bool anna = suggestion_is_control(clip, "anna", 10);
        drawn += anna;
        both += anna && suggestion_is_control(clip, "ben", 10);
        assert_true(!anna || suggestion_is_control(clip, "anna", 11)); /* it only grows */
        assert_false(suggestion_is_control(clip, "anna", 0));
        assert_true(suggestion_is_control(clip, "anna", 100));
    }
    assert_in_range(drawn, 900, 1100);
    assert_in_range(both, 60, 140); /* each person has an own one */
    /* By SHA-256 elsewhere: the same items on every machine, and in every version. */
    for (int i = 0; i < 60; i++) {
        char clip[32];
        snprintf(clip, sizeof clip, "yt-%05d:1000", i);
        assert_int_equal(suggestion_is_control(clip, "anna", 10), i == 21 || i == 30 || i == 33);
    }
}

/* ---- uses ------------------------------------------------------------------------------------ */

static void accepted_stays_accepted_when_it_is_submitted(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "bpm", "96", "measured/onset-autocorrelation 1");
    go(&desk, false, &all);
    accept(&desk, ANSWER_BPM);
    assert_string_equal(desk.answers.values[ANSWER_BPM], "96");
    assert_true(suggestions_unkept(desk.suggestions));
    submit(&desk);
    assert_uses(&desk, "bpm 1 1 0 0\n");
    submit(&desk);
    assert_int_equal(store_raw_i64(desk.store, "SELECT count(*) FROM suggestion_use"), 2);
    desk_clear(&desk);
}

static void accepted_and_changed_is_edited_in_a_later_sitting_too(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "genre", "\"jazz\"", "model 1");
    go(&desk, false, &all);
    answers_set(&desk.answers, ANSWER_GENRE, "pop");
    accept(&desk, ANSWER_GENRE);
    submit(&desk);
    assert_uses(&desk, "genre 1 1 0 0\n");
    go(&desk, false, &all);
    answers_set(&desk.answers, ANSWER_GENRE, "blues");
    submit(&desk);
    assert_uses(&desk, "genre 1 0 1 0\n");
    desk_clear(&desk);
}

static void what_was_shown_and_not_taken_is_ignored(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "bpm", "96", "measured/onset-autocorrelation 1");
    put(&desk, "genre", "\"jazz\"", "model 1");
    put(&desk, "metre", "\"4-4\"", "model 1");
    go(&desk, false, &all);
    show(&desk, ANSWER_BPM);
    answers_set(&desk.answers, ANSWER_GENRE, "pop");
    show(&desk, ANSWER_GENRE);
    submit(&desk); /* the metre was never shown */
    assert_uses(&desk, "bpm 1 0 0 1\ngenre 1 0 0 1\nmetre 0 0 0 0\n");
    desk_clear(&desk);
}

static void accepting_a_set_adds_what_is_missing_and_keeps_ones_own_roles(void **state)
{
    Desk desk = desk_new(state);
    put(&desk, "instrument", "[\"piano\",\"drums/background\"]", "model 1");
    go(&desk, false, &all);
    answers_set(&desk.answers, ANSWER_INSTRUMENTS, "organ\npiano/lead");
    accept(&desk, ANSWER_INSTRUMENTS);
    assert_string_equal(desk.answers.values[ANSWER_INSTRUMENTS],
                        "organ\npiano/lead\ndrums/background");
    assert_string_equal(seen(&desk, ANSWER_INSTRUMENTS), "");
    desk_clear(&desk);
}

static void uses_that_cannot_be_kept_are_kept_later(void **state)
{
    Err err = {0};
    Desk desk = desk_new(state);
    put(&desk, "bpm", "96", "measured/onset-autocorrelation 1");
    go(&desk, false, &all);
    show(&desk, ANSWER_BPM);
    store_raw(desk.store, "CREATE TRIGGER full BEFORE INSERT ON suggestion_use"
                          " BEGIN SELECT raise(ABORT, 'full'); END");
    CHECK_FAILS(suggestions_keep(desk.suggestions, &err), ERR_DB);
    assert_true(suggestions_unkept(desk.suggestions));
    store_raw(desk.store, "DROP TRIGGER full");
    CHECK_OK(suggestions_keep(desk.suggestions, &err));
    assert_uses(&desk, "bpm 1 0 0 0\n");
    desk_clear(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_measured_is_there_at_once, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(what_is_judged_waits_for_an_answer_of_ones_own, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(a_set_is_judged_when_it_is_left, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(of_several_the_newest_that_differs_is_seen, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(switched_off_a_control_and_a_retest_show_nothing,
                                        store_setup, store_teardown),
        cmocka_unit_test(the_control_slice_is_a_tenth_and_never_changes),
        cmocka_unit_test_setup_teardown(accepted_stays_accepted_when_it_is_submitted, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(accepted_and_changed_is_edited_in_a_later_sitting_too,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(what_was_shown_and_not_taken_is_ignored, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(
            accepting_a_set_adds_what_is_missing_and_keeps_ones_own_roles, store_setup,
            store_teardown),
        cmocka_unit_test_setup_teardown(uses_that_cannot_be_kept_are_kept_later, store_setup,
                                        store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
