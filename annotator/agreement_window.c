/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/agreement_window.h"

#include "annotator/answer_text.h"
#include "annotator/interval_bar.h"

#include <glib/gi18n.h>
#include <math.h>

struct _MelAgreementWindow {
    GtkWindow parent_instance;
    GtkWidget *pages, *spinner, *headline, *sentence, *fields, *people, *failure;
    char *folder;
    AgreementReport *report; /* on screen, or NULL */
    gboolean counting;
};

G_DEFINE_FINAL_TYPE(MelAgreementWindow, mel_agreement_window, GTK_TYPE_WINDOW)

/* ---- cells ----------------------------------------------------------------------------------- */

static GtkWidget *put(GtkWidget *grid, int column, int row, const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    if (class) gtk_widget_add_css_class(label, class);
    gtk_grid_attach(GTK_GRID(grid), label, column, row, 1, 1);
    return label;
}

static void put_number(GtkWidget *grid, int column, int row, const AgreementResult *result)
{
    char *text = result->defined ? g_strdup_printf("%.3f", result->value) : g_strdup("-");
    put(grid, column, row, text, "numeric");
    g_free(text);
}

static void put_count(GtkWidget *grid, int column, int row, gint64 count)
{
    char *text = g_strdup_printf("%" G_GINT64_FORMAT, count);
    put(grid, column, row, text, "numeric");
    g_free(text);
}

static void put_names(GtkWidget *grid, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        put(grid, i, 0, _(names[i]), "dim-label");
}

static void empty_grid(GtkWidget *grid)
{
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(grid)) != NULL)
        gtk_grid_remove(GTK_GRID(grid), child);
}

/* ---- the report ------------------------------------------------------------------------------ */

static void show_headline(MelAgreementWindow *window)
{
    const AgreementReport *r = window->report;
    char *number = r->alphas ? g_strdup_printf("%.3f", r->headline) : g_strdup("-");
    size_t person_count = r->answers.people.count;
    char *what =
        r->alphas
            ? g_strdup_printf(ngettext("the mean alpha of %d field", "the mean alpha of %d fields",
                                       (unsigned long)r->alphas),
                              r->alphas)
            : g_strdup(_("not defined: agreement needs clips that two people "
                         "answered without each other"));
    char *people =
        g_strdup_printf(ngettext("%zu person", "%zu people", person_count), person_count);
    char *clips = g_strdup_printf(ngettext("%lld of %lld clip answered by two or more",
                                           "%lld of %lld clips answered by two or more",
                                           (unsigned long)r->answers.clip_count),
                                  (long long)r->shared_clips, (long long)r->answers.clip_count);
    char *sentence = g_strdup_printf("%s; %s, %s", what, people, clips);
    gtk_label_set_text(GTK_LABEL(window->headline), number);
    gtk_label_set_text(GTK_LABEL(window->sentence), sentence);
    g_free(number);
    g_free(what);
    g_free(people);
    g_free(clips);
    g_free(sentence);
}

/* The library's name where no answer has that field. */
static const char *title_of(int field)
{
    AnswerField answer;
    const char *name = mel_agree_field(field)->name;
    return answer_field_named(name, &answer) ? answer_title(answer) : name;
}

static void show_field(GtkWidget *grid, int line, const AgreeRow *row)
{
    const AgreementResult *r = &row->main.result;
    Str sentence = {0};
    mel_agree_sentence(row, &sentence);
    put(grid, 0, line, title_of(row->field), "strong");
    put(grid, 1, line, _(row->main.statistic), NULL);
    put_number(grid, 2, line, r);
    if (r->defined) {
        GtkWidget *bar = mel_interval_bar_new(r->value, r->has_interval ? r->low : NAN,
                                              r->has_interval ? r->high : NAN);
        gtk_grid_attach(GTK_GRID(grid), bar, 3, line, 1, 1);
    }
    put_count(grid, 4, line, r->units);
    put_count(grid, 5, line, r->raters);
    GtkWidget *words = put(grid, 6, line, mel_str_text(&sentence), NULL);
    gtk_label_set_wrap(GTK_LABEL(words), TRUE);
    gtk_widget_set_hexpand(words, TRUE);
    mel_str_clear(&sentence);
}

static void show_fields(MelAgreementWindow *window)
{
    static const char *const names[] = {N_("field"), N_("statistic"), N_("value"),   N_("95 %"),
                                        N_("clips"), N_("people"),    N_("in words")};
    empty_grid(window->fields);
    put_names(window->fields, names, G_N_ELEMENTS(names));
    for (int f = 0; f < AGREE_FIELD_COUNT; f++)
        show_field(window->fields, f + 1, &window->report->rows[f]);
}

static GtkWidget *person_grid(const AgreementPerson *person)
{
    static const char *const names[] = {N_("field"), N_("with"),           N_("statistic"),
                                        N_("value"), N_("share the same"), N_("clips")};
    GtkWidget *grid = gtk_grid_new();
    gtk_grid_set_column_spacing(GTK_GRID(grid), 14);
    gtk_widget_set_margin_start(grid, 18);
    put_names(grid, names, G_N_ELEMENTS(names));
    for (size_t i = 0; i < person->count; i++) {
        const AgreePerson *row = &person->rows[i];
        int line = (int)i + 1;
        put(grid, 0, line, title_of(row->field), "strong");
        put(grid, 1, line, row->retest ? _("themselves") : _("the rest"), NULL);
        put(grid, 2, line, _(row->main.statistic), NULL);
        put_number(grid, 3, line, &row->main.result);
        put_number(grid, 4, line, &row->same.result);
        put_count(grid, 5, line, row->main.result.units);
    }
    return grid;
}

static void show_person(MelAgreementWindow *window, const AgreementPerson *person)
{
    char *line = person->alphas
                     ? g_strdup_printf(ngettext("%s: %.3f with the rest, in %d field",
                                                "%s: %.3f with the rest, the mean of %d fields",
                                                (unsigned long)person->alphas),
                                       person->name, person->mean, person->alphas)
                     : g_strdup_printf(_("%s: nothing to compare with"), person->name);
    GtkWidget *expander = gtk_expander_new(line);
    gtk_expander_set_child(GTK_EXPANDER(expander), person_grid(person));
    gtk_accessible_update_property(GTK_ACCESSIBLE(expander), GTK_ACCESSIBLE_PROPERTY_LABEL, line,
                                   -1);
    gtk_box_append(GTK_BOX(window->people), expander);
    g_free(line);
}

static void show_people(MelAgreementWindow *window)
{
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(window->people)) != NULL)
        gtk_box_remove(GTK_BOX(window->people), child);
    for (size_t p = 0; p < window->report->answers.people.count; p++)
        show_person(window, &window->report->people[p]);
}

/* ---- counting -------------------------------------------------------------------------------- */

static void count_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    (void)source, (void)cancellable;
    Err err = {0};
    AgreementReport *report = NULL;
    const AgreementBootstrap bootstrap = {.draws = AGREEMENT_DRAWS, .seed = 1};
    if (agreement_report_new(data, &bootstrap, &report, &err))
        g_task_return_pointer(task, report, (GDestroyNotify)agreement_report_free);
    else
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", err.message);
}

static void counted(GObject *source, GAsyncResult *result, gpointer data)
{
    (void)data;
    MelAgreementWindow *window = MEL_AGREEMENT_WINDOW(source);
    GError *error = NULL;
    AgreementReport *report = g_task_propagate_pointer(G_TASK(result), &error);
    window->counting = FALSE;
    if (!window->pages) { /* closed meanwhile */
        agreement_report_free(report);
        g_clear_error(&error);
        return;
    }
    gtk_spinner_stop(GTK_SPINNER(window->spinner));
    window->report = report;
    if (report) {
        show_headline(window);
        show_fields(window);
        show_people(window);
    } else {
        gtk_label_set_text(GTK_LABEL(window->failure), error->message);
        g_clear_error(&error);
    }
    gtk_stack_set_visible_child_name(GTK_STACK(window->pages), report ? "report" : "failed");
}

static void count(MelAgreementWindow *window)
{
    if (window->counting) return;
    window->counting = TRUE;
    g_clear_pointer(&window->report, agreement_report_free);
    gtk_stack_set_visible_child_name(GTK_STACK(window->pages), "counting");
    gtk_spinner_start(GTK_SPINNER(window->spinner));
    GTask *task = g_task_new(window, NULL, counted, NULL);
    g_task_set_task_data(task, g_strdup(window->folder), g_free);
    g_task_run_in_thread(task, count_in_thread);
    g_object_unref(task);
}

static void again(GtkWidget *widget, const char *name, GVariant *parameter)
{
    (void)name, (void)parameter;
    count(MEL_AGREEMENT_WINDOW(widget));
}

/* ---- the window ------------------------------------------------------------------------------ */

static void dispose(GObject *object)
{
    gtk_widget_dispose_template(GTK_WIDGET(object), MEL_TYPE_AGREEMENT_WINDOW);
    G_OBJECT_CLASS(mel_agreement_window_parent_class)->dispose(object);
}

static void finalize(GObject *object)
{
    MelAgreementWindow *window = MEL_AGREEMENT_WINDOW(object);
    agreement_report_free(window->report);
    g_free(window->folder);
    G_OBJECT_CLASS(mel_agreement_window_parent_class)->finalize(object);
}

static void mel_agreement_window_class_init(MelAgreementWindowClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    gtk_widget_class_set_template_from_resource(widget,
                                                "/org/melkit/Annotator/agreement_window.ui");
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, pages);
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, spinner);
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, headline);
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, sentence);
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, fields);
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, people);
    gtk_widget_class_bind_template_child(widget, MelAgreementWindow, failure);
    gtk_widget_class_install_action(widget, "agreement.again", NULL, again);
    gtk_widget_class_add_binding_action(widget, GDK_KEY_F5, 0, "agreement.again", NULL);
    gtk_widget_class_add_binding_action(widget, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void mel_agreement_window_init(MelAgreementWindow *window)
{
    gtk_widget_init_template(GTK_WIDGET(window));
}

GtkWidget *mel_agreement_window_new(GtkWindow *parent, const char *folder)
{
    MelAgreementWindow *window = g_object_new(MEL_TYPE_AGREEMENT_WINDOW, "transient-for", parent,
                                              "destroy-with-parent", TRUE, NULL);
    window->folder = g_strdup(folder);
    count(window);
    return GTK_WIDGET(window);
}

const AgreementReport *mel_agreement_window_report(MelAgreementWindow *window)
{
    return window->report;
}
