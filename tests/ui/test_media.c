/* SPDX-License-Identifier: Apache-2.0
 *
 * The media of an item in the real window: half speed is there before it is asked for, and files
 * that a stranger may have made are refused by the jail, with a sentence, while work goes on. */
#include "annotator/guard.h"
#include "tests/ui/ui.h"

#include <string.h>
#include <time.h>

/* ---- half speed --------------------------------------------------------------------------------
 */

/* Making it takes seconds, and more where others compute. */
static void wait_for_slow(Ui *ui)
{
    MelStage *stage = mel_window_stage(ui->window);
    gint64 end = g_get_monotonic_time() + 100 * TEST_PATIENCE * G_USEC_PER_SEC;
    while (!mel_stage_is_slow_ready(stage)) {
        if (g_get_monotonic_time() > end) fail_msg("half speed never came");
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

static double computed_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static void check_half_speed_is_immediate(Ui *ui)
{
    MelStage *stage = mel_window_stage(ui->window);
    double began_ms = computed_ms();
    assert_true(mel_stage_command(stage, COMMAND_half_speed));
    double took_ms = computed_ms() - began_ms;
    assert_true(mel_player_speed(mel_stage_player(stage)) == 0.5);
    print_message("half speed was asked for and there after %.2f ms of computing\n", took_ms);
    assert_true(took_ms < 20);
}

static void half_speed_is_there_before_it_is_asked_for(void **state)
{
    Ui *ui = *state;
    wait_for_slow(ui);
    check_half_speed_is_immediate(ui);
    ui_keys("n"); /* which was loaded ahead */
    UI_WAIT(mel_stage_is_ready(mel_window_stage(ui->window)));
    assert_true(mel_player_speed(mel_stage_player(mel_window_stage(ui->window))) == 1);
    wait_for_slow(ui);
    check_half_speed_is_immediate(ui);
    ui_keys("p"); /* and it stays for a while */
    UI_WAIT(mel_stage_is_ready(mel_window_stage(ui->window)));
    assert_true(mel_stage_is_slow_ready(mel_window_stage(ui->window)));
    check_half_speed_is_immediate(ui);
}

static void half_speed_asked_for_too_early_comes_when_it_is_made(void **state)
{
    Ui *ui = *state;
    ui_keys("n n n p p p"); /* its place in the queue is behind others */
    UI_WAIT(mel_stage_is_ready(mel_window_stage(ui->window)));
    MelStage *stage = mel_window_stage(ui->window);
    bool early = !mel_stage_is_slow_ready(stage);
    ui_keys("h");
    wait_for_slow(ui);
    print_message("asked for %s\n", early ? "before it was made" : "afterwards");
    assert_true(mel_player_speed(mel_stage_player(stage)) == 0.5);
}

/* ---- strangers ---------------------------------------------------------------------------------
 */

static const char *told(Ui *ui)
{
    GtkWidget *label = ui_find_class(GTK_WIDGET(ui->window), "told");
    return label ? gtk_label_get_text(GTK_LABEL(label)) : "";
}

static void open_with(Ui *ui, const char *name, const char *command)
{
    ui_close(ui);
    assert_int_equal(test_shell("for f in $(find '%s/media' -name '%s'); do %s; done", ui->folder,
                                name, command),
                     0);
    ui_reopen(ui);
}

static void check_refused(Ui *ui, const char *name)
{
    UI_WAIT(strstr(told(ui), "is not opened") && strstr(told(ui), name));
    print_message("%s\n", told(ui));
    ui_keys("g 7");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
    UI_WAIT(!session_dirty(mel_window_session(ui->window)));
}

/* The player would have played it up to where it ends: only the jail objects. */
static void a_sound_that_does_not_decode_is_refused(void **state)
{
    Ui *ui = *state;
    open_with(ui, "*.flac", "truncate -s 400000 $f");
    check_refused(ui, ".flac");
    const Player *player = mel_stage_player(mel_window_stage(ui->window));
    assert_int_equal(mel_player_output_rate_hz(player), PLAYER_RATE_DEFAULT_HZ);
    ui_keys("Escape space"); /* the pictures run without */
    assert_true(mel_player_is_playing(mel_stage_player(mel_window_stage(ui->window))));
}

static void a_preview_that_is_something_else_is_refused(void **state)
{
    Ui *ui = *state;
    open_with(ui, "*.mkv", "head -c 100000 /dev/urandom >$f");
    check_refused(ui, ".mkv");
    assert_int_equal(mel_player_picture_now(mel_stage_player(mel_window_stage(ui->window))), -1);
}

static void a_pipe_in_the_place_of_a_preview_keeps_nobody_waiting(void **state)
{
    Ui *ui = *state;
    open_with(ui, "*.mkv", "rm $f; mkfifo $f");
    check_refused(ui, ".mkv");
}

/* A picture of a kind that no still is: the desktop's library would have opened it. */
static void a_still_of_another_kind_is_refused(void **state)
{
    Ui *ui = *state;
    GdkPixbuf *pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, 64, 36);
    char *path = g_build_filename(ui->base, "other.png", NULL);
    assert_true(gdk_pixbuf_save(pixbuf, path, "png", NULL, NULL));
    char *command = g_strdup_printf("cp '%s' $f", path);
    open_with(ui, "still-1.jpg", command);
    check_refused(ui, "still-1.jpg");
    ui_keys("Escape s 1"); /* the others are there */
    assert_string_equal(ui_value(ui, ANSWER_FRAME), "0");
    g_free(command);
    g_free(path);
    g_object_unref(pixbuf);
}

int main(void)
{
    Err err = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(half_speed_is_there_before_it_is_asked_for, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(half_speed_asked_for_too_early_comes_when_it_is_made,
                                        ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_sound_that_does_not_decode_is_refused, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(a_preview_that_is_something_else_is_refused, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(a_pipe_in_the_place_of_a_preview_keeps_nobody_waiting,
                                        ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(a_still_of_another_kind_is_refused, ui_setup, ui_teardown),
    };
    if (!mel_guard_start(&err)) { /* before GTK has threads */
        print_error("%s\n", err.message);
        return 1;
    }
    gtk_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mel_guard_stop();
    return failed;
}
