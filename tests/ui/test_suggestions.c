/* SPDX-License-Identifier: Apache-2.0
 *
 * Suggestions on screen: measured ones at once, others after one's own answer, by real keys. */
#include "annotator/settings.h"
#include "annotator/suggestion_line.h"
#include "tests/ui/ui.h"

#include <stdlib.h>
#include <string.h>

static void set(MelSetting setting, GVariant *value)
{
    MelSettings *settings = mel_settings_new();
    assert_true(mel_settings_set(settings, setting, value));
    mel_settings_free(settings);
}

static int setup(void **state)
{
    set(SETTING_SUGGESTIONS, g_variant_new_boolean(TRUE));
    set(SETTING_SUGGESTION_CONTROL, g_variant_new_int32(0));
    return ui_setup(state);
}

/* To the item that is on screen, which is then shown anew. */
static void suggest(Ui *ui, const char *field, const char *value, const char *origin)
{
    Err err = {0};
    Db *db;
    char *clip = g_strdup(session_clip(mel_window_session(ui->window)));
    const Suggestion suggestion = {
        .clip_id = clip, .field = field, .value_json = value, .origin = origin};
    CHECK_OK(mel_db_open(ui->folder, DB_WRITE, &db, &err));
    CHECK_OK(mel_suggestion_put(db, &suggestion, NULL, &err));
    mel_db_close(db);
    ui_keys("n");
    UI_WAIT(strcmp(session_clip(mel_window_session(ui->window)), clip) != 0);
    ui_keys("p");
    UI_WAIT(strcmp(session_clip(mel_window_session(ui->window)), clip) == 0);
    g_free(clip);
}

/* The first line that is shown, or NULL. */
static GtkWidget *find_line(GtkWidget *below)
{
    if (MEL_IS_SUGGESTION_LINE(below)) return gtk_widget_get_visible(below) ? below : NULL;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child)) {
        GtkWidget *found = find_line(child);
        if (found) return found;
    }
    return NULL;
}

static const char *shown(Ui *ui)
{
    GtkWidget *line = find_line(GTK_WIDGET(ui->window));
    return line ? gtk_label_get_text(GTK_LABEL(ui_find(line, GTK_TYPE_LABEL))) : "";
}

static bool add_count(void *ctx, const SuggestionCount *c, Err *err)
{
    (void)err;
    g_string_append_printf(ctx, "%s %d %d %d %d\n", c->field, (int)c->shown, (int)c->accepted,
                           (int)c->edited, (int)c->ignored);
    return true;
}

static gboolean uses_are(Ui *ui, const char *want)
{
    Err err = {0};
    Db *db;
    GString *lines = g_string_new(NULL);
    CHECK_OK(mel_db_open(ui->folder, DB_READ, &db, &err));
    CHECK_OK(mel_suggestion_counts(db, add_count, lines, &err));
    mel_db_close(db);
    gboolean same = strcmp(lines->str, want) == 0;
    g_string_free(lines, TRUE);
    return same;
}

static void a_measured_tempo_is_there_at_once_and_a_key_accepts_it(void **state)
{
    Ui *ui = *state;
    assert_string_equal(shown(ui), "");
    suggest(ui, "bpm", "96", "measured/onset-autocorrelation 1");
    assert_string_equal(shown(ui), "suggested: 96 BPM (measured)");
    assert_string_equal(ui_value(ui, ANSWER_BPM), ""); /* no answer */
    assert_int_equal(session_state(mel_window_session(ui->window)), ITEM_OPEN);
    ui_screenshot(ui, "suggestion-measured");
    UI_WAIT(uses_are(ui, "bpm 1 0 0 0\n"));
    ui_keys("k");
    assert_string_equal(ui_value(ui, ANSWER_BPM), "96");
    assert_string_equal(shown(ui), "");
    UI_WAIT(uses_are(ui, "bpm 1 1 0 0\n"));
    ui_keys("ctrl+z"); /* like any change */
    assert_string_equal(ui_value(ui, ANSWER_BPM), "");
    assert_string_equal(shown(ui), "suggested: 96 BPM (measured)");
    ui_keys("n");
    assert_string_equal(shown(ui), "");
}

static void a_genre_waits_for_ones_own(void **state)
{
    Ui *ui = *state;
    suggest(ui, "genre", "\"rock\"", "tagger 2");
    assert_string_equal(shown(ui), "");
    ui_keys("k"); /* nothing to accept, and nothing is given away */
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "");
    ui_keys("g 7");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
    assert_string_equal(shown(ui), "suggested: Rock (tagger 2)");
    ui_screenshot(ui, "suggestion-judged");
    ui_keys("k");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "rock");
    assert_string_equal(shown(ui), "");
    ui_keys("ctrl+z");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
}

static void a_set_is_shown_when_the_field_is_left(void **state)
{
    Ui *ui = *state;
    suggest(ui, "mood", "[\"calm\",\"sad\"]", "labels/audioset");
    ui_keys("m 1");
    assert_string_equal(ui_value(ui, ANSWER_MOODS), "happy");
    assert_string_equal(shown(ui), "");
    ui_keys("Escape");
    assert_string_equal(shown(ui), "suggested: calm, sad (by its labels)");
    ui_keys("k");
    assert_string_equal(ui_value(ui, ANSWER_MOODS), "happy\ncalm\nsad");
}

static void typing_is_not_stolen_and_ctrl_accepts_while_typing(void **state)
{
    Ui *ui = *state;
    suggest(ui, "bpm", "96", "tagger 2");
    ui_keys("x");
    ui_type("a kick drum");
    assert_string_equal(ui_value(ui, ANSWER_TEXT), "a kick drum");
    assert_string_equal(ui_value(ui, ANSWER_BPM), "");
    ui_keys("ctrl+k");
    assert_string_equal(ui_value(ui, ANSWER_BPM), "96");
    assert_string_equal(ui_value(ui, ANSWER_TEXT), "a kick drum");
}

static void a_tempo_that_cannot_be_told_may_still_be_accepted(void **state)
{
    Ui *ui = *state;
    suggest(ui, "tempo", "\"slow\"", "measured/onset-autocorrelation 1");
    ui_keys("t 8");
    assert_string_equal(ui_value(ui, ANSWER_ASPECTS), "cannot tell: tempo");
    ui_keys("k");
    assert_string_equal(ui_value(ui, ANSWER_TEMPO), "slow");
    assert_string_equal(ui_value(ui, ANSWER_ASPECTS), "");
}

static void the_button_has_a_name_and_accepts(void **state)
{
    Ui *ui = *state;
    suggest(ui, "bpm", "96", "measured/onset-autocorrelation 1");
    GtkWidget *button = ui_find(find_line(GTK_WIDGET(ui->window)), GTK_TYPE_BUTTON);
    char *wrong = gtk_test_accessible_check_property(
        GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL,
        "Accept for Beats a minute, suggested: 96 BPM (measured)");
    if (wrong) fail_msg("the name is %s", wrong);
    assert_true(ui_check_names(GTK_WIDGET(ui->window)) > 50);
    g_signal_emit_by_name(button, "clicked");
    assert_string_equal(ui_value(ui, ANSWER_BPM), "96");
}

static void what_is_submitted_otherwise_was_ignored(void **state)
{
    Ui *ui = *state;
    suggest(ui, "genre", "\"rock\"", "tagger 2");
    char *clip = g_strdup(session_clip(mel_window_session(ui->window)));
    ui_keys("g 7 Escape y 1 Escape s 1 Escape x");
    ui_type("It is a slow jazz song with a soft piano.");
    ui_keys("Escape Return");
    UI_WAIT(strcmp(session_clip(mel_window_session(ui->window)), clip) != 0);
    assert_true(uses_are(ui, "genre 1 0 0 1\n")); /* kept before the next item */
    g_free(clip);
}

static void switched_off_nothing_is_shown(void **state)
{
    Ui *ui = *state;
    suggest(ui, "bpm", "96", "measured/onset-autocorrelation 1");
    assert_string_not_equal(shown(ui), "");
    g_action_group_activate_action(G_ACTION_GROUP(ui->window), "suggestions", NULL);
    assert_string_equal(shown(ui), "");
    ui_keys("k");
    assert_string_equal(ui_value(ui, ANSWER_BPM), "");
    ui_close(ui);
    ui_reopen(ui); /* it stays off */
    assert_string_equal(shown(ui), "");
    g_action_group_activate_action(G_ACTION_GROUP(ui->window), "suggestions", NULL);
    assert_string_equal(shown(ui), "suggested: 96 BPM (measured)");
}

static void a_control_item_shows_nothing(void **state)
{
    Ui *ui = *state;
    suggest(ui, "bpm", "96", "measured/onset-autocorrelation 1");
    ui_close(ui);
    set(SETTING_SUGGESTION_CONTROL, g_variant_new_int32(100));
    ui_reopen(ui);
    assert_string_equal(shown(ui), "");
    assert_true(uses_are(ui, "bpm 1 0 0 0\n")); /* from before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_measured_tempo_is_there_at_once_and_a_key_accepts_it,
                                        setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_genre_waits_for_ones_own, setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_set_is_shown_when_the_field_is_left, setup, ui_teardown),
        cmocka_unit_test_setup_teardown(typing_is_not_stolen_and_ctrl_accepts_while_typing, setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(a_tempo_that_cannot_be_told_may_still_be_accepted, setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(the_button_has_a_name_and_accepts, setup, ui_teardown),
        cmocka_unit_test_setup_teardown(what_is_submitted_otherwise_was_ignored, setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(switched_off_nothing_is_shown, setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_control_item_shows_nothing, setup, ui_teardown),
    };
    gtk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
