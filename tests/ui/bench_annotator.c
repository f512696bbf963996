/* SPDX-License-Identifier: Apache-2.0
 *
 * How long the window takes on the dataset that $UI_DATASET names: to be usable, to filter its
 * list, to answer a key, to draw the playhead. Medians in milliseconds; for ./do bench. */
#include "annotator/guard.h"
#include "tests/ui/ui.h"

#include <stdlib.h>

enum { TIMES = 15 };

static int by_size(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return (x > y) - (x < y);
}

static void show(const char *what, gint64 *times)
{
    qsort(times, TIMES, sizeof *times, by_size);
    printf("  %-42s %8.1f ms   (worst of %d: %.1f)\n", what, times[TIMES / 2] / 1e3, TIMES,
           times[TIMES - 1] / 1e3);
}

static void painted(GdkFrameClock *clock, gboolean *done)
{
    (void)clock;
    *done = TRUE;
}

/* Until a frame that was asked for now has been painted. */
static void paint(Ui *ui)
{
    gboolean done = FALSE;
    GdkFrameClock *clock = gtk_widget_get_frame_clock(GTK_WIDGET(ui->window));
    gulong handler = g_signal_connect(clock, "after-paint", G_CALLBACK(painted), &done);
    gtk_widget_queue_draw(GTK_WIDGET(ui->window));
    while (!done)
        g_main_context_iteration(NULL, TRUE);
    g_signal_handler_disconnect(clock, handler);
}

/* What drawing costs, without the waiting for the screen's next frame. */
static gint64 before_paint_us;
static void paint_begins(GdkFrameClock *clock, gpointer data)
{
    (void)clock, (void)data;
    before_paint_us = g_get_monotonic_time();
}

static void measure_playhead(Ui *ui)
{
    gint64 times[TIMES];
    GdkFrameClock *clock = gtk_widget_get_frame_clock(GTK_WIDGET(ui->window));
    gulong handler = g_signal_connect(clock, "layout", G_CALLBACK(paint_begins), NULL);
    mel_player_play(mel_stage_player(mel_window_stage(ui->window)));
    for (int i = 0; i < TIMES; i++) {
        gboolean done = FALSE;
        AudioOut *out = mel_player_output(mel_stage_player(mel_window_stage(ui->window)));
        gulong after = g_signal_connect(clock, "after-paint", G_CALLBACK(painted), &done);
        if (out) mel_audio_out_advance(out, 800);
        while (!done)
            g_main_context_iteration(NULL, TRUE);
        g_signal_handler_disconnect(clock, after);
        times[i] = g_get_monotonic_time() - before_paint_us;
    }
    g_signal_handler_disconnect(clock, handler);
    show("a frame with playhead and picture", times);
}

static void measure_filter(Ui *ui)
{
    static const char *const texts[] = {"river", "number 99", "train", "4", ""};
    gint64 times[TIMES];
    GtkWidget *search = ui_find(GTK_WIDGET(ui->window), GTK_TYPE_SEARCH_ENTRY);
    for (int i = 0; i < TIMES; i++) {
        gint64 began = g_get_monotonic_time();
        gtk_editable_set_text(GTK_EDITABLE(search), texts[i % 5]);
        g_signal_emit_by_name(search, "search-changed");
        paint(ui);
        times[i] = g_get_monotonic_time() - began;
    }
    show("the list filtered and drawn", times);
}

static void measure_key(Ui *ui)
{
    gint64 times[TIMES];
    for (int i = 0; i < TIMES; i++) {
        gint64 began = g_get_monotonic_time();
        gtk_widget_activate_action(GTK_WIDGET(ui->window), i % 2 ? "win.redo" : "win.undo", NULL);
        paint(ui);
        times[i] = g_get_monotonic_time() - began;
    }
    show("a change undone and drawn", times);
}

static void measure_items(Ui *ui)
{
    gint64 times[TIMES];
    for (int i = 0; i < TIMES; i++) {
        gint64 end = g_get_monotonic_time() + 1200000; /* a person listens; the next one loads */
        while (g_get_monotonic_time() < end)
            g_main_context_iteration(NULL, FALSE);
        gint64 began = g_get_monotonic_time();
        gtk_widget_activate_action(GTK_WIDGET(ui->window), i % 4 < 2 ? "win.next" : "win.previous",
                                   NULL);
        UI_WAIT(mel_stage_is_ready(mel_window_stage(ui->window)));
        paint(ui);
        times[i] = g_get_monotonic_time() - began;
    }
    show("another item shown", times);
}

int main(void)
{
    Ui ui = {.folder = g_strdup(g_getenv("UI_DATASET")),
             .config = g_strdup(g_getenv("XDG_RUNTIME_DIR"))};
    Err err = {0};
    if (!mel_guard_start(&err)) fprintf(stderr, "%s\n", err.message); /* as the program does */
    gtk_init();
    ui.application = gtk_application_new("org.melkit.Bench", G_APPLICATION_NON_UNIQUE);
    if (!ui_start(&ui)) return 1;
    gint64 began = g_get_monotonic_time();
    GtkWidget *window =
        mel_annotator_open(ui.application, ui.folder, "anna", "virtual", ui.config, &err);
    if (!window) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    ui.window = MEL_WINDOW(window);
    gtk_window_present(GTK_WINDOW(window));
    paint(&ui);
    printf("  %-42s %8.1f ms\n", "from the dataset to a usable window",
           (double)(g_get_monotonic_time() - began) / 1e3);
    UI_WAIT(mel_stage_is_ready(mel_window_stage(ui.window)));
    measure_filter(&ui);
    session_set(mel_window_session(ui.window), ANSWER_GENRE, "jazz");
    measure_key(&ui);
    measure_playhead(&ui);
    measure_items(&ui);
    mel_guard_stop();
    return 0;
}
