/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the real window: a dataset with real media, real key events, and waiting for what must
 * come instead of sleeping. */
#ifndef MEL_TESTS_UI_H
#define MEL_TESTS_UI_H

#include "annotator/application.h"
#include "tests/support/test.h"

typedef struct Ui {
    GtkApplication *application;
    MelWindow *window;
    char *base;            /* all of it below */
    char *folder, *config; /* of the dataset; of the person's own files */
    const char *audio;     /* the output; "virtual" at first */
} Ui;

/* Copies the dataset that $UI_DATASET names into a folder of its own, and opens it for "anna" with
 * the virtual clock. cmocka's setup and teardown: *state is a Ui. */
int ui_setup(void **state);
int ui_teardown(void **state);
bool ui_start(Ui *ui); /* registers the application; false: it cannot be */
void ui_close(Ui *ui); /* the window, as a person closes it */
void ui_reopen(Ui *ui);

/* Runs the main loop until `done` says so; fails the test after ten seconds. */
#define UI_WAIT(condition)                                                                         \
    for (gint64 ui_end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC; !(condition);) {            \
        if (g_get_monotonic_time() > ui_end) fail_msg("it never came: %s", #condition);            \
        g_main_context_iteration(NULL, FALSE);                                                     \
        g_usleep(1000);                                                                            \
    }

/* Presses and releases keys, each by X's name of it ("g", "Return", "ctrl+z"), and lets the program
 * see them. */
void ui_keys(const char *keys);
void ui_type(const char *text); /* letters, digits, blanks, full stops */

/* Waits until everything asked for has been drawn. */
void ui_settle(Ui *ui);
void ui_screenshot(Ui *ui, const char *name); /* into $UI_SCREENSHOTS, where that is set */
void ui_screenshot_of(GtkWidget *window, const char *name);

const char *ui_value(Ui *ui, AnswerField field);

/* The first widget of that type below another, or NULL. */
GtkWidget *ui_find(GtkWidget *below, GType type);

/* The first visible widget with that CSS class, or NULL. */
GtkWidget *ui_find_class(GtkWidget *below, const char *css_class);

/* The open window of that type, or NULL. */
GtkWidget *ui_window(GType type);

/* Fails unless every control below has a role and a name, and every toggle its state; returns how
 * many there are. */
int ui_check_names(GtkWidget *widget);

#endif
