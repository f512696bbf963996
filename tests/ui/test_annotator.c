/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-annotator as a person uses it: real windows, real keys. */
#include "annotator/octaves.h"
#include "tests/ui/ui.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void a_whole_item_is_done_by_keys_alone(void **state)
{
    Ui *ui = *state;
    char *first = g_strdup(session_clip(mel_window_session(ui->window)));
    ui_screenshot(ui, "item-empty");
    ui_keys("space g 7 m 6 9 t 2 v 1 i 4 5 5 d 1 r 3 f 1 y 1 s 2 1");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
    assert_string_equal(ui_value(ui, ANSWER_MOODS), "calm\ndark");
    assert_string_equal(ui_value(ui, ANSWER_TEMPO), "slow");
    assert_string_equal(ui_value(ui, ANSWER_VOICES), "none");
    assert_string_equal(ui_value(ui, ANSWER_METRE), "4-4");
    assert_string_equal(ui_value(ui, ANSWER_RELEVANCE), "complementary");
    assert_string_equal(ui_value(ui, ANSWER_FRAME), "1");
    assert_string_equal(ui_value(ui, ANSWER_FRAME_WHY), "the mood"); /* still and why: three keys */
    assert_non_null(strstr(ui_value(ui, ANSWER_INSTRUMENTS), "/lead")); /* 5 twice */
    ui_keys("Escape x");
    ui_type("A slow piano and soft drums. It is a calm evening.");
    assert_string_equal(ui_value(ui, ANSWER_TEXT),
                        "A slow piano and soft drums. It is a calm evening.");
    ui_screenshot(ui, "item-full");
    ui_keys("Escape Return");
    UI_WAIT(strcmp(session_clip(mel_window_session(ui->window)), first) != 0);
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "");
    ui_keys("p");
    assert_string_equal(session_clip(mel_window_session(ui->window)), first);
    assert_int_equal(session_state(mel_window_session(ui->window)), ITEM_SUBMITTED);
    g_free(first);
}

static void typing_is_never_stolen(void **state)
{
    Ui *ui = *state;
    const char *all = "The quick brown fox jumps over the lazy dog. gmtbvidrfsyxcpnul 1234567890";
    ui_keys("x");
    ui_type(all);
    assert_string_equal(ui_value(ui, ANSWER_TEXT), all);
    for (int i = 0; i < ANSWER_FIELDS; i++)
        if (i != ANSWER_TEXT) assert_string_equal(ui_value(ui, (AnswerField)i), "");
    ui_keys("Escape slash");
    ui_type("gmt 123");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "");
    ui_screenshot(ui, "list-filtered");
}

static void a_term_is_found_by_typing_and_a_word_that_is_none_is_kept(void **state)
{
    Ui *ui = *state;
    ui_keys("i i"); /* the buttons, then the entry */
    ui_type("sit");
    ui_screenshot(ui, "type-ahead");
    ui_keys("Return");
    assert_string_equal(ui_value(ui, ANSWER_INSTRUMENTS), "sitar");
    ui_type("gli");
    ui_keys("Down Up Return"); /* glockenspiel is none: the word itself */
    assert_string_equal(ui_value(ui, ANSWER_ASPECTS), "not listed: instrument: gli");
    ui_keys("Tab"); /* on to the next field */
    ui_keys("2");
    assert_string_equal(ui_value(ui, ANSWER_DISSONANCE), "mild");
    ui_keys("shift+Tab 1");
    assert_string_equal(ui_value(ui, ANSWER_INSTRUMENTS), "sitar\nacoustic-guitar");
}

static void lint_advises_and_only_the_protocol_forbids(void **state)
{
    Ui *ui = *state;
    char *clip = g_strdup(session_clip(mel_window_session(ui->window)));
    ui_keys("g 7 Escape y 1 Escape s 1 Escape x");
    ui_type("It is possibly a slwo song. Two. Three. Four.");
    GtkWidget *lint = NULL;
    UI_WAIT((lint = ui_find_class(GTK_WIDGET(ui->window), "lint")) &&
            strstr(gtk_label_get_text(GTK_LABEL(lint)), "slwo"));
    assert_non_null(strstr(gtk_label_get_text(GTK_LABEL(lint)), "possibly"));
    ui_screenshot(ui, "lint");
    ui_keys("Escape Return"); /* four sentences: the protocol */
    assert_string_equal(session_clip(mel_window_session(ui->window)), clip);
    assert_int_equal(session_state(mel_window_session(ui->window)), ITEM_DRAFT);
    ui_keys("x ctrl+a BackSpace");
    ui_type("It is possibly a slow jazz song with a soft piano.");
    ui_keys("Escape Return"); /* a hedge is advice */
    UI_WAIT(strcmp(session_clip(mel_window_session(ui->window)), clip) != 0);
    g_free(clip);
}

static void that_one_cannot_tell_is_an_answer_too(void **state)
{
    Ui *ui = *state;
    ui_keys("r 7");
    assert_string_equal(ui_value(ui, ANSWER_METRE), "");
    assert_string_equal(ui_value(ui, ANSWER_ASPECTS), "cannot tell: metre");
    ui_keys("Escape n p r 3"); /* it comes back, and a term takes it away */
    assert_string_equal(ui_value(ui, ANSWER_METRE), "4-4");
    assert_string_equal(ui_value(ui, ANSWER_ASPECTS), "");
}

static double bpm_now(Ui *ui)
{
    return g_ascii_strtod(ui_value(ui, ANSWER_BPM), NULL);
}

static void a_tapped_tempo_folds_by_octaves(void **state)
{
    Ui *ui = *state;
    GtkWidget *octaves = ui_find(GTK_WIDGET(ui->window), MEL_TYPE_OCTAVES);
    assert_false(gtk_widget_get_visible(octaves));
    for (int i = 0; i < 5; i++) {
        ui_keys("b");
        g_usleep(460000);
    }
    double tapped = bpm_now(ui);
    assert_true(tapped > 90 && tapped < 130);
    assert_true(gtk_widget_get_visible(octaves));
    ui_screenshot(ui, "tapped");
    ui_keys("minus");
    CHECK_NEAR(bpm_now(ui), tapped / 2, 0.1);
    ui_keys("equal equal");
    CHECK_NEAR(bpm_now(ui), tapped * 2, 0.2);
    ui_keys("equal equal"); /* there is no tempo further up */
    CHECK_NEAR(bpm_now(ui), tapped * 2, 0.2);
    GtkWidget *half = gtk_widget_get_first_child(octaves);
    g_signal_emit_by_name(half, "clicked");
    CHECK_NEAR(bpm_now(ui), tapped / 2, 0.1);
    ui_keys("ctrl+z");
    CHECK_NEAR(bpm_now(ui), tapped * 2, 0.2);
    ui_keys("n");
    assert_false(gtk_widget_get_visible(octaves));
}

static void undo_goes_back_over_items(void **state)
{
    Ui *ui = *state;
    char *first = g_strdup(session_clip(mel_window_session(ui->window)));
    ui_keys("g 7 Escape n g 1");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "new-age");
    assert_string_not_equal(session_clip(mel_window_session(ui->window)), first);
    ui_keys("ctrl+z");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "");
    ui_keys("ctrl+z");
    assert_string_equal(session_clip(mel_window_session(ui->window)), first);
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "");
    ui_keys("ctrl+y ctrl+y");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "new-age");
    g_free(first);
}

static void what_is_said_is_kept_within_a_second_and_found_again(void **state)
{
    Ui *ui = *state;
    ui_keys("n g 7");
    char *clip = g_strdup(session_clip(mel_window_session(ui->window)));
    gint64 began = g_get_monotonic_time();
    UI_WAIT(!session_dirty(mel_window_session(ui->window)));
    assert_true(g_get_monotonic_time() - began < G_USEC_PER_SEC);
    ui_keys("Escape x");
    ui_type("half a sen");
    ui_close(ui); /* while it is unsaved */
    ui_reopen(ui);
    assert_string_equal(session_clip(mel_window_session(ui->window)), clip); /* where it was */
    assert_string_equal(ui_value(ui, ANSWER_TEXT), "half a sen");
    g_free(clip);
}

/* What the store has of the text, read beside the window. */
static size_t kept_length(Ui *ui)
{
    Err err = {0};
    Arena arena = {0};
    Db *db;
    Annotation answer;
    bool found;
    CHECK_OK(mel_db_open(ui->folder, DB_READ, &db, &err));
    CHECK_OK(mel_annotation_load(db, session_clip(mel_window_session(ui->window)), "anna", &arena,
                                 &answer, &found, &err));
    size_t length = found && answer.text ? strlen(answer.text) : 0;
    mel_arena_clear(&arena);
    mel_db_close(db);
    return length;
}

static void whoever_types_without_a_rest_is_kept_too(void **state)
{
    Ui *ui = *state;
    ui_keys("x");
    for (int i = 0; i < 6; i++)
        ui_type("never a rest "); /* each is about half a second */
    size_t typed = strlen(ui_value(ui, ANSWER_TEXT)), kept = kept_length(ui);
    print_message("%zu letters typed, %zu of them kept\n", typed, kept);
    assert_int_equal(typed, 78);
    assert_true(kept >= 39);
}

static void a_full_disk_is_told_and_what_was_said_is_kept_later(void **state)
{
    Ui *ui = *state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 4096; /* the journal cannot grow */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    ui_keys("g 7");
    for (int i = 0; i < 30; i++) { /* long enough for it to be tried */
        g_usleep(50000);
        while (g_main_context_iteration(NULL, FALSE)) {
        }
    }
    bool dirty = session_dirty(mel_window_session(ui->window));
    GtkWidget *told = ui_find_class(GTK_WIDGET(ui->window), "told");
    char *sentence = g_strdup(told ? gtk_label_get_text(GTK_LABEL(told)) : "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    ui_screenshot(ui, "disk-full");
    assert_true(dirty);
    assert_non_null(strstr(sentence, "NOT KEPT YET"));
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz"); /* stays on screen */
    UI_WAIT(!session_dirty(mel_window_session(ui->window))); /* tried again by itself */
    g_free(sentence);
}

static const char *told(Ui *ui)
{
    GtkWidget *label = ui_find_class(GTK_WIDGET(ui->window), "told");
    return label ? gtk_label_get_text(GTK_LABEL(label)) : "";
}

/* As somebody whom permissions stop: they do not stop root. */
static void lock_folder(Ui *ui)
{
    assert_int_equal(test_shell("chmod 755 '%s' && chmod -R a-w '%s'", ui->base, ui->folder), 0);
    if (geteuid() == 0) assert_int_equal(seteuid(65534), 0);
}

static void unlock_folder(Ui *ui)
{
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
    assert_int_equal(test_shell("chmod -R u+w '%s'", ui->folder), 0);
}

static void a_locked_dataset_is_looked_at_and_typing_is_kept_once_it_can_be(void **state)
{
    Ui *ui = *state;
    ui_keys("g 7");
    UI_WAIT(!session_dirty(mel_window_session(ui->window)));
    char *first = g_strdup(session_clip(mel_window_session(ui->window)));
    ui_close(ui);
    lock_folder(ui);
    ui_reopen(ui);
    print_message("%s\n", told(ui));
    bool said_at_once = strstr(told(ui), "Nothing can be kept now") != NULL;
    bool shown = strcmp(ui_value(ui, ANSWER_GENRE), "jazz") == 0;
    ui_keys("n space"); /* looking goes on */
    bool moved = strcmp(session_clip(mel_window_session(ui->window)), first) != 0;
    ui_keys("Escape x");
    ui_type("half a sen");
    for (int i = 0; i < 30; i++) { /* long enough for it to be tried */
        g_usleep(50000);
        while (g_main_context_iteration(NULL, FALSE)) {
        }
    }
    bool dirty = session_dirty(mel_window_session(ui->window));
    char *sentence = g_strdup(told(ui));
    ui_screenshot(ui, "locked");
    unlock_folder(ui);
    assert_true(said_at_once && shown && moved && dirty);
    assert_non_null(strstr(sentence, "NOT KEPT YET"));
    assert_string_equal(ui_value(ui, ANSWER_TEXT), "half a sen"); /* stays on screen */
    UI_WAIT(!session_dirty(mel_window_session(ui->window)));      /* tried again by itself */
    assert_int_equal(kept_length(ui), strlen("half a sen"));
    assert_int_equal(test_shell("'%s/mel' -q -C '%s' verify", MEL_BIN_DIR, ui->folder), 0);
    ui_keys("Escape p");
    assert_string_equal(told(ui), "");
    g_free(sentence);
    g_free(first);
}

static void two_windows_on_one_item_do_not_overwrite_each_other(void **state)
{
    Err err = {0};
    Ui *ui = *state;
    Db *db;
    Session *other;
    CHECK_OK(mel_db_open(ui->folder, DB_WRITE, &db, &err));
    CHECK_OK(session_open(db, "anna", &other, &err));
    CHECK_OK(session_go(other, session_clip(mel_window_session(ui->window)), false, &err));
    session_set(other, ANSWER_GENRE, "rock");
    CHECK_OK(session_flush(other, &err));
    ui_keys("g 7");
    GtkWidget *banner = ui_find(GTK_WIDGET(ui->window), GTK_TYPE_REVEALER);
    UI_WAIT(gtk_revealer_get_reveal_child(GTK_REVEALER(banner)));
    ui_screenshot(ui, "conflict");
    assert_true(gtk_widget_activate_action(GTK_WIDGET(ui->window), "win.keep-mine", NULL));
    assert_false(gtk_revealer_get_reveal_child(GTK_REVEALER(banner)));
    assert_false(session_dirty(mel_window_session(ui->window)));
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
    session_close(other);
    mel_db_close(db);
}

/* The picture on screen is that of the sample which is heard, all along. */
static void picture_and_sound_are_one(void **state)
{
    Ui *ui = *state;
    Player *player = mel_stage_player(mel_window_stage(ui->window));
    ui_keys("space");
    AudioOut *out = mel_player_output(player);
    assert_non_null(out);
    int rate = mel_player_output_rate_hz(player), shown = 0;
    gint64 last = -1;
    for (int i = 0; i < 60; i++) {
        mel_audio_out_advance(out, rate / 10);
        gint64 now = mel_player_picture_now(player);
        assert_true(now >= 0);
        shown += now != last;
        last = now;
    }
    assert_true(shown > 30);
    assert_true(mel_player_is_playing(player));
    ui_keys("space");
    assert_false(mel_player_is_playing(player));
    gint64 before = mel_player_picture_now(player);
    ui_keys("Right");
    assert_int_equal(mel_player_picture_now(player), before + 1);
    ui_keys("Left Left");
    assert_int_equal(mel_player_picture_now(player), before - 1);
    ui_keys("l");
    int64_t first, end;
    assert_true(mel_player_region(player, &first, &end));
    ui_screenshot(ui, "loop");
    ui_keys("l");
    assert_false(mel_player_region(player, &first, &end));
}

/* ---- what is missing ---------------------------------------------------------------------------
 */

static void work_goes_on_without(Ui *ui, const char *what, const char *sentence)
{
    print_message("without %s: %s\n", what, told(ui));
    if (!strstr(told(ui), sentence)) fail_msg("'%s' does not say '%s'", told(ui), sentence);
    ui_keys("g 7");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
    UI_WAIT(!session_dirty(mel_window_session(ui->window)));
}

static void a_missing_sound_is_told_and_work_goes_on(void **state)
{
    Ui *ui = *state;
    ui_close(ui);
    assert_int_equal(test_shell("find '%s/media' -name '*.flac' -delete", ui->folder), 0);
    ui_reopen(ui);
    work_goes_on_without(ui, "sound", "flac");
}

static void a_spoiled_preview_is_told_and_work_goes_on(void **state)
{
    Ui *ui = *state;
    ui_close(ui);
    assert_int_equal(test_shell("for f in $(find '%s/media' -name '*.mkv'); do "
                                "echo spoiled > \"$f\"; done",
                                ui->folder),
                     0);
    ui_reopen(ui);
    work_goes_on_without(ui, "a picture", "mkv");
}

static void without_a_sound_device_the_clock_runs_silently(void **state)
{
    Ui *ui = *state;
    ui_close(ui);
    ui->audio = "pulse"; /* nobody serves it here */
    ui_reopen(ui);
    work_goes_on_without(ui, "a device", "There is no sound");
    Player *player = mel_stage_player(mel_window_stage(ui->window));
    ui_keys("Escape space");
    gint64 before = mel_player_heard_sample(player);
    UI_WAIT(mel_player_heard_sample(player) > before + 24000);
}

static void an_empty_queue_says_so(void **state)
{
    Ui *ui = *state;
    ui_close(ui);
    assert_int_equal(
        test_shell("rm -rf '%s' && '%s/mel' -q init '%s'", ui->folder, MEL_BIN_DIR, ui->folder), 0);
    ui_reopen(ui);
    assert_non_null(strstr(told(ui), "no item for you"));
    ui_keys("space g 7 n p Return ctrl+z u"); /* none of which may harm */
    ui_screenshot(ui, "empty-queue");
}

/* ---- accessibility ------------------------------------------------------------------------------
 */

static void every_control_has_a_role_a_name_and_its_state(void **state)
{
    Ui *ui = *state;
    int checked = ui_check_names(GTK_WIDGET(ui->window));
    print_message("%d controls\n", checked);
    assert_true(checked > 80);
}

/* ---- speed: shown, not judged
 * -------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return (x > y) - (x < y);
}

static void how_long_things_take(void **state)
{
    enum { TIMES = 7 };
    Ui *ui = *state;
    gint64 switches[TIMES], keys[TIMES], began;
    for (int i = 0; i < TIMES; i++) {
        gint64 end = g_get_monotonic_time() + 1500000; /* a person listens; the next one loads */
        while (g_get_monotonic_time() < end)
            g_main_context_iteration(NULL, FALSE);
        began = g_get_monotonic_time();
        gtk_widget_activate_action(GTK_WIDGET(ui->window), i % 2 ? "win.previous" : "win.next",
                                   NULL);
        UI_WAIT(mel_stage_is_ready(mel_window_stage(ui->window)));
        switches[i] = g_get_monotonic_time() - began;
    }
    for (int i = 0; i < TIMES; i++) {
        const char *old = ui_value(ui, ANSWER_GENRE);
        began = g_get_monotonic_time();
        ui_keys("g");
        ui_keys(i % 2 ? "1" : "7");
        keys[i] = g_get_monotonic_time() - began;
        (void)old;
    }
    qsort(switches, TIMES, sizeof *switches, by_size);
    qsort(keys, TIMES, sizeof *keys, by_size);
    print_message("another item is there after %.1f ms (median)\n", switches[TIMES / 2] / 1e3);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_item_is_done_by_keys_alone, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(typing_is_never_stolen, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_term_is_found_by_typing_and_a_word_that_is_none_is_kept,
                                        ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(that_one_cannot_tell_is_an_answer_too, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(lint_advises_and_only_the_protocol_forbids, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(a_tapped_tempo_folds_by_octaves, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(undo_goes_back_over_items, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(what_is_said_is_kept_within_a_second_and_found_again,
                                        ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(whoever_types_without_a_rest_is_kept_too, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_what_was_said_is_kept_later,
                                        ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(
            a_locked_dataset_is_looked_at_and_typing_is_kept_once_it_can_be, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(two_windows_on_one_item_do_not_overwrite_each_other,
                                        ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(picture_and_sound_are_one, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_missing_sound_is_told_and_work_goes_on, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(a_spoiled_preview_is_told_and_work_goes_on, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(without_a_sound_device_the_clock_runs_silently, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(an_empty_queue_says_so, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(every_control_has_a_role_a_name_and_its_state, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(how_long_things_take, ui_setup, ui_teardown),
    };
    gtk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
