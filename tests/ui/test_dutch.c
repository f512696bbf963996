/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-annotator for a person who reads Dutch (LANGUAGE=nl). */
#include "annotator/queue_model.h"
#include "annotator/translation.h"
#include "tests/ui/ui.h"

#include <locale.h>
#include <string.h>

/* Whether a button below the widget has that text. */
static gboolean has_button(GtkWidget *below, const char *text)
{
    if (GTK_IS_BUTTON(below) && g_strcmp0(gtk_button_get_label(GTK_BUTTON(below)), text) == 0)
        return TRUE;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child))
        if (has_button(child, text)) return TRUE;
    return FALSE;
}

static gboolean has_label(GtkWidget *below, const char *text)
{
    if (GTK_IS_LABEL(below) && g_strcmp0(gtk_label_get_text(GTK_LABEL(below)), text) == 0)
        return TRUE;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child))
        if (has_label(child, text)) return TRUE;
    return FALSE;
}

static void add_labels(GMenuModel *menu, GString *labels)
{
    for (int i = 0; i < g_menu_model_get_n_items(menu); i++) {
        char *label = NULL;
        if (g_menu_model_get_item_attribute(menu, i, G_MENU_ATTRIBUTE_LABEL, "s", &label))
            g_string_append_printf(labels, "%s\n", label);
        GMenuModel *section = g_menu_model_get_item_link(menu, i, G_MENU_LINK_SECTION);
        if (section) add_labels(section, labels);
        g_clear_object(&section);
        g_free(label);
    }
}

static void the_menu_is_dutch(void **state)
{
    Ui *ui = *state;
    GtkWidget *button = ui_find(GTK_WIDGET(ui->window), GTK_TYPE_MENU_BUTTON);
    GString *labels = g_string_new("");
    add_labels(gtk_menu_button_get_menu_model(GTK_MENU_BUTTON(button)), labels);
    assert_string_equal(labels->str,
                        "_Ongedaan maken\nOp_nieuw\n_Lijst van items\n_Voorstellen\n_Donker\n"
                        "Antwoorden _terugsturen…\n_Beoordelen en beslissen\n"
                        "O_vereenstemming\n"
                        "Alle _toetsen\n_Info over Melkit Annotator\n");
    g_string_free(labels, TRUE);
}

static void the_window_its_fields_and_its_terms_are_dutch(void **state)
{
    Ui *ui = *state;
    GtkWidget *window = GTK_WIDGET(ui->window);
    assert_true(has_button(window, "Indienen"));
    assert_false(has_button(window, "Submit"));
    assert_true(has_label(window, "Stemming"));
    assert_false(has_label(window, "Mood"));
    assert_true(has_label(window, "tegenstrijdig")); /* a term of the vocabulary */
    assert_false(has_label(window, "contradictory"));
    ui_screenshot(ui, "dutch");
}

static gboolean says(GtkWidget *below, const char *part)
{
    if (GTK_IS_LABEL(below) && strstr(gtk_label_get_text(GTK_LABEL(below)), part)) return TRUE;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child))
        if (says(child, part)) return TRUE;
    return FALSE;
}

/* The list of items; a drop-down has a list view too. */
static GtkWidget *find_queue(GtkWidget *below)
{
    GtkWidget *found = NULL;
    if (GTK_IS_LIST_VIEW(below)) {
        GListModel *model = G_LIST_MODEL(gtk_list_view_get_model(GTK_LIST_VIEW(below)));
        gpointer item = model ? g_list_model_get_item(model, 0) : NULL;
        if (MEL_IS_QUEUE_ITEM(item)) found = below;
        g_clear_object(&item);
    }
    for (GtkWidget *child = gtk_widget_get_first_child(below); child && !found;
         child = gtk_widget_get_next_sibling(child))
        found = find_queue(child);
    return found;
}

static void the_list_shows_genres_in_dutch_and_finds_them_so(void **state)
{
    Ui *ui = *state;
    GtkWidget *list = find_queue(GTK_WIDGET(ui->window));
    GListModel *rows = G_LIST_MODEL(gtk_list_view_get_model(GTK_LIST_VIEW(list)));
    guint all = g_list_model_get_n_items(rows);
    ui_keys("g 2 Escape slash");
    UI_WAIT(says(list, "Klassiek"));
    assert_false(says(list, "classical"));
    ui_type("klassi");
    UI_WAIT(g_list_model_get_n_items(rows) == 1);
    assert_true(all > 1);
}

static void what_cannot_be_told_is_said_in_dutch(void **state)
{
    Ui *ui = *state;
    ui_keys("r 7");
    assert_string_equal(ui_value(ui, ANSWER_ASPECTS), "cannot tell: metre");
    assert_true(says(GTK_WIDGET(ui->window), "niet te bepalen: Maatsoort"));
}

static void lint_speaks_dutch_of_english_texts(void **state)
{
    Ui *ui = *state;
    ui_keys("g 2 Escape x");
    ui_type("It is possibly a slow rock song.");
    UI_WAIT(says(GTK_WIDGET(ui->window), "'possibly' laat open"));
    UI_WAIT(says(GTK_WIDGET(ui->window), "maar het gekozen genre is Klassiek"));
    ui_screenshot(ui, "dutch-lint");
}

static void errors_of_the_store_are_dutch(void **state)
{
    (void)state;
    Err err = {0};
    Db *db = NULL;
    assert_false(mel_db_open("/nowhere", DB_READ, &db, &err));
    assert_string_equal(err.message, "er is geen dataset in '/nowhere'");
    assert_string_equal(err.hint, "maak er een met 'mel init /nowhere'");
}

/* What is stored is the term's id, whatever the language. */
static void answers_are_the_same_in_every_language(void **state)
{
    Ui *ui = *state;
    ui_keys("g 7 m 6");
    assert_string_equal(ui_value(ui, ANSWER_GENRE), "jazz");
    assert_string_equal(ui_value(ui, ANSWER_MOODS), "calm");
}

static void numbers_keep_the_decimal_point(void **state)
{
    (void)state;
    assert_string_equal(setlocale(LC_NUMERIC, NULL), "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_menu_is_dutch, ui_setup, ui_teardown),
        cmocka_unit_test_setup_teardown(the_window_its_fields_and_its_terms_are_dutch, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(answers_are_the_same_in_every_language, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(the_list_shows_genres_in_dutch_and_finds_them_so, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_told_is_said_in_dutch, ui_setup,
                                        ui_teardown),
        cmocka_unit_test_setup_teardown(lint_speaks_dutch_of_english_texts, ui_setup, ui_teardown),
        cmocka_unit_test(errors_of_the_store_are_dutch),
        cmocka_unit_test(numbers_keep_the_decimal_point),
    };
    mel_translation_init();
    gtk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
